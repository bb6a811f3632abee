//! Idempotency keys: repeating a request that creates something doesn't create it again.
//!
//! Invariant: the result is stored in the transaction that creates it, without secrets. A repeated request derives the
//! same ids and secrets from its key.

use parlour_protocol::ids::UserId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{DAY, Timestamp};
use parlour_storage::Connection;
use parlour_storage::idempotency::{self, IdempotencyRow};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::outcome::{Done, Outcome};

/// How long a key is kept.
pub const KEPT: i64 = DAY;

/// The key of a request, as it is stored.
#[derive(Debug, Clone)]
pub struct RequestKey {
    /// A hash of the key, the caller and the operation.
    pub name: [u8; 32],
    /// A hash of the key and the request.
    pub request: [u8; 32],
    /// The caller, if logged in.
    pub user: Option<UserId>,
}

/// Runs `work`, unless it was already done for the same request. Returns the result, and whether it is the earlier one.
pub fn once<T: Serialize + DeserializeOwned>(
    conn: &mut Connection,
    now: Timestamp,
    key: &RequestKey,
    work: impl FnOnce(&mut Connection) -> Done<T>,
) -> Done<(T, bool)> {
    idempotency::delete_before(conn, now.0 - KEPT)?;
    if let Some(kept) = idempotency::find(conn, &key.name)? {
        if kept.request != key.request {
            return Err(ErrorCode::IdempotencyKeyReused.into());
        }
        let value = serde_json::from_str(&kept.result).map_err(|_| ErrorCode::Internal)?;
        return Ok(Outcome::without_events((value, true)));
    }
    // Claimed before anything is done: a concurrent identical request waits here, and then finds the result.
    let row = IdempotencyRow {
        name: key.name.to_vec(),
        request: key.request.to_vec(),
        user_id: key.user,
        result: String::new(),
        created_at: now.0,
    };
    idempotency::insert(conn, &row)?;
    let Outcome { value, effects } = work(conn)?;
    let result = serde_json::to_string(&value).map_err(|_| ErrorCode::Internal)?;
    idempotency::complete(conn, &key.name, &result)?;
    Ok(Outcome { value: (value, false), effects })
}
