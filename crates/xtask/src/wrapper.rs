//! Packages the built client as an app: a Capacitor project that contains one for Android and one for iOS, created from
//! the template in `frontend/wrapper`.
//!
//! Invariant: the client's files are the ones the server serves; only the page's head is extended. Changes made by hand
//! in the project (names, plugins, native code) are kept when it is rebuilt.

use std::{
    ffi::OsString,
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail, ensure};

use crate::{
    client::{self, files_below},
    commands,
    steps::Steps,
    workspace::Workspace,
};

/// The lowest major version of Node.js that the Capacitor CLI accepts.
const NODE: u32 = 22;
/// Node.js as an npm package, for machines with an older one.
const NODE_PACKAGE: &str = "node@22.23.3";
/// Template files that are copied only once; then they belong to the project.
const OWN: [&str; 4] = ["package.json", "package-lock.json", "capacitor.config.json", ".gitignore"];
/// Scripts of packages and their file names in the app. They define globals, so no bundler is needed.
const SCRIPTS: [(&str, &str); 3] = [
    ("@capacitor/core/dist/capacitor.js", "capacitor.js"),
    ("@capacitor/app/dist/plugin.js", "app.js"),
    ("@aparajita/capacitor-secure-storage/dist/plugin.js", "secure-storage.js"),
];
/// `head.html` is inserted after this line: before anything is loaded.
const CHARSET: &str = "<meta charset=\"utf-8\">\n";
/// This line requests the server's description from the page's own host, which in an app is never the server; it is
/// removed.
const ASKS_ITSELF: &str = "<link rel=\"preload\" href=\"/api/v1/server\" as=\"fetch\" crossorigin>\n";
/// The line of parlour.js that is replaced to name the server.
const NO_SERVER: &str = "const SERVER = \"\";";

/// The parsed arguments.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    folder: Option<PathBuf>,
    server: Option<String>,
}

impl Wanted {
    fn parse(arguments: &[String]) -> Result<Self> {
        let mut wanted = Self { folder: None, server: None };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            match argument.as_str() {
                "--server" => {
                    let server = rest.next().context("`--server` is followed by an address.")?;
                    wanted.server = Some(origin(server)?);
                }
                flag if flag.starts_with('-') => bail!("`cargo xtask wrapper` knows no `{flag}`."),
                folder => {
                    ensure!(wanted.folder.is_none(), "one folder is enough.");
                    wanted.folder = Some(folder.into());
                }
            }
        }
        Ok(wanted)
    }
}

/// Validates an address that is put into a script: scheme, host and port.
fn origin(address: &str) -> Result<String> {
    let address = address.trim_end_matches('/');
    let host = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"));
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    ensure!(
        host.is_some_and(|host| !host.is_empty() && host.bytes().all(plain)),
        "{address} is no address of a server; it should look like https://chat.example.org."
    );
    Ok(address.to_owned())
}

/// Creates the project, or updates the client in it.
pub fn wrapper(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    let wanted = Wanted::parse(arguments)?;
    let Programs { npm, path } = programs(workspace, steps)?;
    let dist = client::build(workspace, steps)?;
    let template = workspace.root.join("frontend/wrapper");
    let folder = match wanted.folder {
        Some(folder) => std::env::current_dir()?.join(folder),
        None => workspace.target.join("wrapper"),
    };
    fs::create_dir_all(&folder)?;
    for name in OWN {
        if !folder.join(name).exists() {
            fs::copy(template.join(name), folder.join(name))?;
        }
    }
    let run = |arguments: &[&str]| {
        let mut command = commands::cleaned(workspace, &npm);
        // Non-interactive: there is nobody to answer questions.
        command.current_dir(&folder).env("CI", "true").env("PATH", &path).args(arguments);
        commands::run(&mut command)
    };
    steps.step("fetch Capacitor from the npm registry", || {
        run(&["ci", "--no-audit", "--no-fund", "--loglevel=error"])
    })?;
    steps.step("put the client into the project", || {
        fill(&folder, &template, &dist, wanted.server.as_deref())
    })?;
    let capacitor = |arguments: &[&str]| run(&[&["exec", "--offline", "--", "cap"], arguments].concat());
    for platform in ["android", "ios"] {
        if !folder.join(platform).exists() {
            steps.step(&format!("make the project for {platform}"), || capacitor(&["add", platform]))?;
        }
    }
    steps.step("bring the client into both", || capacitor(&["sync"]))?;
    let folder = folder.display();
    println!("\nThe app is in {folder}. What is left to be done says frontend/wrapper/README.md.");
    Ok(())
}

/// The programs that run Capacitor.
struct Programs {
    npm: PathBuf,
    /// The PATH to use; a directory with a recent enough Node.js comes first.
    path: OsString,
}

/// Finds npm and a recent enough Node.js; otherwise installs Node.js from the npm registry for this project only.
fn programs(workspace: &Workspace, steps: &mut Steps) -> Result<Programs> {
    let needed = format!("Capacitor needs Node.js {NODE} or later with npm. Install it: https://nodejs.org");
    let (Some(node), Some(npm)) = (commands::find_program("node"), commands::find_program("npm")) else {
        bail!("there is no Node.js. {needed}");
    };
    let path = std::env::var_os("PATH").unwrap_or_default();
    let said = version(workspace, &node)?;
    if is_new_enough(&said) {
        return Ok(Programs { npm, path });
    }
    let folder = workspace.target.join("tools/node");
    let newer = folder.join("node_modules/.bin");
    if !version(workspace, &newer.join("node")).is_ok_and(|said| is_new_enough(&said)) {
        steps.step("fetch a newer Node.js from the npm registry", || {
            fs::create_dir_all(&folder)?;
            let mut command = commands::cleaned(workspace, &npm);
            command.args(["install", "--no-audit", "--no-fund", "--loglevel=error", "--prefix"]);
            commands::run(command.arg(&folder).arg(NODE_PACKAGE))
        })?;
        let said = version(workspace, &newer.join("node"))?;
        ensure!(is_new_enough(&said), "there is Node.js {said}. {needed}");
    }
    let path = std::env::join_paths(std::iter::once(newer).chain(std::env::split_paths(&path)))?;
    Ok(Programs { npm, path })
}

