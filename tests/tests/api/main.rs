//! The REST API, noun by noun, on every backend. A success and its refusals share one setup.

mod accounts;
mod admin;
mod avatars;
mod bad_input;
mod blocks;
mod directs;
mod friends;
mod history;
mod messages;
mod notifications;
mod openapi;
mod privacy;
mod races;
mod registration;
mod rooms;
mod sessions;
mod users;
