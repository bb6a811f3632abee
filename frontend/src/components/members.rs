//! The members of a room: those who are online, friends who are not, and everyone else. Presence is only known of
//! friends, so nothing is said about the others.
//!
//! Invariant: the list is loaded once; joins, leaves and presence then come from socket events.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::ids::{ConversationId, UserId};
use parlour_protocol::rooms::{Member, MemberRole};

use crate::components::avatar::{Avatar, Name};
use crate::components::states::{Failed, Skeleton};
use crate::context::context;
use crate::effects::effect;
use crate::state::failure::Failure;
use crate::state::members::Roster;
use crate::state::order;
use crate::texts::{chat, common};

/// Maximum number of member pages loaded for the panel.
const PAGES: usize = 4;

/// The members of a room.
#[component]
pub(crate) fn Members(id: ConversationId) -> impl IntoView {
    let context = context();
    let failed = RwSignal::new(None::<Failure>);
    let turn = StoredValue::new(0_u64);
    let read = move || {
        let now = turn.try_update_value(|turn| {
            *turn += 1;
            *turn
        });
        // Joins and leaves that happen while the list is loading are recorded.
        context.roster.set(Some(Roster::new(id)));
        failed.set(None);
        spawn_local(async move {
            let mut found: Vec<Member> = Vec::new();
            let mut after: Option<String> = None;
            for _ in 0..PAGES {
                match context.api.list_members(id, after.as_deref()).await {
                    Ok(page) => {
                        found.extend(page.items);
                        after = page.next;
                        if after.is_none() {
                            break;
                        }
                    }
                    Err(failure) => {
                        if turn.try_get_value() == now {
                            failed.try_set(Some(failure));
                        }
                        return;
                    }
                }
            }
            context.learn(found.iter().map(|member| &member.user));
            if turn.try_get_value() != now {
                return;
            }
            let told = |member: &&Member| member.online || untrack(|| context.is_friend(member.user.id));
            for member in found.iter().filter(told) {
                context.set_online(member.user.id, member.online);
            }
            let members = found.iter().map(|member| (member.user.id, member.role)).collect();
            context.roster.update(|roster| {
                if let Some(roster) = roster.as_mut().filter(|roster| roster.room() == id) {
                    roster.fill(members);
                }
            });
        });
    };
    effect(move || {
        context.members_stale.track();
        untrack(read);
    });
    on_cleanup(move || {
        context.roster.maybe_update(|roster| roster.take_if(|roster| roster.room() == id).is_some());
    });
    let me = context.me();
    let lines = Memo::new(move |_| {
        context.roster.with(|roster| {
            let members = roster.as_ref().filter(|roster| roster.room() == id)?.members()?;
            let line = |(user, role): &(UserId, MemberRole)| {
                // Presence is known only for the user and their friends.
                let known = *user == me || context.is_friend(*user);
                let group = group_of(known && context.online(*user).get(), known);
                let name = context.user(*user);
                let name = name.with(|user| {
                    user.as_ref().map_or_else(String::new, |user| user.display_name.to_lowercase())
                });
                Line { group, name, user: *user, role: *role }
            };
            let mut lines: Vec<Line> = members.iter().map(line).collect();
            order::sort_by(&mut lines, |one, other| one.name.cmp(&other.name));
            Some(lines)
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
            {move || match (lines.get(), failed.get()) {
                (None, None) => view! { <Skeleton rows=6 /> }.into_any(),
                (None, Some(failure)) => {
                    view! { <Failed failure retry=Callback::new(move |()| read()) /> }.into_any()
                }
                (Some(all), _) => {
                    view! {
                        {group(chat::online, Group::Here, &all)}
                        {group(chat::offline, Group::Away, &all)}
                        {group(chat::members, Group::Others, &all)}
                    }
                    .into_any()
                }
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
    let user = context().user(id);
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
