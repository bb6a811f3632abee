//! The Node.js part: the linters, three TypeScript generators, and the scripts that use their code.

use std::{fs, path::Path};

use anyhow::{Context as _, Result, bail};

use super::{
    context::{Context, Ended, install, pinned, show},
    report::{About, Report},
    tools::Tools,
};
use crate::steps::Steps;

/// The documents, and spectral's rule set for each. Redocly has none for AsyncAPI.
const DOCUMENTS: [(&str, &str); 3] =
    [("openapi.json", "openapi"), ("openapi-3.0.json", "openapi"), ("asyncapi.json", "asyncapi")];
/// Name of each story in the report, and its script.
const STORIES: [(&str, &str); 3] = [
    ("TypeScript, @hey-api/openapi-ts", "conformance"),
    ("TypeScript, openapi-typescript", "openapi-fetch"),
    ("TypeScript, json-schema-to-typescript", "frames"),
];

/// Lints, generates, compiles and runs.
pub fn check(context: &Context, report: &mut Report, steps: &mut Steps, tools: &Tools) -> Result<()> {
    let folder = context.folder("typescript")?;
    let modules = folder.join("node_modules");
    let node = match (&tools.node, &tools.npm) {
        (Ok(node), Ok(npm)) => {
            let packages = steps.step("fetch what TypeScript needs from the npm registry", || {
                install(&folder.join("package-lock.json"), &modules, || {
                    let mut npm = context.program(&folder, npm);
                    npm.args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
                    context.succeed(&folder, "npm", &mut npm).map(drop)
                })
            });
            report.fetched("what TypeScript needs", packages).map(|()| node)
        }
        (Err(lacks), _) | (_, Err(lacks)) => Err(lacks.clone()),
    };
    let node = match node {
        Ok(node) => node,
        Err(lacks) => {
            report.skip(About::Document, "redocly and spectral", &lacks);
            report.skip(About::Generator, "those of TypeScript", &lacks);
            report.skip(About::Run, "TypeScript", &lacks);
            return Ok(());
        }
    };
    let list = fs::read_to_string(folder.join("package.json"))?;
    let bin = modules.join(".bin");
    steps.step("lint the documents", || lint(context, report, &folder, &bin, &list))?;
    let made = steps.step("generate clients in TypeScript", || generate(context, &folder, &bin, &list))?;
    let compiled = steps.step("compile them", || {
        Ok(context.succeed(
            &folder,
            "tsc",
            context.program(&folder, &bin.join("tsc")).args(["--project", "."]),
        ))
    })?;
    let compiled = compiled.map(drop).map_err(|error| format!("{error:#}"));
    for (name, version, result) in made {
        let whole = result.and_then(|said| match &compiled {
            Ok(()) => Ok(format!("{said}, tsc --strict")),
            Err(error) => bail!("{said}, but {error}"),
        });
        report.note(About::Generator, name, &version, whole);
    }
    for (name, script) in STORIES {
        let result = compiled.clone().map_err(anyhow::Error::msg).and_then(|()| {
            steps.step(&format!("run {script}.ts"), || {
                let mut node = context.program(&folder, node);
                context.story(&folder, script, node.arg(format!("out/{script}.js")))
            })
        });
        report.note(About::Run, name, "", result);
    }
    Ok(())
}

fn lint(context: &Context, report: &mut Report, folder: &Path, bin: &Path, list: &str) -> Result<()> {
    for (document, rules) in DOCUMENTS {
        let path = context.documents.join(document);
        if rules == "openapi" {
            let version = pinned(list, "@redocly/cli")?;
            let mut redocly = context.program(folder, &bin.join("redocly"));
            redocly.env("REDOCLY_TELEMETRY", "off").env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
            redocly.args(["lint", "--extends=recommended", "--format=json"]).arg(&path);
            let log = format!("redocly-{document}");
            let result = context.approve(folder, &log, &version, &[&path], &mut redocly, |ended| {
                let counts =
                    of_redocly(&ended.out).with_context(|| format!("it didn't say: {}", ended.err))?;
                verdict(counts, ended)
            });
            note(report, &format!("{document}, redocly recommended"), &version, result);
        }
        let version = pinned(list, "@stoplight/spectral-cli")?;
        let mut spectral = context.program(folder, &bin.join("spectral"));
        let rules = folder.join(format!("{rules}.spectral.yaml"));
        spectral.arg("lint").arg("--ruleset").arg(&rules);
        spectral.args(["--fail-severity=warn", "--format=json"]).arg(&path);
        let log = format!("spectral-{document}");
        let result = context.approve(folder, &log, &version, &[&path, &rules], &mut spectral, |ended| {
            verdict(of_spectral(&ended.out), ended)
        });
        note(report, &format!("{document}, spectral recommended"), &version, result);
    }
    Ok(())
}

