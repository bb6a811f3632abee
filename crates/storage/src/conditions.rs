//! Conditions with literal values, so that a plan prepared once can use a partial index.
//!
//! Invariant: no condition depends on a runtime value. `diesel::dsl::sql` could express the same, but a statement that
//! contains it is parsed and planned again each time, which takes PostgreSQL longer than reading a page.

use diesel::expression::{AppearsOnTable, Expression, SelectableExpression, ValidGrouping, is_aggregate};
use diesel::query_builder::{AstPass, QueryFragment, QueryId};
use diesel::result::QueryResult;
use diesel::sql_types::Bool;

macro_rules! condition {
    ($(#[$meta:meta])* $name:ident, $sql:literal) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, QueryId)]
        pub struct $name;

        impl Expression for $name {
            type SqlType = Bool;
        }

        impl<QS> SelectableExpression<QS> for $name {}

        impl<QS> AppearsOnTable<QS> for $name {}

        impl<GB> ValidGrouping<GB> for $name {
            type IsAggregate = is_aggregate::Never;
        }

        impl<DB: diesel::backend::Backend> QueryFragment<DB> for $name {
            fn walk_ast<'b>(&'b self, mut out: AstPass<'_, 'b, DB>) -> QueryResult<()> {
                out.push_sql($sql);
                Ok(())
            }
        }
    };
}

condition!(
    /// The event is a message; matches the index `events_that_are_messages`.
    IsMessage,
    "events.kind = 0"
);

condition!(
    /// The conversation is a room and not deleted; matches the index `rooms_by_activity`.
    IsRoom,
    "conversations.kind = 0 AND conversations.deleted_at IS NULL"
);

#[cfg(test)]
mod tests {
    use diesel::pg::Pg;
    use diesel::prelude::*;
    use diesel::sql_types::SmallInt;
    use diesel::sqlite::Sqlite;
    use parlour_protocol::conversations::ConversationKind;
    use parlour_protocol::privacy::{FindableBy, PresenceTo, RequestsFrom};
    use parlour_protocol::rooms::MemberRole;

    use super::*;
    use crate::schema::{conversations, events};

    fn is_prepared_once(query: &(impl QueryFragment<Pg> + QueryFragment<Sqlite>)) -> bool {
        let on_postgres = QueryFragment::<Pg>::is_safe_to_cache_prepared(query, &Pg).unwrap();
        let on_sqlite = QueryFragment::<Sqlite>::is_safe_to_cache_prepared(query, &Sqlite).unwrap();
        on_postgres && on_sqlite
    }

    #[test]
    fn statements_with_them_are_prepared_once() {
        assert!(is_prepared_once(&events::table.filter(IsMessage).select(events::seq)));
        assert!(is_prepared_once(&conversations::table.filter(IsRoom).select(conversations::id)));
        let by_text = events::table.filter(diesel::dsl::sql::<Bool>("events.kind = 0")).select(events::seq);
        assert!(!is_prepared_once(&by_text), "otherwise this module is not needed any more");
    }

    /// They are in stored rows, and some of them in literal conditions.
    #[test]
    fn the_numbers_of_enums_stay() {
        let mut conn = crate::connection::Address::Sqlite(":memory:".into()).connect().unwrap();
        macro_rules! stay {
            ($($number:literal => $value:expr,)*) => {$(
                let number: i16 = $number;
                let written = diesel::select($value.into_sql::<SmallInt>()).get_result(&mut conn);
                assert_eq!(written, Ok(number));
                let read = diesel::select(number.into_sql::<SmallInt>()).get_result(&mut conn);
                assert_eq!(read, Ok($value));
            )*};
        }
        stay!(0 => ConversationKind::Room, 1 => ConversationKind::Direct,);
        stay!(0 => MemberRole::Member, 1 => MemberRole::Moderator, 2 => MemberRole::Owner,);
        stay!(0 => FindableBy::Everybody, 1 => FindableBy::Nobody,);
        stay!(0 => RequestsFrom::Everybody, 1 => RequestsFrom::CommonRoom, 2 => RequestsFrom::Nobody,);
        stay!(0 => PresenceTo::Friends, 1 => PresenceTo::Nobody,);
        let unknown = diesel::select(9_i16.into_sql::<SmallInt>());
        assert_eq!(unknown.get_result(&mut conn), Ok(MemberRole::Member), "the one with the fewest rights");
    }
}
