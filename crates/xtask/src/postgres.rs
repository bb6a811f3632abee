//! A private PostgreSQL cluster: created for every run, listening on the loopback interface, with a random password.

use std::{
    env, fs,
    os::unix::fs::{DirBuilderExt, OpenOptionsExt, chown},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context, Result, bail};
use rustix::process::Signal;

use crate::{
    client::hex,
    commands,
    services::{Daemon, free_port, supervised},
};

/// The variable with the database's URL; if it is set, that database is used instead of a private one.
pub const URL: &str = "TEST_DATABASE_URL";

/// If set, writes stay durable, for tests that kill the server and inspect what is left.
const FSYNC: &str = "TEST_POSTGRES_FSYNC";

/// The directory of PostgreSQL's programs. Distributions install several versions side by side, none of them on the
/// PATH.
pub fn programs() -> Option<PathBuf> {
    if let Some(given) = env::var_os("TEST_POSTGRES_BIN") {
        return Some(PathBuf::from(given));
    }
    let complete =
        |directory: &PathBuf| directory.join("initdb").exists() && directory.join("postgres").exists();
    let on_path = commands::find_program("initdb")
        .and_then(|initdb| fs::canonicalize(initdb).ok())
        .and_then(|initdb| initdb.parent().map(Path::to_path_buf));
    let mut versions: Vec<(u32, PathBuf)> = ["/usr/lib/postgresql", "/usr/local/opt", "/opt/homebrew/opt"]
        .iter()
        .filter_map(|root| fs::read_dir(root).ok())
        .flatten()
        .flatten()
        .filter_map(|entry| {
            let name = entry.file_name().to_str()?.trim_start_matches("postgresql@").to_owned();
            Some((name.parse().ok()?, entry.path().join("bin")))
        })
        .collect();
    versions.sort();
    on_path.into_iter().chain(versions.into_iter().rev().map(|(_, path)| path)).find(complete)
}

/// Creates a cluster and starts its server; also returns the environment variables for the tests.
pub fn start(directory: &Path, durable: bool) -> Result<(Daemon, Vec<(&'static str, String)>)> {
    let programs = programs().context("PostgreSQL is not installed.")?;
    let user = unprivileged_user()?;
    let user = user.as_deref();
    let home = directory.join("postgres");
    fs::DirBuilder::new().mode(0o700).create(&home)?;
    let password = hex(&random()?);
    let password_file = home.join("password");
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&password_file)?;
    fs::write(&password_file, &password)?;
    if let Some(user) = user {
        let (uid, gid) = (id("-u", user)?, id("-g", user)?);
        chown(&home, Some(uid), Some(gid))?;
        chown(&password_file, Some(uid), Some(gid))?;
    }

    let data = home.join("data");
    // Thousands of short connections are opened: md5 costs a tenth of scram, and the password lives for minutes.
    let mut initdb = supervised(&programs.join("initdb"), user, "KILL")?;
    initdb.args(["--username=parlour", "--auth=md5", "--encoding=UTF8", "--locale=C", "--no-sync"]);
    initdb.arg("--pwfile").arg(&password_file).arg("--pgdata").arg(&data);
    commands::run(initdb.current_dir(&home).stdin(Stdio::null()).stdout(Stdio::null()))?;

    // The port may be taken between our check and PostgreSQL's start.
    let mut attempts = 3;
    loop {
        let port = free_port()?;
        match serve(&programs, user, &home, &data, port, durable) {
            Ok(daemon) => {
                let environment = vec![
                    (URL, format!("postgres://parlour:{password}@127.0.0.1:{port}/postgres")),
                    ("TEST_POSTGRES_BIN", programs.display().to_string()),
                    ("TEST_POSTGRES_USER", user.unwrap_or_default().to_owned()),
                ];
                return Ok((daemon, environment));
            }
            Err(error) if attempts == 1 => return Err(error),
            Err(_) => attempts -= 1,
        }
    }
}

fn serve(
    programs: &Path,
    user: Option<&str>,
    home: &Path,
    data: &Path,
    port: u16,
    durable: bool,
) -> Result<Daemon> {
    // SIGINT is PostgreSQL's fast shutdown: it does not wait for clients.
    let mut command = supervised(&programs.join("postgres"), user, "INT")?;
    command.current_dir(home).arg("-D").arg(data).args(["-p", &port.to_string()]);
    let mut set = |setting: &str| {
        command.args(["-c", setting]);
    };
    set("listen_addresses=127.0.0.1");
    set(&format!("unix_socket_directories={}", home.display()));
    set("max_connections=300");
    if !durable && env::var_os(FSYNC).is_none() {
        set("fsync=off");
        set("synchronous_commit=off");
        set("full_page_writes=off");
    }
    let mut daemon = Daemon::start("postgres", command, home, Signal::INT)?;
    let state = data.join("postmaster.pid");
    daemon.wait_until(|| {
        fs::read_to_string(&state)
            .is_ok_and(|lines| lines.lines().nth(7).is_some_and(|line| line.trim() == "ready"))
    })?;
    Ok(daemon)
}

/// The user to run PostgreSQL as, because it refuses to run as root; `None` if we are not root.
fn unprivileged_user() -> Result<Option<String>> {
    if !commands::is_root() {
        return Ok(None);
    }
    for user in ["postgres", "nobody"] {
        if id("-u", user).is_ok() {
            return Ok(Some(user.to_owned()));
        }
    }
    bail!("PostgreSQL refuses to run as root, and there is neither a user `postgres` nor `nobody` to run it.")
}

fn id(what: &str, user: &str) -> Result<u32> {
    let printed = Command::new("id").args([what, user]).stderr(Stdio::null()).output()?;
    String::from_utf8_lossy(&printed.stdout)
        .trim()
        .parse()
        .with_context(|| format!("there is no user {user}"))
}

fn random() -> Result<[u8; 16]> {
    let mut bytes = [0; 16];
    std::io::Read::read_exact(&mut fs::File::open("/dev/urandom")?, &mut bytes)?;
    Ok(bytes)
}
