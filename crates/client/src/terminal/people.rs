//! Maps user ids, which events contain, to handles.

use std::collections::HashMap;

use parlour_protocol::ids::UserId;
use parlour_protocol::users::User;

use crate::native::Api;
use crate::operations::ListUsers;

/// When more entries than this are cached, the cache is cleared.
const REMEMBERED: usize = 10_000;

/// The handles seen so far.
#[derive(Default)]
pub(super) struct People(HashMap<UserId, String>);

impl People {
    /// Adds users that came with another answer.
    pub(super) fn learn<'u>(&mut self, users: impl IntoIterator<Item = &'u User>) {
        if self.0.len() > REMEMBERED {
            self.0.clear();
        }
        self.0.extend(users.into_iter().map(|user| (user.id, user.handle.clone())));
    }

    /// The user's handle; the id if it cannot be found out.
    pub(super) async fn name(&mut self, api: &Api, id: UserId) -> String {
        if !self.0.contains_key(&id)
            && let Ok(page) = api.list_users(&ListUsers::of(&[id])).await
        {
            self.learn(&page.items);
        }
        self.0.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }
}
