//! The components that pages are built from. They read stores, call back, or call actions; they do not use the network
//! themselves.

pub(crate) mod avatar;
pub(crate) mod banner;
pub(crate) mod choices;
pub(crate) mod composer;
mod composing;
pub(crate) mod copying;
pub(crate) mod dialog;
pub(crate) mod form;
pub(crate) mod keyboard;
pub(crate) mod layers;
pub(crate) mod members;
mod mention_offers;
pub(crate) mod menu;
mod menu_focus;
pub(crate) mod message;
pub(crate) mod message_body;
pub(crate) mod message_parts;
pub(crate) mod message_pending;
pub(crate) mod password;
pub(crate) mod places;
pub(crate) mod qr_code;
pub(crate) mod roving;
pub(crate) mod row_context;
pub(crate) mod scrolling;
pub(crate) mod sidebar;
pub(crate) mod states;
pub(crate) mod switcher;
pub(crate) mod timeline;
pub(crate) mod timeline_view;
pub(crate) mod touch;

#[cfg(test)]
mod tests {
    use crate::state::sources;

    #[test]
    fn components_and_stores_leave_the_network_to_actions() {
        for folder in ["components", "stores", "state"] {
            sources::not_in(folder, &["api::", ".api", "gloo_net", "WebSocket"]);
        }
    }
}
