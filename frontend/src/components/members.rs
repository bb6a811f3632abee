//! Who is in a room: those who are here, friends who are not, and everybody else. Presence is told to friends alone, so
//! that nothing is said about the others.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::rooms::{Member, MemberRole};

use crate::components::avatar::{Avatar, Name};
use crate::components::states::{Failed, Skeleton};
use crate::context::{Load, context};
use crate::texts::{chat, common};

/// Most pages of members that are read for the panel.
const PAGES: usize = 4;

/// The members of a room.
#[component]
pub(crate) fn Members(id: ConversationId) -> impl IntoView {
    let context = context();
    let members = RwSignal::new(Load::<Vec<Member>>::Pending);
    let turn = StoredValue::new(0_u64);
    let read = move || {
        let now = turn.try_update_value(|turn| {
            *turn += 1;
            *turn
        });
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
                        if members.try_with_untracked(|load| load.ready().is_none()) == Some(true) {
                            members.try_set(Load::Failed(failure));
                        }
                        return;
                    }
                }
            }
            context.learn(found.iter().map(|member| &member.user));
            if turn.try_get_value() == now {
                members.try_set(Load::Ready(found));
            }
        });
    };
    Effect::new(move |_| {
        context.members_changed.track();
        context.minute.track();
        read();
    });
    let me = context.me();
    // Whether one may know that somebody is here: oneself and one's friends.
    let known = move |id| id == me || context.is_friend(id);
    let group = move |title: fn(usize) -> String, which: Group, all: &[Member]| {
        let belongs = |member: &&Member| group_of(member.online, known(member.user.id)) == which;
        let mut some: Vec<Member> = all.iter().filter(belongs).cloned().collect();
        some.sort_by_key(|member| member.user.display_name.to_lowercase());
        (!some.is_empty()).then(|| {
            let count = some.len();
            view! {
                <section class="member-group" class:away=which == Group::Away>
                    <h3>{title(count)}</h3>
                    <ul>{some.into_iter().map(|member| view! { <MemberLine member group=which /> }).collect_view()}</ul>
                </section>
            }
        })
    };
    view! {
        <div class="members" data-testid="members">
            {move || match members.get() {
                Load::Pending => view! { <Skeleton rows=6 /> }.into_any(),
                Load::Failed(failure) => {
                    view! { <Failed failure retry=Callback::new(move |()| read()) /> }.into_any()
                }
                Load::Ready(all) => {
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

/// What is known about somebody's presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Group {
    Here,
    Away,
    /// Nothing.
    Others,
}

fn group_of(online: bool, known: bool) -> Group {
    match (online, known) {
        (true, _) => Group::Here,
        (false, true) => Group::Away,
        (false, false) => Group::Others,
    }
}

#[component]
fn MemberLine(member: Member, group: Group) -> impl IntoView {
    let role = match member.role {
        MemberRole::Owner => Some(chat::owner()),
        MemberRole::Moderator => Some(chat::moderator()),
        MemberRole::Member => None,
    };
    let id = member.user.id;
    let here = group == Group::Here;
    view! {
        <li>
            <a class="place" href=format!("/u/{}", member.user.handle) data-testid="member">
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
