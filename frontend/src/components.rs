//! The components that pages are built from. They display signals and call back; they do not use the network
//! themselves.

pub(crate) mod avatar;
pub(crate) mod banner;
pub(crate) mod choices;
pub(crate) mod composer;
pub(crate) mod copying;
pub(crate) mod dialog;
pub(crate) mod form;
pub(crate) mod keyboard;
pub(crate) mod layers;
pub(crate) mod members;
pub(crate) mod menu;
pub(crate) mod message;
pub(crate) mod message_body;
pub(crate) mod message_parts;
pub(crate) mod message_pending;
pub(crate) mod password;
pub(crate) mod places;
pub(crate) mod qr_code;
pub(crate) mod roving;
pub(crate) mod scrolling;
pub(crate) mod sidebar;
pub(crate) mod states;
pub(crate) mod switcher;
pub(crate) mod timeline;
pub(crate) mod timeline_view;
pub(crate) mod touch;
