//! Who somebody is, and how they prove it: accounts, sessions, passwords, second factors, passkeys, log-in providers,
//! e-mail addresses, tokens, and the end of an account.
//!
//! Invariant: nothing here knows rooms or messages, except the export and the erasure of what somebody wrote.

pub mod account_erasure;
pub mod account_export;
pub mod accounts;
pub mod api_tokens;
pub mod emails;
pub mod identities;
pub mod log_in;
pub mod passkeys;
pub mod password_resets;
pub mod passwords;
pub mod relying_party;
pub mod reset_requests;
pub mod second_factors;
pub mod sessions;
pub mod totp;
