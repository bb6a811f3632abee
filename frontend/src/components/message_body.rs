//! A message's text, rendered as elements; never as markup.
//!
//! Every piece is its own element whose text is set as a whole: if the browser's translation feature has rewritten the
//! page, the original text nodes no longer exist.

use leptos::prelude::*;
use parlour_protocol::ids::UserId;
use parlour_protocol::messages::Mention;
use parlour_protocol::text::{Segment, pieces};
use parlour_protocol::validation;

/// The text with its links, mentions and code. A mention refers to an account, even if the handle has another owner now;
/// `mentions` says which account. If that is not known (yet), the handle is used.
pub(crate) fn body(text: &str, mentions: Option<&[Mention]>, me: UserId) -> impl IntoView + use<> {
    let plain = |text: &str| view! { <span prop:textContent=text.to_owned()></span> }.into_any();
    pieces(text)
        .into_iter()
        .map(|piece| match piece.segment {
            Segment::Text(text) => plain(text),
            Segment::Link(address) => {
                let address = address.to_owned();
                let shown = address.clone();
                view! {
                    <a
                        class="text-link"
                        href=address
                        tabindex="-1"
                        target="_blank"
                        rel="noopener nofollow noreferrer"
                        translate="no"
                        prop:textContent=shown
                    ></a>
                }
                .into_any()
            }
            Segment::Mention(handle) => {
                let folded = validation::fold(handle);
                let whose =
                    mentions.map(|all| all.iter().find(|one| one.handle == folded).map(|one| one.user));
                let written = text.get(piece.at.clone()).unwrap_or_default();
                let (own, href) = match whose {
                    Some(None) => return plain(written),
                    Some(Some(user)) => (user == me, format!("/u/{user}")),
                    None => (false, format!("/u/{handle}")),
                };
                let written = written.to_owned();
                view! { <a class="mention" class:own=own href=href tabindex="-1" translate="no" prop:textContent=written></a> }
                    .into_any()
            }
            Segment::Code(code) => {
                view! { <code translate="no" prop:textContent=code.to_owned()></code> }.into_any()
            }
            Segment::Block(code) => view! {
                <pre>
                    <code translate="no" prop:textContent=code.to_owned()></code>
                </pre>
            }
            .into_any(),
        })
        .collect_view()
}
