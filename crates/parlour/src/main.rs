//! The `parlour` command: parses arguments and calls the library.
//!
//! Invariant: `harden` runs before anything opens a file.

use std::io::{IsTerminal, Read, Write};
use std::net::TcpStream;
use std::process::ExitCode;
use std::time::Duration;

use parlour_server::{Clock, Config, openapi};

/// Returns freed memory to the system, so that a burst or an attack does not leave the process large.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

const USAGE: &str = "\
parlour serve                                  serve; settings come from parlour.toml and the environment
parlour admin create-superuser HANDLE          make an administrator; the password is read from standard input
parlour admin rotate-keys [--now]              sign with a new key; --now ends all sessions, when a key is known to others
parlour admin reset-password HANDLE            print a link with which this person sets a new password, within an hour
parlour chat SERVER [--room NAME]              chat in this terminal, at a server like https://chat.example.org
parlour health                                 ask the server of these settings whether it is ready
parlour openapi [3.0]                          print the OpenAPI document, 3.1 or 3.0.3
parlour asyncapi                               print the AsyncAPI document of the socket
parlour socket-schema                          print the JSON Schema of the socket's frames
parlour settings                               print all settings as a Markdown table
parlour version                                print the version";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    parlour_server::harden();
    let outcome = match words.as_slice() {
        [] | ["serve"] => serve(),
        ["admin", "create-superuser", handle] => create_superuser(handle),
        ["admin", "rotate-keys"] => rotate_keys(false),
        ["admin", "rotate-keys", "--now"] => rotate_keys(true),
        ["admin", "reset-password", handle] => reset_password(handle),
        ["chat", server] => chat(server, None),
        ["chat", server, "--room", room] | ["chat", "--room", room, server] => chat(server, Some(room)),
        ["health"] => health(),
        ["openapi"] => print_json(&openapi::document()),
        ["openapi", "3.0"] => print_json(&openapi::document_3_0()),
        ["asyncapi"] => print_json(&openapi::asyncapi()),
        ["socket-schema"] => print_json(&openapi::socket_schema()),
        ["settings"] => {
            print!("{}", parlour_server::config::table::markdown());
            Ok(())
        }
        ["version" | "--version"] => {
            println!("parlour {}", env!("CARGO_PKG_VERSION"));
            Ok(())
        }
        ["help" | "--help" | "-h"] => {
            println!("{USAGE}");
            Ok(())
        }
        _ => Err(format!("this is not a command of parlour.\n\n{USAGE}")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("parlour: {error}");
            ExitCode::FAILURE
        }
    }
}

fn serve() -> Result<(), String> {
    parlour_server::start_logging();
    let config = Config::load()?;
    let public = config.public_url.clone();
    let clock = Clock::system(config.clock_wrong_by);
    let running = parlour_server::start(config, clock, parlour::CLIENT)?;
    // `localhost` rather than the IP address, because passkeys are bound to names.
    let bound = running.address();
    let local = bound.ip().is_loopback() || bound.ip().is_unspecified();
    let address = public.unwrap_or_else(|| match local {
        true => format!("http://localhost:{}", bound.port()),
        false => format!("http://{bound}"),
    });
    println!("Parlour is ready at {address} (listening on {})", running.address());
    let _ = std::io::stdout().flush();
    running.wait()
}

fn create_superuser(handle: &str) -> Result<(), String> {
    let config = Config::load()?;
    if std::io::stdin().is_terminal() {
        eprint!("Password for @{handle} (unused if the account exists): ");
    }
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).map_err(|error| error.to_string())?;
    let password = line.trim_end_matches(['\r', '\n']).to_owned();
    let done = parlour_server::create_superuser(config, handle, (!password.is_empty()).then_some(password))?;
    println!("{done}");
    Ok(())
}

fn rotate_keys(at_once: bool) -> Result<(), String> {
    println!("{}", parlour_server::rotate_keys(Config::load()?, at_once)?);
    Ok(())
}

fn reset_password(handle: &str) -> Result<(), String> {
    println!("{}", parlour_server::reset_password(Config::load()?, handle)?);
    Ok(())
}

fn chat(server: &str, room: Option<&str>) -> Result<(), String> {
    parlour_client::terminal::run(parlour_client::terminal::Settings {
        server: server.to_owned(),
        room: room.map(str::to_owned),
        token: Config::chat_token(),
    })
}

fn health() -> Result<(), String> {
    let config = Config::load()?;
    let address = config.listen.replace("0.0.0.0", "127.0.0.1").replace("[::]", "[::1]");
    let fail = |error: std::io::Error| format!("{address}: {error}");
    let mut stream = TcpStream::connect(&address).map_err(fail)?;
    stream.set_read_timeout(Some(Duration::from_secs(5))).map_err(fail)?;
    stream
        .write_all(
            format!("GET /health/ready HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\r\n").as_bytes(),
        )
        .map_err(fail)?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).map_err(fail)?;
    if answer.starts_with("HTTP/1.1 200") {
        Ok(())
    } else {
        Err(answer.lines().next().unwrap_or("no answer").to_owned())
    }
}

fn print_json(value: &impl serde::Serialize) -> Result<(), String> {
    let text = serde_json::to_string_pretty(value).map_err(|error| error.to_string())?;
    println!("{text}");
    Ok(())
}
