//! A message's text, drawn as elements; never as markup.

use leptos::prelude::*;
use parlour_protocol::validation;

use crate::state::text::{Segment, segments};

/// The text, with its links, mentions and code. `me` is one's own handle.
pub(crate) fn body(text: &str, me: &str) -> impl IntoView + use<> {
    let mine = validation::fold(me);
    segments(text)
        .into_iter()
        .map(|segment| match segment {
            Segment::Text(text) => text.into_any(),
            Segment::Link(address) => {
                let shown = address.clone();
                view! {
                    <a class="text-link" href=address target="_blank" rel="noopener nofollow noreferrer">
                        {shown}
                    </a>
                }
                .into_any()
            }
            Segment::Mention(handle) => {
                let own = validation::fold(&handle) == mine;
                view! {
                    <a class="mention" class:own=own href=format!("/u/{handle}")>
                        {format!("@{handle}")}
                    </a>
                }
                .into_any()
            }
            Segment::Code(code) => view! { <code>{code}</code> }.into_any(),
            Segment::Block(code) => view! {
                <pre>
                    <code>{code}</code>
                </pre>
            }
            .into_any(),
        })
        .collect_view()
}
