//! Configuration: read once from `parlour.toml` and the environment, checked, and passed down by value.
//!
//! Invariant: only this file reads the environment. A setting that cannot work stops the start with a sentence that
//! says what to do.

pub mod mail;
mod origin;
mod provider;
mod services;
pub mod table;
mod values;

use std::fmt;
use std::path::PathBuf;

use ipnet::IpNet;
pub use origin::Origin;
use parlour_chat::identity::passwords::Argon2Cost;
use parlour_protocol::accounts::Registration;
use parlour_storage::connection::Address;
pub use provider::ProviderSettings;

use crate::budget::addresses;
use mail::MailSettings;
use values::Given;

/// A value that is never printed, not even by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// All settings of the server.
#[derive(Debug, Clone)]
pub struct Config {
    /// Address to listen on; port 0 takes a free one.
    pub listen: String,
    /// Folder of the SQLite file.
    pub data_dir: PathBuf,
    /// `postgres://…` or `sqlite://path`; if absent, `parlour.sqlite3` in the data folder.
    pub database_url: Option<Secret>,
    /// `redis://…`; if set, this is one node of a cluster.
    pub redis_url: Option<Secret>,
    /// Address by which people reach the server, as an [`Origin`]; used for links, cookies and origin checks.
    pub public_url: Option<String>,
    /// Further origins whose pages may use the API and the socket.
    pub allowed_origins: Vec<String>,
    /// Name of this server, as shown to people.
    pub name: String,
    /// Who may register.
    pub registration: Registration,
    /// Whether all members may invite people, not only administrators.
    pub member_invites: bool,
    /// Whether PostgreSQL and Redis on other machines may be used without a password.
    pub open_services: bool,
    /// The OpenID Connect provider with which people may log in.
    pub provider: Option<ProviderSettings>,
    /// Networks of proxies whose `X-Forwarded-For` is trusted.
    pub trusted_proxies: Vec<IpNet>,
    /// Threads that serve connections.
    pub workers: usize,
    /// Database connections for reading.
    pub database_readers: usize,
    /// Write lanes on PostgreSQL.
    pub database_lanes: usize,
    /// Cost of password hashing.
    pub hashing: Argon2Cost,
    /// Messages per second, per person and node; the burst is twice that.
    pub sends_per_second: u32,
    /// Changes of any kind per second, per person and node; the burst is three times that.
    pub changes_per_second: u32,
    /// Read requests per second, per person and node; the burst is twice that.
    pub reads_per_second: u32,
    /// Picture uploads per hour and person; the burst is a sixth of that.
    pub pictures_per_hour: u32,
    /// Log-ins and registrations per minute and network.
    pub auth_per_minute: u32,
    /// Days for which audit log entries are kept.
    pub audit_days: u32,
    /// New sockets without authentication per second on this node; the burst is four times that.
    pub connects_per_second: u32,
    /// New sockets per second and network; the burst is ten times that.
    pub connects_per_address: u32,
    /// Connections on this node that have not become sockets.
    pub connections: usize,
    /// Connections per network that have not become sockets.
    pub connections_per_address: usize,
    /// Bearer token that gives access to `/metrics`.
    pub metrics_token: Option<Secret>,
    /// A separate address that serves `/metrics` without a token.
    pub metrics_listen: Option<String>,
    /// Whether a PostgreSQL that may lose confirmed writes is accepted.
    pub unsafe_database: bool,
    /// How mail is sent; without it, no mail is sent.
    pub mail: Option<MailSettings>,
    /// For tests of wrong clocks: how many seconds this machine's clock is taken to be ahead.
    pub clock_wrong_by: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self::read(&mut Given::default())
    }
}

