//! A message's text, drawn as elements; never as markup.

use leptos::prelude::*;
use parlour_protocol::text::{Segment, pieces};
use parlour_protocol::validation;

/// The text, with its links, mentions and code. `me` is one's own handle.
pub(crate) fn body(text: &str, me: &str) -> impl IntoView + use<> {
    let mine = validation::fold(me);
    pieces(text)
        .into_iter()
        .map(|piece| match piece.segment {
            Segment::Text(text) => text.to_owned().into_any(),
            Segment::Link(address) => {
                let address = address.to_owned();
                let shown = address.clone();
                view! {
                    <a class="text-link" href=address target="_blank" rel="noopener nofollow noreferrer">
                        {shown}
                    </a>
                }
                .into_any()
            }
            Segment::Mention(handle) => {
                let own = validation::fold(handle) == mine;
                let written = text.get(piece.at.clone()).unwrap_or_default().to_owned();
                view! {
                    <a class="mention" class:own=own href=format!("/u/{handle}")>
                        {written}
                    </a>
                }
                .into_any()
            }
            Segment::Code(code) => view! { <code>{code.to_owned()}</code> }.into_any(),
            Segment::Block(code) => view! {
                <pre>
                    <code>{code.to_owned()}</code>
                </pre>
            }
            .into_any(),
        })
        .collect_view()
}
