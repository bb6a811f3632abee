//! What this process uses on its machine: private files, a lock, and system limits.
//!
//! Invariant: the database holds every message and every key, so only its owner can access its files, whatever the
//! umask and however they were created; and two processes never use the same file, whatever its paths.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use parlour_storage::connection::Address;

use crate::config::Config;

/// Permission bits of group and others.
const OTHERS: u32 = 0o077;

/// Sets limits of this process: new files are private to its owner, a crash writes no core dump, and the soft limit
/// of open files is raised to the hard limit.
pub fn harden() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(OTHERS));
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    if let Err(error) = setrlimit(Resource::Core, none) {
        eprintln!("parlour: core dumps cannot be turned off: {error}");
    }
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable)
    {
        eprintln!("parlour: the memory of this process cannot be closed to others: {error}");
    }
    let files = getrlimit(Resource::Nofile);
    if files.current != files.maximum
        && let Err(error) = setrlimit(Resource::Nofile, Rlimit { current: files.maximum, ..files })
    {
        eprintln!("parlour: the number of open files cannot be raised: {error}");
    }
}

/// The files of an embedded database, locked until this is dropped.
pub struct DataFiles {
    // The database file itself is locked too, not only the `.lock` file beside it, because that lock follows the file
    // under any path. Closing this handle would release SQLite's own locks on the file, so it must live as long as
    // the database is used.
    _database: File,
    _beside: File,
}

/// Creates the data folder and makes sure that no other process uses the database. `None` with PostgreSQL.
pub fn prepare(config: &Config) -> Result<Option<DataFiles>, String> {
    let Address::Sqlite(given) = config.address()? else {
        return Ok(None);
    };
    let given = PathBuf::from(given);
    let explain = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
    let folder = given.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    if !folder.exists() {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(folder)
            .map_err(|error| explain(folder, error))?;
    } else if config.database_url.is_none() {
        close_folder(folder);
    }
    let database = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&given)
        .map_err(|error| explain(&given, error))?;
    let path = given.canonicalize().map_err(|error| explain(&given, error))?;
    let named = |ending: &str| PathBuf::from(format!("{}{ending}", path.display()));
    let lock_path = named(".lock");
    let beside = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&lock_path)
        .map_err(|error| explain(&lock_path, error))?;
    // Earlier versions lock only the `.lock` file.
    if database.try_lock().is_err() || beside.try_lock().is_err() {
        return Err(format!(
            "another process uses {}. SQLite serves one process; stop the other one, or set DATABASE_URL to a \
             PostgreSQL server to run several.",
            path.display()
        ));
    }
    for file in [path.clone(), named("-wal"), named("-shm"), named("-journal"), lock_path] {
        close_file(&file)?;
    }
    Ok(Some(DataFiles { _database: database, _beside: beside }))
}

/// Makes a file private to its owner; warns if others could read it.
fn close_file(path: &Path) -> Result<(), String> {
    let Ok(metadata) = fs::metadata(path) else { return Ok(()) };
    let mode = metadata.permissions().mode();
    if mode & OTHERS == 0 {
        return Ok(());
    }
    tracing::warn!(
        file = %path.display(),
        "other users of this machine could read this file, which holds messages and keys; it is its owner's alone now"
    );
    fs::set_permissions(path, fs::Permissions::from_mode(0o600)).map_err(|error| {
        format!(
            "{}: others can read this file, which holds messages and keys, and that cannot be changed: {error}",
            path.display()
        )
    })
}

/// Makes the data folder private to its owner, if it is ours. A folder that is shared on purpose (with the sticky
/// bit, like /tmp, or owned by another user) stays as it is: the files in it are private anyway.
fn close_folder(folder: &Path) {
    let Ok(metadata) = fs::metadata(folder) else { return };
    let mode = metadata.permissions().mode();
    let ours = metadata.uid() == rustix::process::geteuid().as_raw() && mode & 0o1000 == 0;
    if !ours || mode & OTHERS == 0 {
        return;
    }
    tracing::warn!(folder = %folder.display(), "other users of this machine could look into the data folder; it is closed now");
    if let Err(error) = fs::set_permissions(folder, fs::Permissions::from_mode(0o700)) {
        tracing::warn!(folder = %folder.display(), %error, "the data folder cannot be closed");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(folder: &Path) -> Config {
        Config { data_dir: folder.to_owned(), ..Config::default() }
    }

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn files_are_their_owners_whatever_they_were() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("data");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, fs::Permissions::from_mode(0o755)).unwrap();
        for name in ["parlour.sqlite3", "parlour.sqlite3-wal"] {
            fs::write(folder.join(name), "").unwrap();
            fs::set_permissions(folder.join(name), fs::Permissions::from_mode(0o644)).unwrap();
        }
        let _files = prepare(&config(&folder)).unwrap().unwrap();
        assert_eq!(mode(&folder), 0o700);
        for name in ["parlour.sqlite3", "parlour.sqlite3-wal", "parlour.sqlite3.lock"] {
            assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
        }
        let fresh = outside.path().join("new/deep");
        let _files = prepare(&config(&fresh)).unwrap().unwrap();
        assert_eq!((mode(&fresh), mode(&fresh.join("parlour.sqlite3"))), (0o700, 0o600));
    }

    #[test]
    fn one_file_is_used_once_by_whatever_name() {
        let outside = tempfile::tempdir().unwrap();
        let folder = outside.path().join("data");
        let _first = prepare(&config(&folder)).unwrap().unwrap();
        assert!(prepare(&config(&folder)).is_err());
        let file = folder.join("parlour.sqlite3");
        for name in ["link", "hard"] {
            let other = outside.path().join(name);
            fs::create_dir(&other).unwrap();
            let named = other.join("parlour.sqlite3");
            match name {
                "link" => std::os::unix::fs::symlink(&file, &named).unwrap(),
                _ => fs::hard_link(&file, &named).unwrap(),
            }
            let error = prepare(&config(&other)).err().expect(name);
            assert!(error.contains("another process"), "{name}: {error}");
        }
        let linked = outside.path().join("folder");
        std::os::unix::fs::symlink(&folder, &linked).unwrap();
        assert!(prepare(&config(&linked)).is_err());
    }
}
