//! Rules about the client's own source text: what may be used only in certain files.

use std::path::{Path, PathBuf};

/// Fails if a word occurs in a file other than the allowed ones. Tests are ignored.
pub(crate) fn only_in(files: &[&str], words: &[&str]) {
    let mut found = Vec::new();
    each(&mut |path, code| {
        for word in words {
            if code.contains(word) && !files.iter().any(|file| path.ends_with(file)) {
                found.push(format!("{word} in {}", path.display()));
            }
        }
    });
    assert!(found.is_empty(), "only {files:?} may have this: {found:?}");
}

/// Fails if a word occurs in a folder. Tests are ignored.
pub(crate) fn not_in(folder: &str, words: &[&str]) {
    let (mut found, folder) = (Vec::new(), sources().join(folder));
    each(&mut |path, code| {
        let inside = path.starts_with(&folder);
        for word in words.iter().filter(|word| inside && code.contains(**word)) {
            found.push(format!("{word} in {}", path.display()));
        }
    });
    assert!(found.is_empty(), "{} must not have this: {found:?}", folder.display());
}

/// Passes every source file, without its tests, to `look`.
pub(crate) fn each(look: &mut impl FnMut(&Path, &str)) {
    walk(&sources(), &mut |path, text| {
        look(path, text.split("#[cfg(test)]").next().unwrap_or_default());
    });
}

fn sources() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn walk(folder: &Path, look: &mut impl FnMut(&Path, &str)) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, look);
        } else if path.extension().is_some_and(|one| one == "rs") {
            look(&path, &std::fs::read_to_string(&path).unwrap());
        }
    }
}
