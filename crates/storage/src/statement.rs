//! Statements in SQL that are prepared once per connection. `diesel::sql_query` is parsed and planned again each time,
//! which takes PostgreSQL longer than most of them run.
//!
//! Invariant: a text never depends on a value or a count, or every variant of it would stay prepared.

use diesel::backend::Backend;
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, Query, QueryFragment, QueryId};
use diesel::result::Error;
use diesel::sql_types::{Array, BigInt, Text, Untyped};
use diesel::sqlite::Sqlite;

/// A value of a statement.
enum Value {
    Number(i64),
    /// Only on PostgreSQL; on SQLite, lists are JSON.
    Numbers(Vec<i64>),
    Text(String),
}

/// A statement with its values: `$1` is the first. They must first appear in this order, and may appear again.
pub(crate) struct Statement {
    text: &'static str,
    values: Vec<Value>,
}

/// A statement without values yet.
pub(crate) fn prepared(text: &'static str) -> Statement {
    Statement { text, values: Vec::new() }
}

impl Statement {
    fn with(mut self, value: Value) -> Self {
        self.values.push(value);
        self
    }

    /// Adds the next value, a number or an id.
    pub(crate) fn bind(self, number: impl Into<i64>) -> Self {
        self.with(Value::Number(number.into()))
    }

    /// Adds the next value, a list of numbers or ids.
    pub(crate) fn bind_all(self, numbers: impl IntoIterator<Item: Into<i64>>) -> Self {
        self.with(Value::Numbers(numbers.into_iter().map(Into::into).collect()))
    }

    /// Adds the next value, a text.
    pub(crate) fn bind_text(self, text: String) -> Self {
        self.with(Value::Text(text))
    }

    /// Calls `value` where a value appears first, and writes its number where it appears again.
    fn walk<'b, DB: Backend>(
        &'b self,
        mut out: AstPass<'_, 'b, DB>,
        again: &str,
        mut value: impl FnMut(&mut AstPass<'_, 'b, DB>, &'b Value) -> QueryResult<()>,
    ) -> QueryResult<()> {
        let mut seen = 0;
        let mut parts = self.text.split('$');
        out.push_sql(parts.next().unwrap_or_default());
        for part in parts {
            let digits = part.len() - part.trim_start_matches(|char: char| char.is_ascii_digit()).len();
            let (number, rest) = part.split_at(digits);
            let number: usize = number.parse().map_err(|error| Error::QueryBuilderError(Box::new(error)))?;
            if number > seen {
                let next = self.values.get(seen).ok_or_else(|| unfit("a value is missing"))?;
                value(&mut out, next)?;
                seen += 1;
            } else {
                out.push_sql(&format!("{again}{number}"));
            }
            out.push_sql(rest);
        }
        Ok(())
    }
}

fn unfit(reason: &'static str) -> Error {
    Error::QueryBuilderError(reason.into())
}

impl QueryId for Statement {
    type QueryId = ();

    /// It is known by its text.
    const HAS_STATIC_QUERY_ID: bool = false;
}

impl Query for Statement {
    type SqlType = Untyped;
}

impl<Conn> RunQueryDsl<Conn> for Statement {}

impl QueryFragment<Pg> for Statement {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.walk(out, "$", |out, value| match value {
            Value::Number(value) => out.push_bind_param::<BigInt, _>(value),
            Value::Numbers(values) => out.push_bind_param::<Array<BigInt>, _>(values),
            Value::Text(value) => out.push_bind_param::<Text, _>(value),
        })
    }
}

impl QueryFragment<Sqlite> for Statement {
    fn walk_ast<'b>(&'b self, out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.walk(out, "?", |out, value| match value {
            Value::Number(value) => out.push_bind_param::<BigInt, _>(value),
            Value::Numbers(_) => Err(unfit("SQLite has no arrays")),
            Value::Text(value) => out.push_bind_param::<Text, _>(value),
        })
    }
}

/// How SQLite runs a query in whose text `value` stands for every parameter.
#[cfg(test)]
pub(crate) fn plan_on_sqlite(query: &impl QueryFragment<Sqlite>, value: &str) -> Vec<String> {
    #[derive(QueryableByName)]
    struct Step {
        #[diesel(sql_type = Text)]
        detail: String,
    }

    let mut conn = crate::connection::Address::Sqlite(":memory:".into()).connect().unwrap();
    crate::migrations::run(&mut conn).unwrap();
    let crate::Connection::Sqlite(inner) = &mut conn else { panic!("SQLite was asked for") };
    let text = diesel::debug_query::<Sqlite, _>(query).to_string();
    let text = text.split(" -- ").next().unwrap().replace('?', &format!("'{value}'"));
    let steps: Vec<Step> = diesel::sql_query(format!("EXPLAIN QUERY PLAN {text}")).load(inner).unwrap();
    steps.into_iter().map(|step| step.detail).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(QueryableByName)]
    struct Row {
        #[diesel(sql_type = BigInt)]
        value: i64,
    }

    #[test]
    fn a_value_may_appear_again() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        let query = || prepared("SELECT $1 * 100 + $2 * 10 + $1 AS value").bind(4).bind(2);
        for _ in 0..2 {
            assert_eq!(query().get_result::<Row>(&mut conn).unwrap().value, 424);
        }
        let text = diesel::debug_query::<Pg, _>(&query()).to_string();
        assert!(text.starts_with("SELECT $1 * 100 + $2 * 10 + $1 AS value"), "{text}");
        let is_kept = |query: &Statement| QueryFragment::<Pg>::is_safe_to_cache_prepared(query, &Pg).unwrap();
        assert!(is_kept(&query()));
    }

    #[test]
    fn a_missing_value_is_an_error() {
        let mut conn = SqliteConnection::establish(":memory:").unwrap();
        assert!(prepared("SELECT $1 + $2 AS value").bind(4).get_result::<Row>(&mut conn).is_err());
    }
}
