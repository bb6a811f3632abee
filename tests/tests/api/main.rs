//! The REST API, noun by noun, on every backend. A success and its refusals share one setup.

mod accounts;
mod admin;
mod audit;
mod avatars;
mod bad_input;
mod blocks;
mod budgets;
mod directs;
mod friends;
mod guessing;
mod history;
mod keys;
mod messages;
mod notifications;
mod openapi;
mod own_data;
mod passkeys;
mod password_resets;
mod privacy;
mod races;
mod registration;
mod rooms;
mod second_factors;
mod sessions;
mod users;
