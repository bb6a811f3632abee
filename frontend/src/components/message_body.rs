//! A message's text, drawn as elements; never as markup.

use leptos::prelude::*;
use parlour_protocol::ids::UserId;
use parlour_protocol::messages::Mention;
use parlour_protocol::text::{Segment, pieces};
use parlour_protocol::validation;

/// The text, with its links, mentions and code. A mention is of an account, whoever has the handle now; `mentions` says
/// of which. Where that is not known (yet), the handle has to do.
pub(crate) fn body(text: &str, mentions: Option<&[Mention]>, me: UserId) -> impl IntoView + use<> {
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
                let folded = validation::fold(handle);
                let whose =
                    mentions.map(|all| all.iter().find(|one| one.handle == folded).map(|one| one.user));
                let written = text.get(piece.at.clone()).unwrap_or_default().to_owned();
                let (own, href) = match whose {
                    Some(None) => return written.into_any(),
                    Some(Some(user)) => (user == me, format!("/u/{user}")),
                    None => (false, format!("/u/{handle}")),
                };
                view! {
                    <a class="mention" class:own=own href=href>
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
