//! The browser client: compiled to wasm, bound to JavaScript, and laid out for serving in `target/client/dist`.
//!
//! Everything that can change the result must be in `INPUTS`; otherwise a necessary build would be skipped.

use std::{
    collections::BTreeMap,
    fs::{self, File},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};
use wasm_bindgen_cli_support::Bindgen;

use crate::{
    commands, dist,
    split::{self, Split},
    steps::Steps,
    toolchain::{TARGET, WasmToolchain},
    workspace::Workspace,
};

const INPUTS: [&str; 10] = [
    "Cargo.lock",
    "Cargo.toml",
    ".cargo",
    "rust-toolchain.toml",
    "frontend",
    "crates/protocol",
    "crates/client",
    "crates/xtask/src/client.rs",
    "crates/xtask/src/dist.rs",
    "crates/xtask/src/split.rs",
];

/// The file that says from which inputs the client was built.
const SEAL: &str = "fingerprint";

/// The output of wasm-bindgen, and the parts that are not bound.
pub struct Bound {
    /// The JavaScript module that loads the wasm file and calls it.
    pub javascript: String,
    /// The wasm binary of the first load.
    pub wasm: Vec<u8>,
    /// The wasm files that are fetched on first use, by the name that the module uses, such as `split_settings.wasm`.
    pub later: BTreeMap<String, Vec<u8>>,
    /// JavaScript snippets that crates contain, keyed by the path from which the module imports them.
    pub snippets: BTreeMap<String, Vec<u8>>,
}

/// Whether nothing changed since the last build.
pub fn is_built(workspace: &Workspace) -> Result<bool> {
    let seal = workspace.target.join("client").join(SEAL);
    let last = fs::read_to_string(seal).unwrap_or_default();
    Ok(workspace.dist().join("index.html").exists() && last == fingerprint(&workspace.root)?)
}

/// Builds the client unless nothing changed since the last build, and returns the directory to serve.
pub fn build(workspace: &Workspace, steps: &mut Steps) -> Result<PathBuf> {
    let directory = workspace.target.join("client");
    fs::create_dir_all(&directory)?;
    // Two builds at once would write the same files.
    let lock = File::create(directory.join("lock"))?;
    lock.lock().context("the lock of the client's target directory cannot be taken")?;

    let dist = workspace.dist();
    if is_built(workspace)? {
        return Ok(dist);
    }
    let fingerprint = fingerprint(&workspace.root)?;

    let wasm = steps.step("compile the browser client", || compile(workspace, &directory))?;
    let files = steps.step("bind and compress the browser client", || {
        let split = split::split(&wasm, &directory.join("split"))?;
        let files = dist::assemble(&workspace.root.join("frontend"), bind(split)?, &dist)?;
        dist::write(&files, &dist)?;
        Ok(files)
    })?;
    dist::print_sizes(&files);
    dist::check_first_load(&files)?;
    fs::write(directory.join(SEAL), &fingerprint)?;
    Ok(dist)
}

fn compile(workspace: &Workspace, directory: &Path) -> Result<PathBuf> {
    let toolchain = WasmToolchain::prepare(workspace)?;
    commands::run(
        toolchain
            .cargo_build(workspace)
            .args(["--locked", "--package", "parlour-frontend", "--profile", "client", "--target-dir"])
            .arg(directory),
    )?;
    Ok(directory.join(TARGET).join("client/parlour-frontend.wasm"))
}

fn bind(split: Split) -> Result<Bound> {
    let mut output = Bindgen::new()
        .input_bytes("parlour", split.first)
        .web(true)?
        .out_name("parlour")
        .typescript(false)
        .omit_default_module_path(true)
        // The other parts import what the linker exports.
        .keep_lld_exports(true)
        .remove_name_section(true)
        .remove_producers_section(true)
        .generate_output()
        .context("wasm-bindgen does not understand the compiled client")?;
    if let Some(package) = output.npm_dependencies().keys().next() {
        bail!("the client depends on the npm package {package}, which this build does not fetch.");
    }
    let mut snippets = BTreeMap::new();
    for (path, text) in output.local_modules() {
        snippets.insert(format!("snippets/{path}"), text.clone().into_bytes());
    }
    for (identifier, texts) in output.snippets() {
        for (number, text) in texts.iter().enumerate() {
            snippets.insert(format!("snippets/{identifier}/inline{number}.js"), text.clone().into_bytes());
        }
    }
    Ok(Bound {
        javascript: split::joined(output.js(), &split.link)?,
        wasm: output.wasm_mut().emit_wasm(),
        later: split.later,
        snippets,
    })
}

/// A hash of the names and contents of all inputs.
fn fingerprint(root: &Path) -> Result<String> {
    let mut hash = Sha256::new();
    for input in INPUTS {
        for file in files_below(&root.join(input))? {
            let content = fs::read(&file).with_context(|| format!("{} cannot be read", file.display()))?;
            hash.update(file.strip_prefix(root)?.as_os_str().as_encoded_bytes());
            hash.update([0]);
            hash.update((content.len() as u64).to_le_bytes());
            hash.update(content);
        }
    }
    Ok(hex(&hash.finalize()))
}

/// All files at or below a path, sorted by name; empty if the path does not exist.
pub fn files_below(path: &Path) -> Result<Vec<PathBuf>> {
    if path.is_file() {
        return Ok(vec![path.to_path_buf()]);
    }
    if !path.is_dir() {
        return Ok(Vec::new());
    }
    let mut entries = fs::read_dir(path)?.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
    entries.sort();
    let mut files = Vec::new();
    for entry in entries {
        files.extend(files_below(&entry)?);
    }
    Ok(files)
}

/// Lower-case hexadecimal digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
