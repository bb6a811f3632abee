//! Mail settings: the server that mail is handed to, and the sender address.
//!
//! Invariant: no error message repeats the URL, which holds a password.

use lettre::message::Mailbox;
use url::Url;

use super::services::is_here;
use super::values::Given;
use super::{Config, Secret};

/// Names of the settings.
const SMTP_URL: &str = "PARLOUR_SMTP_URL";
const MAIL_FROM: &str = "PARLOUR_MAIL_FROM";

/// How mail is sent.
#[derive(Debug, Clone)]
pub struct MailSettings {
    /// `smtp://user:password@host:port` or `smtps://…`, as configured.
    pub smtp_url: Secret,
    /// Sender of all mail: an address, or `Name <address>`.
    pub from: String,
}

impl MailSettings {
    /// Reads both settings, or neither.
    pub(super) fn read(given: &mut Given) -> Option<Self> {
        match (given.text(SMTP_URL), given.text(MAIL_FROM)) {
            (None, None) => return None,
            (Some(url), Some(from)) => return Some(Self { smtp_url: Secret(url), from }),
            (Some(_), None) => given.fail(format!(
                "{SMTP_URL} sends mail, which needs a sender. Set {MAIL_FROM} to an address."
            )),
            (None, Some(_)) => given.fail(format!(
                "{MAIL_FROM} is the sender of mail, and no server to send it is set. Set {SMTP_URL}, or remove {MAIL_FROM}."
            )),
        }
        None
    }

    /// Rejects settings that cannot work.
    pub(super) fn check(&self, config: &Config) -> Result<(), String> {
        self.connection_url()?;
        self.sender()?;
        if config.public_url.is_none() {
            return Err(format!(
                "{SMTP_URL} sends mails with links, and the server does not know its own address. Set PARLOUR_PUBLIC_URL."
            ));
        }
        Ok(())
    }

    /// The sender, parsed.
    pub fn sender(&self) -> Result<Mailbox, String> {
        self.from.parse().map_err(|_| {
            format!("{MAIL_FROM} must be an address, or a name and an address in angle brackets")
        })
    }

    /// The URL of the SMTP server in the form that the mail library expects: with TLS unless it was turned off or the
    /// server is on this machine.
    pub fn connection_url(&self) -> Result<Secret, String> {
        let malformed = || {
            // The value holds a password, so it is not repeated.
            format!(
                "{SMTP_URL} must look like smtp://user:password@host:587 or smtps://user:password@host:465"
            )
        };
        let mut url = Url::parse(&self.smtp_url.0).map_err(|_| malformed())?;
        let host = url.host_str().filter(|host| !host.is_empty()).ok_or_else(malformed)?.to_owned();
        let mut tls = None;
        for (name, value) in url.query_pairs() {
            if name != "tls" || !matches!(value.as_ref(), "none" | "required") {
                return Err(format!(
                    "{SMTP_URL} can end with ?tls=none or ?tls=required, and with nothing else"
                ));
            }
            tls = Some(value == "required");
        }
        if url.username().is_empty() != url.password().is_none() {
            return Err(format!("{SMTP_URL} must have a user with a password, or neither"));
        }
        if !matches!(url.path(), "" | "/") || url.fragment().is_some() {
            return Err(malformed());
        }
        match (url.scheme(), tls) {
            ("smtps", Some(false)) => {
                return Err(format!(
                    "{SMTP_URL}: smtps:// is TLS; with ?tls=none it must begin with smtp://"
                ));
            }
            ("smtps", _) => url.set_query(None),
            ("smtp", tls) => {
                if url.port().is_none() {
                    url.set_port(Some(587)).map_err(|()| malformed())?;
                }
                url.set_query(tls.unwrap_or(!is_here(&host)).then_some("tls=required"));
            }
            _ => return Err(malformed()),
        }
        Ok(Secret(url.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Result<String, String> {
        let settings =
            MailSettings { smtp_url: Secret(text.to_owned()), from: "chat@chat.example".to_owned() };
        settings.connection_url().map(|url| url.0)
    }

    #[test]
    fn tls_is_needed_but_on_this_machine() {
        for (given, used) in [
            ("smtp://mail.example", "smtp://mail.example:587?tls=required"),
            ("smtp://ada:pa%40ss@mail.example:2525", "smtp://ada:pa%40ss@mail.example:2525?tls=required"),
            ("smtp://mail.example?tls=none", "smtp://mail.example:587"),
            ("smtp://localhost:25", "smtp://localhost:25"),
            ("smtp://127.0.0.1", "smtp://127.0.0.1:587"),
            ("smtp://[::1]:25", "smtp://[::1]:25"),
            ("smtp://localhost:25?tls=required", "smtp://localhost:25?tls=required"),
            ("smtps://ada:pa55word@mail.example", "smtps://ada:pa55word@mail.example"),
        ] {
            assert_eq!(url(given).unwrap(), used, "{given}");
        }
    }

    #[test]
    fn what_cannot_work_is_refused_with_a_sentence_that_holds_no_password() {
        for (given, expected) in [
            ("mail.example", "must look like"),
            ("smtp:///", "must look like"),
            ("http://ada:pa55word@mail.example", "must look like"),
            ("smtp://ada:pa55word@mail.example/path", "must look like"),
            ("smtp://ada:pa55word@mail.example?tls=maybe", "?tls=none"),
            ("smtps://ada:pa55word@mail.example?tls=none", "begin with smtp://"),
            ("smtp://ada@mail.example", "with a password"),
        ] {
            let error = url(given).unwrap_err();
            assert!(error.contains(expected) && !error.contains("pa55word"), "{given}: {error}");
        }
    }

    #[test]
    fn mail_needs_all_of_its_settings() {
        let smtp = "smtp_url = \"smtp://ada:pa55word@mail.example\"";
        let from = "mail_from = \"Tea <tea@chat.example>\"";
        let public = "public_url = \"https://chat.example\"";
        for (file, expected) in [
            (smtp.to_owned(), "Set PARLOUR_MAIL_FROM"),
            (from.to_owned(), "Set PARLOUR_SMTP_URL"),
            (format!("{smtp}\n{from}"), "Set PARLOUR_PUBLIC_URL"),
            (format!("{smtp}\nmail_from = \"nobody\"\n{public}"), "PARLOUR_MAIL_FROM must be an address"),
        ] {
            let error = Config::from_sources(&file, |_| None).unwrap_err();
            assert!(error.contains(expected) && !error.contains("pa55word"), "{file}: {error}");
        }
        let config = Config::from_sources(&format!("{smtp}\n{from}\n{public}"), |_| None).unwrap();
        assert!(!format!("{config:?}").contains("pa55word"));
        assert_eq!(config.mail.unwrap().sender().unwrap().email.to_string(), "tea@chat.example");
        assert!(Config::from_sources("", |_| None).unwrap().mail.is_none());
    }
}
