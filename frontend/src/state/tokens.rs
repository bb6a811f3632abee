//! Access tokens: the decisions behind their lists and forms.

use std::collections::BTreeSet;

use parlour_protocol::api_tokens::{CreateToken, TokenScope};
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::limits;

use super::order;

/// Maximum number of a limited token's conversations that are named in the list.
const NAMED: usize = 6;

/// The lifetimes offered for a new token, in days; `None` is unlimited.
pub(crate) const LIFETIMES: [Option<i64>; 5] = [Some(7), Some(30), Some(90), Some(365), None];

/// The account that a token acts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The user.
    Myself,
    /// One of the user's bots.
    Bot(UserId),
}

impl Holder {
    /// The API path of the holder's tokens.
    pub(crate) fn path(self) -> String {
        match self {
            Self::Myself => "/account/tokens".to_owned(),
            Self::Bot(id) => format!("/bots/{id}/tokens"),
        }
    }

    /// An element id that is unique to this holder.
    pub(crate) fn element(self, part: &str) -> String {
        match self {
            Self::Myself => format!("token-{part}"),
            Self::Bot(id) => format!("token-{part}-{id}"),
        }
    }
}

/// The open form on the page of tokens and bots: at most one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Creating a token.
    Token(Holder),
    /// Creating a bot.
    NewBot,
    /// Deleting a bot.
    DeleteBot(UserId),
}

/// The input of the form for a new token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) writes: bool,
    /// Whether it is limited to the conversations in `only`.
    pub(crate) limited: bool,
    pub(crate) only: BTreeSet<ConversationId>,
    pub(crate) days: Option<i64>,
}

impl Wanted {
    /// Whether the selection of conversations is valid.
    pub(crate) fn fits(&self) -> Result<(), Misfit> {
        match self.only.len() {
            _ if !self.limited => Ok(()),
            0 => Err(Misfit::None),
            count if count > limits::TOKEN_CONVERSATIONS => Err(Misfit::Many),
            _ => Ok(()),
        }
    }

    /// The request to the server.
    pub(crate) fn request(self, password: String) -> CreateToken {
        CreateToken {
            password,
            name: self.name.trim().to_owned(),
            scopes: vec![if self.writes { TokenScope::Write } else { TokenScope::Read }],
            conversations: self.limited.then(|| self.only.into_iter().collect()),
            days: self.days,
        }
    }
}

/// What is wrong with a selection of conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// Nothing is selected.
    None,
    /// More than a token allows.
    Many,
}

/// Whether the maximum number is reached.
pub(crate) fn full(count: usize, most: i64) -> bool {
    i64::try_from(count).is_ok_and(|count| count >= most)
}

/// Whether a token may write; every token may read.
pub(crate) fn writes(scopes: &[TokenScope]) -> bool {
    scopes.contains(&TokenScope::Write)
}

/// Where a token is valid.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// In all conversations of its holder.
    Everywhere,
    /// Only in the named conversations and this many unnamed ones.
    Only(Vec<String>, usize),
}

/// Names a token's conversations, as far as they are known, up to [`NAMED`].
pub(crate) fn reach(
    only: Option<&[ConversationId]>,
    name: impl Fn(ConversationId) -> Option<String>,
) -> Reach {
    let Some(only) = only else { return Reach::Everywhere };
    let mut names: Vec<String> = only.iter().filter_map(|id| name(*id)).collect();
    order::sort_by_key(&mut names, |name| name.to_lowercase());
    names.truncate(NAMED);
    let more = only.len() - names.len();
    Reach::Only(names, more)
}

/// The conversations whose name contains the typed text.
pub(crate) fn matching(all: &[(ConversationId, String)], typed: &str) -> Vec<(ConversationId, String)> {
    let wanted = super::offers::folded(typed);
    all.iter().filter(|(_, name)| name.to_lowercase().contains(&wanted)).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(limited: bool, only: impl IntoIterator<Item = i64>) -> Wanted {
        let only = only.into_iter().map(ConversationId).collect();
        Wanted { name: " weather report ".to_owned(), writes: false, limited, only, days: Some(90) }
    }

    #[test]
    fn a_token_asks_for_what_was_chosen_and_for_nothing_else() {
        let request = wanted(false, [5]).request("secret".to_owned());
        assert_eq!((request.name.as_str(), request.days), ("weather report", Some(90)));
        assert_eq!((request.scopes, request.conversations), (vec![TokenScope::Read], None));
        let request = Wanted { writes: true, days: None, ..wanted(true, [9, 5]) }.request(String::new());
        assert_eq!(request.scopes, [TokenScope::Write]);
        assert_eq!(request.conversations, Some(vec![ConversationId(5), ConversationId(9)]));
        assert_eq!(request.days, None);
    }

    #[test]
    fn a_limited_token_needs_conversations_but_not_too_many() {
        assert_eq!(wanted(false, []).fits(), Ok(()));
        assert_eq!(wanted(true, []).fits(), Err(Misfit::None));
        assert_eq!(wanted(true, 1..=100).fits(), Ok(()));
        assert_eq!(wanted(true, 1..=101).fits(), Err(Misfit::Many));
        assert_eq!(wanted(false, 1..=101).fits(), Ok(()));
    }

    #[test]
    fn lifetimes_are_ones_that_the_server_takes() {
        assert!(LIFETIMES.iter().flatten().all(|days| (1..=limits::TOKEN_DAYS).contains(days)));
    }

    #[test]
    fn conversations_are_named_as_far_as_they_are_known() {
        let name = |id: ConversationId| (id.0 < 10).then(|| format!("#{}", 9 - id.0));
        let ids = |all: &[i64]| all.iter().copied().map(ConversationId).collect::<Vec<_>>();
        assert_eq!(reach(None, name), Reach::Everywhere);
        assert_eq!(reach(Some(&ids(&[2, 3])), name), Reach::Only(vec!["#6".into(), "#7".into()], 0));
        assert_eq!(reach(Some(&ids(&[2, 70])), name), Reach::Only(vec!["#7".into()], 1));
        assert_eq!(reach(Some(&ids(&[70, 71])), name), Reach::Only(Vec::new(), 2));
        let Reach::Only(names, more) = reach(Some(&ids(&[1, 2, 3, 4, 5, 6, 7, 8])), name) else { panic!() };
        assert_eq!((names.len(), more), (NAMED, 2));
    }

    #[test]
    fn names_are_found_by_any_part_of_them() {
        let all = [(ConversationId(1), "#Tea room".to_owned()), (ConversationId(2), "Ada".to_owned())];
        assert_eq!(matching(&all, "#TEA").len(), 1);
        assert_eq!(matching(&all, "room")[0].0, ConversationId(1));
        assert_eq!(matching(&all, "").len(), 2);
        assert!(matching(&all, "coffee").is_empty());
    }

    #[test]
    fn elements_of_several_lists_have_names_of_their_own() {
        let bot = Holder::Bot(UserId(7));
        assert_ne!(Holder::Myself.element("new"), bot.element("new"));
        assert_eq!(bot.path(), "/bots/7/tokens");
        assert!(full(5, 5) && !full(4, 5));
        assert!(writes(&[TokenScope::Read, TokenScope::Write]) && !writes(&[TokenScope::Read]));
    }
}
