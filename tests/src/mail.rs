//! A small SMTP server that keeps what it receives, and refuses or hangs on demand.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use parlour_server::Config;
use parlour_server::config::Secret;
use parlour_server::config::mail::MailSettings;

use crate::DEADLINE;

/// Placeholder address in the settings of [`on`], until the harness fills in the real port.
pub(crate) const SOMEWHERE: &str = "smtp://127.0.0.1:0";

/// Makes a server send its mails to the test's own SMTP server.
pub fn on(config: &mut Config) {
    let (smtp_url, from) = (Secret(SOMEWHERE.to_owned()), "chat@chat.example".to_owned());
    config.mail = Some(MailSettings { smtp_url, from });
    config.public_url.get_or_insert_with(|| "https://chat.example".to_owned());
}

/// How the SMTP server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mood {
    /// Accepts every mail.
    Taking,
    /// Refuses every recipient with this code.
    Refusing(u16),
    /// Accepts connections and never replies.
    Hanging,
}

/// An accepted mail.
#[derive(Debug, Clone)]
pub struct Mail {
    /// The envelope's sender.
    pub from: String,
    /// The envelope's recipients.
    pub to: Vec<String>,
    /// Its lines, as received.
    pub raw: String,
}

impl Mail {
    /// The headers, unfolded.
    pub fn headers(&self) -> Vec<(String, String)> {
        let head = self.raw.split("\r\n\r\n").next().unwrap_or_default().replace("\r\n ", " ");
        let split =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.to_lowercase(), value.to_owned()));
        head.split("\r\n").filter_map(split).collect()
    }

    /// A header that must occur exactly once.
    pub fn header(&self, name: &str) -> String {
        let mut all = self.headers().into_iter().filter(|(each, _)| each == name);
        let (_, value) = all.next().unwrap_or_else(|| panic!("no header {name}: {}", self.raw));
        assert!(all.next().is_none(), "the header {name} is there twice: {}", self.raw);
        value
    }

    /// The text.
    pub fn body(&self) -> String {
        let body = self.raw.split_once("\r\n\r\n").expect("a body").1;
        match self.header("content-transfer-encoding").as_str() {
            "quoted-printable" => unquote(body),
            "7bit" => body.to_owned(),
            other => panic!("the body is encoded as {other}"),
        }
    }

    /// The token in its link.
    pub fn token(&self) -> String {
        let body = self.body();
        let after = body.split_once('#').unwrap_or_else(|| panic!("no link: {body}")).1;
        after.split_whitespace().next().expect("a token").to_owned()
    }
}

/// Decodes quoted-printable text.
fn unquote(text: &str) -> String {
    let joined = text.replace("=\r\n", "");
    let mut parts = joined.split('=');
    let mut bytes = parts.next().unwrap_or_default().as_bytes().to_vec();
    for part in parts {
        let (code, rest) = part.split_at(2);
        bytes.push(u8::from_str_radix(code, 16).expect("two digits"));
        bytes.extend(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("UTF-8")
}

struct State {
    mood: Mood,
    mails: Vec<Mail>,
    /// Connections so far.
    connections: usize,
    /// Mails that were started so far.
    begun: usize,
    over: bool,
}

struct Inner {
    state: Mutex<State>,
    changed: Condvar,
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// See the module.
pub struct MailServer {
    port: u16,
    inner: Arc<Inner>,
}

impl MailServer {
    /// Listens on a free port.
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let state = State { mood: Mood::Taking, mails: Vec::new(), connections: 0, begun: 0, over: false };
        let inner = Arc::new(Inner { state: Mutex::new(state), changed: Condvar::new() });
        let shared = inner.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.state().over {
                    return;
                }
                shared.state().connections += 1;
                let shared = shared.clone();
                // A client that disconnects in the middle does not fail the test.
                std::thread::spawn(move || drop(serve(&shared, &stream)));
            }
        });
        Self { port, inner }
    }

    /// The port that it listens on.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Changes the behaviour, also for connections that are waiting.
    pub fn set_mood(&self, mood: Mood) {
        self.inner.state().mood = mood;
        self.inner.changed.notify_all();
    }

    /// Connections so far.
    pub fn connections(&self) -> usize {
        self.inner.state().connections
    }

    /// Mails that were started so far, whatever the outcome.
    pub fn begun(&self) -> usize {
        self.inner.state().begun
    }

    /// The accepted mails that have not been taken yet.
    pub fn mails(&self) -> Vec<Mail> {
        self.inner.state().mails.clone()
    }

    /// Waits for a mail to an address with this text in its subject, and removes it.
    pub async fn take(&self, to: &str, subject: &str) -> Mail {
        let waiting = async {
            loop {
                {
                    let mails = &mut self.inner.state().mails;
                    let fits = |mail: &Mail| mail.to == [to] && mail.header("subject").contains(subject);
                    if let Some(index) = mails.iter().position(fits) {
                        return mails.remove(index);
                    }
                }
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
            }
        };
        tokio::time::timeout(DEADLINE, waiting).await.unwrap_or_else(|_| {
            panic!("waited in vain for a mail to {to} about {subject:?}; there are {:?}", self.mails())
        })
    }
}

impl Drop for MailServer {
    fn drop(&mut self) {
        self.inner.state().over = true;
        self.inner.changed.notify_all();
        // Wakes the listening thread.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
    }
}

/// One connection, to its end.
fn serve(inner: &Inner, stream: &TcpStream) -> std::io::Result<()> {
    let hanging = |state: &mut State| state.mood == Mood::Hanging && !state.over;
    drop(inner.changed.wait_while(inner.state(), hanging).unwrap_or_else(PoisonError::into_inner));
    let mut lines = BufReader::new(stream.try_clone()?).lines();
    let say = |text: &str| (&mut &*stream).write_all(format!("{text}\r\n").as_bytes());
    say("220 test.example ESMTP")?;
    let mut mail = Mail { from: String::new(), to: Vec::new(), raw: String::new() };
    let inside = |line: &str| {
        line.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(it, _)| it.to_owned())
    };
    while let Some(line) = lines.next() {
        let line = line?;
        let command = line.get(..4).unwrap_or(&line).to_uppercase();
        match command.as_str() {
            "EHLO" => say("250-test.example\r\n250-8BITMIME\r\n250-AUTH PLAIN\r\n250 SMTPUTF8")?,
            "HELO" | "NOOP" | "RSET" => say("250 OK")?,
            "AUTH" => say("235 OK")?,
            "MAIL" => {
                inner.state().begun += 1;
                mail.from = inside(&line).unwrap_or_default();
                say("250 OK")?;
            }
            "RCPT" => {
                let mood = inner.state().mood;
                match mood {
                    Mood::Refusing(code) => {
                        say(&format!("{code} not to {}", inside(&line).unwrap_or_default()))?
                    }
                    _ => {
                        mail.to.extend(inside(&line));
                        say("250 OK")?;
                    }
                }
            }
            "DATA" => {
                say("354 go on")?;
                for line in lines.by_ref() {
                    let line = line?;
                    if line == "." {
                        break;
                    }
                    mail.raw.push_str(line.strip_prefix('.').unwrap_or(&line));
                    mail.raw.push_str("\r\n");
                }
                let whole = std::mem::replace(
                    &mut mail,
                    Mail { from: String::new(), to: Vec::new(), raw: String::new() },
                );
                inner.state().mails.push(whole);
                say("250 OK")?;
            }
            "QUIT" => return say("221 bye"),
            _ => say("502 what?")?,
        }
    }
    Ok(())
}
