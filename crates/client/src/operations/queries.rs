//! The query parameters of operations. Every field is optional; the server has a default for each.

use parlour_protocol::audit::AuditKind;
use parlour_protocol::ids::{ConversationId, Seq, UserId};

/// The query of an operation.
pub trait Query {
    /// The names of its fields, as in the published description.
    const FIELDS: &'static [&'static str];

    /// The fields that are set, not yet escaped.
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
        /// The `next` of the previous page; absent for the first page.
        after: String,
        /// Maximum number of items.
        limit: i64,
    }

    /// A page of the user's own conversations.
    ListConversations {
        /// Comma-separated ids: list only these; see [`ListConversations::of`].
        ids: String,
        /// The `next` of the previous page; absent for the first page.
        after: String,
        /// Maximum number of items.
        limit: i64,
    }

    /// A page of a list that can be searched by name.
    ListNamed {
        /// A substring of the name.
        search: String,
        /// The `next` of the previous page; absent for the first page.
        after: String,
        /// Maximum number of items.
        limit: i64,
    }

    /// A page of a room's members.
    ListMembers {
        /// A prefix of the handle or the name.
        prefix: String,
        /// The `next` of the previous page; absent for the first page.
        after: String,
        /// Maximum number of items.
        limit: i64,
    }

    /// A page of the audit log.
    ListAuditLog {
        /// The kind of entries; all kinds if absent.
        kind: Kind,
        /// The `next` of the previous page; absent for the first page.
        after: String,
        /// Maximum number of items.
        limit: i64,
    }

    /// A page of a conversation's log.
    ListEvents {
        /// The last known position.
        after: Seq,
        /// Maximum number of events.
        limit: i64,
    }

    /// A page of messages; at most one of the positions may be set. Without any, the newest. Built by [`MessagesAt`].
    ListMessages {
        /// Only messages before this position.
        before: Seq,
        /// Only messages after this position.
        after: Seq,
        /// Messages on both sides of this position.
        around: Seq,
        /// Maximum number of messages.
        limit: i64,
        /// Whether to include the authors' summaries.
        authors: bool,
    }

    /// A page of notifications, newest first.
    ListNotifications {
        /// The `next` of the previous page; absent for the first page.
        after: Seq,
        /// The former name of `after`.
        before: Seq,
        /// Maximum number of notifications.
        limit: i64,
    }

    /// Several users.
    ListUsers {
        /// Comma-separated ids; see [`ListUsers::of`].
        ids: String,
    }
}

/// A kind of audit entries, formatted for a query.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind(pub AuditKind);

impl std::fmt::Display for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.0.as_str())
    }
}

/// The query of a list that is read page by page from its beginning.
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
    /// Only these conversations, as far as the user is in them.
    pub fn of(ids: &[ConversationId]) -> Self {
        Self { ids: Some(listed(ids)), ..Self::default() }
    }
}

impl ListUsers {
    /// The users with these ids.
    pub fn of(ids: &[UserId]) -> Self {
        Self { ids: Some(listed(ids)) }
    }
}

/// Which messages of a conversation to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MessagesAt {
    /// The newest.
    Newest,
    /// The messages before a position.
    Before(Seq),
    /// The messages after a position.
    After(Seq),
    /// The messages on both sides of a position.
    Around(Seq),
}

impl MessagesAt {
    /// The query for at most `limit` of them.
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
