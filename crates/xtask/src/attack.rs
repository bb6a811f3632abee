//! `cargo xtask attack`: real processes of the release server with its default settings, on one core together with
//! durable PostgreSQL and Redis; the attackers and the ordinary users run on the other core.

use anyhow::Result;

use crate::{
    apart::{self, Program},
    steps::Steps,
    tests,
    workspace::Workspace,
};

const ATTACK: Program =
    Program { name: "attack", server_binary: "TEST_PARLOUR_BIN", server_core: "TEST_SERVER_CPU" };

/// Runs the named attacks, or all of them; the arguments are those of the program `attack` in `tests/`.
pub fn attack(workspace: &Workspace, steps: &mut Steps, arguments: &[String]) -> Result<()> {
    steps.step("look for what the nodes need", tests::require_services)?;
    let given = std::env::var_os(ATTACK.server_binary).map(Into::into);
    apart::run(workspace, steps, &ATTACK, given, arguments)
}
