//! Configuration: read once from `parlour.toml` and the environment, checked, and passed down by value.
//!
//! Invariant: only this file reads the environment. A setting that cannot work stops the start with a sentence that
//! says what to do.

pub mod mail;
mod origin;
mod provider;

use std::collections::BTreeMap;
use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
pub use origin::Origin;
use parlour_chat::passwords::Argon2Cost;
use parlour_protocol::accounts::Registration;
use parlour_storage::connection::Address;
use parlour_storage::postgres_url::PostgresUrl;
pub use provider::ProviderSettings;

use crate::budget::addresses;

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
    pub mail: Option<mail::MailSettings>,
    /// For tests of wrong clocks: how many seconds this machine's clock is taken to be ahead.
    pub clock_wrong_by: i64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8080".into(),
            data_dir: "data".into(),
            database_url: None,
            redis_url: None,
            public_url: None,
            allowed_origins: Vec::new(),
            name: "Parlour".into(),
            registration: Registration::Open,
            member_invites: false,
            open_services: false,
            provider: None,
            trusted_proxies: Vec::new(),
            workers: std::thread::available_parallelism().map_or(2, usize::from),
            database_readers: 4,
            database_lanes: 4,
            hashing: Argon2Cost::default(),
            sends_per_second: 5,
            changes_per_second: 20,
            reads_per_second: 50,
            pictures_per_hour: 30,
            auth_per_minute: 60,
            audit_days: 90,
            connects_per_second: 500,
            connects_per_address: 30,
            connections: 4096,
            connections_per_address: 256,
            metrics_token: None,
            metrics_listen: None,
            unsafe_database: false,
            mail: None,
            clock_wrong_by: 0,
        }
    }
}