impl Config {
    /// Reads `parlour.toml` (or the file named by `PARLOUR_CONFIG`) and the environment, which takes precedence.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn load() -> Result<Self, String> {
        let path = std::env::var("PARLOUR_CONFIG").ok();
        let file = match std::fs::read_to_string(path.as_deref().unwrap_or("parlour.toml")) {
            Ok(text) => text,
            Err(error) if path.is_none() && error.kind() == std::io::ErrorKind::NotFound => String::new(),
            Err(error) => return Err(format!("{}: {error}", path.as_deref().unwrap_or("parlour.toml"))),
        };
        Self::from_sources(&file, |name| std::env::var(name).ok())
    }

    /// The token with which `parlour chat` logs in; not a setting of the server.
    #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the environment")]
    pub fn chat_token() -> Option<String> {
        std::env::var("PARLOUR_TOKEN").ok().filter(|token| !token.is_empty())
    }

    /// Reads settings from the text of a file and from a lookup that takes precedence.
    pub fn from_sources(file: &str, environment: impl Fn(&str) -> Option<String>) -> Result<Self, String> {
        let mut given = Given::collect(file, environment)?;
        let config = Self::read(&mut given);
        given.finish()?;
        config.check()?;
        Ok(config)
    }

    /// Takes each setting from what was given; mistakes are recorded there.
    fn read(given: &mut Given) -> Self {
        Self {
            listen: given.text("PARLOUR_LISTEN").unwrap_or_default(),
            data_dir: given.text("PARLOUR_DATA_DIR").unwrap_or_default().into(),
            database_url: given.text("DATABASE_URL").map(Secret),
            redis_url: given.text("REDIS_URL").map(Secret),
            public_url: {
                let url = given.text("PARLOUR_PUBLIC_URL");
                url.and_then(|url| origin(given, "PARLOUR_PUBLIC_URL", &url))
            },
            allowed_origins: {
                let listed = given.list("PARLOUR_ALLOWED_ORIGINS");
                listed.iter().filter_map(|text| origin(given, "PARLOUR_ALLOWED_ORIGINS", text)).collect()
            },
            name: given.text("PARLOUR_NAME").unwrap_or_default(),
            registration: registration(given),
            member_invites: given.flag("PARLOUR_MEMBER_INVITES"),
            open_services: given.flag("PARLOUR_OPEN_SERVICES"),
            provider: ProviderSettings::read(given),
            trusted_proxies: trusted_proxies(given),
            workers: given.number("PARLOUR_WORKERS"),
            database_readers: given.number("PARLOUR_DATABASE_READERS"),
            database_lanes: given.number("PARLOUR_DATABASE_LANES"),
            hashing: Argon2Cost {
                memory_kib: given.small_number("PARLOUR_HASH_MEMORY_KIB"),
                passes: given.small_number("PARLOUR_HASH_PASSES"),
            },
            sends_per_second: given.small_number("PARLOUR_SENDS_PER_SECOND"),
            changes_per_second: given.small_number("PARLOUR_CHANGES_PER_SECOND"),
            reads_per_second: given.small_number("PARLOUR_READS_PER_SECOND"),
            pictures_per_hour: given.small_number("PARLOUR_PICTURES_PER_HOUR"),
            auth_per_minute: given.small_number("PARLOUR_AUTH_PER_MINUTE"),
            audit_days: given.small_number("PARLOUR_AUDIT_DAYS"),
            connects_per_second: given.small_number("PARLOUR_CONNECTS_PER_SECOND"),
            connects_per_address: given.small_number("PARLOUR_CONNECTS_PER_ADDRESS"),
            connections: given.number("PARLOUR_CONNECTIONS"),
            connections_per_address: given.number("PARLOUR_CONNECTIONS_PER_ADDRESS"),
            metrics_token: given.text("PARLOUR_METRICS_TOKEN").map(Secret),
            metrics_listen: given.text("PARLOUR_METRICS_LISTEN"),
            unsafe_database: given.flag("PARLOUR_UNSAFE_DATABASE"),
            mail: MailSettings::read(given),
            clock_wrong_by: clock_wrong_by(given),
        }
    }

    /// Rejects combinations that cannot work.
    pub fn check(&self) -> Result<(), String> {
        let sqlite = matches!(self.address()?, Address::Sqlite(_));
        if sqlite && self.redis_url.is_some() {
            return Err("REDIS_URL joins several nodes, and SQLite serves only one. \
                        Set DATABASE_URL to a PostgreSQL server, or remove REDIS_URL."
                .into());
        }
        if let Some(redis) = &self.redis_url
            && !redis.0.starts_with("redis://")
            && !redis.0.starts_with("rediss://")
        {
            return Err("REDIS_URL must begin with redis:// or rediss://".into());
        }
        if let Some(redis) = &self.redis_url {
            services::check_redis(&redis.0)?;
        }
        for (name, url) in [("DATABASE_URL", &self.database_url), ("REDIS_URL", &self.redis_url)] {
            if let Some(url) = url
                && !self.open_services
                && services::is_open(&url.0)
            {
                return Err(format!(
                    "{name} names another machine and no password. Anyone who reaches it could read and change \
                     everything. Give it a password, or set PARLOUR_OPEN_SERVICES=true if it is protected otherwise."
                ));
            }
        }
        for (name, origin) in self
            .public_url
            .iter()
            .map(|url| ("PARLOUR_PUBLIC_URL", url))
            .chain(self.allowed_origins.iter().map(|origin| ("PARLOUR_ALLOWED_ORIGINS", origin)))
        {
            Origin::of_setting(name, origin)?;
        }
        if self.provider.is_some() && self.public_url.is_none() {
            return Err(
                "Logging in with a provider needs PARLOUR_PUBLIC_URL, where it sends people back to.".into(),
            );
        }
        if self.metrics_token.as_ref().is_some_and(|token| token.0.len() < 16) {
            return Err("PARLOUR_METRICS_TOKEN must have at least 16 characters".into());
        }
        if let Some(mail) = &self.mail {
            mail.check(self)?;
        }
        Ok(())
    }

    /// Address of the database.
    pub fn address(&self) -> Result<Address, String> {
        match &self.database_url {
            Some(url) => Address::parse(&url.0),
            None => Ok(Address::Sqlite(self.data_dir.join("parlour.sqlite3").to_string_lossy().into_owned())),
        }
    }

    /// Whether `PARLOUR_ALLOWED_ORIGINS` contains an origin.
    pub fn names(&self, origin: &Origin) -> bool {
        self.allowed_origins.iter().any(|named| named == origin.as_str())
    }

    /// Whether people reach the server over TLS, so that cookies can be limited to it.
    pub fn is_secure(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| url.starts_with("https://"))
    }
}

