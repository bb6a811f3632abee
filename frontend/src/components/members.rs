//! Who is in a room, those who are here first.

use leptos::prelude::*;
use leptos::task::spawn_local;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::rooms::{Member, MemberRole};

use crate::components::avatar::{Avatar, Name};
use crate::components::states::{Failed, Skeleton};
use crate::context::{Load, context};

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
    let group = move |title: &'static str, here: bool, all: &[Member]| {
        let mut some: Vec<Member> = all.iter().filter(|member| member.online == here).cloned().collect();
        some.sort_by_key(|member| member.user.display_name.to_lowercase());
        (!some.is_empty()).then(|| {
            let count = some.len();
            view! {
                <section class="member-group" class:away=!here>
                    <h3>{format!("{title} — {count}")}</h3>
                    <ul>{some.into_iter().map(|member| view! { <MemberLine member /> }).collect_view()}</ul>
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
                    view! { {group("Here now", true, &all)} {group("Away", false, &all)} }.into_any()
                }
            }}
        </div>
    }
}

#[component]
fn MemberLine(member: Member) -> impl IntoView {
    let role = match member.role {
        MemberRole::Owner => Some("Owner"),
        MemberRole::Moderator => Some("Moderator"),
        MemberRole::Member => None,
    };
    let id = member.user.id;
    let here = member.online;
    view! {
        <li>
            <a class="place" href=format!("/u/{}", member.user.handle) data-testid="member">
                <span class="avatar-holder">
                    <Avatar id size="s" />
                    <span class="presence" class:here=here>
                        <span class="visually-hidden">{if here { "here" } else { "away" }}</span>
                    </span>
                </span>
                <span class="grow clip">
                    <Name id />
                </span>
                {role.map(|role| view! { <span class="tag">{role}</span> })}
            </a>
        </li>
    }
}
