//! Operations for personal access tokens and bots.

use gloo_net::http::Method;
use parlour_protocol::Page;
use parlour_protocol::api_tokens::{CreateToken, CreatedToken, Token};
use parlour_protocol::bots::{Bot, CreateBot};
use parlour_protocol::ids::{TokenId, UserId};
use parlour_protocol::own_data::{ConfirmPassword, DeletionReceipt};

use super::http::{Answer, Api};
use crate::state::tokens::Holder;

impl Api {
    pub(crate) async fn list_tokens(self, holder: Holder) -> Answer<Page<Token>> {
        self.get_every(&holder.path()).await
    }

    pub(crate) async fn create_token(self, holder: Holder, body: &CreateToken) -> Answer<CreatedToken> {
        self.with_body(Method::POST, &holder.path(), body).await
    }

    pub(crate) async fn revoke_token(self, holder: Holder, id: TokenId) -> Answer<()> {
        self.done(Method::DELETE, &format!("{}/{id}", holder.path())).await
    }

    pub(crate) async fn list_bots(self) -> Answer<Page<Bot>> {
        self.get_every("/bots").await
    }

    pub(crate) async fn create_bot(self, body: &CreateBot) -> Answer<Bot> {
        self.with_body(Method::POST, "/bots", body).await
    }

    pub(crate) async fn delete_bot(self, id: UserId, body: &ConfirmPassword) -> Answer<DeletionReceipt> {
        self.with_body(Method::DELETE, &format!("/bots/{id}"), body).await
    }
}