/// An origin in the form of browsers.
fn origin(given: &mut Given, name: &str, text: &str) -> Option<String> {
    let origin = Origin::of_setting(name, text);
    given.check(origin).map(|origin| origin.to_string())
}

fn registration(given: &mut Given) -> Registration {
    let name = "PARLOUR_REGISTRATION";
    match given.text(name).as_deref() {
        None | Some("open" | "true") => Registration::Open,
        Some("invite") => Registration::Invite,
        Some("approval") => Registration::Approval,
        Some("closed" | "false") => Registration::Closed,
        Some(other) => {
            given.fail(format!("{name} must be open, invite, approval or closed, not {other:?}"));
            Registration::Closed
        }
    }
}

fn trusted_proxies(given: &mut Given) -> Vec<IpNet> {
    let name = "PARLOUR_TRUSTED_PROXIES";
    let networks = given.list(name).into_iter().map(|proxy| {
        addresses::parse_network(&proxy).ok_or_else(|| {
            format!(
                "{name} must be addresses or networks like 10.0.0.0/8, separated by commas; {proxy:?} is not one"
            )
        })
    });
    let networks: Result<Vec<IpNet>, String> = networks.collect();
    given.check(networks).unwrap_or_default()
}

fn clock_wrong_by(given: &mut Given) -> i64 {
    let name = "PARLOUR_CLOCK_WRONG_BY";
    let text = given.text(name).unwrap_or_default();
    let seconds = text.parse().map_err(|_| format!("{name} must be a number of seconds, not {text:?}"));
    given.check(seconds).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusable_address_stops_with_a_sentence_that_holds_no_part_of_the_password() {
        let database = "database_url = \"postgres://u:pa?ss@db.example/chat\"";
        for file in [
            "database_url = \"postgres://u:100%sure@db.example/chat\"".to_owned(),
            "database_url = \"postgres://u:12/sure@db.example/chat\"".to_owned(),
            format!("{database}\nredis_url = \"redis://:12?sure@cache.example\""),
            format!("{database}\nredis_url = \"redis://u:12/sure@cache.example\""),
            format!("{database}\nredis_url = \"redis://u:12#sure@cache.example\""),
            format!("{database}\nredis_url = \"redis://:sure@cache.example:port\""),
        ] {
            let error = Config::from_sources(&file, |_| None).unwrap_err();
            assert!(error.contains("_URL cannot be used") && !error.contains("sure"), "{file}: {error}");
        }
        let redis = "redis_url = \"redis://:100%25@cache.example:6379/1\"";
        assert!(Config::from_sources(&format!("{database}\n{redis}"), |_| None).is_ok());
    }

    #[test]
    fn the_environment_wins_over_the_file() {
        let file = "listen = \"0.0.0.0:1\"\nworkers = 3\nallowed_origins = [\"https://a.example\"]";
        let config =
            Config::from_sources(file, |name| (name == "PARLOUR_LISTEN").then(|| "127.0.0.1:2".to_owned()))
                .unwrap();
        assert_eq!((config.listen.as_str(), config.workers), ("127.0.0.1:2", 3));
        assert_eq!(config.allowed_origins, ["https://a.example"]);
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_sentence() {
        for (file, expected) in [
            ("redis_url = \"redis://localhost\"", "SQLite serves only one"),
            ("database_url = \"mysql://x\"", "postgres:// or sqlite://"),
            ("workers = 0", "PARLOUR_WORKERS must be a number"),
            ("colour = \"red\"", "no setting \"colour\""),
            ("registration = \"maybe\"", "open, invite, approval or closed"),
            ("metrics_token = \"short\"", "at least 16"),
            ("database_url = \"postgres://parlour@db.example/parlour\"", "no password"),
            ("database_url = \"postgres://u:p@db/x\"\nredis_url = \"redis://cache:6379\"", "no password"),
            ("trusted_proxies = \"10.0.0.0/33\"", "networks like 10.0.0.0/8"),
            ("public_url = \"https://chat.example.org/chat\"", "A path"),
            ("public_url = \"chat.example.org\"", "must be like https://"),
            ("allowed_origins = \"https://a.example?x\"", "A path, a query"),
            ("oidc_name = \"x\"", "go together"),
            ("oidc_issuer = \"http://a.example\"\noidc_client_id = \"x\"", "must begin with https"),
            ("oidc_issuer = \"https://a.example\"\noidc_client_id = \"x\"", "needs PARLOUR_PUBLIC_URL"),
        ] {
            let error = Config::from_sources(file, |_| None).unwrap_err();
            assert!(error.contains(expected), "{file}: {error}");
        }
    }

    #[test]
    fn origins_are_taken_in_the_form_of_browsers() {
        let file =
            "public_url = \"https://Chat.Example.org:443/\"\nallowed_origins = [\"http://App.example:80\"]";
        let config = Config::from_sources(file, |_| None).unwrap();
        assert_eq!(config.public_url.as_deref(), Some("https://chat.example.org"));
        assert_eq!(config.allowed_origins, ["http://app.example"]);
    }

    #[test]
    fn an_open_service_on_another_machine_has_to_be_allowed() {
        let open = "database_url = \"postgres://u@db/x\"\nopen_services = true";
        assert!(Config::from_sources(open, |_| None).unwrap().open_services);
    }

    #[test]
    fn every_number_is_within_its_own_limits() {
        for setting in table::SETTINGS {
            if let table::Values::Number { default: Some(default), least, most } = setting.values {
                assert!((least..=most).contains(&default), "{}", setting.name);
            }
        }
        let mut given = Given::default();
        Config::read(&mut given);
        assert_eq!(given.finish(), Ok(()), "the defaults are a configuration");
    }

    #[test]
    fn secrets_are_not_printed() {
        let config = Config { database_url: Some(Secret("postgres://u:pw@h/d".into())), ..Config::default() };
        assert!(!format!("{config:?}").contains("pw@"));
    }
}