/// Names of the settings in the environment. In `parlour.toml` they are written in lower case, without `PARLOUR_`.
const NAMES: [&str; 32] = [
    "PARLOUR_LISTEN",
    "PARLOUR_DATA_DIR",
    "DATABASE_URL",
    "REDIS_URL",
    "PARLOUR_PUBLIC_URL",
    "PARLOUR_ALLOWED_ORIGINS",
    "PARLOUR_NAME",
    "PARLOUR_REGISTRATION",
    "PARLOUR_MEMBER_INVITES",
    "PARLOUR_OPEN_SERVICES",
    "PARLOUR_TRUSTED_PROXIES",
    "PARLOUR_WORKERS",
    "PARLOUR_DATABASE_READERS",
    "PARLOUR_DATABASE_LANES",
    "PARLOUR_HASH_MEMORY_KIB",
    "PARLOUR_HASH_PASSES",
    "PARLOUR_SENDS_PER_SECOND",
    "PARLOUR_CHANGES_PER_SECOND",
    "PARLOUR_READS_PER_SECOND",
    "PARLOUR_PICTURES_PER_HOUR",
    "PARLOUR_AUTH_PER_MINUTE",
    "PARLOUR_AUDIT_DAYS",
    "PARLOUR_CONNECTS_PER_SECOND",
    "PARLOUR_CONNECTS_PER_ADDRESS",
    "PARLOUR_CONNECTIONS",
    "PARLOUR_CONNECTIONS_PER_ADDRESS",
    "PARLOUR_METRICS_TOKEN",
    "PARLOUR_METRICS_LISTEN",
    "PARLOUR_UNSAFE_DATABASE",
    "PARLOUR_SMTP_URL",
    "PARLOUR_MAIL_FROM",
    "PARLOUR_CLOCK_WRONG_BY",
];

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
        let table: toml::Table = file.parse().map_err(|error| format!("parlour.toml: {error}"))?;
        let mut values: BTreeMap<&str, String> = BTreeMap::new();
        for (key, value) in table {
            let wanted = key.to_uppercase();
            let name = NAMES
                .iter()
                .chain(&ProviderSettings::NAMES)
                .find(|name| **name == wanted || name.strip_prefix("PARLOUR_") == Some(&wanted))
                .ok_or_else(|| {
                    format!("parlour.toml: there is no setting {key:?}; docs/settings.md lists them all")
                })?;
            let text = match value {
                toml::Value::String(text) => text,
                toml::Value::Array(list) => {
                    list.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(",")
                }
                toml::Value::Integer(number) => number.to_string(),
                toml::Value::Boolean(flag) => flag.to_string(),
                _ => return Err(format!("parlour.toml: {key} must be a text, a number or a list of texts")),
            };
            values.insert(name, text);
        }
        for name in NAMES.into_iter().chain(ProviderSettings::NAMES) {
            if let Some(value) = environment(name).filter(|value| !value.is_empty()) {
                values.insert(name, value);
            }
        }
        Self::from_values(&values)
    }

    fn from_values(values: &BTreeMap<&str, String>) -> Result<Self, String> {
        let mut config = Self::default();
        let text = |name: &str| values.get(name).map(|value| value.trim().to_owned());
        let number = |name: &str, default: usize, least: usize, most: usize| match text(name) {
            None => Ok(default),
            Some(value) => match value.parse::<usize>() {
                Ok(number) if (least..=most).contains(&number) => Ok(number),
                _ => Err(format!("{name} must be a number from {least} to {most}, not {value:?}")),
            },
        };
        let list = |name: &str| -> Vec<String> {
            text(name)
                .map(|value| {
                    value.split(',').map(|one| one.trim().to_owned()).filter(|one| !one.is_empty()).collect()
                })
                .unwrap_or_default()
        };
        if let Some(listen) = text("PARLOUR_LISTEN") {
            config.listen = listen;
        }
        if let Some(folder) = text("PARLOUR_DATA_DIR") {
            config.data_dir = folder.into();
        }
        config.database_url = text("DATABASE_URL").map(Secret);
        config.redis_url = text("REDIS_URL").map(Secret);
        let origin = |name: &str, text: &str| Origin::of_setting(name, text).map(|origin| origin.to_string());
        config.public_url =
            text("PARLOUR_PUBLIC_URL").map(|url| origin("PARLOUR_PUBLIC_URL", &url)).transpose()?;
        config.allowed_origins = list("PARLOUR_ALLOWED_ORIGINS")
            .iter()
            .map(|text| origin("PARLOUR_ALLOWED_ORIGINS", text))
            .collect::<Result<_, _>>()?;
        if let Some(name) = text("PARLOUR_NAME") {
            config.name = name;
        }
        config.registration = match text("PARLOUR_REGISTRATION").as_deref() {
            None | Some("open" | "true") => Registration::Open,
            Some("invite") => Registration::Invite,
            Some("approval") => Registration::Approval,
            Some("closed" | "false") => Registration::Closed,
            Some(other) => {
                return Err(format!(
                    "PARLOUR_REGISTRATION must be open, invite, approval or closed, not {other:?}"
                ));
            }
        };
        let flag = |name: &str| match text(name).as_deref() {
            None | Some("false") => Ok(false),
            Some("true") => Ok(true),
            Some(other) => Err(format!("{name} must be true or false, not {other:?}")),
        };
        config.member_invites = flag("PARLOUR_MEMBER_INVITES")?;
        config.open_services = flag("PARLOUR_OPEN_SERVICES")?;
        config.provider = ProviderSettings::read(text)?;
        config.unsafe_database = flag("PARLOUR_UNSAFE_DATABASE")?;
        for proxy in list("PARLOUR_TRUSTED_PROXIES") {
            let network = addresses::parse_network(&proxy).ok_or_else(|| {
                format!(
                    "PARLOUR_TRUSTED_PROXIES must be addresses or networks like 10.0.0.0/8, separated by commas;                      {proxy:?} is none"
                )
            })?;
            config.trusted_proxies.push(network);
        }
        config.workers = number("PARLOUR_WORKERS", config.workers, 1, 256)?;
        config.database_readers = number("PARLOUR_DATABASE_READERS", config.database_readers, 1, 64)?;
        config.database_lanes = number("PARLOUR_DATABASE_LANES", config.database_lanes, 1, 64)?;
        let small = |value: usize| u32::try_from(value).unwrap_or(u32::MAX);
        config.hashing = Argon2Cost {
            memory_kib: small(number("PARLOUR_HASH_MEMORY_KIB", 19 * 1024, 8, 4 * 1024 * 1024)?),
            passes: small(number("PARLOUR_HASH_PASSES", 2, 1, 32)?),
        };
        config.sends_per_second = small(number("PARLOUR_SENDS_PER_SECOND", 5, 1, 1_000_000)?);
        let rate = |name: &str, default: u32| number(name, default as usize, 1, 1_000_000).map(small);
        config.changes_per_second = rate("PARLOUR_CHANGES_PER_SECOND", config.changes_per_second)?;
        config.reads_per_second = rate("PARLOUR_READS_PER_SECOND", config.reads_per_second)?;
        config.pictures_per_hour = rate("PARLOUR_PICTURES_PER_HOUR", config.pictures_per_hour)?;
        config.connects_per_address = rate("PARLOUR_CONNECTS_PER_ADDRESS", config.connects_per_address)?;
        config.connections = number("PARLOUR_CONNECTIONS", config.connections, 16, 1_000_000)?;
        config.connections_per_address =
            number("PARLOUR_CONNECTIONS_PER_ADDRESS", config.connections_per_address, 4, 1_000_000)?;
        config.metrics_listen = text("PARLOUR_METRICS_LISTEN");
        config.auth_per_minute = small(number("PARLOUR_AUTH_PER_MINUTE", 60, 1, 1_000_000)?);
        config.audit_days = small(number("PARLOUR_AUDIT_DAYS", 90, 1, 3650)?);
        config.connects_per_second = small(number("PARLOUR_CONNECTS_PER_SECOND", 500, 1, 1_000_000)?);
        config.metrics_token = text("PARLOUR_METRICS_TOKEN").map(Secret);
        config.mail = mail::MailSettings::from_values(values)?;
        if let Some(value) = text("PARLOUR_CLOCK_WRONG_BY") {
            config.clock_wrong_by = value
                .parse()
                .map_err(|_| format!("PARLOUR_CLOCK_WRONG_BY must be a number of seconds, not {value:?}"))?;
        }
        config.check()?;
        Ok(config)
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
            check_redis(&redis.0)?;
        }
        for (name, url) in [("DATABASE_URL", &self.database_url), ("REDIS_URL", &self.redis_url)] {
            if let Some(url) = url
                && !self.open_services
                && is_open(&url.0)
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

/// Rejects a URL that the Redis library would split differently than intended: what follows a `/`, `?` or `#` in a
/// password is not a host. The error does not repeat the value, which holds the password.
fn check_redis(url: &str) -> Result<(), String> {
    let malformed = || {
        "REDIS_URL cannot be used as it is. It must look like redis://user:password@host:6379/0, and in the password the \
         characters % / ? # @ : are written %25 %2F %3F %23 %40 %3A."
            .to_owned()
    };
    let parsed = openidconnect::url::Url::parse(url).map_err(|_| malformed())?;
    let database = parsed.path().trim_start_matches('/');
    let odd = parsed.host_str().is_none_or(str::is_empty)
        || parsed.fragment().is_some()
        || parsed.query().is_some_and(|query| query.contains('@'))
        || !database.bytes().all(|digit| digit.is_ascii_digit());
    if odd { Err(malformed()) } else { Ok(()) }
}

/// Whether a URL names another machine without a password. URLs with another way to authenticate are left to that
/// server.
fn is_open(url: &str) -> bool {
    if let Ok(url) = PostgresUrl::parse(url) {
        return !url.has_credentials() && url.hosts().any(|host| !is_here(host));
    }
    let Ok(url) = openidconnect::url::Url::parse(url) else {
        return false;
    };
    let named = |names: &[&str]| -> Vec<String> {
        let pairs = url.query_pairs().filter(|(name, _)| names.contains(&name.as_ref()));
        pairs.map(|(_, value)| value.into_owned()).collect()
    };
    let mut hosts = named(&["host", "hostaddr"]);
    hosts.extend(url.host_str().map(str::to_owned));
    let elsewhere = hosts.iter().flat_map(|hosts| hosts.split(',')).any(|host| !is_here(host));
    matches!(url.scheme(), "redis" | "rediss")
        && elsewhere
        && named(&["password", "passfile", "sslcert"]).is_empty()
        && url.password().is_none()
}

/// Whether a host is this machine: by name, by loopback address, or as the folder of a Unix socket.
fn is_here(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let folder = host.is_empty() || host.starts_with('/') || host.to_ascii_lowercase().starts_with("%2f");
    folder
        || host == "localhost"
        || bare.parse::<IpAddr>().is_ok_and(|address| address.to_canonical().is_loopback())
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
    fn services_of_this_machine_may_go_without_a_password() {
        for url in [
            "postgres://parlour@localhost/parlour",
            "postgres://parlour@127.0.0.1:5433/parlour",
            "postgresql://[::1]/parlour",
            "postgres:///parlour?host=/run/postgresql",
            "postgres://%2Frun%2Fpostgresql/parlour",
            "postgres://localhost/parlour?hostaddr=127.0.0.1",
            "postgres://parlour:secret@db.example/parlour",
            "postgres://parlour@db.example/parlour?sslcert=a.crt",
            "sqlite://data/x.sqlite3",
        ] {
            assert!(!is_open(url), "{url}");
        }
        for url in [
            "redis://10.0.0.7",
            "rediss://cache.example:6380",
            "postgres://u@[2001:db8::1]/x",
            "postgres:///x?host=db.example",
            "postgres://localhost/x?host=/run/postgresql,db.example",
            "postgres://u@localhost/x?hostaddr=10.0.0.7",
        ] {
            assert!(is_open(url), "{url}");
        }
        let open = "database_url = \"postgres://u@db/x\"\nopen_services = true";
        assert!(Config::from_sources(open, |_| None).unwrap().open_services);
    }

    #[test]
    fn secrets_are_not_printed() {
        let config = Config { database_url: Some(Secret("postgres://u:pw@h/d".into())), ..Config::default() };
        assert!(!format!("{config:?}").contains("pw@"));
    }
}
