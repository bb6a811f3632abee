//! The harness of the system tests: a server per test on every backend, people who use it, and a vocabulary for what
//! their sockets must and must not see.
//!
//! Invariant: tests share nothing. Each has its own database and its own servers, so all run at once. Nothing sleeps:
//! expected things are waited for, until a deadline that only a failure reaches.

mod app;
pub mod attack;
mod backend;
pub mod chaos;
mod contract;
pub mod fuzz;
pub mod mail;
mod passkeys;
mod person;
pub mod provider;
mod reply;
mod sockets;
pub mod wire;

pub use app::{App, METRICS_TOKEN, run, run_nodes};
pub use backend::{Backend, TestDatabase, redis};
pub use contract::Contract;
pub use passkeys::Authenticator;
pub use person::Person;
pub use reply::{Refusal, Reply};
pub use sockets::TestSocket;

use std::time::Duration;

/// How long an expected thing may take on a slow, busy machine before the test fails.
pub const DEADLINE: Duration = Duration::from_secs(10);

/// Turns each named `async fn(App)` into three tests, one per backend, in a module of the same name. The closure after
/// `with` changes the servers' settings first.
#[macro_export]
macro_rules! on_all_backends {
    ($($name:ident $(with $config:expr)?),* $(,)?) => {
        $(
            mod $name {
                #[test]
                fn sqlite_local() {
                    $crate::run($crate::Backend::SqliteLocal, $crate::on_all_backends!(@config $($config)?), super::$name);
                }

                #[test]
                fn postgres_local() {
                    $crate::run($crate::Backend::PostgresLocal, $crate::on_all_backends!(@config $($config)?), super::$name);
                }

                #[test]
                fn postgres_redis() {
                    $crate::run($crate::Backend::PostgresRedis, $crate::on_all_backends!(@config $($config)?), super::$name);
                }
            }
        )*
    };
    (@config) => { |_| {} };
    (@config $config:expr) => { $config };
}

/// Polls `ask` until it returns true. For what other nodes learn in their own time; what the wire reports is waited for
/// on the wire.
pub async fn eventually<F: Future<Output = bool>>(what: &str, mut ask: impl FnMut() -> F) {
    let asking = async {
        while !ask().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(DEADLINE, asking).await.unwrap_or_else(|_| panic!("waited in vain until {what}"));
}
