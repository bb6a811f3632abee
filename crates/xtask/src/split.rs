//! Cuts the compiled client at the functions marked with `#[wasm_split]`: what can be reached only through one of them
//! goes into a file of its own, which browsers fetch on first use.

use std::{collections::BTreeMap, fmt::Write as _, fs, path::Path};

use anyhow::{Context, Result, anyhow, ensure};
use walrus::ModuleConfig;

/// The module, as the wasm file names it, that contains the functions to fetch the other files with.
const LINK: &str = "./__wasm_split.js";

/// A client that was cut.
pub struct Split {
    /// The wasm file of the first load, not yet bound to JavaScript.
    pub first: Vec<u8>,
    /// A JavaScript module that fetches the other files.
    pub link: String,
    /// The other wasm files, by the name that `link` uses.
    pub later: BTreeMap<String, Vec<u8>>,
}

/// Cuts the compiled client; `directory` is for files on the way.
pub fn split(wasm: &Path, directory: &Path) -> Result<Split> {
    let input = fs::read(wasm).with_context(|| format!("{} cannot be read", wasm.display()))?;
    let _ = fs::remove_dir_all(directory);
    fs::create_dir_all(directory)?;
    let first = directory.join("first.wasm");
    let mut options = wasm_split_cli_support::Options::new(&input);
    options.output_dir = directory;
    options.main_out_path = &first;
    options.link_name = LINK;
    let output = wasm_split_cli_support::transform(options)
        .map_err(|why| anyhow!("the compiled client cannot be cut into parts: {why:#}"))?;
    let mut later = BTreeMap::new();
    for path in output.split_modules {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        later.insert(name, compact(&fs::read(&path)?)?);
    }
    Ok(Split { first: fs::read(first)?, link: fs::read_to_string(directory.join(LINK))?, later })
}

/// The linker pads every number in code that may still be moved. wasm-bindgen writes its file without that; this does the
/// same for the others.
fn compact(wasm: &[u8]) -> Result<Vec<u8>> {
    let mut config = ModuleConfig::new();
    config.generate_name_section(false).generate_producers_section(false);
    Ok(config.parse(wasm).map_err(|why| anyhow!("a part of the client is not valid: {why:#}"))?.emit_wasm())
}

/// Puts the functions that fetch the other files into the module that wasm-bindgen wrote: the two import each other, and
/// as a file of its own the smaller one would only cost another request.
pub fn joined(javascript: &str, link: &str) -> Result<String> {
    let from_link = format!("from \"{LINK}\"");
    let mut module = String::new();
    for line in javascript.lines() {
        if line.starts_with("import * as ") && line.contains(&from_link) {
            continue;
        }
        match line.trim_start().strip_prefix(&format!("\"{LINK}\": ")) {
            Some(_) => writeln!(module, "\"{LINK}\": later,")?,
            None => writeln!(module, "{line}")?,
        }
    }
    ensure!(
        module.contains("later,") && module.contains("function initSync("),
        "wasm-bindgen no longer imports other modules as crates/xtask/src/split.rs expects."
    );
    let mut names = Vec::new();
    for line in link.lines() {
        if line.starts_with("import { initSync } from ") {
            continue;
        }
        match line.strip_prefix("export const ") {
            Some(rest) => {
                names.push(rest.split([' ', '=']).next().unwrap_or_default());
                writeln!(module, "const {rest}")?;
            }
            None => writeln!(module, "{line}")?,
        }
    }
    ensure!(
        !names.is_empty(),
        "the functions that fetch parts of the client are not where crates/xtask/src/split.rs expects them."
    );
    writeln!(module, "const later = {{ {} }};", names.join(", "))?;
    Ok(module)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_two_modules_become_one() {
        let javascript = "import * as import1 from \"./__wasm_split.js\"\n\
                          return {\n\"./__wasm_split.js\": import1,\n};\nfunction initSync(module) {}\n";
        let link = "import { initSync } from \"./main.js\";\nfunction makeLoad() {}\n\
                    export const __wasm_split_load_settings = wrapAsyncCb(makeLoad());\n";
        let module = joined(javascript, link).unwrap();
        assert!(!module.contains("import ") && !module.contains("export "), "{module}");
        assert!(module.contains("\"./__wasm_split.js\": later,"));
        assert!(module.ends_with("const later = { __wasm_split_load_settings };\n"));
        assert!(joined("function initSync(module) {}", link).is_err(), "nothing was imported");
    }
}
