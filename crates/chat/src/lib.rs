//! The rules of the chat: who may do what, inside one transaction, and which events follow.
//!
//! Invariant: rights are read in the transaction that uses them, after the conversation's row lock. Time and
//! random ids are arguments. No transport, no SQL, no clock lives here.

pub mod accounts;
pub mod admin;
pub mod audit;
pub mod blocks;
pub mod conversations;
pub mod deletion;
pub mod emails;
pub mod export;
pub mod friends;
pub mod history;
pub mod identities;
pub mod invites;
pub mod mails;
pub mod messages;
pub mod notifications;
pub mod outcome;
pub mod passkeys;
pub mod password_resets;
pub mod passwords;
pub mod privacy;
pub mod refusal;
pub mod relying_party;
pub mod reset_requests;
mod rights;
pub mod rooms;
pub mod second_factors;
pub mod sessions;
pub mod streams;
pub mod totp;
pub mod users;

pub use outcome::{Effect, Outcome};
pub use refusal::Refusal;
