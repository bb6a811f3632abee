//! What an attacker tries. Wherever it can be, a test is made from the published descriptions of the API, so that a
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
