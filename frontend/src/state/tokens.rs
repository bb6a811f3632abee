//! Access tokens, as far as their lists and forms decide something about them.

use std::collections::BTreeSet;

use parlour_protocol::api_tokens::{CreateToken, TokenScope};
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::limits;

/// Most conversations of a limited token that are named in a list.
const NAMED: usize = 6;

/// For how many days a new token may work; for ever where there is none.
pub(crate) const LIFETIMES: [Option<i64>; 5] = [Some(7), Some(30), Some(90), Some(365), None];

/// Who acts with a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// Oneself.
    Myself,
    /// A bot of one's own.
    Bot(UserId),
}

impl Holder {
    /// The address of the tokens, in the API.
    pub(crate) fn path(self) -> String {
        match self {
            Self::Myself => "/account/tokens".to_owned(),
            Self::Bot(id) => format!("/bots/{id}/tokens"),
        }
    }

    /// A name for an element of the page that belongs to these tokens alone.
    pub(crate) fn element(self, part: &str) -> String {
        match self {
            Self::Myself => format!("token-{part}"),
            Self::Bot(id) => format!("token-{part}-{id}"),
        }
    }
}

/// What is open on the page of tokens and bots: one thing at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Doing {
    /// A new token is being made.
    Token(Holder),
    /// A new bot is being made.
    NewBot,
    /// A bot is about to be deleted.
    DeleteBot(UserId),
}

/// What somebody wants of a new token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Wanted {
    pub(crate) name: String,
    pub(crate) writes: bool,
    /// Whether it is for some conversations alone, which are these.
    pub(crate) limited: bool,
    pub(crate) only: BTreeSet<ConversationId>,
    pub(crate) days: Option<i64>,
}

impl Wanted {
    /// Whether the choice of conversations can be kept.
    pub(crate) fn fits(&self) -> Result<(), Misfit> {
        match self.only.len() {
            _ if !self.limited => Ok(()),
            0 => Err(Misfit::None),
            count if count > limits::TOKEN_CONVERSATIONS => Err(Misfit::Many),
            _ => Ok(()),
        }
    }

    /// As the server takes it.
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

/// What is wrong with a choice of conversations.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Misfit {
    /// None was chosen.
    None,
    /// There are more than a token takes.
    Many,
}

/// Whether somebody has as many of something as they may.
pub(crate) fn full(count: usize, most: i64) -> bool {
    i64::try_from(count).is_ok_and(|count| count >= most)
}

/// Whether a token writes; every token reads.
pub(crate) fn writes(scopes: &[TokenScope]) -> bool {
    scopes.contains(&TokenScope::Write)
}

/// Where a token may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Wherever its holder is.
    Everywhere,
    /// In these alone, and in this many more that are not named here.
    Only(Vec<String>, usize),
}

/// Names the conversations that a token is for, as far as they are known and there is room for them.
pub(crate) fn reach(
    only: Option<&[ConversationId]>,
    name: impl Fn(ConversationId) -> Option<String>,
) -> Reach {
    let Some(only) = only else { return Reach::Everywhere };
    let mut names: Vec<String> = only.iter().filter_map(|id| name(*id)).collect();
    names.sort_by_key(|name| name.to_lowercase());
    names.truncate(NAMED);
    let more = only.len() - names.len();
    Reach::Only(names, more)
}

/// Those of some conversations whose names hold what was typed.
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
