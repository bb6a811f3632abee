//! Loads notifications, and marks them as seen.

use leptos::task::spawn_local;
use parlour_protocol::ids::Seq;

use crate::context::Context;
use crate::stores::settle;

impl Context {
    /// Reloads the newest notifications.
    pub(crate) fn load_notices(&self) {
        let context = *self;
        spawn_local(async move {
            settle(context.notices.list, context.api.list_notifications(None).await);
        });
    }

    /// Marks notifications as seen on the server and clears the badge. The rows stay marked as new for this visit.
    pub(crate) fn mark_seen(&self, up_to: Seq) {
        let context = *self;
        spawn_local(async move {
            // Notifications that arrived meanwhile are not seen.
            if context.api.read_notifications(up_to).await.is_ok() && !context.notices.see(up_to) {
                context.load_notices();
            }
        });
    }
}
