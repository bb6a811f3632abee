//! Progress on stderr: the current step, its duration, and a summary at the end.

use std::time::{Duration, Instant};

use anyhow::Result;

/// The steps so far and the time each one took.
pub struct Steps {
    started: Instant,
    done: Vec<(String, Duration)>,
}

impl Steps {
    /// Starts the clock.
    pub fn start() -> Self {
        Self { started: Instant::now(), done: Vec::new() }
    }

    /// Runs one step and reports its start and end.
    pub fn step<T>(&mut self, name: &str, work: impl FnOnce() -> Result<T>) -> Result<T> {
        eprintln!("[{:>5.1} s] {name} …", self.started.elapsed().as_secs_f64());
        let begun = Instant::now();
        let result = work();
        let took = begun.elapsed();
        let outcome = if result.is_ok() { "done" } else { "failed" };
        eprintln!(
            "[{:>5.1} s] {name}: {outcome} in {:.1} s",
            self.started.elapsed().as_secs_f64(),
            took.as_secs_f64()
        );
        self.done.push((format!("{name}: {outcome}"), took));
        result
    }

    /// Prints what each step took.
    pub fn summary(&self) {
        eprintln!();
        for (name, took) in &self.done {
            eprintln!("{:>8.1} s  {name}", took.as_secs_f64());
        }
        eprintln!("{:>8.1} s  in all", self.started.elapsed().as_secs_f64());
    }
}
