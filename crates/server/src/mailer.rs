//! Sends mails, each by its job.
//!
//! Invariant: no request waits for the SMTP server. Delivery is at least once: a mail that was sent but not recorded
//! as sent is sent again, with the same message id. The log holds no address and no token.

mod texts;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use lettre::message::Mailbox;
use lettre::message::header::{ContentType, HeaderName, HeaderValue, MIME_VERSION_1_0};
use lettre::transport::smtp::Error as SmtpError;
use lettre::transport::smtp::extension::ClientId;
use lettre::{Address, AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use openidconnect::url::Url;
use parlour_chat::jobs::Failure;
use parlour_chat::mail_queue::{self, DueMail};
use parlour_protocol::limits::EMAIL;
use parlour_protocol::time::Timestamp;
use parlour_protocol::validation;
use parlour_storage::Lane;

use self::texts::Text;
use crate::app::App;
use crate::config::Config;
use crate::config::mail::MailSettings;
use crate::jobs::failure;

/// Time limit for sending one mail.
const PATIENCE: Duration = Duration::from_secs(30);

/// Checks an email address and returns it as it is stored.
pub fn parse_address(text: &str) -> Result<String, String> {
    validation::email(text)?;
    let address: Address = text.trim().parse().map_err(|_| "Enter a valid email address.".to_owned())?;
    if address.user().len() > EMAIL.1 {
        return Err(format!("At most {} bytes before the @.", EMAIL.1));
    }
    Ok(address.to_string())
}

/// Hands mail over to the SMTP server.
pub struct Mailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    sender: Mailbox,
    /// Public URL of this server.
    address: String,
    /// Host part of `address`.
    host: String,
    name: String,
}

impl Mailer {
    /// Prepares the connection that the settings describe.
    pub fn new(config: &Config, settings: &MailSettings) -> Result<Self, String> {
        let address = config.public_url.clone().unwrap_or_default();
        let host = Url::parse(&address).ok().and_then(|url| url.host_str().map(str::to_owned));
        let host = host.unwrap_or_else(|| "localhost".to_owned());
        let explain = |_| "PARLOUR_SMTP_URL cannot be used".to_owned();
        let transport =
            AsyncSmtpTransport::<Tokio1Executor>::from_url(&settings.connection_url()?.0).map_err(explain)?;
        let name = texts::one_line(&config.name);
        let mut sender = settings.sender()?;
        sender.name.get_or_insert_with(|| name.clone());
        Ok(Self {
            transport: transport.hello_name(ClientId::Domain(host.clone())).timeout(Some(PATIENCE)).build(),
            sender,
            address,
            host,
            name,
        })
    }

    /// Builds the message to be sent.
    fn message(&self, app: &App, due: &DueMail, now: Timestamp) -> Result<Message, String> {
        let (row, kind) = (&due.row, due.kind.ok_or("the kind is not known here")?);
        let token = row
            .nonce
            .as_ref()
            .map(|nonce| mail_queue::token(&app.master_key, kind, row.user_id, &row.address, nonce))
            .unwrap_or_default();
        let Text { subject, body } = texts::text(kind, &self.name, &self.address, &due.handle, &token);
        let to: Address = row.address.parse().map_err(|_| "the address cannot be used")?;
        let parts: [&[u8]; 2] = [&row.id.to_be_bytes(), &row.created_at.to_be_bytes()];
        let id: String = app
            .master_key
            .derive("message id", &parts)
            .iter()
            .take(16)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let automatic =
            HeaderValue::new(HeaderName::new_from_ascii_str("Auto-Submitted"), "auto-generated".to_owned());
        Message::builder()
            .from(self.sender.clone())
            .to(Mailbox::new(None, to))
            .subject(subject)
            .date(UNIX_EPOCH + Duration::from_micros(now.0.unsigned_abs()))
            .message_id(Some(format!("<{id}@{}>", self.host)))
            .header(MIME_VERSION_1_0)
            .raw_header(automatic)
            .header(ContentType::TEXT_PLAIN)
            .body(body)
            .map_err(|_| "the mail cannot be written".to_owned())
    }

    /// Sends a mail, unless it was sent or withdrawn, and records that.
    pub async fn deliver(&self, app: &Arc<App>, mail: i64) -> Result<(), Failure> {
        let Some(due) = app.read(move |conn| mail_queue::find_due(conn, mail)).await.map_err(failure)? else {
            return Ok(());
        };
        let (now, ends) = (app.clock.now(), Timestamp(mail_queue::ends(&due.row)));
        if now >= ends {
            return Err(Failure::lasting("it came too late"));
        }
        self.send(app, &due, now).await.map_err(|failure| Failure { until: Some(ends), ..failure })?;
        app.commit(Lane::Server, move |conn, now| mail_queue::sent(conn, now, mail)).await.map_err(failure)
    }

    async fn send(&self, app: &App, due: &DueMail, now: Timestamp) -> Result<(), Failure> {
        let message = self.message(app, due, now).map_err(Failure::lasting)?;
        match tokio::time::timeout(PATIENCE, self.transport.send(message)).await {
            Ok(Ok(_)) => Ok(()),
            Ok(Err(error)) if is_final(&error) => Err(Failure::lasting(describe(&error))),
            Ok(Err(error)) => Err(Failure::passing(describe(&error))),
            Err(_) => Err(Failure::passing("the SMTP server does not answer")),
        }
    }
}

/// Whether the SMTP server says that the mailbox does not exist. Other refusals may end when a setting is corrected.
fn is_final(error: &SmtpError) -> bool {
    error.status().is_some_and(|code| matches!(u16::from(code), 550 | 551 | 553))
}

/// What went wrong, without the SMTP server's own words, which often repeat the address.
fn describe(error: &SmtpError) -> String {
    match error.status() {
        Some(code) => format!("the SMTP server refused with {code}"),
        None if error.is_timeout() => "the SMTP server does not answer".to_owned(),
        None if error.is_tls() => "there is no TLS with the SMTP server".to_owned(),
        None if error.is_client() => "the SMTP server lacks what the mail needs".to_owned(),
        None if error.is_response() => "the SMTP server answers strangely".to_owned(),
        None => "the SMTP server cannot be reached".to_owned(),
    }
}
