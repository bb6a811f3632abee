//! Fault injection: real nodes behind proxies that fail, clients that record everything, and a checker of what was
//! promised.
//!
//! Invariant: everything random in a scenario comes from its seed. The same seed plans the same faults and the same
//! messages; only the machine's timing differs.

pub mod checker;
pub mod clients;
pub mod cluster;
pub mod faults;
pub mod nodes;
pub mod proxy;
pub mod report;
pub mod scenarios;
pub mod services;

pub use report::Report;
pub use scenarios::{Scenario, Settings, run};
