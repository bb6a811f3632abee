//! What lives in Rust: progenitor, which is a library of a build script, and openapi-generator. Both are compiled in one
//! workspace with one lock file, so that what they share is compiled once.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Result, anyhow, bail};

use super::{
    context::{Context, pinned, write},
    report::{About, Report},
    tools::{Found, Tools},
    typescript::all,
};
use crate::{commands, steps::Steps};

/// The generator from a build script, and its story.
const PROGENITOR: &str = "contract-progenitor";
/// The generator in Java, and its story.
const OF_JAVA: &str = "contract-openapi-generator";

/// What was generated and compiled, before anybody looks at it.
pub struct Built {
    folder: PathBuf,
    /// Made by openapi-generator, if that can run.
    in_java: std::result::Result<Result<()>, String>,
    crates: Result<()>,
    progenitor: Result<()>,
    of_java: Result<()>,
}

/// Generates and compiles. This takes longest and needs neither Node.js nor, once it has begun, Python.
pub fn build(context: &Context, tools: &Tools, jar: &Found) -> Result<Built> {
    let folder = context.folder("rust")?;
    let document = folder.join("openapi-3.0.json");
    write(&document, &fs::read(context.documents.join("openapi-3.0.json"))?)?;
    let in_java = match (&tools.java, jar) {
        (Ok(java), Ok(jar)) => Ok(generate_in_java(context, &folder, &document, java, jar)),
        (Err(lacks), _) | (_, Err(lacks)) => Err(lacks.clone()),
    };
    let both = matches!(in_java, Ok(Ok(())));
    if !both {
        // The lock file has more than is left then.
        let manifest = fs::read_to_string(folder.join("Cargo.toml"))?;
        fs::write(folder.join("Cargo.toml"), manifest.replace(", \"openapi-generator\"]", "]"))?;
    }
    let cargo = |name: &str, arguments: &[&str]| {
        let mut command = commands::cargo(context.workspace);
        command.current_dir(&folder).env("CARGO_TARGET_DIR", folder.join("target")).args(arguments);
        if both {
            command.arg("--locked");
        }
        context.succeed(&folder, name, &mut command).map(drop)
    };
    let mut ask = commands::cargo_tool(context.workspace, "rustc");
    let here = commands::output(ask.args(["--print", "host-tuple"]))?;
    // For this machine alone, or it would fetch for all others too.
    let crates = cargo("fetch", &["fetch", "--target", String::from_utf8_lossy(&here).trim()]);
    let build = |package| match &crates {
        Ok(()) => cargo(package, &["build", "--package", package]),
        Err(_) => bail!("its crates are not here"),
    };
    let progenitor = build(PROGENITOR);
    let of_java = if both { build(OF_JAVA) } else { Ok(()) };
    Ok(Built { folder, in_java, crates, progenitor, of_java })
}

/// Looks at what was built, and runs it.
pub fn check(context: &Context, report: &mut Report, steps: &mut Steps, built: Built) -> Result<()> {
    let Built { folder, in_java, crates, progenitor, of_java } = built;
    if let Err(lacks) = report.fetched("what Rust needs", crates) {
        report.skip(About::Generator, "those of Rust", &lacks);
        report.skip(About::Run, "Rust", &lacks);
        return Ok(());
    }
    let document = fs::read_to_string(folder.join("openapi-3.0.json"))?;
    let operations = document.matches("\"operationId\"").count();
    // One operation is taken from it by the build script.
    let progenitor = progenitor.and_then(|()| all(methods(&folder)?, operations - 1));
    let lock = fs::read_to_string(folder.join("Cargo.lock"))?;
    let runs = [
        ("Rust, progenitor", PROGENITOR, progenitor.is_ok(), None),
        (
            "Rust, openapi-generator",
            OF_JAVA,
            matches!(in_java, Ok(Ok(()))) && of_java.is_ok(),
            in_java.as_ref().err().cloned(),
        ),
    ];
    let said = progenitor.map(|said| format!("{said}, cargo build"));
    report.note(About::Generator, "progenitor", &locked(&lock, "progenitor")?, said);
    match in_java {
        Err(lacks) => report.skip(About::Generator, "openapi-generator, rust", &lacks),
        Ok(made) => {
            let said = made.and(of_java).map(|()| "generated, cargo build".to_owned());
            report.note(About::Generator, "openapi-generator, rust", &of_jar(context)?, said);
        }
    }
    for (name, package, there, lacks) in runs {
        if let Some(lacks) = lacks {
            report.skip(About::Run, name, &lacks);
            continue;
        }
        if !there {
            report.note(About::Run, name, "", Err(anyhow!("there is no client")));
            continue;
        }
        let result = steps.step(&format!("run {package}"), || {
            let mut program = context.program(&folder, &folder.join("target/debug").join(package));
            context.story(&folder, &format!("{package}-run"), &mut program)
        });
        report.note(About::Run, name, "", result);
    }
    Ok(())
}

fn of_jar(context: &Context) -> Result<String> {
    let list = context.workspace.root.join("tests/contract/python/requirements.txt");
    pinned(&fs::read_to_string(list)?, "openapi-generator-cli")
}

fn generate_in_java(
    context: &Context,
    folder: &Path,
    document: &Path,
    java: &Path,
    jar: &Path,
) -> Result<()> {
    let mut command = context.program(folder, java);
    command.arg("-jar").arg(jar).args(["generate", "--generator-name", "rust"]);
    command.args(["--package-name", "parlour-openapi-generator"]);
    // Without it, kinds of events lack the field that they are told apart by.
    command.args(["--openapi-normalizer", "REPLACE_ONE_OF_BY_DISCRIMINATOR_MAPPING=true"]);
    command.args(["--additional-properties", "reqwestDefaultFeatures="]);
    command.args(["--global-property", "apiDocs=false,modelDocs=false"]);
    command.args(["--output", "generated"]).arg("--input-spec").arg(document);
    context.generate(folder, "openapi-generator", &of_jar(context)?, &[document], "generated", &mut command)
}

/// How many operations progenitor's client has: the newest that a build script wrote.
fn methods(folder: &Path) -> Result<usize> {
    let mut newest = None;
    for build in fs::read_dir(folder.join("target/debug/build"))?.flatten() {
        let client = build.path().join("out/client.rs");
        if let Ok(when) = fs::metadata(&client).and_then(|file| file.modified())
            && newest.as_ref().is_none_or(|(before, _)| *before < when)
        {
            newest = Some((when, client));
        }
    }
    let Some((_, client)) = newest else { bail!("progenitor wrote nothing") };
    Ok(fs::read_to_string(client)?.matches("pub async fn ").count())
}

/// The version in a lock file.
fn locked(lock: &str, name: &str) -> Result<String> {
    let found = lock.split(&format!("name = \"{name}\"\nversion = \"")).nth(1);
    match found.and_then(|rest| rest.split('"').next()) {
        Some(version) => Ok(version.to_owned()),
        None => bail!("{name} is not in the lock file"),
    }
}