fn note(report: &mut Report, name: &str, version: &str, result: Result<()>) {
    // A linter that found faults runs again; what passed is linted again only after a change.
    report.note(About::Document, name, version, result.map(|()| "0 errors, 0 warnings".to_owned()));
}

/// Number of errors and warnings in redocly's output.
fn of_redocly(said: &str) -> Option<(usize, usize)> {
    let totals = said.split("\"totals\"").nth(1)?;
    let number = |name: &str| {
        let rest = totals.split(&format!("\"{name}\":")).nth(1)?.trim_start();
        rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    Some((number("errors")?, number("warnings")?))
}

/// Number of errors and warnings in spectral's output. Informational findings are not counted.
fn of_spectral(said: &str) -> (usize, usize) {
    let count = |severity: u8| said.matches(&format!("\"severity\": {severity},")).count();
    (count(0), count(1))
}

fn verdict((errors, warnings): (usize, usize), ended: &Ended) -> Result<()> {
    if errors + warnings > 0 {
        show(&ended.out);
        bail!("{errors} errors, {warnings} warnings");
    }
    // A linter that could not read its rules or the document must not pass.
    if ended.result.is_err() {
        bail!("it failed without a finding: {}", ended.err.trim());
    }
    Ok(())
}

type Made = (&'static str, String, Result<String>);

fn generate(context: &Context, folder: &Path, bin: &Path, list: &str) -> Result<Vec<Made>> {
    let openapi = context.documents.join("openapi.json");
    let socket = context.documents.join("socket.schema.json");
    let operations = fs::read_to_string(&openapi)?.matches("\"operationId\"").count();
    let mut made = Vec::new();
    let mut one = |name, input: &Path, output: &str, program: &str, arguments: &[&str]| -> Result<()> {
        let version = pinned(list, name)?;
        let mut command = context.program(folder, &bin.join(program));
        // The path of the input document does not count as input of the generator.
        let arguments = arguments
            .iter()
            .map(|argument| if *argument == "<" { input.as_os_str() } else { argument.as_ref() });
        command.args(arguments);
        let result = context.generate(folder, program, &version, &[input], output, &mut command);
        made.push((name, version, result.map(|()| "generated".to_owned())));
        Ok(())
    };
    let types = "generated/openapi-typescript.ts";
    one("openapi-typescript", &openapi, types, "openapi-typescript", &["<", "--output", types])?;
    let client = "generated/hey-api";
    one(
        "@hey-api/openapi-ts",
        &openapi,
        client,
        "openapi-ts",
        &["--input", "<", "--output", client, "--no-log-file"],
    )?;
    let frames = "generated/socket.ts";
    one("json-schema-to-typescript", &socket, frames, "json2ts", &["<", frames])?;
    for (name, _, result) in &mut made {
        if *name == "@hey-api/openapi-ts" && result.is_ok() {
            let code = fs::read_to_string(folder.join(client).join("sdk.gen.ts"))?;
            let found = code.lines().filter(|line| line.starts_with("export const ")).count();
            *result = all(found, operations);
        }
    }
    Ok(made)
}

/// Describes the number of operations in a client; an error unless it has all of them.
pub fn all(found: usize, operations: usize) -> Result<String> {
    if found != operations {
        bail!("{found} of {operations} operations were generated");
    }
    Ok(format!("generated, {found} operations"))
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn linters_are_understood_and_a_warning_is_a_fault() {
        let redocly = "{\n \"totals\": {\n \"errors\": 2,\n \"warnings\": 13,\n \"ignored\": 0 } }";
        assert_eq!(of_redocly(redocly), Some((2, 13)));
        assert_eq!(of_redocly("Cannot find module"), None);
        let spectral = "[\n\t{\n\t\t\"severity\": 1,\n\t},\n\t{\n\t\t\"severity\": 2,\n\t}\n]";
        assert_eq!(of_spectral(spectral), (0, 1));
        let ended = |result| Ended { result, out: String::new(), err: String::new() };
        assert!(verdict((0, 1), &ended(Ok(()))).is_err() && verdict((1, 0), &ended(Ok(()))).is_err());
        assert!(verdict((0, 0), &ended(Err(anyhow::anyhow!("no rules")))).is_err());
        assert!(verdict((0, 0), &ended(Ok(()))).is_ok());
    }

    #[test]
    fn an_operation_that_was_left_out_is_a_fault() {
        assert!(all(102, 103).is_err());
        assert!(all(103, 103).is_ok());
    }
}
