//! Queries about many pairs of ids, such as "which of these users are in which of these conversations", and other
//! tuples.
//!
//! Invariant: one lookup per tuple. Two lists in two `IN` conditions would look up every combination, and on SQLite
//! they would also be parsed again for every batch.

use diesel::PgConnection;
use diesel::deserialize::FromSql;
use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::sql_types::{Array, BigInt, Bool, Text};
use diesel::sqlite::Sqlite;
use parlour_protocol::ids::{ConversationId, Seq, UserId};

use crate::Result;
use crate::statement::prepared;

/// An id, and the id of a user. A statement names its columns so.
#[derive(QueryableByName)]
struct Pair<A> {
    #[diesel(sql_type = BigInt)]
    first: A,
    #[diesel(sql_type = BigInt)]
    second: UserId,
}

/// Runs a statement whose `$1` and `$2` are the columns of these pairs, and which returns pairs.
pub(crate) fn list<A: Copy + Into<i64> + FromSql<BigInt, Pg> + 'static>(
    conn: &mut PgConnection,
    statement: &'static str,
    pairs: &[(A, UserId)],
) -> Result<Vec<(A, UserId)>> {
    let (firsts, seconds) = (pairs.iter().map(|pair| pair.0), pairs.iter().map(|pair| pair.1));
    let rows: Vec<Pair<A>> = prepared(statement).bind_all(firsts).bind_all(seconds).load(conn)?;
    Ok(rows.into_iter().map(|row| (row.first, row.second)).collect())
}

/// The condition that an event is at one of these positions, given as pairs (conversation, seq).
#[derive(Debug, QueryId)]
pub(crate) struct IsAt {
    conversations: Vec<ConversationId>,
    seqs: Vec<Seq>,
    /// The pairs as SQLite reads them.
    json: String,
}

impl IsAt {
    pub(crate) fn any(pairs: &[(ConversationId, Seq)]) -> Self {
        let (conversations, seqs) = pairs.iter().copied().unzip();
        Self { conversations, seqs, json: json(pairs) }
    }
}

/// Pairs as SQLite reads them: an array of arrays.
pub(crate) fn json(pairs: &[(ConversationId, impl Copy + Into<i64>)]) -> String {
    let pairs: Vec<[i64; 2]> = pairs.iter().map(|(first, second)| [first.0, (*second).into()]).collect();
    format!("{pairs:?}")
}

/// The condition that an event is a message with one of these keys (conversation, author, client id).
///
/// Three lists in three conditions would make SQLite read whole conversations: it assumes that each list is long, and
/// prefers one column of the primary key to the unique index on these three.
#[derive(Debug, QueryId)]
pub(crate) struct IsSentAs {
    conversations: Vec<ConversationId>,
    authors: Vec<UserId>,
    cids: Vec<String>,
    /// The keys as SQLite reads them.
    json: String,
}

impl IsSentAs {
    pub(crate) fn any(keys: &[(ConversationId, UserId, &str)]) -> Self {
        let numbers: Vec<_> = keys.iter().map(|key| (key.0.0, key.1.0, key.2)).collect();
        Self {
            conversations: keys.iter().map(|key| key.0).collect(),
            authors: keys.iter().map(|key| key.1).collect(),
            cids: keys.iter().map(|key| key.2.to_owned()).collect(),
            // Numbers and texts can always be written.
            json: serde_json::to_string(&numbers).unwrap_or_default(),
        }
    }
}

macro_rules! conditions_about_events {
    ($($name:ident)*) => {$(
        impl Expression for $name {
            type SqlType = Bool;
        }

        impl<QS> SelectableExpression<QS> for $name {}

        impl<QS> AppearsOnTable<QS> for $name {}

        impl<GB> ValidGrouping<GB> for $name {
            type IsAggregate = is_aggregate::Never;
        }
    )*};
}

conditions_about_events!(IsAt IsSentAs);

impl QueryFragment<Pg> for IsSentAs {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        out.push_sql("(events.conversation_id, events.author_id, events.cid) IN (SELECT * FROM unnest(");
        out.push_bind_param::<Array<BigInt>, _>(&self.conversations)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<BigInt>, _>(&self.authors)?;
        out.push_sql(", ");
        out.push_bind_param::<Array<Text>, _>(&self.cids)?;
        out.push_sql("))");
        Ok(())
    }
}

impl QueryFragment<Sqlite> for IsSentAs {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        out.push_sql(
            "(events.conversation_id, events.author_id, events.cid) IN
             (SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(",
        );
        out.push_bind_param::<Text, _>(&self.json)?;
        out.push_sql("))");
        Ok(())
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::events;
    use crate::statement::plan_on_sqlite;

    #[test]
    fn each_tuple_is_one_lookup_in_an_index() {
        let at = events::table.filter(IsAt::any(&[(ConversationId(1), 2)])).select(events::body);
        let at = plan_on_sqlite(&at, "[[1,2]]");
        assert!(at.iter().any(|step| step.contains("(conversation_id=? AND seq=?)")), "{at:?}");
        let sent =
            events::table.filter(IsSentAs::any(&[(ConversationId(1), UserId(2), "c")])).select(events::body);
        let sent = plan_on_sqlite(&sent, r#"[[1,2,"c"]]"#);
        let whole = "(conversation_id=? AND author_id=? AND cid=?)";
        assert!(sent.iter().any(|step| step.contains(whole)), "{sent:?}");
    }
}
