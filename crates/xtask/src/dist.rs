//! The files served to browsers: hashed names below `assets/`, which may be cached forever, everything else under its
//! own name, and a brotli and a gzip variant wherever that is smaller.
//!
//! A file whose content did not change is not rewritten: the server's build script watches these files.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    io::Write,
    path::Path,
    thread,
};

use anyhow::{Context, Result, bail, ensure};
use sha2::{Digest, Sha256};

use crate::client::{Bound, files_below, hex};

/// One file with its compressed variants.
pub struct DistFile {
    identity: Vec<u8>,
    brotli: Option<Vec<u8>>,
    gzip: Option<Vec<u8>>,
    /// Whether a browser needs it before it can show anything.
    first_load: bool,
}

impl DistFile {
    /// The bytes that a visitor gets in one of the forms.
    fn transferred(&self, form: &Option<Vec<u8>>) -> usize {
        form.as_ref().map_or(self.identity.len(), Vec::len)
    }
}

/// The largest first load, compressed with brotli: page, style sheet, JavaScript and the wasm file that is not fetched
/// later.
const FIRST_LOAD_LIMIT: usize = 280 * 1024;

/// Paths below the directory, such as `assets/parlour-0123456789abcdef.js`, with their files.
pub type DistFiles = BTreeMap<String, DistFile>;

/// Lays out all files; compressed variants are taken from `previous` if the content is the same.
pub fn assemble(frontend: &Path, bound: Bound, previous: &Path) -> Result<DistFiles> {
    let styles = concatenated_styles(&frontend.join("styles"))?;
    let css = hashed("css", &styles);
    let wasm = hashed("wasm", &bound.wasm);
    let mut javascript = bound.javascript;
    let mut later = Vec::new();
    for (name, content) in bound.later {
        let part = Path::new(&name).file_stem().unwrap_or_default().to_string_lossy();
        let path = hashed_part(&format!("parlour-{}", part.trim_start_matches("split_")), "wasm", &content);
        let (old, new) = (format!("\"./{name}\""), format!("\"./{}\"", path.trim_start_matches("assets/")));
        ensure!(javascript.contains(&old), "no code fetches the part {name} of the client.");
        javascript = javascript.replace(&old, &new);
        later.push((path, content));
    }
    let script = self_starting(javascript, &wasm)?;
    let js = hashed("js", &script);
    let index = index(frontend, &[("{{css}}", &css), ("{{js}}", &js), ("{{wasm}}", &wasm)])?;

    let mut plain: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let public = frontend.join("public");
    for file in files_below(&public)? {
        let name = file.strip_prefix(&public)?.to_string_lossy().replace('\\', "/");
        plain.insert(name, fs::read(&file)?);
    }
    plain.extend(later);
    for (path, content) in bound.snippets {
        plain.insert(format!("assets/{path}"), content);
    }
    let first_load: BTreeSet<String> =
        [&css, &wasm, &js].map(Clone::clone).into_iter().chain(["index.html".into()]).collect();
    plain.extend([(css, styles), (wasm, bound.wasm), (js, script), ("index.html".into(), index)]);

    thread::scope(|scope| {
        let running: Vec<_> = plain
            .into_iter()
            .map(|(path, content)| {
                let first = first_load.contains(&path);
                scope.spawn(move || {
                    let file = compressed(&previous.join(&path), content, first)?;
                    Ok((path, file))
                })
            })
            .collect();
        running
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| bail!("compressing a file panicked.")))
            .collect()
    })
}

/// Makes the directory contain exactly these files.
pub fn write(files: &DistFiles, directory: &Path) -> Result<()> {
    let mut wanted: BTreeMap<String, &[u8]> = BTreeMap::new();
    for (path, file) in files {
        wanted.insert(path.clone(), &file.identity);
        for (extension, content) in [("br", &file.brotli), ("gz", &file.gzip)] {
            if let Some(content) = content {
                wanted.insert(format!("{path}.{extension}"), content);
            }
        }
    }
    for old in files_below(directory)? {
        let name = old.strip_prefix(directory)?.to_string_lossy().replace('\\', "/");
        if !wanted.contains_key(&name) {
            fs::remove_file(&old)?;
        }
    }
    for (name, content) in wanted {
        let path = directory.join(name);
        if fs::read(&path).is_ok_and(|old| old == content) {
            continue;
        }
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))?;
    }
    Ok(())
}

/// Prints a table of the sizes that are transferred to a visitor.
pub fn print_sizes(files: &DistFiles) {
    let width = files.keys().map(String::len).max().unwrap_or_default().max(28);
    eprintln!("\n  {:width$} {:>10} {:>10} {:>10}", "file", "bytes", "gzip", "brotli");
    let mut total = (0, 0, 0);
    for (path, file) in files {
        let (gzip, brotli) = (file.transferred(&file.gzip), file.transferred(&file.brotli));
        eprintln!("  {path:width$} {:>10} {gzip:>10} {brotli:>10}", file.identity.len());
        if file.first_load {
            total = (total.0 + file.identity.len(), total.1 + gzip, total.2 + brotli);
        }
    }
    eprintln!(
        "  {:width$} {:>10} {:>10} {:>10}\n",
        "first load (html+css+js+wasm)", total.0, total.1, total.2
    );
}

