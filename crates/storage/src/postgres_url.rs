//! Parses PostgreSQL URLs like libpq (`conninfo_uri_parse`), not like a browser: a password may contain unescaped `?`
//! and `#`.
//!
//! Invariant: an error contains no part of the URL, because any part may belong to the password.

/// Parameters that provide credentials other than a password in the login part of the URL.
const CREDENTIALS: [&str; 3] = ["password", "passfile", "sslcert"];

/// Parts of a URL, still percent-encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PostgresUrl<'a> {
    password: Option<&'a str>,
    hosts: &'a str,
    query: Option<&'a str>,
}

impl<'a> PostgresUrl<'a> {
    /// Parses `postgres://user:password@host:port/database?name=value`.
    pub fn parse(url: &'a str) -> Result<Self, String> {
        let body = url
            .strip_prefix("postgres://")
            .or_else(|| url.strip_prefix("postgresql://"))
            .ok_or("DATABASE_URL must begin with postgres:// or sqlite://")?;
        // Everything before the first @ is user and password, unless a slash comes first.
        let (login, rest) = match body.find(['@', '/']) {
            Some(at) if body.as_bytes().get(at) == Some(&b'@') => {
                let (login, rest) = body.split_at(at);
                (Some(login), rest.get(1..).unwrap_or_default())
            }
            _ => (None, body),
        };
        let (place, query) = match rest.split_once('?') {
            Some((place, query)) => (place, Some(query)),
            None => (rest, None),
        };
        let (hosts, database) = place.split_once('/').unwrap_or((place, ""));
        let password = login.and_then(|login| login.split_once(':')).map(|(_, password)| password);
        // Another @ belongs to a password that contains an unescaped slash or @.
        let odd = hosts.contains('@') || (login.is_none() && database.contains('@'));
        if odd || !hosts.split(',').all(is_host) {
            return Err(unusable());
        }
        let values = query.into_iter().flat_map(|query| query.split('&'));
        let named = values.clone().all(|pair| pair.is_empty() || pair.split('=').count() == 2);
        let encoded = login.into_iter().chain([hosts, database]).chain(values).all(is_encoded);
        if !named || !encoded {
            return Err(unusable());
        }
        Ok(Self { password, hosts, query })
    }

    /// Whether the URL contains credentials.
    pub fn has_credentials(&self) -> bool {
        let named = |name| CREDENTIALS.contains(&name);
        self.password.is_some_and(|password| !password.is_empty())
            || self.parameters().any(|(name, _)| named(name))
    }

    /// The hosts, or directories of Unix sockets, that the URL names.
    pub fn hosts(&self) -> impl Iterator<Item = &'a str> {
        let named = self.parameters().filter(|(name, _)| matches!(*name, "host" | "hostaddr"));
        let named = named.flat_map(|(_, hosts)| hosts.split(','));
        self.hosts.split(',').map(|host| port_of(host).0).filter(|host| !host.is_empty()).chain(named)
    }

    fn parameters(&self) -> impl Iterator<Item = (&'a str, &'a str)> + use<'a> {
        self.query.into_iter().flat_map(|query| query.split('&')).filter_map(|pair| pair.split_once('='))
    }

    /// The URL, with those defaults added that it doesn't set itself.
    pub fn with_defaults(&self, url: &str, defaults: &[(&str, &str)]) -> String {
        let missing = defaults.iter().filter(|(name, _)| self.parameters().all(|(known, _)| known != *name));
        let missing: Vec<String> = missing.map(|(name, value)| format!("{name}={value}")).collect();
        let glue = match self.query {
            None => "?",
            Some("") => "",
            Some(_) => "&",
        };
        if missing.is_empty() { url.to_owned() } else { format!("{url}{glue}{}", missing.join("&")) }
    }
}

/// Error text for a URL that can't be used: says how to fix it, and quotes none of it.
pub(crate) fn unusable() -> String {
    "DATABASE_URL cannot be used as it is. It must look like postgres://user:password@host:5432/database, and in user and \
     password the characters % / @ : are written %25 %2F %40 %3A."
        .to_owned()
}

