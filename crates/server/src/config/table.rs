//! The table of all settings: what each is called, what it accepts, what applies without it, and what it does.
//!
//! Invariant: nothing can be set that is not listed here. Values are looked up through this table, and the table in
//! `docs/settings.md` is generated from it.

use std::fmt::Write;

/// One setting.
pub struct Setting {
    /// Its environment variable. In `parlour.toml` it is written in lower case, without `PARLOUR_`.
    pub name: &'static str,
    /// What it accepts, and what applies without it.
    pub values: Values,
    /// What it does, as Markdown.
    pub meaning: &'static str,
}

/// What a setting accepts, and what applies if it is not set.
pub enum Values {
    /// A whole number.
    Number {
        /// Applies without the setting; `None` stands for the number of cores.
        default: Option<usize>,
        /// The smallest number that is accepted.
        least: usize,
        /// The largest number that is accepted.
        most: usize,
    },
    /// `true` or `false`; `false` applies without the setting.
    Flag,
    /// Anything else.
    Text {
        /// Applies without the setting.
        fallback: Fallback,
        /// What the text must look like, as Markdown.
        form: &'static str,
    },
}

/// What applies if a text is not set.
pub enum Fallback {
    /// This text.
    Value(&'static str),
    /// What follows from other settings, described.
    Computed(&'static str),
    /// Nothing: what it configures is off.
    Nothing,
}

use Values::{Flag, Number, Text};

/// All settings, in the order in which they are documented.
pub const SETTINGS: &[Setting] = &[
    Setting {
        name: "PARLOUR_LISTEN",
        values: Text { fallback: Fallback::Value("127.0.0.1:8080"), form: "host and port" },
        meaning: "Address to listen on. Port 0 takes a free port and prints it.",
    },
    Setting {
        name: "PARLOUR_DATA_DIR",
        values: Text { fallback: Fallback::Value("data"), form: "folder" },
        meaning: "Folder of the SQLite file `parlour.sqlite3`; not used with `DATABASE_URL`. It is created if it \
                  is missing. Other users of the machine have no access to the files in it. The database file is \
                  locked, whatever its path: a second server on it refuses to start.",
    },
    Setting {
        name: "DATABASE_URL",
        values: Text { fallback: Fallback::Computed("SQLite in the data folder"), form: "URL" },
        meaning: "`postgres://…` (or `postgresql://…`) as psql takes it, or `sqlite://path`. In user and password, \
                  `% / @ :` are written `%25 %2F %40 %3A`.",
    },
    Setting {
        name: "REDIS_URL",
        values: Text { fallback: Fallback::Nothing, form: "URL" },
        meaning: "`redis://…` or `rediss://…`: makes this server a node of a cluster. Requires PostgreSQL. In the \
                  password, `% / ? # @ :` are written `%25 %2F %3F %23 %40 %3A`.",
    },
    Setting {
        name: "PARLOUR_PUBLIC_URL",
        values: Text { fallback: Fallback::Nothing, form: "origin" },
        meaning: "How people reach the server: scheme, host and port, without a path. Used for links, cookies, \
                  origin checks and passkeys, which are bound to its host. With `https://`, cookies are bound to \
                  the host and HSTS is sent.",
    },
    Setting {
        name: "PARLOUR_ALLOWED_ORIGINS",
        values: Text { fallback: Fallback::Nothing, form: "list of origins" },
        meaning: "Additional origins whose pages may keep their session in this server's cookie, and use its \
                  passkeys if their host is that of `PARLOUR_PUBLIC_URL` or a subdomain of it. Without a cookie, \
                  pages of any origin may use the API with a token.",
    },
    Setting {
        name: "PARLOUR_NAME",
        values: Text { fallback: Fallback::Value("Parlour"), form: "text" },
        meaning: "Name of the server, shown to people and in mails.",
    },
    Setting {
        name: "PARLOUR_REGISTRATION",
        values: Text { fallback: Fallback::Value("open"), form: "`open`, `invite`, `approval`, `closed`" },
        meaning: "Who may register: everyone; anyone with an invite; those whom an administrator approves (at once \
                  with an invite); nobody. `true` and `false` mean `open` and `closed`.",
    },
    Setting {
        name: "PARLOUR_MEMBER_INVITES",
        values: Flag,
        meaning: "Whether everyone may create invites (up to 20 open ones each), not only administrators.",
    },
    Setting {
        name: "PARLOUR_OPEN_SERVICES",
        values: Flag,
        meaning: "Whether PostgreSQL and Redis on other machines may be used without a password. Otherwise the \
                  server refuses to start.",
    },
    Setting {
        name: "PARLOUR_OIDC_ISSUER",
        values: Text { fallback: Fallback::Nothing, form: "URL" },
        meaning: "OpenID Connect provider with which people may log in and register. `https://`; `http://` only \
                  for `localhost`, `127.0.0.1` and `[::1]`. Needs the client id and `PARLOUR_PUBLIC_URL`; the \
                  redirect URI is `PARLOUR_PUBLIC_URL` followed by `/log-in/callback`.",
    },
    Setting {
        name: "PARLOUR_OIDC_CLIENT_ID",
        values: Text { fallback: Fallback::Nothing, form: "text" },
        meaning: "Client id of this server at the provider.",
    },
    Setting {
        name: "PARLOUR_OIDC_CLIENT_SECRET",
        values: Text { fallback: Fallback::Nothing, form: "text" },
        meaning: "Client secret at the provider. Public clients have none.",
    },
    Setting {
        name: "PARLOUR_OIDC_NAME",
        values: Text { fallback: Fallback::Computed("host of the issuer"), form: "text" },
        meaning: "Name of the provider on the log-in button.",
    },
    Setting {
        name: "PARLOUR_TRUSTED_PROXIES",
        values: Text {
            fallback: Fallback::Nothing,
            form: "list of addresses and networks, such as `10.0.0.0/8`",
        },
        meaning: "Proxies whose `X-Forwarded-For` is trusted. It is read from right to left: the first address \
                  that is not a trusted proxy is the client.",
    },
    Setting {
        name: "PARLOUR_WORKERS",
        values: Number { default: None, least: 1, most: 256 },
        meaning: "Threads that serve connections.",
    },
    Setting {
        name: "PARLOUR_DATABASE_READERS",
        values: Number { default: Some(4), least: 1, most: 64 },
        meaning: "Database connections for reading.",
    },
    Setting {
        name: "PARLOUR_DATABASE_LANES",
        values: Number { default: Some(4), least: 1, most: 64 },
        meaning: "Lanes that write conversations on PostgreSQL, one connection each. Half as many (rounded up) \
                  write people, and one more does housekeeping. SQLite has one writer, whatever the value.",
    },
    Setting {
        name: "PARLOUR_HASH_MEMORY_KIB",
        values: Number { default: Some(19_456), least: 8, most: 4_194_304 },
        meaning: "Memory of argon2id for one password, in KiB. Hashes with another cost are renewed at the next \
                  log-in.",
    },
    Setting {
        name: "PARLOUR_HASH_PASSES",
        values: Number { default: Some(2), least: 1, most: 32 },
        meaning: "Passes of argon2id over that memory.",
    },
    Setting {
        name: "PARLOUR_SENDS_PER_SECOND",
        values: Number { default: Some(5), least: 1, most: 1_000_000 },
        meaning: "Messages, edits and reactions per second per person on one node. The burst is twice that.",
    },
    Setting {
        name: "PARLOUR_CHANGES_PER_SECOND",
        values: Number { default: Some(20), least: 1, most: 1_000_000 },
        meaning: "Changes of any kind per second per person on one node. The burst is three times that. At least \
                  `PARLOUR_SENDS_PER_SECOND` applies, since messages are changes.",
    },
    Setting {
        name: "PARLOUR_READS_PER_SECOND",
        values: Number { default: Some(50), least: 1, most: 1_000_000 },
        meaning: "Requests that only read, and read markers, per second per person on one node. The burst is twice \
                  that. At least `PARLOUR_SENDS_PER_SECOND` applies.",
    },
    Setting {
        name: "PARLOUR_PICTURES_PER_HOUR",
        values: Number { default: Some(30), least: 1, most: 1_000_000 },
        meaning: "Pictures that a person may upload per hour on one node. The burst is a sixth of that.",
    },
    Setting {
        name: "PARLOUR_AUTH_PER_MINUTE",
        values: Number { default: Some(60), least: 1, most: 1_000_000 },
        meaning: "Log-ins and registrations per minute per network on one node. Wrong passwords are limited to \
                  half as many per network and ten times as many in total, counted by all nodes together. Look-ups \
                  of handles, refreshes and unknown tokens from one network are limited in proportion.",
    },
    Setting {
        name: "PARLOUR_AUDIT_DAYS",
        values: Number { default: Some(90), least: 1, most: 3650 },
        meaning: "Days for which entries of the audit log are kept.",
    },
    Setting {
        name: "PARLOUR_CONNECTS_PER_SECOND",
        values: Number { default: Some(500), least: 1, most: 1_000_000 },
        meaning: "New sockets per second on one node whose handshake carries no access token. The burst is four \
                  times that.",
    },
    Setting {
        name: "PARLOUR_CONNECTS_PER_ADDRESS",
        values: Number { default: Some(30), least: 1, most: 1_000_000 },
        meaning: "The same per network; the burst is ten times that. New connections of any kind from one network \
                  are limited to twenty times as many, with a burst of eighty times as many.",
    },
    Setting {
        name: "PARLOUR_CONNECTIONS",
        values: Number { default: Some(4096), least: 16, most: 1_000_000 },
        meaning: "Connections to one node that are not started sockets. Beyond the limit, those that have waited \
                  longest are closed.",
    },
    Setting {
        name: "PARLOUR_CONNECTIONS_PER_ADDRESS",
        values: Number { default: Some(256), least: 4, most: 1_000_000 },
        meaning: "The same per network. A trusted proxy has no such limit.",
    },
    Setting {
        name: "PARLOUR_METRICS_TOKEN",
        values: Text { fallback: Fallback::Nothing, form: "text of 16 characters or more" },
        meaning: "Bearer token for `/metrics`. Without it, `/metrics` returns 404.",
    },
    Setting {
        name: "PARLOUR_METRICS_LISTEN",
        values: Text { fallback: Fallback::Nothing, form: "host and port" },
        meaning: "Additional address that serves `/metrics` without a token, for a private network.",
    },
    Setting {
        name: "PARLOUR_UNSAFE_DATABASE",
        values: Flag,
        meaning: "Whether a PostgreSQL with `fsync` or `full_page_writes` turned off may be used, which loses \
                  confirmed messages when its machine crashes. Otherwise the server refuses to start.",
    },
    Setting {
        name: "PARLOUR_SMTP_URL",
        values: Text { fallback: Fallback::Nothing, form: "URL" },
        meaning: "Server that mail is handed to: `smtp://user:password@host:587` with STARTTLS, or \
                  `smtps://user:password@host:465`. `smtp://` goes without TLS to a server on this machine or with \
                  `?tls=none`; `?tls=required` requires TLS there as well. Needs `PARLOUR_MAIL_FROM` and \
                  `PARLOUR_PUBLIC_URL`.",
    },
    Setting {
        name: "PARLOUR_MAIL_FROM",
        values: Text { fallback: Fallback::Nothing, form: "address" },
        meaning: "Sender of mail: `chat@example.org`, or `Name <chat@example.org>`.",
    },
    Setting {
        name: "PARLOUR_CLOCK_WRONG_BY",
        values: Text { fallback: Fallback::Value("0"), form: "seconds, may be negative" },
        meaning: "For tests with wrong clocks: how far ahead this machine's clock pretends to be.",
    },
];

/// The setting with a name as it is written in the environment or in the file.
pub(super) fn find(written: &str) -> Option<&'static Setting> {
    let wanted = written.to_uppercase();
    SETTINGS.iter().find(|setting| {
        setting.name == wanted || setting.name.strip_prefix("PARLOUR_") == Some(wanted.as_str())
    })
}

/// The table of `docs/settings.md`.
pub fn markdown() -> String {
    let mut table = String::from("| Name | Default | Values | Meaning |\n| --- | --- | --- | --- |\n");
    for Setting { name, values, meaning } in SETTINGS {
        let (default, accepted) = match values {
            Number { default, least, most } => {
                let default =
                    default.map_or_else(|| "number of cores".to_owned(), |number| number.to_string());
                (default, format!("{least} to {most}"))
            }
            Flag => ("`false`".to_owned(), "`true`, `false`".to_owned()),
            Text { fallback, form } => {
                let default = match fallback {
                    Fallback::Value(text) => format!("`{text}`"),
                    Fallback::Computed(description) => (*description).to_owned(),
                    Fallback::Nothing => "none".to_owned(),
                };
                (default, (*form).to_owned())
            }
        };
        // Writing to a string cannot fail.
        let _ = writeln!(table, "| `{name}` | {default} | {accepted} | {meaning} |");
    }
    table
}
