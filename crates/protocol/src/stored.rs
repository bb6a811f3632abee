//! How the database stores ids and some enums: as numbers.
//!
//! Invariant: a number never changes its meaning. One that this version doesn't know is read as the value that reveals
//! and allows least.

use crate::conversations::ConversationKind;
use crate::privacy::{FindableBy, PresenceTo, RequestsFrom};
use crate::rooms::MemberRole;

/// Lets Diesel bind and load a type as a number, given how to borrow the number of a value, and how to read one.
macro_rules! stored {
    ($name:ident as $number:ident, $sql:ident: |$value:ident| $borrowed:expr, $read:expr) => {
        const _: () = {
            use diesel::backend::Backend;
            use diesel::deserialize::{self, FromSql};
            use diesel::serialize::{self, Output, ToSql};
            use diesel::sql_types::$sql;

            #[derive(diesel::expression::AsExpression, diesel::deserialize::FromSqlRow)]
            #[diesel(foreign_derive, sql_type = $sql)]
            #[expect(dead_code, reason = "it only tells the derives the type")]
            struct Proxy($name);

            impl<DB: Backend> ToSql<$sql, DB> for $name
            where
                $number: ToSql<$sql, DB>,
            {
                fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, DB>) -> serialize::Result {
                    let $value = self;
                    let number: &'b $number = $borrowed;
                    number.to_sql(out)
                }
            }

            impl<DB: Backend> FromSql<$sql, DB> for $name
            where
                $number: FromSql<$sql, DB>,
            {
                fn from_sql(bytes: DB::RawValue<'_>) -> deserialize::Result<Self> {
                    $number::from_sql(bytes).map($read)
                }
            }
        };
    };
}

pub(crate) use stored;

/// Gives the values of enums their numbers.
macro_rules! numbered {
    ($($name:ident { $($value:ident = $number:literal),* } or else $least:ident = $last:literal;)*) => {$(
        impl From<i16> for $name {
            fn from(number: i16) -> Self {
                match number { $($number => Self::$value,)* _ => Self::$least }
            }
        }

        stored!($name as i16, SmallInt: |value| match value {
            $($name::$value => &$number,)*
            $name::$least => &$last,
        }, $name::from);
    )*};
}

numbered! {
    ConversationKind { Room = 0 } or else Direct = 1;
    MemberRole { Owner = 2, Moderator = 1 } or else Member = 0;
    FindableBy { Everybody = 0 } or else Nobody = 1;
    RequestsFrom { Everybody = 0, CommonRoom = 1 } or else Nobody = 2;
    PresenceTo { Friends = 0 } or else Nobody = 1;
}
