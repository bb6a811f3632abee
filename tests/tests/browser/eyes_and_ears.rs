//! Accessibility: axe-core finds nothing on any page or dialog in any mode, and the tree that screen readers get
//! matches its snapshot.

use parlour_protocol::friends::CreateFriendRequest;
use std::time::Duration;

use parlour_server::Config;
use serde_json::json;
use system_tests::App;

use crate::passkeys::by_name;
use crate::person::{Device, PASSWORD, Person};
use crate::provider::guild;
use crate::tree::tree;
use crate::{another_device, room_of_bob, story, story_with};

/// How a page is viewed: its name, the system's preferences, width, height and scale of the window, its direction.
type Mode = (&'static str, &'static [(&'static str, &'static str)], (u32, u32, u32), &'static str);

const MODES: [Mode; 7] = [
    ("light", &[("prefers-color-scheme", "light")], (1440, 900, 1), "ltr"),
    ("dark", &[("prefers-color-scheme", "dark")], (1440, 900, 1), "ltr"),
    (
        "forced colours",
        &[("prefers-color-scheme", "dark"), ("forced-colors", "active")],
        (1440, 900, 1),
        "ltr",
    ),
    ("200 %", &[("prefers-color-scheme", "light")], (720, 450, 2), "ltr"),
    ("320 px", &[("prefers-color-scheme", "light")], (320, 640, 1), "ltr"),
    ("320 px, right to left", &[("prefers-color-scheme", "dark")], (320, 640, 1), "rtl"),
    ("right to left", &[("prefers-color-scheme", "light")], (1440, 900, 1), "rtl"),
];

/// A page whose tree does not match the snapshot within this time has changed.
const SETTLES: Duration = Duration::from_secs(10);

/// Runs the rules of WCAG 2.0 to 2.2, A and AA, and those about landmarks and headings.
const RUN: &str = "
    const done = arguments[arguments.length - 1];
    const also = ['region', 'landmark-one-main', 'page-has-heading-one', 'landmark-unique', 'skip-link', 'heading-order'];
    axe.run(document, {
        runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22a', 'wcag22aa'] },
        rules: Object.fromEntries(also.map(rule => [rule, { enabled: true }])),
        resultTypes: ['violations'],
    }).then(
        result => done(result.violations.flatMap(one => one.nodes.map(node =>
            `${one.id} at ${node.target.join(' ')}: ${node.failureSummary.replace(/\\s+/g, ' ')} ${node.html.slice(0, 200)}`))),
        error => done([String(error)]),
    );";

/// The source of axe-core. If it is missing, says so where it cannot be missed.
fn axe() -> Option<String> {
    let path = std::env::var_os("TEST_AXE").filter(|value| !value.is_empty());
    let Some(path) = path else {
        let on_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!on_ci, "TEST_AXE is not set, and CI has axe-core");
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let line = format!("SKIPPED {test}: TEST_AXE is not set (`cargo xtask test browser` sets it)\n");
        std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
        return None;
    };
    Some(std::fs::read_to_string(path).unwrap())
}

/// A browser whose pages are checked, and what was found so far.
pub struct Look {
    pub person: Person,
    pages: Vec<String>,
    found: Vec<String>,
    runs: usize,
    axe: bool,
}

