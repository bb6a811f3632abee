//! Compresses the script that renders the API documentation, and computes its ETag.

use std::collections::hash_map::DefaultHasher;
use std::env;
use std::error::Error;
use std::fs;
use std::hash::{Hash as _, Hasher as _};
use std::io::Write as _;
use std::path::PathBuf;

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=build.rs");
    let output = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo sets OUT_DIR")?);
    let script = scalar_api_reference::get_asset("scalar.js").ok_or("the renderer has no script")?;
    let mut hash = DefaultHasher::new();
    script.hash(&mut hash);
    let mut compressed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    compressed.write_all(&script)?;
    fs::write(output.join("reference.js.gz"), compressed.finish()?)?;
    fs::write(output.join("reference.js.tag"), format!("\"{:016x}\"", hash.finish()))?;
    Ok(())
}
