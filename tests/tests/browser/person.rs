//! Somebody with a browser, and what they do with it.

use std::process::{Command, Stdio};
use std::sync::OnceLock;
use std::time::Duration;

use fantoccini::actions::{InputSource, KeyAction, KeyActions};
use fantoccini::elements::Element;
use fantoccini::wd::{Capabilities, WebDriverCompatibleCommand, WindowHandle};
use fantoccini::{Client, ClientBuilder, Locator};
use hyper_util::client::legacy::connect::HttpConnector;
use parlour_protocol::ids::ConversationId;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::hands::Hands;

/// The password of every person.
pub const PASSWORD: &str = "correct horse battery";
/// How long a page may take on a busy machine before the test fails.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The key, as WebDriver writes it.
pub const ESCAPE: &str = "\u{E00C}";

/// Width and height of the window.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Device {
    /// 1440 × 900.
    Desktop,
    /// 390 × 844, with touch.
    Phone,
    /// 360 × 740, with touch.
    SmallPhone,
    /// 820 × 1180, with touch.
    Tablet,
}

/// The port of the driver that starts browsers; one for all tests of this process.
fn driver() -> u16 {
    static PORT: OnceLock<u16> = OnceLock::new();
    *PORT.get_or_init(|| {
        let program = std::env::var("TEST_CHROMEDRIVER").unwrap_or_else(|_| "/usr/bin/chromedriver".into());
        let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        // The kernel ends the driver together with the thread that started it, so this thread lives as long as the
        // process, however that ends.
        std::thread::spawn(move || {
            let mut child = Command::new("setpriv")
                .args(["--pdeathsig", "KILL", &program, &format!("--port={port}"), "--log-level=SEVERE"])
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .spawn()
                .expect("chromedriver starts");
            child.wait()
        });
        let started = std::time::Instant::now();
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(started.elapsed() < PATIENCE, "chromedriver does not listen");
            std::thread::yield_now();
        }
        port
    })
}

/// See the module.
pub struct Person {
    client: Client,
    address: String,
    hands: Hands,
    _profile: TempDir,
}

/// Reads the browser's console.
#[derive(Debug)]
struct ReadConsole;

impl WebDriverCompatibleCommand for ReadConsole {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/se/log", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(json!({ "type": "browser" }).to_string()))
    }
}

/// A WebDriver command for the virtual authenticator.
#[derive(Debug)]
struct Authenticator {
    path: String,
    body: Value,
}

impl WebDriverCompatibleCommand for Authenticator {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/webauthn/authenticator{}", session.unwrap_or_default(), self.path))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        (http::Method::POST, Some(self.body.to_string()))
    }
}

/// A command of the browser's own protocol (CDP).
#[derive(Debug)]
struct OwnCommand {
    name: &'static str,
    parameters: Value,
}

impl WebDriverCompatibleCommand for OwnCommand {
    fn endpoint(&self, base: &url::Url, session: Option<&str>) -> Result<url::Url, url::ParseError> {
        base.join(&format!("session/{}/goog/cdp/execute", session.unwrap_or_default()))
    }

    fn method_and_body(&self, _: &url::Url) -> (http::Method, Option<String>) {
        let body = json!({ "cmd": self.name, "params": self.parameters });
        (http::Method::POST, Some(body.to_string()))
    }
}

impl Person {
    /// Opens a browser without a page.
    pub async fn arrive(address: &str, device: Device) -> Self {
        Self::arrive_with(address, device, &[]).await
    }