/// Splits a host into name and port.
fn port_of(host: &str) -> (&str, Option<&str>) {
    let name_ends = host.rfind(']').map_or(0, |end| end + 1);
    match host.get(name_ends..).and_then(|rest| rest.find(':')) {
        Some(colon) => {
            let (name, port) = host.split_at(name_ends + colon);
            (name, port.get(1..))
        }
        None => (host, None),
    }
}

fn is_host(host: &str) -> bool {
    let (name, port) = port_of(host);
    let brackets = name.starts_with('[') == name.ends_with(']');
    brackets && port.is_none_or(|port| port.is_empty() || port.parse::<u16>().is_ok())
}

/// Whether every percent sign is followed by two hexadecimal digits other than `00`.
fn is_encoded(text: &str) -> bool {
    text.split('%').skip(1).all(|after| {
        let digits = after.get(..2).unwrap_or_default();
        digits.len() == 2 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()) && digits != "00"
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_passwords_are_taken_as_postgresql_takes_them() {
        for (url, password, hosts) in [
            ("postgres://u:pa?ss@db.example/chat", Some("pa?ss"), vec!["db.example"]),
            ("postgres://u:pa#ss@db.example:5433/chat", Some("pa#ss"), vec!["db.example"]),
            ("postgres://u:p:a:s@db.example", Some("p:a:s"), vec!["db.example"]),
            (
                "postgres://u:100%25sure@db.example/chat?sslmode=require",
                Some("100%25sure"),
                vec!["db.example"],
            ),
            ("postgresql://u:[pass]@[::1]:5432/chat", Some("[pass]"), vec!["[::1]"]),
            ("postgres://u:päss wörd&=+@a,b:5433/chat", Some("päss wörd&=+"), vec!["a", "b"]),
            ("postgres://u@db.example/chat", None, vec!["db.example"]),
            ("postgres:///chat?host=/run/postgresql&user=u", None, vec!["/run/postgresql"]),
            ("postgres://", None, vec![]),
        ] {
            let parsed = PostgresUrl::parse(url).unwrap();
            assert_eq!(parsed.password, password, "{url}");
            assert_eq!(parsed.hosts().collect::<Vec<_>>(), hosts, "{url}");
        }
    }

    #[test]
    fn an_unusable_url_stops_with_a_sentence_that_holds_no_part_of_the_password() {
        for url in [
            "postgres://u:100%sure@db.example/chat",
            "postgres://u:se%cret@db.example/chat",
            "postgres://u:secret%@db.example/chat",
            "postgres://u:se%00cret@db.example/chat",
            "postgres://u:se/cret@db.example/chat",
            "postgres://u:12/secret@db.example/chat",
            "postgres://u:se@cret@db.example/chat",
            "postgres://u:pw@db.example:secret/chat",
            "postgres://u@db.example/chat?password=se%cret",
            "postgres://u@db.example/chat?password=secret=1",
            "postgres://u@db.example/chat?password",
            "mysql://u:secret@db.example",
        ] {
            let error = PostgresUrl::parse(url).unwrap_err();
            for part in ["sure", "secret", "cret", "100"] {
                assert!(!error.contains(part), "{url}: {error}");
            }
        }
    }

    #[test]
    fn defaults_are_added_after_the_password() {
        let with = |url: &str| PostgresUrl::parse(url).unwrap().with_defaults(url, &[("a", "1"), ("b", "2")]);
        assert_eq!(with("postgres://u:pa?ss@h/d"), "postgres://u:pa?ss@h/d?a=1&b=2");
        assert_eq!(with("postgres://u:a=1@h/d?b=3"), "postgres://u:a=1@h/d?b=3&a=1");
        assert_eq!(with("postgres://u:p@h/d?"), "postgres://u:p@h/d?a=1&b=2");
        assert_eq!(with("postgres://u:p@h/d?a=0&b=0"), "postgres://u:p@h/d?a=0&b=0");
    }

    #[test]
    fn credentials_are_seen_wherever_they_stand() {
        for (url, has) in [
            ("postgres://u:pa?ss@h/d", true),
            ("postgres://u@h/d?passfile=/etc/pw", true),
            ("postgres://u@h/d", false),
            ("postgres://u:@h/d", false),
            ("postgres://u?password=x@h/d", false),
        ] {
            assert_eq!(PostgresUrl::parse(url).unwrap().has_credentials(), has, "{url}");
        }
    }
}
