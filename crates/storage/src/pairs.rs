//! Queries about many pairs of ids, such as "which of these users are in which of these conversations".
//!
//! Invariant: one lookup per pair. Two lists in two `IN` conditions would look up every combination, and on SQLite they
//! would also be parsed again for every batch.

use std::marker::PhantomData;

use diesel::PgConnection;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel::sqlite::Sqlite;

/// The question, for PostgreSQL.
pub(crate) trait Question: 'static {
    /// What to select, where `given (first, second)` are the pairs: up to `FROM`.
    const SELECT: &str;
    /// Joins and conditions, after `FROM given`.
    const JOIN: &str;
}

/// A question with its pairs. Its text does not depend on how many there are, so it is prepared once per connection.
pub(crate) struct OfPairs<Q> {
    firsts: Vec<i64>,
    seconds: Vec<i64>,
    question: PhantomData<Q>,
}

impl<Q: Question> OfPairs<Q> {
    pub(crate) fn new(pairs: &[(i64, i64)]) -> Self {
        let (firsts, seconds) = pairs.iter().copied().unzip();
        Self { firsts, seconds, question: PhantomData }
    }
}

impl<Q: Question> QueryId for OfPairs<Q> {
    type QueryId = Self;
}

impl<Q: Question> Query for OfPairs<Q> {
    type SqlType = (BigInt, BigInt);
}

impl<Q: Question> RunQueryDsl<PgConnection> for OfPairs<Q> {}

impl<Q: Question> QueryFragment<Pg> for OfPairs<Q> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql(Q::SELECT);
        out.push_sql(" FROM unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.firsts)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.seconds)?;
        out.push_sql(") AS given (first, second) ");
        out.push_sql(Q::JOIN);
        Ok(())
    }
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
        let pairs: Vec<[i64; 2]> = pairs.iter().map(|(conversation, seq)| [*conversation, *seq]).collect();
        Self { conversations, seqs, json: format!("{pairs:?}") }
    }
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
