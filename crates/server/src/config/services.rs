//! The URLs of PostgreSQL and Redis: what can be told of them before anything is connected.
//!
//! Invariant: no message repeats a URL, which holds a password.

use std::net::IpAddr;

use parlour_storage::postgres_url::PostgresUrl;
use url::Url;

/// Rejects a URL that the Redis library would split differently than intended: what follows a `/`, `?` or `#` in a
/// password is not a host. The error does not repeat the value, which holds the password.
pub(super) fn check_redis(url: &str) -> Result<(), String> {
    let malformed = || {
        "REDIS_URL cannot be used as it is. It must look like redis://user:password@host:6379/0, and in the password the \
         characters % / ? # @ : are written %25 %2F %3F %23 %40 %3A."
            .to_owned()
    };
    let parsed = Url::parse(url).map_err(|_| malformed())?;
    let database = parsed.path().trim_start_matches('/');
    let odd = parsed.host_str().is_none_or(str::is_empty)
        || parsed.fragment().is_some()
        || parsed.query().is_some_and(|query| query.contains('@'))
        || !database.bytes().all(|digit| digit.is_ascii_digit());
    if odd { Err(malformed()) } else { Ok(()) }
}

/// Whether a URL names another machine without a password. URLs with another way to authenticate are left to that
/// server.
pub(super) fn is_open(url: &str) -> bool {
    if let Ok(url) = PostgresUrl::parse(url) {
        return !url.has_credentials() && url.hosts().any(|host| !is_here(host));
    }
    let Ok(url) = Url::parse(url) else {
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
pub(super) fn is_here(host: &str) -> bool {
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
    }
}