impl Look {
    pub async fn with(person: Person) -> Self {
        let axe = axe();
        if let Some(source) = &axe {
            person.tell_browser("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
        }
        Self { person, pages: Vec::new(), found: Vec::new(), runs: 0, axe: axe.is_some() }
    }

    /// Loads a page and waits for an element that shows that it is ready.
    pub async fn go(&self, path: &str, ready: &str) {
        self.person.go(path).await;
        self.person
            .until(&format!("{path} is there"), &format!("document.querySelector({})", json!(ready)))
            .await;
        self.person.until(&format!("{path} has loaded"), "!document.querySelector('main .skeleton')").await;
    }

    /// Checks what is shown in every mode, and records the tree for screen readers.
    pub async fn at(&mut self, name: &str) {
        self.set(&MODES[0]).await;
        let snapshot = format!("ears_{}", name.replace([' ', '/'], "_"));
        let tree = self.settled_tree(&snapshot, name == "overview").await;
        insta::with_settings!({ prepend_module_to_snapshot => false, omit_expression => true }, {
            insta::assert_snapshot!(snapshot, tree);
        });
        if self.axe {
            for mode in &MODES {
                self.set(mode).await;
                let mut found = self.faults().await;
                if !found.is_empty() {
                    // A list that had just been redrawn would still have the colours of the previous mode.
                    tokio::time::sleep(Duration::from_millis(500)).await;
                    found = self.faults().await;
                }
                self.found.extend(found.into_iter().map(|one| format!("{name}, {}: {one}", mode.0)));
                self.runs += 1;
                if mode.0 != "200 %" {
                    self.person
                        .picture(&format!(
                            "eyes-{}-{}",
                            name.replace(['/', ' '], "_"),
                            mode.0.replace([' ', ',', '%'], "")
                        ))
                        .await;
                }
            }
            self.set(&MODES[0]).await;
        }
        self.pages.push(name.to_owned());
    }

    async fn faults(&self) -> Vec<String> {
        serde_json::from_value(self.person.evaluate_async(RUN).await).unwrap()
    }

    /// The tree of the page, once it matches the snapshot: names, counts and marks appear and disappear in the first
    /// moments of a page. If it still differs after [`SETTLES`], the caller compares it.
    async fn settled_tree(&self, snapshot: &str, counts: bool) -> String {
        let file = format!("{}/tests/browser/snapshots/{snapshot}.snap", env!("CARGO_MANIFEST_DIR"));
        let written = std::fs::read_to_string(file).unwrap_or_default();
        let wanted = written.splitn(3, "---\n").nth(2).unwrap_or_default().trim();
        let deadline = tokio::time::Instant::now() + SETTLES;
        loop {
            let mut tree = tree(&self.person).await;
            if counts {
                // The number of connections differs every time.
                tree = tree.chars().map(|one| if one.is_ascii_digit() { '0' } else { one }).collect();
            }
            if tree.trim() == wanted || tokio::time::Instant::now() > deadline {
                return tree;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    async fn set(&self, (_, wishes, (width, height, scale), direction): &Mode) {
        // No animation runs while colours are measured.
        let mut features = vec![json!({ "name": "prefers-reduced-motion", "value": "reduce" })];
        features.extend(wishes.iter().map(|(name, value)| json!({ "name": name, "value": value })));
        self.person.tell_browser("Emulation.setEmulatedMedia", json!({ "features": features })).await;
        let screen = json!({ "width": width, "height": height, "deviceScaleFactor": scale, "mobile": false });
        self.person.tell_browser("Emulation.setDeviceMetricsOverride", screen).await;
        self.person.evaluate(&format!("document.documentElement.dir = '{direction}';")).await;
        self.person
            .evaluate_async(
                "const done = arguments[0]; \
                 const frame = () => new Promise(next => requestAnimationFrame(next)); \
                 (async () => { await frame(); await frame(); \
                 await Promise.all(document.getAnimations().map(one => one.finished.catch(() => null))); \
                 await frame(); done(null); })();",
            )
            .await;
    }

    /// Nothing was found.
    pub async fn end(self) {
        assert!(self.found.is_empty(), "{} faults:\n{}", self.found.len(), self.found.join("\n"));
        if self.axe {
            println!(
                "axe-core: {} pages in {} modes, {} runs, no faults",
                self.pages.len(),
                MODES.len(),
                self.runs
            );
        }
        self.person.leave().await;
    }
}

#[test]
fn every_page_for_guests_is_for_everyone() {
    let with_invites = |config: &mut Config| {
        config.registration = parlour_protocol::accounts::Registration::Approval;
    };
    story_with(with_invites, |app| async move {
        let mut look = Look::with(Person::arrive(&app.address(0), Device::Desktop).await).await;
        look.go("/log-in", "[data-testid=login-form]").await;
        look.at("log-in").await;
        look.person.click("login-submit").await;
        look.person.see("login-form").await;
        look.at("log-in with faults").await;
        look.go("/register", "[name=invite]").await;
        look.at("register").await;
        look.go("/register?invite=abc", "[data-testid=invited]").await;
        look.at("register with an invite").await;
        look.person.sign_up("ada", "Ada Lovelace").await;
        look.person.see("form-error").await;
        look.at("register refused").await;
        look.go("/register", "[name=invite]").await;
        look.person.sign_up("ada", "Ada Lovelace").await;
        look.person.see("approval-pending").await;
        look.at("waiting for approval").await;
        look.go("/forgot", "[data-testid=forgot-form]").await;
        look.at("forgot").await;
        look.go("/reset", "[data-testid=reset-form]").await;
        look.at("reset").await;
        look.go("/verify-email", "[data-testid=verify-email-form]").await;
        look.at("verify-email").await;
        look.go("/log-in/callback?error=access_denied", "[data-testid=form-error]").await;
        look.at("came back from the provider").await;
        look.end().await;
    });
}

/// Ada, an administrator with friends, requests, rooms and everything else that fills pages.
async fn ada(app: &App) -> (Look, String) {
    let person = Person::register(&app.address(0), Device::Desktop, "ada", "Ada Lovelace").await;
    app.promote("ada");
    let ada = another_device(app, "ada").await;
    let (bob, cyril, dora) = (app.person("bob").await, app.person("cyril").await, app.person("dora").await);
    bob.befriend(&ada).await;
    cyril.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap();
    ada.api.create_friend_request(&CreateFriendRequest { to: "dora".into() }).await.unwrap();
    let direct = bob.direct(&ada).await;
    bob.send(direct, "Shall we meet at six?").await;
    let tea = bob.create_room("tea").await;
    ada.join(tea).await;
    dora.join(tea).await;
    bob.send(tea, "Welcome, @ada").await;
    bob.send(tea, "```\nput kettle on\n```").await;
    let last = dora.send(tea, "https://example.org/leaves").await;
    ada.send(tea, "Thank you both").await;
    bob.api.add_reaction(tea, last, "👍").await.unwrap();
    // Rooms are in the order of their latest activity.
    for name in ["coffee", "cake"] {
        app.advance(1_000_000);
        dora.create_room(name).await;
    }
    (Look::with(person).await, tea.to_string())
}

#[test]
fn every_page_is_for_everyone() {
    story(|app| async move {
        let (mut look, _) = ada(&app).await;
        for (name, path, ready) in [
            ("home", "/", "[data-testid=catch-up-line]"),
            ("rooms", "/rooms", "[data-testid=room-card]"),
            ("creating a room", "/rooms?new", "[data-testid=create-room-form]"),
            ("friends", "/friends", "[data-testid=friend]"),
            ("requests", "/friends/requests", "[data-testid=friend-request]"),
            ("notifications", "/notifications", "[data-testid=notification]"),
            ("a friend", "/u/bob", "[data-testid=profile]"),
            ("somebody", "/u/dora", "[data-testid=profile]"),
            ("oneself", "/u/ada", "[data-testid=profile]"),
            ("settings", "/settings", "[data-testid=profile-form]"),
            ("appearance", "/settings/appearance", "[name=theme]"),
            ("privacy", "/settings/privacy", "[name=findable_by]"),
            ("security", "/settings/security", "[data-testid=end-other-sessions]"),
            ("own data", "/settings/data", "[data-testid=export-form]"),
            ("overview", "/admin", "[data-testid=statistics]"),
            ("people", "/admin/users", "[data-testid=admin-user]"),
            ("all rooms", "/admin/rooms", "[data-testid=admin-room]"),
            ("access", "/admin/access", "[data-testid=invite-form]"),
            ("audit log", "/admin/audit", "[data-testid=audit-entry]"),
            ("failed jobs", "/admin/jobs", ".settings-card p:last-child"),
            ("nowhere", "/no/such/place", "[data-testid=not-found]"),
        ] {
            look.go(path, ready).await;
            look.person.see("sidebar").await;
            look.at(name).await;
        }
        look.go("/rooms", "[data-testid=room-card]").await;
        look.person.click("open-switcher").await;
        look.person.see("switcher-input").await;
        look.at("quick switcher").await;
        look.go("/friends", "[data-testid=friend]").await;
        look.person.click("unfriend").await;
        look.person.see("confirm").await;
        look.at("a question").await;
        look.go("/friends", "[data-testid=friend]").await;
        look.person.fill("friend", "nobody_here").await;
        look.person.click("add-friend-submit").await;
        look.person.until("it is refused", "document.querySelector('#note-friend').matches('.bad')").await;
        look.at("nobody found").await;
        look.go("/settings/security", "[data-testid=factor-begin-form]").await;
        look.person.fill("factor_password", PASSWORD).await;
        look.person.click("factor-begin").await;
        look.person.see("factor-secret").await;
        look.person
            .evaluate("document.querySelector('[data-testid=factor-secret]').textContent = 'SECRET';")
            .await;
        look.at("second factor").await;
        look.end().await;
    });
}

#[test]
fn every_conversation_is_for_everyone() {
    story(|app| async move {
        let (mut look, tea) = ada(&app).await;
        look.go(&format!("/c/{tea}"), "[data-testid=message]").await;
        look.person.read("Thank you both").await;
        look.at("a room").await;
        look.person.click("toggle-members").await;
        look.person.see("member").await;
        look.at("a room with its members").await;
        look.person.click("toggle-members").await;
        look.person.evaluate("document.querySelector('[data-testid=conversation-link]').focus();").await;
        look.person.press("?").await;
        look.person.see("shortcuts").await;
        look.at("keyboard shortcuts").await;
        look.go(&format!("/c/{tea}"), "[data-testid=message]").await;
        look.person.read("Thank you both").await;
        look.person.click("message").await;
        look.person.click("more").await;
        look.person.see("message-menu").await;
        look.at("what one can do with a message").await;
        let own = another_device(&app, "ada").await.create_room("mine").await;
        look.go(&format!("/c/{own}"), "[data-testid=edit-room]").await;
        look.person.click("edit-room").await;
        look.person.see("delete-room").await;
        look.at("editing a room").await;
        look.go("/", "[data-testid=conversation-link]").await;
        look.person
            .evaluate("[...document.querySelectorAll('[data-testid=conversation-link]')].at(-1).click();")
            .await;
        look.person.read("Shall we meet at six?").await;
        look.person.is_titled("bob · Parlour").await;
        look.at("a direct chat").await;
        let coffee = app.person("erin").await.create_room("biscuits").await;
        look.go(&format!("/c/{coffee}"), "[data-testid=join-room]").await;
        look.at("a room that one is not in").await;
        look.go("/c/5", "[data-testid=not-found]").await;
        look.at("no room").await;
        look.end().await;
    });
}

#[test]
fn what_is_seldom_seen_is_for_everyone() {
    story_with(guild(), |app| async move {
        // A newcomer whom the provider knows.
        let provider = system_tests::provider::Provider::shared();
        provider.set_clock(app.now().0 / 1_000_000);
        let mut look = Look::with(Person::arrive(&app.address(0), Device::Desktop).await).await;
        look.go("/log-in", "[data-testid=provider-log-in]").await;
        look.at("log-in with a provider").await;
        look.person.click("provider-log-in").await;
        look.person.see("handle-form").await;
        look.at("choosing a username").await;
        look.end().await;

        // Somebody else signs in in another tab.
        let mut look = Look::with(Person::arrive(&app.address(0), Device::Desktop).await).await;
        look.go("/register", "[data-testid=register-form]").await;
        let first = look.person.open_tab().await;
        look.go("/register", "[data-testid=register-form]").await;
        let second = look.person.here().await;
        look.person.look_at(&first).await;
        look.person.sign_up("ada", "Ada").await;
        look.person.see("sidebar").await;
        look.person.look_at(&second).await;
        look.person.sign_up("eve", "Eve").await;
        look.person.see("sidebar").await;
        look.person.look_at(&first).await;
        look.person.see("replaced").await;
        look.at("somebody else is logged in here").await;
        look.end().await;
    });
    story(|app| async move {
        // Browsers allow passkeys only on host names.
        let ada = Person::register(&by_name(&app.address(0)), Device::Desktop, "ada", "Ada").await;
        ada.add_authenticator().await;
        let mut look = Look::with(ada).await;
        look.go("/settings/security", "[data-testid=no-passkeys]").await;
        look.person.fill("passkey_password", PASSWORD).await;
        look.person.click("add-passkey").await;
        look.person.see("passkey").await;
        look.at("passkeys").await;
        look.person.click("rename-passkey").await;
        look.person.until("it has the focus", "document.activeElement.name === 'passkey_new_name'").await;
        look.at("naming a passkey").await;

        // Where the page may not copy.
        let (_, room, _) = room_of_bob(&app, "tea", ["copy me"]).await;
        look.person.join(room).await;
        look.person.read("copy me").await;
        look.person
            .evaluate(
                "document.execCommand = () => false; navigator.clipboard.writeText = \
                 () => Promise.reject(new DOMException('denied', 'NotAllowedError'));",
            )
            .await;
        look.person.click_css("[data-testid=message]").await;
        look.person.click("more").await;
        look.person.click("copy").await;
        look.person.see("copy-by-hand").await;
        look.at("copying by hand").await;
        look.end().await;
    });
}
