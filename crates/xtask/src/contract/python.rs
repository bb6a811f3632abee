//! The Python part: generators, the scripts that use their code, and the socket client. openapi-generator is installed
//! from PyPI, too; its jar is run with Java.

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};

use super::{
    context::{Context, install, pinned},
    report::{About, Report},
    tools::{Found, Tools},
    typescript::all,
};
use crate::steps::Steps;

/// Options for generating the pydantic models.
const MODELS: [&str; 11] = [
    "--output-model-type",
    "pydantic_v2.BaseModel",
    "--target-python-version",
    "3.11",
    "--use-annotated",
    "--use-union-operator",
    "--use-standard-collections",
    "--disable-timestamp",
    "--formatters",
    "builtin",
    "--enum-field-as-literal",
];
/// Name of each story in the report, and its script.
const STORIES: [(&str, &str); 4] = [
    ("Python, openapi-python-client", "conformance"),
    ("Python, openapi-generator", "openapi_generator"),
    ("Python, datamodel-code-generator", "datamodel"),
    ("Python, socket", "socket_client"),
];
/// Output folder of openapi-generator's Python client.
const OF_JAVA: &str = "generated/openapi-generator";

/// Installs everything and returns the path of openapi-generator's jar.
pub fn install_all(context: &Context, steps: &mut Steps, python: &Path) -> Result<PathBuf> {
    let folder = context.folder("python")?;
    let venv = folder.join("venv");
    steps.step("fetch what Python needs from PyPI", || {
        let list = folder.join("requirements.txt");
        install(&list, &venv, || {
            let mut environment = context.program(&folder, python);
            context.succeed(&folder, "venv", environment.args(["-m", "venv", "--clear"]).arg(&venv))?;
            let mut pip = context.program(&folder, &venv.join("bin/python"));
            pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps"]);
            pip.args(["--no-compile", "--requirement"]).arg(&list);
            context.succeed(&folder, "pip", &mut pip).map(drop)
        })
    })?;
    let mut ask = context.program(&folder, &venv.join("bin/python"));
    ask.args(["-c", "import openapi_generator_cli as it; print(next(iter(it.__path__)))"]);
    let place = PathBuf::from(context.succeed(&folder, "jar", &mut ask)?.out.trim());
    let jar = fs::read_dir(&place)?.flatten().map(|file| file.path());
    let mut jar = jar.filter(|path| path.extension().is_some_and(|ending| ending == "jar"));
    jar.next().with_context(|| format!("{} has no jar", place.display()))
}

/// Generates, compiles and runs.
pub fn check(
    context: &Context,
    report: &mut Report,
    steps: &mut Steps,
    tools: &Tools,
    jar: &Found,
) -> Result<()> {
    if let Err(lacks) = jar {
        report.skip(About::Generator, "those of Python", lacks);
        report.skip(About::Run, "Python", lacks);
        return Ok(());
    }
    let folder = context.folder("python")?;
    let list = fs::read_to_string(folder.join("requirements.txt"))?;
    let bin = folder.join("venv/bin");
    let mut made = steps.step("generate clients in Python", || generate(context, &folder, &bin, &list))?;
    let of_java = match (&tools.java, jar) {
        (Ok(java), Ok(jar)) => {
            let version = pinned(&list, "openapi-generator-cli")?;
            let result = steps.step("generate a client in Python with openapi-generator", || {
                let mut command = context.program(&folder, java);
                command.arg("-jar").arg(jar).args(["generate", "--generator-name", "python"]);
                command.args(["--package-name", "parlour_openapi_generator"]);
                command.args([
                    "--global-property",
                    "apiDocs=false,modelDocs=false,apiTests=false,modelTests=false",
                ]);
                let document = context.documents.join("openapi.json");
                command.args(["--output", OF_JAVA]).arg("--input-spec").arg(&document);
                Ok(context.generate(
                    &folder,
                    "openapi-generator",
                    &version,
                    &[&document],
                    OF_JAVA,
                    &mut command,
                ))
            })?;
            made.push(("openapi-generator, python", version, result.map(|()| "generated".to_owned())));
            true
        }
        (Err(lacks), _) | (_, Err(lacks)) => {
            report.skip(About::Generator, "openapi-generator, python", lacks);
            false
        }
    };
    let compiled = steps.step("check the types in Python", || Ok(types(context, &folder, &bin, of_java)))?;
    let compiled = compiled.map_err(|error| format!("{error:#}"));
    for (name, version, result) in made {
        let whole = result.and_then(|said| match &compiled {
            Ok(()) if name == "openapi-generator, python" => Ok(format!("{said}, mypy with its own rules")),
            Ok(()) => Ok(format!("{said}, mypy --strict")),
            Err(error) => bail!("{said}, but {error}"),
        });
        report.note(About::Generator, name, &version, whole);
    }
    for (name, script) in STORIES {
        if script == "openapi_generator" && !of_java {
            report.skip(About::Run, name, "its client was not generated");
            continue;
        }
        let result = compiled.clone().map_err(anyhow::Error::msg).and_then(|()| {
            steps.step(&format!("run {script}.py"), || {
                let mut python = context.program(&folder, &bin.join("python"));
                python.env("PYTHONPATH", folder.join(OF_JAVA));
                context.story(&folder, script, python.arg(format!("{script}.py")))
            })
        });
        report.note(About::Run, name, "", result);
    }
    Ok(())
}

