//! Members of rooms: those of the room whose list is shown, and those found while a mention is being typed.

use leptos::prelude::*;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::rooms::MemberRole;

use crate::state::failure::Failure;
use crate::state::load::Load;
use crate::state::members::{Move, Roster};
use crate::state::mentions::Search;

/// The members of rooms.
#[derive(Clone, Copy)]
pub(crate) struct Members {
    /// The members of the room whose list is shown.
    roster: RwSignal<Option<Roster>>,
    /// The number of the last load; earlier ones have no effect any more.
    turn: StoredValue<u64>,
    /// Incremented when joins or leaves of the open room may have been missed.
    pub(crate) stale: RwSignal<u64>,
    /// Members of the room where a mention is being typed.
    search: RwSignal<Option<Search>>,
}

impl Members {
    /// No members are known.
    pub(crate) fn new() -> Self {
        Self {
            roster: RwSignal::new(None),
            turn: StoredValue::new(0),
            stale: RwSignal::new(0),
            search: RwSignal::new(None),
        }
    }

    /// Forgets all members.
    pub(crate) fn clear(&self) {
        self.roster.set(None);
        self.search.set(None);
    }

    /// Starts to load the members of a room; returns the number of this load. Joins and leaves meanwhile are recorded.
    pub(crate) fn open(&self, room: ConversationId) -> u64 {
        self.roster.set(Some(Roster::new(room)));
        self.turn.update_value(|turn| *turn += 1);
        self.turn.get_value()
    }

    /// Whether a load is still the last one.
    pub(crate) fn is_current(&self, turn: u64) -> bool {
        self.turn.get_value() == turn
    }

    /// Sets the loaded members of a room, or why they could not be loaded.
    pub(crate) fn fill(&self, room: ConversationId, members: Result<Vec<(UserId, MemberRole)>, Failure>) {
        self.change(room, |roster| match members {
            Ok(members) => roster.fill(members),
            Err(why) => roster.fail(why),
        });
    }

    /// The list of a room is not shown any more.
    pub(crate) fn close(&self, room: ConversationId) {
        self.roster.maybe_update(|roster| roster.take_if(|roster| roster.room() == room).is_some());
    }

    /// The members of the room whose list is shown, if they are loaded.
    pub(crate) fn of(&self, room: ConversationId) -> Load<Vec<(UserId, MemberRole)>> {
        self.roster.with(|roster| {
            let shown = roster.as_ref().filter(|roster| roster.room() == room);
            shown.map_or(Load::Pending, Roster::members)
        })
    }

    /// Records that a member (possibly the current user) joined or left a room.
    pub(crate) fn hear_move(&self, room: ConversationId, one: Move) {
        self.change(room, |roster| roster.hear(one));
    }

    fn change(&self, room: ConversationId, change: impl FnOnce(&mut Roster)) {
        self.roster.maybe_update(|roster| {
            let shown = roster.as_mut().filter(|roster| roster.room() == room);
            shown.map(change).is_some()
        });
    }

    /// Changes the search for members of a room; `change` returns whether more members are known now.
    pub(crate) fn change_search(&self, room: ConversationId, change: impl FnOnce(&mut Search) -> bool) {
        self.search.maybe_update(|search| {
            let known = search.take().filter(|search| search.room() == room);
            change(search.insert(known.unwrap_or_else(|| Search::new(room))))
        });
    }

    /// What was found in a room so far.
    pub(crate) fn search_in(&self, room: ConversationId) -> Option<Search> {
        self.search.get().filter(|search| search.room() == room)
    }
}
