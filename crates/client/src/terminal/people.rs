//! Who is who: events name people by id, terminals by handle.

use std::collections::HashMap;

use parlour_protocol::ids::UserId;
use parlour_protocol::users::User;

use crate::native::Api;
use crate::operations::ListUsers;

/// More are forgotten and asked for again.
const REMEMBERED: usize = 10_000;

/// The people who were seen so far.
#[derive(Default)]
pub(super) struct People(HashMap<UserId, String>);

impl People {
    /// Notes people that came along with something else.
    pub(super) fn learn<'u>(&mut self, users: impl IntoIterator<Item = &'u User>) {
        if self.0.len() > REMEMBERED {
            self.0.clear();
        }
        self.0.extend(users.into_iter().map(|user| (user.id, user.handle.clone())));
    }

    /// What somebody is called; their number where nobody says.
    pub(super) async fn name(&mut self, api: &Api, id: UserId) -> String {
        if !self.0.contains_key(&id)
            && let Ok(page) = api.list_users(&ListUsers::of(&[id])).await
        {
            self.learn(&page.items);
        }
        self.0.get(&id).cloned().unwrap_or_else(|| id.to_string())
    }
}
