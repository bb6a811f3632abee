//! What an attacker tries. Wherever possible, a test is generated from the published descriptions of the API, so that a
//! new operation that nobody thought about fails it.

mod attacks;
mod log_scan;
mod matrix;
mod nonsense;
mod operations;
mod proxies;
mod races;
mod replay;
mod scene;
mod tables;
mod timing;
mod token_rights;
mod tokens;
mod web;
