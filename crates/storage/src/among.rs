//! The condition that a column is one of several values, for any number of them.
//!
//! Invariant: the text of a statement doesn't depend on how many there are, so it is prepared once per connection.
//! Diesel's `eq_any` does that on PostgreSQL alone; on SQLite it writes a placeholder for each value, and parsing and
//! planning the statement again takes longer than running it.

use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::pg::Pg;
use diesel::prelude::*;
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::serialize::ToSql;
use diesel::sql_types::{Array, BigInt, Bool, HasSqlType, Text};
use diesel::sqlite::Sqlite;
use serde::Serialize;

/// A type of values.
pub(crate) trait Listed: Serialize + 'static {
    /// Its SQL type.
    type Sql: 'static;
}

impl Listed for i64 {
    type Sql = BigInt;
}

impl Listed for String {
    type Sql = Text;
}

/// The condition; see [`is_among`].
#[derive(Debug)]
pub(crate) struct IsAmong<C, T> {
    column: C,
    values: Vec<T>,
    /// The values as SQLite reads them.
    json: String,
}

/// The condition that a column is one of these numbers or ids. They are listed as numbers: in JSON, an id is a text.
pub(crate) fn is_among<C, T: Copy + Into<i64>>(column: C, values: &[T]) -> IsAmong<C, i64> {
    listed(column, values.iter().map(|value| (*value).into()).collect())
}

/// The condition that a column is one of these texts.
pub(crate) fn is_among_texts<C>(column: C, texts: &[String]) -> IsAmong<C, String> {
    listed(column, texts.to_vec())
}

fn listed<C, T: Listed>(column: C, values: Vec<T>) -> IsAmong<C, T> {
    // Numbers and texts can always be written.
    let json = serde_json::to_string(&values).unwrap_or_default();
    IsAmong { column, values, json }
}

impl<C, T: Listed> Expression for IsAmong<C, T> {
    type SqlType = Bool;
}

impl<C: SelectableExpression<QS>, T: Listed, QS> SelectableExpression<QS> for IsAmong<C, T> {}

impl<C: AppearsOnTable<QS>, T: Listed, QS> AppearsOnTable<QS> for IsAmong<C, T> {}

impl<C, T, GB> ValidGrouping<GB> for IsAmong<C, T> {
    type IsAggregate = is_aggregate::Never;
}

impl<C: QueryId, T: Listed> QueryId for IsAmong<C, T> {
    type QueryId = IsAmong<C::QueryId, T>;

    const HAS_STATIC_QUERY_ID: bool = C::HAS_STATIC_QUERY_ID;
}

impl<C: QueryFragment<Pg>, T: Listed> QueryFragment<Pg> for IsAmong<C, T>
where
    Pg: HasSqlType<T::Sql>,
    Vec<T>: ToSql<Array<T::Sql>, Pg>,
{
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Pg>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" = ANY(");
        out.push_bind_param::<Array<T::Sql>, _>(&self.values)?;
        out.push_sql(")");
        Ok(())
    }
}

impl<C: QueryFragment<Sqlite>, T: Listed> QueryFragment<Sqlite> for IsAmong<C, T> {
    fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, Sqlite>) -> QueryResult<()> {
        self.column.walk_ast(out.reborrow())?;
        out.push_sql(" IN (SELECT value FROM json_each(");
        out.push_bind_param::<Text, _>(&self.json)?;
        out.push_sql("))");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::schema::{friendships, users};
    use crate::statement::plan_on_sqlite;

    #[test]
    fn it_is_prepared_once_for_any_number_of_values() {
        let query = |ids: &[i64]| users::table.filter(is_among(users::id, ids)).select(users::handle);
        let on_sqlite = |ids: &[i64]| diesel::debug_query::<Sqlite, _>(&query(ids)).to_string();
        let text = |shown: String| shown.split(" -- ").next().map(str::to_owned);
        assert_eq!(text(on_sqlite(&[1])), text(on_sqlite(&[1, 2, 3])));
        assert!(QueryFragment::<Sqlite>::is_safe_to_cache_prepared(&query(&[1]), &Sqlite).unwrap());
        assert!(QueryFragment::<Pg>::is_safe_to_cache_prepared(&query(&[1]), &Pg).unwrap());
    }

    #[test]
    fn it_finds_what_is_listed_with_an_index() {
        let mut conn = crate::connection::Address::Sqlite(":memory:".into()).connect().unwrap();
        crate::migrations::run(&mut conn).unwrap();
        let crate::Connection::Sqlite(inner) = &mut conn else { panic!("SQLite was asked for") };
        let texts = ["a\"b", "c", "ü'\u{1f600}"].map(str::to_owned);
        let among = |text: &'static str| diesel::select(is_among_texts(text.into_sql::<Text>(), &texts));
        for (text, is_there) in
            [("a\"b", true), ("c", true), ("ü'\u{1f600}", true), ("d", false), ("", false)]
        {
            assert_eq!(among(text).get_result::<bool>(inner).unwrap(), is_there, "{text}");
        }
        let of = |ids: &[i64]| {
            friendships::table
                .filter(is_among(friendships::low_user, ids).or(is_among(friendships::high_user, ids)))
                .select(friendships::low_user)
        };
        let plan = plan_on_sqlite(&of(&[1, 2]), "[1,2]");
        assert!(!plan.iter().any(|step| step.starts_with("SCAN friendships")), "{plan:?}");
    }
}
