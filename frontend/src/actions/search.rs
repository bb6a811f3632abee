//! Searches the server for what the quick switcher offers in addition to what is known here.

use leptos::task::spawn_local;
use parlour_protocol::rooms::Room;
use parlour_protocol::users::User;
use parlour_protocol::validation;

use crate::context::Context;

/// Something that was found.
pub(crate) enum Found {
    /// Rooms with this name, whether the user is in them or not.
    Rooms(Vec<Room>),
    /// The user with exactly this handle.
    Person(User),
}

impl Context {
    /// Searches rooms by name, and users by their exact handle. `tell` gets what was found; it returns false if that is
    /// not wanted any more.
    pub(crate) fn search(self, typed: String, tell: impl Fn(Found) -> bool + 'static) {
        spawn_local(async move {
            let rooms = self.api.list_rooms(&typed, None).await.map(|page| page.items).unwrap_or_default();
            if tell(Found::Rooms(rooms))
                && validation::handle(&typed).is_ok()
                && let Ok(profile) = self.api.read_profile(&typed).await
            {
                self.people.learn([&profile.user].into_iter());
                tell(Found::Person(profile.user));
            }
        });
    }
}