/// The version a Node.js reports, such as `v22.23.3`.
fn version(workspace: &Workspace, node: &Path) -> Result<String> {
    let said = commands::output(commands::cleaned(workspace, node).arg("--version"))?;
    Ok(String::from_utf8_lossy(&said).trim().to_owned())
}

fn is_new_enough(version: &str) -> bool {
    let major = version.trim_start_matches('v').split('.').next().and_then(|major| major.parse::<u32>().ok());
    major.is_some_and(|major| major >= NODE)
}

/// Creates `www`: the client, the app's scripts, and the page that loads both.
fn fill(folder: &Path, template: &Path, dist: &Path, server: Option<&str>) -> Result<()> {
    let www = folder.join("www");
    if www.exists() {
        fs::remove_dir_all(&www)?;
    }
    let write = |name: &Path, content: &[u8]| -> Result<()> {
        let path = www.join(name);
        fs::create_dir_all(path.parent().unwrap_or(&path))?;
        fs::write(&path, content).with_context(|| format!("{} cannot be written", path.display()))
    };
    for file in files_below(dist)? {
        // An app does not request compressed files.
        if !file.extension().is_some_and(|ending| ending == "br" || ending == "gz") {
            write(file.strip_prefix(dist)?, &fs::read(&file)?)?;
        }
    }
    for (path, name) in SCRIPTS {
        let script = folder.join("node_modules").join(path);
        let script = fs::read(&script).with_context(|| format!("{} cannot be read", script.display()))?;
        write(&Path::new("wrapper").join(name), &script)?;
    }
    let script = script(&fs::read_to_string(template.join("parlour.js"))?, server)?;
    write(Path::new("wrapper/parlour.js"), script.as_bytes())?;
    let head = fs::read_to_string(template.join("head.html"))?;
    let page = page(&fs::read_to_string(dist.join("index.html"))?, &head)?;
    write(Path::new("index.html"), page.as_bytes())
}

/// The script with the address of the server to start with.
fn script(template: &str, server: Option<&str>) -> Result<String> {
    ensure!(template.contains(NO_SERVER), "frontend/wrapper/parlour.js has no line `{NO_SERVER}`.");
    let named = format!("const SERVER = \"{}\";", server.unwrap_or_default());
    Ok(template.replacen(NO_SERVER, &named, 1))
}

/// The client's page with the app's additions to its head.
fn page(page: &str, head: &str) -> Result<String> {
    for needed in [CHARSET, ASKS_ITSELF] {
        ensure!(page.contains(needed), "frontend/index.html has no line `{}`.", needed.trim());
    }
    Ok(page.replacen(ASKS_ITSELF, "", 1).replacen(CHARSET, &format!("{CHARSET}{head}"), 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Wanted> {
        Wanted::parse(&arguments.iter().map(|one| (*one).to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn a_folder_and_a_server_may_be_named() {
        let nothing = Wanted { folder: None, server: None };
        assert_eq!(parse(&[]).unwrap(), nothing);
        let server = Some("https://chat.example.org".to_owned());
        let both = Wanted { folder: Some("app".into()), server };
        assert_eq!(parse(&["--server", "https://chat.example.org/", "app"]).unwrap(), both);
        for wrong in
            [&["--server"][..], &["--sever", "x"], &["one", "two"], &["--server", "chat.example.org"]]
        {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn an_older_node_is_known_by_its_version() {
        assert!(is_new_enough("v22.0.0") && is_new_enough("v24.11.1"));
        assert!(!is_new_enough("v20.20.2") && !is_new_enough("what") && !is_new_enough(""));
    }

    #[test]
    fn an_address_cannot_become_a_script() {
        for wrong in
            ["https://", "https://a\"b", "https://a/b", "https://a b", "javascript:alert(1)", "https://a\\"]
        {
            assert!(origin(wrong).is_err(), "{wrong}");
        }
        assert_eq!(origin("http://localhost:8080").unwrap(), "http://localhost:8080");
    }

    #[test]
    fn the_templates_fit_the_client() {
        let frontend = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../frontend");
        let read = |name: &str| fs::read_to_string(frontend.join(name)).unwrap();
        let made = script(&read("wrapper/parlour.js"), Some("https://chat.example.org")).unwrap();
        assert!(made.contains("const SERVER = \"https://chat.example.org\";"));
        let made = page(&read("index.html"), &read("wrapper/head.html")).unwrap();
        let policy = made.find("Content-Security-Policy").unwrap();
        assert!(policy < made.find("<script").unwrap() && policy < made.find("<link").unwrap());
        assert!(!made.contains("/api/v1/server"));
        for (_, name) in SCRIPTS {
            assert!(made.contains(&format!("/wrapper/{name}")), "{name} is not in head.html");
        }
        let packages = read("wrapper/package.json");
        for exact in ["^", "~", "latest", "*"] {
            assert!(!packages.contains(&format!("\"{exact}")), "versions are exact");
        }
    }
}
