//! The REST API, noun by noun, on every backend. A success and its refusals share one setup.

mod accounts;
mod admin;
mod avatars;
mod bad_input;
mod budgets;
mod directs;
mod friends;
mod history;
mod messages;
mod notifications;
mod openapi;
mod races;
mod rooms;
mod sessions;
mod users;