fn types(context: &Context, folder: &Path, bin: &Path, of_java: bool) -> Result<()> {
    let mut mypy = context.program(folder, &bin.join("mypy"));
    mypy.args(
        STORIES
            .iter()
            .filter(|story| of_java || story.1 != "openapi_generator")
            .map(|story| format!("{}.py", story.1)),
    );
    mypy.args(["generated/models.py", "generated/socket_models.py", "generated/openapi_python_client"]);
    if of_java {
        mypy.arg(format!("{OF_JAVA}/parlour_openapi_generator"));
    }
    context.succeed(folder, "mypy", &mut mypy).map(drop)
}

type Made = (&'static str, String, Result<String>);

fn generate(context: &Context, folder: &Path, bin: &Path, list: &str) -> Result<Vec<Made>> {
    let openapi = context.documents.join("openapi.json");
    let socket = context.documents.join("socket.schema.json");
    let mut made = Vec::new();

    let (name, output) = ("openapi-python-client", "generated/openapi_python_client");
    let (version, settings) = (pinned(list, name)?, folder.join("openapi-python-client.yaml"));
    let mut command = context.program(folder, &bin.join(name));
    command.args(["generate", "--overwrite", "--meta", "none", "--config"]).arg(&settings);
    command.args(["--output-path", output]).arg("--path").arg(&openapi);
    let result = context.generate(folder, name, &version, &[&openapi, &settings], output, &mut command);
    let operations = fs::read_to_string(&openapi)?.matches("\"operationId\"").count();
    made.push((name, version, result.and_then(|()| python_client(folder, &folder.join(output), operations))));

    let name = "datamodel-code-generator";
    let version = pinned(list, name)?;
    for (name, document, kind, literals, output) in [
        (name, &openapi, "openapi", "one", "generated/models.py"),
        ("datamodel-code-generator, socket", &socket, "jsonschema", "all", "generated/socket_models.py"),
    ] {
        let mut command = context.program(folder, &bin.join("datamodel-codegen"));
        command.args(MODELS).arg(literals).args(["--input-file-type", kind, "--output", output]);
        command.arg("--input").arg(document);
        let result = context.generate(folder, name, &version, &[document], output, &mut command);
        made.push((name, version.clone(), result.map(|()| "generated".to_owned())));
    }
    Ok(made)
}

/// Checks the result: the generator omits what it does not understand and only prints a warning.
fn python_client(folder: &Path, made: &Path, operations: usize) -> Result<String> {
    let log = folder.join("log");
    let said =
        ["out", "err"].map(|ending| fs::read_to_string(log.join(format!("openapi-python-client.{ending}"))));
    let said = said.into_iter().collect::<std::io::Result<String>>()?;
    let warnings = known(&said)?;
    let mut found = 0;
    for group in fs::read_dir(made.join("api"))?.flatten().filter(|entry| entry.path().is_dir()) {
        let files = fs::read_dir(group.path())?.flatten().map(|file| file.file_name());
        found +=
            files.filter(|name| name.to_string_lossy().ends_with(".py") && name != "__init__.py").count();
    }
    Ok(format!("{}, {warnings} warnings about types of pictures", all(found, operations)?))
}

/// Counts the warnings about unknown media types of pictures, whose bytes are available all the same. Any other warning
/// is an error.
fn known(said: &str) -> Result<usize> {
    let warnings: Vec<_> =
        said.lines().filter(|line| line.starts_with("WARNING") || line.starts_with("ERROR")).collect();
    if let Some(new) = warnings.iter().find(|line| !line.contains("avatar")) {
        bail!("{new}");
    }
    Ok(warnings.len())
}

#[cfg(test)]
mod checks {
    use super::*;

    #[test]
    fn only_pictures_may_be_strange() {
        let known_one = "WARNING parsing PUT /api/v1/account/avatar within accounts.\n\nUnsupported content type image/gif\n";
        assert_eq!(known(known_one).unwrap(), 1);
        assert_eq!(known("Generating client").unwrap(), 0);
        assert!(known("WARNING parsing GET /api/v1/rooms within rooms.\n").is_err());
        assert!(known("ERROR: unable to parse this part of your OpenAPI document").is_err());
    }
}