/// Fails if the first load has grown beyond its limit.
pub fn check_first_load(files: &DistFiles) -> Result<()> {
    let total: usize =
        files.values().filter(|file| file.first_load).map(|file| file.transferred(&file.brotli)).sum();
    ensure!(
        total <= FIRST_LOAD_LIMIT,
        "the first load of the browser client is {total} bytes with brotli, more than the {FIRST_LOAD_LIMIT} in \
         crates/xtask/src/dist.rs. The section \"Size\" of frontend/README.md has what can be done."
    );
    Ok(())
}

fn hashed(extension: &str, content: &[u8]) -> String {
    hashed_part("parlour", extension, content)
}

/// The path of a file whose name changes with its content.
fn hashed_part(name: &str, extension: &str, content: &[u8]) -> String {
    let digest = hex(&Sha256::digest(content));
    format!("assets/{name}-{}.{extension}", &digest[..16])
}

/// Concatenates the style sheets named in `order.txt`, in that order.
fn concatenated_styles(directory: &Path) -> Result<Vec<u8>> {
    let order = directory.join("order.txt");
    let names = fs::read_to_string(&order).with_context(|| format!("{} cannot be read", order.display()))?;
    let names: Vec<&str> =
        names.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).collect();
    let mut styles = Vec::new();
    for name in &names {
        let path = directory.join(name);
        styles.extend(
            fs::read(&path)
                .with_context(|| format!("{}, named in order.txt, cannot be read", path.display()))?,
        );
        styles.push(b'\n');
    }
    for file in files_below(directory)? {
        let name = file.strip_prefix(directory)?.to_string_lossy().into_owned();
        ensure!(
            !name.ends_with(".css") || names.contains(&name.as_str()),
            "frontend/styles/{name} is not named in frontend/styles/order.txt, so no page would use it."
        );
    }
    Ok(styles)
}

/// The module plus a last line that starts it: the content security policy forbids inline scripts, and a second file
/// would cost every first visit another round trip.
fn self_starting(javascript: String, wasm: &str) -> Result<Vec<u8>> {
    ensure!(
        javascript.contains("__wbg_init as default"),
        "wasm-bindgen no longer calls its start function `__wbg_init`; adapt crates/xtask/src/dist.rs."
    );
    Ok(format!("{javascript}\n__wbg_init({{ module_or_path: \"/{wasm}\" }});\n").into_bytes())
}

fn index(frontend: &Path, names: &[(&str, &str)]) -> Result<Vec<u8>> {
    let path = frontend.join("index.html");
    let mut page = fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()))?;
    for (placeholder, name) in names {
        ensure!(page.contains(placeholder), "frontend/index.html does not use {placeholder}.");
        page = page.replace(placeholder, &format!("/{name}"));
    }
    for forbidden in ["<script>", "<style", " style=", " onload=", " onclick="] {
        ensure!(
            !page.contains(forbidden),
            "frontend/index.html has `{forbidden}`, which the content security policy forbids; use a file."
        );
    }
    Ok(page.into_bytes())
}

fn compressed(previous: &Path, identity: Vec<u8>, first_load: bool) -> Result<DistFile> {
    let unchanged = fs::read(previous).is_ok_and(|old| old == identity);
    let sibling = |extension: &str| {
        let name = format!("{}.{extension}", previous.display());
        if unchanged { fs::read(name).ok() } else { None }
    };
    // Already compressed formats do not get smaller, and for tiny files the header outweighs the gain.
    let smaller = |form: &Vec<u8>| form.len() + 32 < identity.len();
    let brotli = match sibling("br") {
        Some(known) => known,
        None => brotli(&identity)?,
    };
    let gzip = match sibling("gz") {
        Some(known) => known,
        None => gzip(&identity)?,
    };
    Ok(DistFile {
        brotli: Some(brotli).filter(smaller),
        gzip: Some(gzip).filter(smaller),
        identity,
        first_load,
    })
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let settings = brotli::enc::BrotliEncoderParams {
        quality: 11,
        lgwin: 22,
        size_hint: content.len(),
        ..Default::default()
    };
    let mut form = Vec::new();
    brotli::BrotliCompress(&mut &content[..], &mut form, &settings)?;
    Ok(form)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    encoder.write_all(content)?;
    Ok(encoder.finish()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_the_policy_would_break_is_refused() {
        let directory = std::env::temp_dir().join(format!("parlour-dist-{}", std::process::id()));
        fs::create_dir_all(&directory).unwrap();
        let page = |text: &str| {
            fs::write(directory.join("index.html"), text).unwrap();
            index(&directory, &[("{{js}}", "assets/a.js")])
        };
        let good = page("<script type=\"module\" src=\"{{js}}\"></script>").unwrap();
        assert_eq!(good, b"<script type=\"module\" src=\"/assets/a.js\"></script>");
        assert!(page("<p>").is_err(), "a placeholder is missing");
        assert!(page("<script>import '{{js}}'</script>").is_err(), "a script inside the page");
        fs::remove_dir_all(directory).unwrap();
    }

    #[test]
    fn compressed_forms_are_kept_only_when_smaller() {
        let nowhere = Path::new("/nonexistent/file");
        let text = compressed(nowhere, b"again and ".repeat(200), true).unwrap();
        assert!(text.brotli.unwrap().len() < 100);
        assert!(text.gzip.unwrap().len() < 200);
        let tiny = compressed(nowhere, b"tiny".to_vec(), false).unwrap();
        assert!(tiny.brotli.is_none() && tiny.gzip.is_none());
    }
}
