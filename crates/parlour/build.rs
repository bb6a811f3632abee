//! Embeds the built browser client, if there is one, in the program as a table of files.
//!
//! `PARLOUR_CLIENT_DIST` names its directory; `cargo xtask` sets it. Without it the table is empty and the server
//! says so.

use std::{
    collections::hash_map::DefaultHasher,
    env,
    error::Error,
    fmt::Write as _,
    fs,
    hash::{Hash as _, Hasher as _},
    path::{Path, PathBuf},
};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=PARLOUR_CLIENT_DIST");
    let mut files = Vec::new();
    if let Some(directory) = env::var_os("PARLOUR_CLIENT_DIST").filter(|value| !value.is_empty()) {
        let directory = PathBuf::from(directory);
        if !directory.join("index.html").is_file() {
            return Err(format!(
                "PARLOUR_CLIENT_DIST is {}, which holds no index.html; build it with `cargo xtask client`",
                directory.display()
            )
            .into());
        }
        collect(&directory, &directory, &mut files)?;
    }
    files.sort();

    let mut table = String::from("[\n");
    for (name, path) in files.iter().filter(|(name, _)| !is_compressed(name)) {
        let sibling = |extension: &str| {
            let sibling = format!("{name}.{extension}");
            match files.iter().find(|(other, _)| *other == sibling) {
                Some((_, path)) => format!("Some(include_bytes!({path:?}))"),
                None => "None".to_owned(),
            }
        };
        let mut hash = DefaultHasher::new();
        fs::read(path)?.hash(&mut hash);
        let gzip = sibling("gz");
        let identity =
            if gzip == "None" { format!("Some(include_bytes!({path:?}))") } else { "None".to_owned() };
        writeln!(
            table,
            "    ClientFile {{ path: {:?}, mime: {:?}, etag: {:?}, identity: {identity}, brotli: {}, gzip: {gzip} }},",
            format!("/{name}"),
            mime(name),
            // Weak, because one tag covers the file in all its encodings.
            format!("W/\"{:016x}\"", hash.finish()),
            sibling("br"),
        )?;
    }
    table.push(']');
    let output = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    fs::write(output.join("client_files.rs"), table)?;
    Ok(())
}

/// Collects (name below the root, full path) of every file.
fn collect(root: &Path, directory: &Path, files: &mut Vec<(String, String)>) -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={}", directory.display());
    for entry in fs::read_dir(directory)? {
        let path = entry?.path();
        if path.is_dir() {
            collect(root, &path, files)?;
        } else {
            let full = path.to_str().ok_or("file names of the client are UTF-8")?.to_owned();
            let name = path.strip_prefix(root)?.to_string_lossy().replace('\\', "/");
            println!("cargo::rerun-if-changed={full}");
            files.push((name, full));
        }
    }
    Ok(())
}

fn is_compressed(name: &str) -> bool {
    name.ends_with(".br") || name.ends_with(".gz")
}

fn mime(name: &str) -> &'static str {
    match name.rsplit('.').next().unwrap_or_default() {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "wasm" => "application/wasm",
        "json" | "map" => "application/json",
        "webmanifest" => "application/manifest+json",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "jpg" | "jpeg" => "image/jpeg",
        "webp" => "image/webp",
        "avif" => "image/avif",
        "ico" => "image/x-icon",
        "woff2" => "font/woff2",
        "mp3" => "audio/mpeg",
        "ogg" | "opus" => "audio/ogg",
        "txt" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}
