//! Pure stores and models: what events do to what is shown. No I/O, no clock; tested natively.

pub(crate) mod base64url;
pub(crate) mod conversations;
pub(crate) mod people;
pub(crate) mod rows;
pub(crate) mod text;
pub(crate) mod time;
