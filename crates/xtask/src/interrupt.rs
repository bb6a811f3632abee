//! Handles Ctrl-C and similar signals: they set a flag, so that started processes are stopped first.

use std::{
    os::unix::process::CommandExt,
    process::{Child, Command, ExitStatus, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process_group};

use crate::commands::{self, POLL};

const STOP_LIMIT: Duration = Duration::from_secs(5);

/// Whether we were told to stop.
#[derive(Clone)]
pub struct Interrupt(Arc<AtomicBool>);

impl Interrupt {
    /// Registers handlers that only set the flag.
    pub fn listen() -> Result<Self> {
        let flag = Arc::new(AtomicBool::new(false));
        for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
            signal_hook::flag::register(signal.as_raw(), Arc::clone(&flag))?;
        }
        Ok(Self(flag))
    }

    /// Fails if we were told to stop.
    pub fn check(&self) -> Result<()> {
        if self.0.load(Ordering::Relaxed) {
            bail!("stopped by a signal; everything that was started is stopped too.");
        }
        Ok(())
    }

    /// Runs a command in its own process group and kills the whole group when told to stop. Processes that the command
    /// leaves behind in its group are killed as well.
    pub fn run(&self, command: &mut Command) -> Result<()> {
        self.check()?;
        let mut child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .with_context(|| format!("`{}` cannot be started", command.get_program().display()))?;
        let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw).context("a process has an id")?;
        let result = self.wait(&mut child, group);
        let _usually_empty = kill_process_group(group, Signal::KILL);
        commands::check(command, result?)
    }

    fn wait(&self, child: &mut Child, group: Pid) -> Result<ExitStatus> {
        loop {
            if let Some(status) = child.try_wait()? {
                return Ok(status);
            }
            if let Err(told) = self.check() {
                let _gone_already = kill_process_group(group, Signal::TERM);
                let deadline = Instant::now() + STOP_LIMIT;
                while child.try_wait()?.is_none() && Instant::now() < deadline {
                    thread::sleep(POLL);
                }
                let _gone_already = kill_process_group(group, Signal::KILL);
                child.wait()?;
                return Err(told);
            }
            thread::sleep(POLL);
        }
    }
}
