//! Queries about many pairs of ids, such as "which of these users are in which of these conversations".
//!
//! Invariant: one lookup per pair. Two lists in two `IN` conditions would look up every combination, and on SQLite they
//! would also be parsed again for every batch.

use diesel::PgConnection;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel::sqlite::Sqlite;

use crate::Result;
use crate::statement::prepared;

/// A pair of ids. A statement names its columns so.
#[derive(QueryableByName)]
pub(crate) struct Pair {
    #[diesel(sql_type = BigInt)]
    first: i64,
    #[diesel(sql_type = BigInt)]
    second: i64,
}

/// Runs a statement whose `$1` and `$2` are the columns of these pairs, and which returns pairs.
pub(crate) fn list(
    conn: &mut PgConnection,
    statement: &'static str,
    pairs: &[(i64, i64)],
) -> Result<Vec<(i64, i64)>> {
    let (firsts, seconds): (Vec<i64>, Vec<i64>) = pairs.iter().copied().unzip();
    let rows: Vec<Pair> = prepared(statement).bind(firsts).bind(seconds).load(conn)?;
    Ok(rows.into_iter().map(|row| (row.first, row.second)).collect())
}

/// The condition that an event is at one of these positions, given as pairs (conversation, seq).
#[derive(Debug, QueryId)]
pub(crate) struct IsAt {
    conversations: Vec<i64>,
    seqs: Vec<i64>,
    /// The pairs as SQLite reads them.
    json: String,
}

impl IsAt {
    pub(crate) fn any(pairs: &[(i64, i64)]) -> Self {
        let (conversations, seqs) = pairs.iter().copied().unzip();
        Self { conversations, seqs, json: json(pairs) }
    }
}

/// Pairs as SQLite reads them: an array of arrays.
pub(crate) fn json(pairs: &[(i64, i64)]) -> String {
    let pairs: Vec<[i64; 2]> = pairs.iter().map(|(first, second)| [*first, *second]).collect();
    format!("{pairs:?}")
}

impl Expression for IsAt {
    type SqlType = Bool;
}

impl<QS> SelectableExpression<QS> for IsAt {}

impl<QS> AppearsOnTable<QS> for IsAt {}

impl<GB> ValidGrouping<GB> for IsAt {
    type IsAggregate = is_aggregate::Never;
}

impl QueryFragment<Pg> for IsAt {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(events.conversation_id, events.seq) IN (SELECT * FROM unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.conversations)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.seqs)?;
        out.push_sql("))");
        Ok(())
    }
}

impl QueryFragment<Sqlite> for IsAt {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(
            "(events.conversation_id, events.seq) IN (SELECT value ->> 0, value ->> 1 FROM json_each(",
        );
        out.push_bind_param::<Text, _>(&self.json)?;
        out.push_sql("))");
        Ok(())
    }
}
