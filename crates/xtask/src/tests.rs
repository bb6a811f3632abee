//! Runs all tests, with every server they need. What is compiled is chosen so that building the server and testing the
//! workspace share every artifact: one selection of packages, one profile, one value of every variable.

use std::{path::Path, process::Command};

use anyhow::Result;

use crate::{
    apt, axe, client, commands, fuzz,
    interrupt::Interrupt,
    postgres,
    prerequisites::{self, OpenSsl},
    proxies, redis,
    server::CLIENT_DIST,
    services::Services,
    steps::Steps,
    workspace::Workspace,
};

/// The browser client and this program are tested separately: together with the server, their dependencies would get
/// different features than in a build.
const APART: [&str; 2] = ["parlour-frontend", "xtask"];

/// The system tests, by file name in `tests/`.
const SUITES: [&str; 8] = ["api", "socket", "client", "wire", "migrations", "browser", "security", "chaos"];

/// Number of parallel tests. They mostly wait for databases and sockets, so the number of cores does not matter.
const TESTS_AT_ONCE: &str = "8";

/// Runs everything, one suite, or the tests whose name contains a word; arguments after `--` are passed to the tests.
pub fn test(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let result = Selection::parse(arguments).and_then(|selection| run(workspace, steps, &selection));
    steps.summary();
    result
}

/// Runs the selected tests without a summary.
pub fn run(workspace: &Workspace, steps: &mut Steps, selection: &Selection) -> Result<()> {
    let interrupt = Interrupt::listen()?;
    let openssl = prerequisites::for_the_server()?;
    let (browser, tools) = steps.step("look for what the tests need", || {
        let browser = requirements(selection)?;
        let mut tools =
            if selection.needs_proxies() { proxies::find_or_bring(workspace) } else { Vec::new() };
        if selection.needs_browser() {
            tools.extend(axe::find_or_bring(workspace));
        }
        Ok((browser, tools))
    })?;
    let dist = client::build(workspace, steps)?;
    interrupt.check()?;

    steps.step("build the server and the tests", || {
        let mut command = cargo(workspace, "build", openssl, &dist);
        // The suite `client` runs the examples.
        command.args(["--bins", "--examples"]);
        match &selection.suite {
            Some(suite) => command.args(["--test", suite]),
            None => command.args(["--lib", "--tests"]),
        };
        interrupt.run(&mut command)
    })?;

    let services = steps.step("start PostgreSQL and Redis", || Services::start(false))?;
    let mut command = cargo(workspace, "test", openssl, &dist);
    command.arg("--no-fail-fast").args(&selection.cargo_arguments);
    if let Some(suite) = &selection.suite {
        command.args(["--test", suite]);
    }
    command.arg("--").args(&selection.test_arguments);
    command.envs(services.environment.iter().map(|(name, value)| (name, value)));
    command.envs(browser).envs(tools);
    if std::env::var_os("RUST_TEST_THREADS").is_none() {
        command.env("RUST_TEST_THREADS", TESTS_AT_ONCE);
    }
    command.env("TEST_PARLOUR_BIN", workspace.target.join("debug/parlour"));
    let result = steps.step("test the server", || interrupt.run(&mut command));
    steps.step("stop PostgreSQL and Redis", || {
        drop(services);
        Ok(())
    })?;
    result?;

    if selection.suite.is_none() {
        for package in APART {
            let mut command = commands::cargo(workspace);
            command.args(["test", "--locked", "--package", package]).args(&selection.cargo_arguments);
            command.arg("--").args(&selection.test_arguments);
            steps.step(&format!("test {package}"), || interrupt.run(&mut command))?;
        }
    }
    Ok(())
}

/// A cargo command for the workspace without the packages that are tested separately.
pub fn cargo(workspace: &Workspace, verb: &str, openssl: OpenSsl, dist: &Path) -> Command {
    let mut command = commands::cargo(workspace);
    command.args([verb, "--locked", "--workspace"]);
    for package in APART.into_iter().chain([fuzz::PACKAGE]) {
        command.args(["--exclude", package]);
    }
    command.args(openssl.cargo_arguments()).env(CLIENT_DIST, dist);
    command
}

/// The selected tests.
#[derive(Default)]
pub struct Selection {
    suite: Option<String>,
    cargo_arguments: Vec<String>,
    test_arguments: Vec<String>,
}

impl Selection {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut selection = Self::default();
        let end = arguments.iter().position(|argument| argument == "--").unwrap_or(arguments.len());
        let (ours, theirs) = arguments.split_at(end);
        for argument in ours {
            if argument.starts_with('-') {
                selection.cargo_arguments.push(argument.clone());
            } else if selection.suite.is_none() && SUITES.contains(&argument.as_str()) {
                selection.suite = Some(argument.clone());
            } else {
                selection.test_arguments.push(argument.clone());
            }
        }
        selection.test_arguments.extend(theirs.iter().skip(1).cloned());
        Ok(selection)
    }

    fn needs_proxies(&self) -> bool {
        self.suite.as_deref().is_none_or(|suite| suite == "security")
    }

    fn needs_browser(&self) -> bool {
        self.suite.as_deref().is_none_or(|suite| suite == "browser")
    }
}

fn given(name: &str) -> bool {
    std::env::var_os(name).is_some()
}

/// Packages of the servers that are neither given from outside nor installed.
fn missing_services() -> Vec<&'static str> {
    let mut missing = Vec::new();
    if !given(postgres::URL) && postgres::programs().is_none() {
        missing.push("postgresql");
    }
    if !given(redis::URL) && redis::program().is_none() {
        missing.push("redis-server");
    }
    missing
}

/// Finds or installs PostgreSQL and Redis.
pub fn require_services() -> Result<()> {
    let missing = missing_services();
    if missing.is_empty() { Ok(()) } else { apt::install(&missing, "Something the nodes use") }
}

/// Finds or installs PostgreSQL, Redis and a browser; returns the variables that name the browser.
fn requirements(selection: &Selection) -> Result<Vec<(&'static str, String)>> {
    let browser = || {
        ["chromium", "chromium-browser", "google-chrome"].iter().find_map(|name| commands::find_program(name))
    };
    let driver = || commands::find_program("chromedriver");
    let mut missing = missing_services();
    if selection.needs_browser() && !given("TEST_CHROMIUM") && browser().is_none() {
        missing.push("chromium");
    }
    if selection.needs_browser() && !given("TEST_CHROMEDRIVER") && driver().is_none() {
        missing.push("chromium-driver");
    }
    if !missing.is_empty() {
        apt::install(&missing, "Something the tests use")?;
    }
    let mut variables = Vec::new();
    for (name, path) in [("TEST_CHROMIUM", browser()), ("TEST_CHROMEDRIVER", driver())] {
        if let Some(path) = path.filter(|_| !given(name)) {
            variables.push((name, path.display().to_string()));
        }
    }
    Ok(variables)
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn words_before_the_dashes_choose_and_what_follows_is_passed_on() {
        let parse = |line: &str| {
            let words: Vec<_> = line.split_whitespace().map(str::to_owned).collect();
            let selection = Selection::parse(&words).unwrap();
            (selection.suite, selection.cargo_arguments.join(" "), selection.test_arguments.join(" "))
        };
        assert_eq!(parse(""), (None, String::new(), String::new()));
        assert_eq!(parse("chaos"), (Some("chaos".into()), String::new(), String::new()));
        assert_eq!(
            parse("api joins --release -- --nocapture chaos"),
            (Some("api".into()), "--release".into(), "joins --nocapture chaos".into())
        );
    }
}