    /// Opens a browser with additional arguments.
    pub async fn arrive_with(address: &str, device: Device, arguments: &[&str]) -> Self {
        let profile = TempDir::new().unwrap();
        let program = std::env::var("TEST_CHROMIUM").unwrap_or_else(|_| "/usr/bin/chromium".into());
        let (width, height) = match device {
            Device::Desktop => (1440, 900),
            Device::Phone => (390, 844),
            Device::SmallPhone => (360, 740),
            Device::Tablet => (820, 1180),
        };
        let mut options = json!({
            "binary": program,
            "args": [
                "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
                "--disable-background-networking", "--disable-component-update", "--disable-sync",
                "--disable-dev-shm-usage", format!("--user-data-dir={}", profile.path().display()),
                format!("--window-size={width},{height}"),
            ],
            "mobileEmulation": (device != Device::Desktop).then(|| json!({
                "deviceMetrics": { "width": width, "height": height, "pixelRatio": 1.0, "mobile": true, "touch": true }
            })),
        });
        if let Some(all) = options["args"].as_array_mut() {
            all.extend(arguments.iter().map(|one| json!(one)));
        }
        if let Some(map) = options.as_object_mut() {
            map.retain(|_, value| !value.is_null());
        }
        let capabilities: Capabilities = [
            ("goog:chromeOptions".to_owned(), options),
            ("goog:loggingPrefs".to_owned(), json!({ "browser": "ALL" })),
        ]
        .into_iter()
        .collect();
        let client = ClientBuilder::new(HttpConnector::new())
            .capabilities(capabilities)
            .connect(&format!("http://127.0.0.1:{}", driver()))
            .await
            .expect("a browser opens");
        Self { client, address: address.to_owned(), hands: Hands::at(device), _profile: profile }
    }

    /// Opens a browser and registers through the form.
    pub async fn register(address: &str, device: Device, handle: &str, name: &str) -> Self {
        let person = Self::arrive(address, device).await;
        person.go("/register").await;
        person.sign_up(handle, name).await;
        person.see("sidebar").await;
        person
    }

    /// Registers Ada, who then joins a room.
    pub async fn in_room(address: &str, device: Device, room: ConversationId) -> Self {
        let ada = Self::register(address, device, "ada", "Ada").await;
        ada.join(room).await;
        ada
    }

    /// Opens a room and joins it.
    pub async fn join(&self, room: ConversationId) {
        self.go(&format!("/c/{room}")).await;
        self.click("join-room").await;
        self.see("composer").await;
    }

    /// Fills in the registration form.
    pub async fn sign_up(&self, handle: &str, name: &str) {
        self.fill("handle", handle).await;
        self.fill("display_name", name).await;
        self.fill("password", PASSWORD).await;
        self.click("register-submit").await;
    }

    /// Logs in through the form.
    pub async fn log_in(&self, handle: &str) {
        self.go("/log-in").await;
        // Replaces what the field may still contain.
        self.fill("handle", &format!("\u{e009}a\u{e000}{handle}")).await;
        self.fill("password", PASSWORD).await;
        self.click("login-submit").await;
    }

    /// Opens another tab and switches to it; returns the handle of the previous one.
    pub async fn open_tab(&self) -> WindowHandle {
        let before = self.client.window().await.unwrap();
        let opened = self.client.new_window(true).await.unwrap();
        self.client.switch_to_window(opened.handle).await.unwrap();
        before
    }

    /// The current tab.
    pub async fn here(&self) -> WindowHandle {
        self.client.window().await.unwrap()
    }

    /// Switches to another tab.
    pub async fn look_at(&self, tab: &WindowHandle) {
        self.client.switch_to_window(tab.clone()).await.unwrap();
    }

    /// Closes the current tab.
    pub async fn close_tab(&self) {
        self.client.close_window().await.unwrap();
    }

    /// Loads a page that is not from the server.
    pub async fn go_away(&self) {
        self.client.goto("about:blank").await.unwrap();
    }

    /// Loads a place.
    pub async fn go(&self, path: &str) {
        // A navigation away from a page that is not completely loaded takes its place in the history.
        self.until("the page before is loaded", "document.readyState === 'complete'").await;
        self.client.goto(&format!("{}{path}", self.address)).await.unwrap();
    }

    /// Loads the same place again.
    pub async fn reload(&self) {
        self.client.refresh().await.unwrap();
    }

    /// The path that the browser shows.
    pub async fn path(&self) -> String {
        self.client.current_url().await.unwrap().path().to_owned()
    }

    /// Waits until the address has this path and query.
    pub async fn arrives_at(&self, place: &str) {
        let place = json!(place);
        self.until(
            &format!("the address {place}"),
            &format!("location.pathname + location.search === {place}"),
        )
        .await;
    }

