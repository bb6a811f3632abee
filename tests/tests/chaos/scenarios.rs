//! Short forms of the scenarios of `cargo xtask chaos`: the same faults, once or a few times each.

use std::time::Duration;

use system_tests::chaos::{self, Scenario, Settings};

/// The short form of a scenario. `cargo xtask chaos` runs the long ones with exact times: here other tests run too.
fn promise_is_kept(scenario: Scenario, seconds: u64) {
    let settings = Settings { seed: 1, load: Duration::from_secs(seconds), slack: 3 };
    let report = chaos::run(scenario, settings);
    if let Some(why) = report.values["skipped"].as_str() {
        eprintln!("SKIPPED {}: {why}", scenario.name());
    }
    let broken: Vec<String> = report.violations.iter().take(10).map(ToString::to_string).collect();
    assert!(broken.is_empty(), "{}\n{}\n{}", broken.join("\n"), report.values, report.last_words);
}

#[test]
fn nodes_of_three_are_killed_and_come_back() {
    promise_is_kept(Scenario::Kill9Node, 4);
}

#[test]
fn connections_of_clients_break_in_their_midst() {
    promise_is_kept(Scenario::CutClients, 4);
}

#[test]
fn redis_is_cut_off_and_falls_silent() {
    promise_is_kept(Scenario::RedisCut, 4);
}

#[test]
fn redis_loses_and_swaps_messages() {
    promise_is_kept(Scenario::DropPubsub, 4);
}

#[test]
fn redis_is_killed_and_comes_back_empty() {
    promise_is_kept(Scenario::RedisKill, 3);
}

#[test]
fn postgres_is_cut_off_and_falls_silent() {
    promise_is_kept(Scenario::PostgresCut, 4);
}

#[test]
fn postgres_is_killed_and_recovers() {
    promise_is_kept(Scenario::PgKill9, 3);
}

#[test]
fn postgres_is_put_back_to_an_older_state() {
    promise_is_kept(Scenario::RestoreBackup, 0);
}

#[test]
fn clocks_are_ten_minutes_wrong() {
    promise_is_kept(Scenario::ClockSkew, 3);
}

#[test]
fn several_things_break_at_once() {
    promise_is_kept(Scenario::Overlapping, 3);
}

#[test]
fn a_thousand_send_at_once() {
    promise_is_kept(Scenario::Contention, 0);
}

#[test]
fn the_last_message_before_silence_is_lost() {
    promise_is_kept(Scenario::TailLoss, 3);
}

#[test]
fn any_cursor_resumes_on_any_node() {
    promise_is_kept(Scenario::ResumeAnyNode, 0);
}

#[test]
fn people_leave_and_unfriend_while_others_write() {
    promise_is_kept(Scenario::MembershipRevoke, 3);
}

#[test]
fn mentions_and_friendships_cross() {
    promise_is_kept(Scenario::CrossedMentions, 3);
}

#[test]
fn many_read_while_others_log_in() {
    promise_is_kept(Scenario::Readers, 3);
}

#[test]
fn refusals_at_full_rate_cost_nobody_else() {
    promise_is_kept(Scenario::Refusals, 3);
}
