//! Pure models: how events change what is shown. No I/O, no clock; tested natively.

pub(crate) mod addresses;
pub(crate) mod announcing;
pub(crate) mod base64url;
pub(crate) mod bidi;
pub(crate) mod catch_up;
pub(crate) mod conversations;
pub(crate) mod drafts;
pub(crate) mod failure;
pub(crate) mod friendships;
pub(crate) mod gestures;
pub(crate) mod history;
pub(crate) mod kept;
pub(crate) mod keys;
pub(crate) mod load;
pub(crate) mod markers;
pub(crate) mod members;
pub(crate) mod mentions;
pub(crate) mod notifications;
pub(crate) mod offers;
pub(crate) mod order;
pub(crate) mod people;
pub(crate) mod reactions;
pub(crate) mod rereads;
pub(crate) mod rows;
#[cfg(test)]
pub(crate) mod samples;
pub(crate) mod servers;
#[cfg(test)]
pub(crate) mod sources;
pub(crate) mod spot;
pub(crate) mod tabs;
pub(crate) mod text;
pub(crate) mod time;
pub(crate) mod toasts;
pub(crate) mod tokens;
pub(crate) mod typed;
pub(crate) mod typing;
pub(crate) mod wanted;
pub(crate) mod writing;
