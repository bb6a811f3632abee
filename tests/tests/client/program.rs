//! A program in a process of its own: its input and its output.

use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use system_tests::{App, Person, eventually};

/// The `parlour` command.
pub fn parlour() -> PathBuf {
    std::env::var_os("TEST_PARLOUR_BIN").map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/debug/parlour")),
        PathBuf::from,
    )
}

/// An example of the client library, which is built beside this program.
pub fn example(name: &str) -> PathBuf {
    parlour().parent().unwrap().join("examples").join(name)
}

/// A running program, killed when dropped.
pub struct Program {
    process: Child,
    stdin: Option<ChildStdin>,
    said: Arc<Mutex<String>>,
    complained: Arc<Mutex<String>>,
}

impl Program {
    /// Starts a program with nothing of this process's environment.
    pub fn start(path: PathBuf, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut process = Command::new(&path)
            .args(arguments)
            .env_clear()
            .envs(environment.iter().copied())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| {
                panic!("{}: {error} (`cargo build --workspace --bins --examples` makes it)", path.display())
            });
        let said = collect(process.stdout.take().unwrap());
        let complained = collect(process.stderr.take().unwrap());
        Self { stdin: process.stdin.take(), process, said, complained }
    }

    /// Writes a line to its standard input.
    pub fn types(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("it still listens");
        stdin.write_all(format!("{line}\n").as_bytes()).unwrap();
    }

    /// Closes its standard input.
    pub fn ends_typing(&mut self) {
        self.stdin = None;
    }

    /// Everything that it has written to standard output so far.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Everything that it has written to standard error so far.
    pub fn complained(&self) -> String {
        self.complained.lock().unwrap().clone()
    }

    /// Waits until its standard output contains a text.
    pub async fn expect(&self, text: &str) {
        let what = format!("it says {text:?}");
        let seen = std::panic::AssertUnwindSafe(eventually(&what, async || self.said().contains(text)));
        if futures_util::FutureExt::catch_unwind(seen).await.is_err() {
            panic!(
                "waited in vain until {what}; it said\n{}\nand complained\n{}",
                self.said(),
                self.complained()
            );
        }
    }

    /// Waits until it exits by itself.
    pub async fn ends(mut self) -> (ExitStatus, String, String) {
        let process = Mutex::new(&mut self.process);
        eventually("it ends", async || process.lock().unwrap().try_wait().unwrap().is_some()).await;
        let status = self.process.wait().unwrap();
        // Its pipes are closed now; their remaining content has yet to arrive.
        let read = || Arc::strong_count(&self.said) == 1 && Arc::strong_count(&self.complained) == 1;
        eventually("everything was read", async || read()).await;
        (status, self.said(), self.complained())
    }

    /// Ends it like a power failure.
    pub fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _gone_already = self.process.wait();
    }
}

fn collect(stream: impl Read + Send + 'static) -> Arc<Mutex<String>> {
    let text = Arc::new(Mutex::new(String::new()));
    let collected = text.clone();
    std::thread::spawn(move || {
        let mut lines = BufReader::new(stream);
        let mut line = Vec::new();
        while let Ok(1..) = lines.read_until(b'\n', &mut line) {
            collected.lock().unwrap().push_str(&String::from_utf8_lossy(&line));
            line.clear();
        }
    });
    text
}

/// What a program needs to act as somebody: the server's URL, and a token with write access.
pub async fn acting_as(app: &App, who: &Person) -> [(&'static str, String); 2] {
    let request = serde_json::json!({"name": "program", "scopes": ["write"]});
    let token = who.create_token("/api/v1/account/tokens", request).await;
    [("PARLOUR_URL", app.address(0)), ("PARLOUR_TOKEN", token.secret)]
}