    /// Waits until the window has this title.
    pub async fn is_titled(&self, title: &str) {
        let title = json!(title);
        self.until(&format!("the title {title}"), &format!("document.title === {title}")).await;
    }

    async fn wait(&self, css: &str) -> Element {
        let found = self.client.wait().at_most(PATIENCE).for_element(Locator::Css(css)).await;
        match found {
            Ok(element) => element,
            Err(error) => {
                let text = self.text_of("body").await;
                panic!("{css} did not appear ({error}); the page says: {text}");
            }
        }
    }

    /// Waits for an element by its test id.
    pub async fn see(&self, id: &str) -> Element {
        self.wait(&format!("[data-testid='{id}']")).await
    }

    /// Clicks an element by its test id, once it can be clicked.
    pub async fn click(&self, id: &str) {
        self.click_css(&format!("[data-testid='{id}']")).await;
    }

    /// Clicks an element by a selector; retries while it is being replaced or moved.
    pub async fn click_css(&self, css: &str) {
        if self.hands == Hands::Keyboard {
            return self.press_on(css).await;
        }
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            let element = self.wait(css).await;
            match element.click().await {
                Ok(()) => return,
                Err(error) => {
                    assert!(tokio::time::Instant::now() < deadline, "{css} cannot be clicked: {error}")
                }
            }
        }
    }

    /// Types into an input by its name.
    pub async fn fill(&self, name: &str, text: &str) {
        self.type_into(&format!("[name='{name}']"), text).await;
    }

    /// Presses a key where the focus is.
    pub async fn press(&self, key: &str) {
        self.client.active_element().await.unwrap().send_keys(key).await.unwrap();
    }

    /// Presses a key on the keyboard itself, which every control receives, also with other keys held down.
    pub async fn strike(&self, held: &[char], key: char) {
        let down = held.iter().chain([&key]).map(|value| KeyAction::Down { value: *value });
        let up = [&key].into_iter().chain(held).map(|value| KeyAction::Up { value: *value });
        let keys = down.chain(up).fold(KeyActions::new("keyboard".into()), |keys, one| keys.then(one));
        self.client.perform_actions(keys).await.unwrap();
    }

    /// Writes and sends a message in the open conversation.
    pub async fn say(&self, text: &str) {
        self.write(text).await;
        if self.hands == Hands::Keyboard {
            self.press("\u{E007}").await;
        } else {
            self.click("send").await;
        }
    }

    /// Types into the composer.
    pub async fn write(&self, text: &str) {
        self.type_into("[data-testid=composer]", text).await;
    }

    async fn type_into(&self, css: &str, text: &str) {
        if self.hands == Hands::Keyboard {
            self.bring_focus_to(css).await;
            self.press(text).await;
        } else {
            self.wait(css).await.send_keys(text).await.unwrap();
        }
    }

    /// Waits until the composer holds exactly this.
    pub async fn has_written(&self, text: &str) {
        let text = json!(text);
        let what = format!("the draft {text}");
        self.until(&what, &format!("document.querySelector('[data-testid=composer]')?.value === {text}"))
            .await;
    }

    /// Waits until an element is gone, by its test id.
    pub async fn miss(&self, id: &str) {
        self.until(&format!("{id} is gone"), &format!("!document.querySelector('[data-testid={id}]')")).await;
    }

    /// Waits until a JavaScript expression is true.
    pub async fn until(&self, what: &str, expression: &str) {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        // The element, or what it is searched in, may not exist yet.
        let script = format!(
            "try {{ return Boolean({expression}); }} catch (error) {{ if (error instanceof TypeError) return false; throw error; }}"
        );
        loop {
            match self.client.execute(&script, Vec::new()).await {
                Ok(Value::Bool(true)) => return,
                Ok(_) => {}
                Err(error) if error.is_stale_element_reference() => {}
                Err(error) => panic!("{what}: {error}"),
            }
            if tokio::time::Instant::now() > deadline {
                let (path, text) = (self.path().await, self.text_of("body").await);
                panic!("never came: {what}; the page is {path} and says: {text}");
            }
            // The browser needs the core more than this poll does.
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    /// Waits until a message with this text is shown as stored.
    pub async fn read(&self, text: &str) {
        let text = json!(text);
        self.until(
            &format!("the message {text}"),
            &format!(
                "[...document.querySelectorAll('[data-testid=message][data-state=sent]')]\
                 .some(row => row.querySelector('[data-testid=message-body]')?.textContent.trim() === {text})"
            ),
        )
        .await;
    }

    /// The texts of all messages that are shown, in order.
    pub async fn messages(&self) -> Vec<String> {
        let script = "return [...document.querySelectorAll('[data-testid=message-body]')].map(e => e.textContent.trim());";
        serde_json::from_value(self.client.execute(script, Vec::new()).await.unwrap()).unwrap()
    }

    /// The text of an element, empty if there is none.
    pub async fn text_of(&self, css: &str) -> String {
        match self.client.find(Locator::Css(css)).await {
            Ok(element) => element.text().await.unwrap_or_default(),
            Err(error) => {
                assert!(error.is_no_such_element(), "{error}");
                String::new()
            }
        }
    }

    /// Sends a friend request by handle, through the page.
    pub async fn ask_for_friendship(&self, handle: &str) {
        self.go("/friends").await;
        self.fill("friend", handle).await;
        self.click("add-friend-submit").await;
        self.see("toast").await;
    }

    /// Runs JavaScript and returns its value.
    pub async fn evaluate(&self, script: &str) -> Value {
        self.client.execute(script, Vec::new()).await.unwrap()
    }

    /// Runs JavaScript that calls its last argument when done, and returns what it passes.
    pub async fn evaluate_async(&self, script: &str) -> Value {
        self.client.execute_async(script, Vec::new()).await.unwrap()
    }

    /// Gives the device an authenticator that stores passkeys and verifies the user; returns its id.
    pub async fn add_authenticator(&self) -> String {
        let body = json!({
            "protocol": "ctap2", "transport": "internal", "hasResidentKey": true, "hasUserVerification": true,
            "isUserVerified": true, "isUserConsenting": true,
        });
        let made = self.client.issue_cmd(Authenticator { path: String::new(), body }).await.unwrap();
        made.as_str().expect("a name").to_owned()
    }

    /// Sets whether the authenticator verifies the user.
    pub async fn set_verified(&self, authenticator: &str, verified: bool) {
        let (path, body) = (format!("/{authenticator}/uv"), json!({ "isUserVerified": verified }));
        self.client.issue_cmd(Authenticator { path, body }).await.unwrap();
    }

    /// Runs a command of the browser's own protocol, and returns its result.
    pub async fn tell_browser(&self, name: &'static str, parameters: Value) -> Value {
        self.client.issue_cmd(OwnCommand { name, parameters }).await.unwrap()
    }

    /// Goes back, as the browser's button does.
    pub async fn back(&self) {
        self.client.back().await.unwrap();
    }

    /// A screenshot of the page, saved where `TEST_SCREENSHOTS` says.
    pub async fn picture(&self, name: &str) {
        if let Ok(folder) = std::env::var("TEST_SCREENSHOTS") {
            std::fs::create_dir_all(&folder).unwrap();
            std::fs::write(format!("{folder}/{name}.png"), self.client.screenshot().await.unwrap()).unwrap();
        }
    }

    /// Closes the browser; its console must hold no panic and no error except failed requests.
    pub async fn leave(self) {
        let console = match self.client.issue_cmd(ReadConsole).await {
            Ok(console) => console,
            Err(error) if error.is_unknown_command() => Value::Null,
            Err(error) => panic!("the console cannot be read: {error}"),
        };
        for line in console.as_array().into_iter().flatten() {
            let message = line["message"].as_str().unwrap_or_default();
            let network = line["source"] == "network" || message.contains("WebSocket connection to");
            // Over plain HTTP, browsers report that they ignore headers meant for HTTPS.
            let plain = message.contains("header has been ignored");
            assert!(line["level"] != "SEVERE" || network || plain, "the console says: {message}");
            assert!(!message.contains("panicked"), "the console says: {message}");
        }
        self.client.close().await.unwrap();
    }
}
