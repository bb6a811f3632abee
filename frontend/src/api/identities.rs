//! Log-in with an OpenID Connect provider, and the identities linked to an account.

use gloo_net::http::Method;
use parlour_protocol::Page;
use parlour_protocol::identities::{
    BeginIdentity, BeginProviderLogIn, CompleteIdentity, CompleteProviderLogIn, CreateProviderAccount,
    Identity, ProviderLogIn, UnknownIdentity,
};
use parlour_protocol::ids::IdentityId;
use parlour_protocol::own_data::ConfirmPassword;
use parlour_protocol::sessions::SignedIn;

use super::calls::Registered;
use super::http::{Answer, Api};

/// The outcome of returning from the provider.
#[derive(Clone, serde::Deserialize)]
#[serde(untagged)]
pub(crate) enum CameBack {
    /// The user is logged in.
    In(Box<SignedIn>),
    /// The user has no account here yet.
    Unknown(UnknownIdentity),
}

impl Api {
    pub(crate) async fn begin_provider_log_in(self, body: &BeginProviderLogIn) -> Answer<ProviderLogIn> {
        self.with_body(Method::POST, "/sessions/provider/begin", body).await
    }

    pub(crate) async fn complete_provider_log_in(self, body: &CompleteProviderLogIn) -> Answer<CameBack> {
        self.with_body(Method::POST, "/sessions/provider", body).await
    }

    pub(crate) async fn create_provider_account(self, body: &CreateProviderAccount) -> Answer<Registered> {
        self.with_body(Method::POST, "/accounts/provider", body).await
    }

    pub(crate) async fn list_identities(self) -> Answer<Page<Identity>> {
        self.get("/account/identities").await
    }

    pub(crate) async fn begin_identity(self, body: &BeginIdentity) -> Answer<ProviderLogIn> {
        self.with_body(Method::POST, "/account/identities/begin", body).await
    }

    pub(crate) async fn create_identity(self, body: &CompleteIdentity) -> Answer<Identity> {
        self.with_body(Method::POST, "/account/identities", body).await
    }

    pub(crate) async fn delete_identity(self, id: IdentityId, body: &ConfirmPassword) -> Answer<()> {
        self.done_with(Method::DELETE, &format!("/account/identities/{id}"), body).await
    }
}
