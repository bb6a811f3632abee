//! What users do and what pages need, as requests to the server with their consequences in the stores.
//!
//! Components call these and use no part of `api/` themselves.

pub(crate) mod conversations;
pub(crate) mod friends;
pub(crate) mod history;
pub(crate) mod members;
pub(crate) mod notifications;
pub(crate) mod people;
pub(crate) mod search;
