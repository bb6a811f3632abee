//! The members of a room: those who are online, friends who are not, and everyone else. Presence is only known of
//! friends, so nothing is said about the others.
//!
//! Invariant: the list is loaded once; joins, leaves and presence then come from socket events.

use leptos::prelude::*;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::rooms::MemberRole;

use crate::components::avatar::{Avatar, Name};
use crate::components::states::shown;
use crate::context::context;
use crate::effects::effect;
use crate::state::order;
use crate::texts::{chat, common};

/// The members of a room.
#[component]
pub(crate) fn Members(id: ConversationId) -> impl IntoView {
    let context = context();
    let read = move || context.load_members(id);
    effect(move || {
        context.members.stale.track();
        untrack(read);
    });
    on_cleanup(move || context.members.close(id));
    let me = context.session.me();
    let lines = Memo::new(move |_| {
        let line = |(user, role): (UserId, MemberRole)| {
            // Presence is known only for the user and their friends.
            let known = user == me || context.friends.is_friend(user);
            let group = group_of(known && context.people.online(user).get(), known);
            let name = context.people.user(user);
            let name = name
                .with(|user| user.as_ref().map_or_else(String::new, |user| user.display_name.to_lowercase()));
            Line { group, name, user, role }
        };
        context.members.of(id).map(|members| {
            let mut lines: Vec<Line> = members.into_iter().map(line).collect();
            order::sort_by(&mut lines, |one, other| one.name.cmp(&other.name));
            lines
        })
    });
    let group = move |title: fn(usize) -> String, which: Group, all: &[Line]| {
        let some: Vec<Line> = all.iter().filter(|line| line.group == which).cloned().collect();
        (!some.is_empty()).then(|| {
            let count = some.len();
            view! {
                <section class="member-group" class:away=which == Group::Away>
                    <h3>{title(count)}</h3>
                    <ul>{some.into_iter().map(|line| view! { <MemberLine line /> }).collect_view()}</ul>
                </section>
            }
        })
    };
    view! {
        <div class="members" data-testid="members">
            {move || {
                shown(lines.get(), 6, read, |all| {
                    view! {
                        {group(chat::online, Group::Here, &all)}
                        {group(chat::offline, Group::Away, &all)}
                        {group(chat::members, Group::Others, &all)}
                    }
                    .into_any()
                })
            }}
        </div>
    }
}

/// The presence group of a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Here,
    Away,
    /// Unknown.
    Others,
}

fn group_of(online: bool, known: bool) -> Group {
    match (online, known) {
        (true, _) => Group::Here,
        (false, true) => Group::Away,
        (false, false) => Group::Others,
    }
}

/// One row of the list.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    group: Group,
    name: String,
    user: UserId,
    role: MemberRole,
}

#[component]
fn MemberLine(line: Line) -> impl IntoView {
    let Line { group, user: id, role, .. } = line;
    let user = context().people.user(id);
    let role = match role {
        MemberRole::Owner => Some(chat::owner()),
        MemberRole::Moderator => Some(chat::moderator()),
        MemberRole::Member => None,
    };
    let here = group == Group::Here;
    view! {
        <li>
            <a class="place" href=move || user.with(|user| user.as_ref().map(|user| format!("/u/{}", user.handle))) data-testid="member">
                <span class="avatar-holder">
                    <Avatar id size="s" />
                    {(group != Group::Others)
                        .then(|| {
                            view! {
                                <span class="presence" class:here=here>
                                    <span class="visually-hidden">{if here { common::online() } else { common::offline() }}</span>
                                </span>
                            }
                        })}
                </span>
                <span class="grow clip">
                    <Name id />
                </span>
                {role.map(|role| view! { <span class="tag">{role}</span> })}
            </a>
        </li>
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_called_away_whose_presence_is_not_told() {
        assert_eq!(group_of(true, true), Group::Here);
        assert_eq!(group_of(false, true), Group::Away);
        assert_eq!(group_of(false, false), Group::Others);
    }
}
