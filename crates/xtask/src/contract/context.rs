//! What the parts share: folders, the server that clients talk to, and ways to run programs whose output is shown only
//! if they fail.
//!
//! Invariant: a file is written only when it changes, and a generator runs only when its input has changed, so that
//! compilers have nothing to redo.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context as _, Result, bail};
use sha2::{Digest, Sha256};

use crate::{client::hex, commands, interrupt::Interrupt, workspace::Workspace};

/// Number of output lines shown when a program fails.
const SHOWN_LINES: usize = 60;

/// What every part needs.
pub struct Context<'a> {
    pub workspace: &'a Workspace,
    pub interrupt: &'a Interrupt,
    /// The folder of the published documents.
    pub documents: PathBuf,
    /// Environment variables for the scripts.
    pub environment: Vec<(&'static str, OsString)>,
}

/// A program's result and its output.
pub struct Ended {
    pub result: Result<()>,
    pub out: String,
    pub err: String,
}

impl Context<'_> {
    /// The folder of a part below the target directory, with a copy of the files from `tests/contract`.
    pub fn folder(&self, part: &str) -> Result<PathBuf> {
        let folder = self.workspace.target.join("contract").join(part);
        fs::create_dir_all(folder.join("log"))?;
        copy(&self.workspace.root.join("tests/contract").join(part), &folder)?;
        Ok(folder)
    }

    /// A command that runs in a folder.
    pub fn program(&self, folder: &Path, program: &Path) -> Command {
        let mut command = commands::cleaned(self.workspace, program);
        command.current_dir(folder);
        command
    }

    /// Runs a program to its end.
    pub fn run(&self, folder: &Path, name: &str, command: &mut Command) -> Result<Ended> {
        let file = |ending: &str| folder.join("log").join(format!("{name}.{ending}"));
        command.stdout(fs::File::create(file("out"))?).stderr(fs::File::create(file("err"))?);
        let result = self.interrupt.run(command);
        self.interrupt.check()?;
        let read = |ending: &str| -> Result<String> {
            Ok(String::from_utf8_lossy(&fs::read(file(ending))?).into_owned())
        };
        Ok(Ended { result, out: read("out")?, err: read("err")? })
    }

    /// Runs a program that must succeed, and returns its output.
    pub fn succeed(&self, folder: &Path, name: &str, command: &mut Command) -> Result<Ended> {
        let ended = self.run(folder, name, command)?;
        if ended.result.is_err() {
            show(&ended.out);
            show(&ended.err);
        }
        ended.result?;
        Ok(Ended { result: Ok(()), ..ended })
    }

    /// Runs a generator unless it already ran with the same input. `output` is the file or folder it creates.
    pub fn generate(
        &self,
        folder: &Path,
        name: &str,
        version: &str,
        inputs: &[&Path],
        output: &str,
        command: &mut Command,
    ) -> Result<()> {
        let (stamp, now) = (stamp(folder, name), input(version, inputs, command)?);
        let made = folder.join(output);
        if made.exists() && fs::read_to_string(&stamp).is_ok_and(|before| before == now) {
            return Ok(());
        }
        // Remove older output so that it cannot pass for this run's.
        let _none_yet = if made.is_dir() { fs::remove_dir_all(&made) } else { fs::remove_file(&made) };
        if let Some(parent) = made.parent() {
            fs::create_dir_all(parent)?;
        }
        self.succeed(folder, name, command)?;
        if !made.exists() {
            bail!("{name} made no {output}");
        }
        fs::write(stamp, now)?;
        Ok(())
    }

    /// Runs a check unless it already passed with the same input.
    pub fn approve(
        &self,
        folder: &Path,
        name: &str,
        version: &str,
        inputs: &[&Path],
        command: &mut Command,
        judge: impl FnOnce(&Ended) -> Result<()>,
    ) -> Result<()> {
        let (stamp, now) = (stamp(folder, name), input(version, inputs, command)?);
        if fs::read_to_string(&stamp).is_ok_and(|before| before == now) {
            return Ok(());
        }
        judge(&self.run(folder, name, command)?)?;
        fs::write(stamp, now)?;
        Ok(())
    }

    /// Runs a script against the server; its last line says how much it did.
    pub fn story(&self, folder: &Path, name: &str, command: &mut Command) -> Result<String> {
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        let said = self.succeed(folder, name, command)?.out;
        let told = said.trim().lines().last().and_then(|line| line.split_once(": "));
        let (what, count) = told.context("it ended without a word")?;
        if count.parse::<u32>().is_ok_and(|count| count > 0) {
            Ok(format!("{count} {what}"))
        } else {
            bail!("it asked the server nothing");
        }
    }
}

fn stamp(folder: &Path, name: &str) -> PathBuf {
    folder.join("log").join(format!("{name}.made"))
}

/// A hash of everything the program's output depends on.
fn input(version: &str, inputs: &[&Path], command: &Command) -> Result<String> {
    let mut hash = Sha256::new();
    hash.update(version);
    command.get_args().for_each(|argument| hash.update(argument.as_encoded_bytes()));
    for input in inputs {
        hash.update(fs::read(input).with_context(|| format!("{} cannot be read", input.display()))?);
    }
    Ok(hex(&hash.finalize()))
}

/// Installs something unless it was already installed from the same list.
pub fn install(list: &Path, made: &Path, work: impl FnOnce() -> Result<()>) -> Result<()> {
    let now = hex(&Sha256::digest(fs::read(list)?));
    let stamp = made.join(".contract");
    if fs::read_to_string(&stamp).is_ok_and(|before| before == now) {
        return Ok(());
    }
    work()?;
    fs::write(&stamp, now).with_context(|| format!("{} cannot be written", stamp.display()))
}

/// Writes a file if its content changes.
pub fn write(path: &Path, content: &[u8]) -> Result<()> {
    if fs::read(path).is_ok_and(|before| before == content) {
        return Ok(());
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::write(path, content).with_context(|| format!("{} cannot be written", path.display()))
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from).with_context(|| format!("{} cannot be read", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.file_type()?.is_dir() {
            copy(&entry.path(), &target)?;
        } else {
            write(&target, &fs::read(entry.path())?)?;
        }
    }
    Ok(())
}

/// Prints the last lines of a program's output.
pub fn show(text: &str) {
    let lines: Vec<_> = text.trim().lines().collect();
    for line in &lines[lines.len().saturating_sub(SHOWN_LINES)..] {
        eprintln!("          | {line}");
    }
}

/// The version that a list of packages pins: `"name": "1.2.3"` or `name==1.2.3`.
pub fn pinned(list: &str, name: &str) -> Result<String> {
    let found = list.lines().find_map(|line| {
        let line = line.trim().trim_end_matches(',');
        let of_npm = line.strip_prefix(&format!("\"{name}\": \"")).and_then(|rest| rest.strip_suffix('"'));
        of_npm.or_else(|| line.strip_prefix(&format!("{name}==")))
    });
    Ok(found.with_context(|| format!("{name} is in no list of packages"))?.to_owned())
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn versions_are_read_from_both_kinds_of_lists() {
        assert_eq!(
            pinned("{\n  \"a\": \"^1\",\n  \"typescript\": \"5.9.3\"\n}", "typescript").unwrap(),
            "5.9.3"
        );
        assert_eq!(pinned("# mypy\nmypy==2.4.1\nmypy_extensions==1.2.0", "mypy").unwrap(), "2.4.1");
        assert!(pinned("mypy==2.4.1", "my").is_err());
    }
}
