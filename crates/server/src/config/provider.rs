//! Settings of the OpenID Connect provider with which people may log in.
//!
//! Invariant: a provider on another machine is reached over TLS.

use super::Secret;
use super::values::Given;

/// How to reach the provider and authenticate with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProviderSettings {
    /// Issuer URL; `/.well-known/openid-configuration` is found below it.
    pub issuer: String,
    /// Client id of this server at the provider.
    pub client_id: String,
    /// Client secret of this server; public clients have none.
    pub client_secret: Option<Secret>,
    /// Name shown on the log-in button.
    pub name: String,
}

impl ProviderSettings {
    /// Reads the settings; without any of them there is no provider.
    pub(super) fn read(given: &mut Given) -> Option<Self> {
        let settings = [
            "PARLOUR_OIDC_ISSUER",
            "PARLOUR_OIDC_CLIENT_ID",
            "PARLOUR_OIDC_CLIENT_SECRET",
            "PARLOUR_OIDC_NAME",
        ]
        .map(|name| given.text(name));
        given.check(Self::from_texts(settings)).flatten()
    }

    fn from_texts(settings: [Option<String>; 4]) -> Result<Option<Self>, String> {
        let [issuer, client_id, client_secret, name] = settings;
        let (Some(issuer), Some(client_id)) = (&issuer, &client_id) else {
            return match (issuer, client_id, client_secret, name) {
                (None, None, None, None) => Ok(None),
                _ => Err("PARLOUR_OIDC_ISSUER and PARLOUR_OIDC_CLIENT_ID go together. \
                          Set both, or no setting that begins with PARLOUR_OIDC_."
                    .into()),
            };
        };
        let host = issuer.split_once("://").map_or("", |(_, rest)| rest);
        let host = host.split('/').next().unwrap_or_default().to_owned();
        let bare = host.rsplit_once(':').map_or(host.as_str(), |(name, _)| name).to_owned();
        let here = matches!(bare.as_str(), "localhost" | "127.0.0.1" | "[::1]");
        if host.is_empty() || !(issuer.starts_with("https://") || here && issuer.starts_with("http://")) {
            return Err(
                "PARLOUR_OIDC_ISSUER must begin with https://; http:// is for providers on this machine"
                    .into(),
            );
        }
        Ok(Some(Self {
            issuer: issuer.clone(),
            client_id: client_id.clone(),
            client_secret: client_secret.map(Secret),
            name: name.unwrap_or(bare),
        }))
    }
}
