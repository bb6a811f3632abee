//! What may be asked for in a query. Every field may be absent; the server has a default for each.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::{ConversationId, Seq, UserId};

/// The query of an operation.
pub trait Query {
    /// The names of its fields, as the published description has them.
    const FIELDS: &'static [&'static str];

    /// The fields that are there, not yet escaped.
    fn pairs(&self) -> Vec<(&'static str, String)>;
}

macro_rules! queries {
    ($($(#[doc = $doc:tt])* $name:ident { $($(#[doc = $about:tt])* $field:ident: $type:ty,)* })*) => {$(
        $(#[doc = $doc])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name {
            $($(#[doc = $about])* pub $field: Option<$type>,)*
        }

        impl Query for $name {
            const FIELDS: &'static [&'static str] = &[$(stringify!($field)),*];

            fn pairs(&self) -> Vec<(&'static str, String)> {
                [$((stringify!($field), self.$field.as_ref().map(ToString::to_string))),*]
                    .into_iter()
                    .filter_map(|(name, value)| Some((name, value?)))
                    .collect()
            }
        }
    )*};
}

queries! {
    /// A page of a list.
    ListAll {
        /// The `next` of the page before; absent for the first one.
        after: String,
        /// How many items at most.
        limit: i64,
    }

    /// A page of one's own conversations.
    ListConversations {
        /// The only ones to list, with commas between them; see [`ListConversations::of`].
        ids: String,
        /// The `next` of the page before; absent for the first one.
        after: String,
        /// How many items at most.
        limit: i64,
    }

    /// A page of what has a name.
    ListNamed {
        /// A part of the name.
        search: String,
        /// The `next` of the page before; absent for the first one.
        after: String,
        /// How many items at most.
        limit: i64,
    }

    /// A page of a room's members.
    ListMembers {
        /// What handle or name begin with.
        prefix: String,
        /// The `next` of the page before; absent for the first one.
        after: String,
        /// How many items at most.
        limit: i64,
    }

    /// A page of the audit log.
    ListAuditLog {
        /// Which kind of entries; all when absent.
        kind: Kind,
        /// The `next` of the page before; absent for the first one.
        after: String,
        /// How many items at most.
        limit: i64,
    }

    /// A page of a conversation's log.
    ListEvents {
        /// The last position that is known.
        after: Seq,
        /// How many events at most.
        limit: i64,
    }

    /// A page of messages; at most one of the positions. Without any, the newest. [`MessagesAt`] makes one.
    ListMessages {
        /// Those before this position.
        before: Seq,
        /// Those after this position.
        after: Seq,
        /// Those on both sides of this position.
        around: Seq,
        /// How many messages at most.
        limit: i64,
        /// Whether to tell who wrote them, too.
        authors: bool,
    }

    /// A page of notifications, newest first.
    ListNotifications {
        /// The `next` of the page before; absent for the first one.
        after: Seq,
        /// The same by the name that it had first.
        before: Seq,
        /// How many at most.
        limit: i64,
    }

    /// Several people.
    ListUsers {
        /// Their ids, with commas between them; see [`ListUsers::of`].
        ids: String,
    }
}

/// A kind of audit entries as a query has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(pub AuditKind);

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// The query of a list that is read in pages from its beginning.
pub trait Paged: Query + Default {
    /// The page after a cursor.
    fn after(cursor: String) -> Self;
}

impl Paged for ListAll {
    fn after(cursor: String) -> Self {
        Self { after: Some(cursor), limit: None }
    }
}

impl Paged for ListConversations {
    fn after(cursor: String) -> Self {
        Self { after: Some(cursor), ..Self::default() }
    }
}

fn listed<I: ToString>(ids: &[I]) -> String {
    ids.iter().map(ToString::to_string).collect::<Vec<_>>().join(",")
}

impl ListConversations {
    /// Those of these conversations that one is in.
    pub fn of(ids: &[ConversationId]) -> Self {
        Self { ids: Some(listed(ids)), ..Self::default() }
    }
}

impl ListUsers {
    /// These people.
    pub fn of(ids: &[UserId]) -> Self {
        Self { ids: Some(listed(ids)) }
    }
}

/// Which messages of a conversation to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessagesAt {
    /// The newest.
    Newest,
    /// Those before a position.
    Before(Seq),
    /// Those after a position.
    After(Seq),
    /// Those on both sides of a position.
    Around(Seq),
}

impl MessagesAt {
    /// The query for up to this many of them.
    pub fn limit(self, limit: i64) -> ListMessages {
        let all = ListMessages { limit: Some(limit), ..ListMessages::default() };
        match self {
            Self::Newest => all,
            Self::Before(seq) => ListMessages { before: Some(seq), ..all },
            Self::After(seq) => ListMessages { after: Some(seq), ..all },
            Self::Around(seq) => ListMessages { around: Some(seq), ..all },
        }
    }
}
