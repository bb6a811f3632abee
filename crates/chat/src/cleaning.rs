//! Deletes what is no longer needed, once an hour: the retention rules of everything that expires.
//!
//! Invariant: nothing here is visible to people. What has expired is refused or left out long before it is deleted.

use parlour_protocol::time::{DAY, Timestamp};
use parlour_storage::{
    Connection, audit_log, declined_requests, invites, mentions, passkeys, password_resets, sessions,
    user_events,
};

use crate::identity::account_erasure;
use crate::outcome::{Done, Outcome};
use crate::{friends, idempotency, jobs, mail_queue};

/// How long ended sessions, invites and people's own events are kept.
const MONTH: i64 = 30 * DAY;

/// Deletes everything that has expired, and queues the work that nodes of an earlier version left behind.
pub fn clean_up(conn: &mut Connection, now: Timestamp, audit_days: i64) -> Done<()> {
    sessions::delete_ended_before(conn, now.0 - MONTH)?;
    audit_log::delete_before(conn, now.0 - audit_days * DAY)?;
    invites::delete_before(conn, now.0 - MONTH)?;
    password_resets::delete_before(conn, now.0)?;
    passkeys::delete_before(conn, now.0)?;
    parlour_storage::idempotency::delete_before(conn, now.0 - idempotency::KEPT)?;
    declined_requests::delete_before(conn, now.0 - friends::COOL_DOWN)?;
    user_events::delete_before(conn, now.0 - MONTH)?;
    mentions::delete_before(conn, now.0 - MONTH)?;
    mail_queue::clean_up(conn, now)?;
    jobs::clean_up(conn, now)?;
    mail_queue::take_over(conn, now)?;
    account_erasure::take_over(conn, now)?;
    Ok(Outcome::without_events(()))
}
