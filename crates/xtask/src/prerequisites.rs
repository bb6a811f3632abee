//! What the server's build needs in addition to cargo: a C compiler, and OpenSSL's headers or the means to build
//! OpenSSL.

use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::{apt, commands};

/// Where OpenSSL comes from.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum OpenSsl {
    /// The system's library.
    System,
    /// Compiled from source into the server.
    Vendored,
}

impl OpenSsl {
    /// The cargo arguments that select it.
    pub fn cargo_arguments(self) -> &'static [&'static str] {
        match self {
            Self::System => &[],
            Self::Vendored => &["--features", "parlour/vendored-openssl"],
        }
    }
}

/// Makes sure that the server can be compiled.
pub fn for_the_server() -> Result<OpenSsl> {
    if !has_c_compiler() {
        apt::install(&["build-essential"], "A C compiler")?;
    }
    if has_openssl_headers() {
        return Ok(OpenSsl::System);
    }
    if apt::is_debian() && commands::is_root() {
        match apt::install(&["libssl-dev", "pkg-config"], "OpenSSL's headers") {
            Ok(()) if has_openssl_headers() => return Ok(OpenSsl::System),
            Ok(()) => {}
            Err(error) => eprintln!("          {error:#}"),
        }
    }
    for program in ["perl", "make"] {
        if commands::find_program(program).is_none() {
            bail!(
                "OpenSSL's headers are missing, and to compile OpenSSL itself `{program}` is missing. \
                 Install the headers (Debian: apt-get install libssl-dev pkg-config) or {program}."
            );
        }
    }
    eprintln!(
        "          OpenSSL's headers are not installed: OpenSSL is compiled into the server, which takes longer"
    );
    Ok(OpenSsl::Vendored)
}

fn has_c_compiler() -> bool {
    std::env::var_os("CC").is_some()
        || ["cc", "gcc", "clang"].iter().any(|name| commands::find_program(name).is_some())
}

fn has_openssl_headers() -> bool {
    if std::env::var_os("OPENSSL_DIR").is_some() {
        return true;
    }
    Command::new("pkg-config")
        .args(["--exists", "openssl"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
