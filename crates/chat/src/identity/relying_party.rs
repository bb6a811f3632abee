//! The server as a WebAuthn relying party: the name that passkeys are bound to, and the origins that may use them.
//!
//! Invariant: passkeys are bound to this name permanently. It is the host of the public URL, or `localhost`. Browsers
//! don't support passkeys on IP addresses, or without TLS except on `localhost`; there is no relying party then.

use std::net::IpAddr;

use serde::Serialize;
use serde_json::Value;
use webauthn_rs::prelude::{
    AuthenticationResult, CredentialID, DiscoverableAuthentication, Passkey, PasskeyRegistration,
    PublicKeyCredential, RegisterPublicKeyCredential, Url, Uuid, WebauthnError,
};
use webauthn_rs::{Webauthn, WebauthnBuilder};

/// The WebAuthn relying party; see the module.
#[derive(Debug, Clone)]
pub struct RelyingParty {
    inner: Webauthn,
    id: String,
}

/// Whether `host` is this name or a subdomain of it.
fn is_under(host: &str, name: &str) -> bool {
    host == name || host.strip_suffix(name).is_some_and(|rest| rest.ends_with('.'))
}

/// Whether browsers allow passkeys on this origin.
fn is_trusted(origin: &Url) -> bool {
    origin.domain().is_some_and(|host| origin.scheme() == "https" || is_under(host, "localhost"))
}

/// Whether a server that listens on this address can be reached as `localhost`.
fn is_local(listen: &str) -> bool {
    let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

impl RelyingParty {
    /// The relying party of a server, if there can be one: named after the public URL, or without one `localhost` on
    /// any port. Additional origins are allowed if they have the same name or a subdomain of it.
    pub fn of(name: &str, public_url: Option<&str>, listen: &str, origins: &[String]) -> Option<Self> {
        let any_port = public_url.is_none();
        let own = match public_url {
            Some(url) => url,
            None if is_local(listen) => "http://localhost",
            None => return None,
        };
        let own = Url::parse(own).ok().filter(is_trusted)?;
        let id = own.domain()?.to_owned();
        let mut builder = WebauthnBuilder::new(&id, &own).ok()?.rp_name(name).allow_any_port(any_port);
        for origin in origins.iter().filter_map(|origin| Url::parse(origin).ok()) {
            if is_trusted(&origin) && origin.domain().is_some_and(|host| is_under(host, &id)) {
                builder = builder.append_allowed_origin(&origin);
            }
        }
        let inner = builder.build().ok()?;
        Some(Self { inner, id })
    }

    /// The name that passkeys are bound to.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The options for creating a passkey, and the state to keep until the response.
    pub(crate) fn register(
        &self,
        user: Uuid,
        (name, display_name): (&str, &str),
        known: Vec<CredentialID>,
    ) -> Result<(Value, PasskeyRegistration), WebauthnError> {
        let (options, state) =
            self.inner.start_passkey_registration(user, name, display_name, Some(known))?;
        let mut options = json(&options.public_key)?;
        // The library doesn't request this. Without it, users couldn't log in without entering their handle first.
        if let Some(wanted) = options.get_mut("authenticatorSelection") {
            wanted["residentKey"] = "required".into();
            wanted["requireResidentKey"] = true.into();
        }
        Ok((options, state))
    }

    /// Verifies the response of an authenticator that created a passkey.
    pub(crate) fn finish_registration(
        &self,
        credential: &RegisterPublicKeyCredential,
        state: &PasskeyRegistration,
    ) -> Result<Passkey, WebauthnError> {
        self.inner.finish_passkey_registration(credential, state)
    }

    /// The options for a log-in with one of these passkeys, or with any if the list is empty; and the state to keep
    /// until the response. The state doesn't include the passkeys: they are verified as they are when the response
    /// arrives.
    pub(crate) fn request(
        &self,
        known: &[Passkey],
    ) -> Result<(Value, DiscoverableAuthentication), WebauthnError> {
        let (options, state) = self.inner.start_discoverable_authentication()?;
        let mut options = json(&options.public_key)?;
        if !known.is_empty() {
            let (named, _) = self.inner.start_passkey_authentication(known)?;
            options["allowCredentials"] = json(&named.public_key.allow_credentials)?;
        }
        Ok((options, state))
    }

    /// Verifies the response of a passkey.
    pub(crate) fn finish(
        &self,
        credential: &PublicKeyCredential,
        state: DiscoverableAuthentication,
        passkey: &Passkey,
    ) -> Result<AuthenticationResult, WebauthnError> {
        self.inner.finish_discoverable_authentication_v2(credential, state, passkey)
    }
}

fn json(value: &impl Serialize) -> Result<Value, WebauthnError> {
    serde_json::to_value(value).map_err(WebauthnError::ParseJSONFailure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(public_url: Option<&str>, listen: &str) -> Option<String> {
        RelyingParty::of("Parlour", public_url, listen, &[]).map(|party| party.id)
    }

    #[test]
    fn the_name_comes_from_the_public_address_or_is_localhost() {
        let of_url = |url| id(Some(url), "0.0.0.0:8080");
        assert_eq!(of_url("https://chat.example.com").as_deref(), Some("chat.example.com"));
        assert_eq!(of_url("https://chat.example.com:8443").as_deref(), Some("chat.example.com"));
        assert_eq!(of_url("http://localhost:8080").as_deref(), Some("localhost"));
        for url in
            ["http://chat.example.com", "https://192.0.2.1", "https://[2001:db8::1]", "http://127.0.0.1:80"]
        {
            assert_eq!(of_url(url), None, "{url}");
        }
        for listen in ["127.0.0.1:8080", "127.0.0.1:0", "[::1]:8080", "0.0.0.0:80", "[::]:80", "localhost:1"]
        {
            assert_eq!(id(None, listen).as_deref(), Some("localhost"), "{listen}");
        }
        assert_eq!(id(None, "192.0.2.1:8080"), None);
    }

    #[test]
    fn further_origins_count_under_the_same_name() {
        let origins = [
            "https://app.chat.example.com",
            "https://chat.example.com:8443",
            "https://badchat.example.com",
            "https://example.com",
            "http://chat.example.com",
        ];
        let origins = origins.map(str::to_owned);
        let party =
            RelyingParty::of("Parlour", Some("https://chat.example.com"), "127.0.0.1:0", &origins).unwrap();
        let allowed: Vec<String> =
            party.inner.get_allowed_origins().iter().map(ToString::to_string).collect();
        assert_eq!(
            allowed,
            ["https://chat.example.com/", "https://app.chat.example.com/", "https://chat.example.com:8443/"]
        );
    }
}
