//! axe-core, which finds accessibility faults in the pages that the browser tests open: one file of an npm package,
//! downloaded below the target directory.
//!
//! Invariant: only the file that was reviewed when the version was chosen is run; any other checksum is refused.

use std::{
    ffi::OsString,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use sha2::{Digest, Sha256};

use crate::{client::hex, commands, workspace::Workspace};

/// Environment variable that gives the tests the file's path.
pub const VARIABLE: &str = "TEST_AXE";
const VERSION: &str = "4.14.1";
/// SHA-256 of the package.
const CHECKSUM: &str = "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745";
const FILE: &str = "package/axe.min.js";

/// Finds or downloads the file and returns the variable that names it. Without it, the tests report that they were
/// skipped; on CI they fail.
pub fn find_or_bring(workspace: &Workspace) -> Vec<(&'static str, OsString)> {
    if std::env::var_os(VARIABLE).is_some() {
        return Vec::new();
    }
    let path = workspace.target.join("tools").join(format!("axe-core-{VERSION}.js"));
    if !path.is_file()
        && let Err(error) = bring(&path)
    {
        eprintln!("SKIPPED the tests with axe-core: {error:#}");
        return Vec::new();
    }
    vec![(VARIABLE, path.into_os_string())]
}

fn bring(path: &Path) -> Result<()> {
    let address = format!("https://registry.npmjs.org/axe-core/-/axe-core-{VERSION}.tgz");
    eprintln!(
        "          fetching axe-core {VERSION} from the npm registry: it looks at the accessibility of pages"
    );
    let package = fetch(&address)?;
    let found = hex(&Sha256::digest(&package));
    if found != CHECKSUM {
        bail!("{address} has the checksum {found}, and {CHECKSUM} was expected");
    }
    let mut archive = Vec::new();
    flate2::read::GzDecoder::new(package.as_slice()).read_to_end(&mut archive)?;
    let file = unpacked(&archive, FILE).with_context(|| format!("{FILE} is not in the package"))?;
    fs::create_dir_all(path.parent().unwrap_or(path))?;
    // Written under a temporary name until it is complete.
    let part = path.with_extension("part");
    fs::write(&part, file)?;
    fs::rename(&part, path)?;
    Ok(())
}

fn fetch(address: &str) -> Result<Vec<u8>> {
    let quiet: [(&str, &[&str]); 2] = [
        ("curl", &["--fail", "--silent", "--show-error", "--location", "--max-time", "120"]),
        ("wget", &["--quiet", "--timeout=120", "--tries=2", "--output-document=-"]),
    ];
    let found: Option<(PathBuf, &[&str])> =
        quiet.iter().find_map(|(name, arguments)| Some((commands::find_program(name)?, *arguments)));
    let Some((program, arguments)) = found else {
        bail!("there is neither curl nor wget to fetch it with. Install one of them");
    };
    commands::output(Command::new(program).args(arguments).arg(address)).context("it cannot be fetched")
}

/// Extracts a file from a tar archive: blocks of 512 bytes; each file starts with a header block that holds its name
/// and its size in octal.
fn unpacked<'a>(archive: &'a [u8], wanted: &str) -> Option<&'a [u8]> {
    const BLOCK: usize = 512;
    let mut rest = archive;
    while let (Some(name), Some(size)) = (rest.get(..100), rest.get(124..135)) {
        let size =
            usize::from_str_radix(std::str::from_utf8(size).ok()?.trim_matches([' ', '\0']), 8).ok()?;
        let name = name.split(|byte| *byte == 0).next()?;
        if name == wanted.as_bytes() {
            return rest.get(BLOCK..BLOCK + size);
        }
        rest = rest.get(BLOCK + size.div_ceil(BLOCK) * BLOCK..)?;
    }
    None
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn a_file_is_found_behind_others() {
        let entry = |name: &str, content: &[u8]| {
            let mut entry = vec![0_u8; 512];
            entry[..name.len()].copy_from_slice(name.as_bytes());
            entry[124..135].copy_from_slice(format!("{:011o}", content.len()).as_bytes());
            entry.extend_from_slice(content);
            entry.resize(entry.len().div_ceil(512) * 512, 0);
            entry
        };
        let mut archive = entry("package/README.md", &[1; 700]);
        archive.extend(entry("package/axe.min.js", b"axe"));
        archive.extend([0; 1024]);
        assert_eq!(unpacked(&archive, "package/axe.min.js"), Some(&b"axe"[..]));
        assert_eq!(unpacked(&archive, "package/none"), None);
    }
}
