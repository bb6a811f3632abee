//! The window's title, and what happens to focus and announcements when the page changes.
//!
//! Invariant: after every page change the focus is inside the new page, and its name has been announced once: by the
//! focused heading, or by an announcement if the page has put the focus elsewhere.

use std::time::Duration;

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use parlour_protocol::conversations::ConversationKind;
use wasm_bindgen::JsCast;

use crate::context::{Context, context};
use crate::effects::effect;
use crate::state::bidi;
use crate::state::conversations::title;
use crate::texts;

/// Interval for checking whether the page has a heading yet, and the maximum number of checks: the code of a page may have
/// to come over a slow network first.
const LOOK: (Duration, u32) = (Duration::from_millis(50), 400);

/// Names the page while the calling component is mounted. A nested component may set a more specific name.
pub(crate) fn titled(name: impl Fn() -> String + 'static) {
    let context = context();
    let mine = StoredValue::new(0_u64);
    effect(move || {
        let name = name();
        let number = context.ui.page.with_untracked(|page| page.as_ref().map_or(0, |(number, _)| *number));
        // A name that only changes keeps its number.
        if number != mine.get_value() || number == 0 {
            mine.set_value(number + 1);
        }
        context.ui.page.set(Some((mine.get_value(), name)));
    });
    on_cleanup(move || {
        if let Some(mine) = mine.try_get_value() {
            context.ui.page.maybe_update(|page| {
                let own = page.as_ref().is_some_and(|(number, _)| *number == mine);
                if own {
                    *page = None;
                }
                own
            });
        }
    });
}

/// Keeps the window's title up to date: the open page, the server, and the number of unread messages.
pub(crate) fn name_the_window(context: Context) {
    effect(move || {
        let mut waiting = 0;
        for entry in context.conversations.all() {
            waiting += entry.with(|entry| {
                if entry.kind == ConversationKind::Direct { entry.unread } else { entry.mentions }
            });
        }
        let server = context.session.server_name();
        let page = shown(context);
        document().set_title(&texts::common::window_title(page.as_deref(), &server, waiting));
    });
}

/// The name of the open conversation, otherwise of the page.
fn shown(context: Context) -> Option<String> {
    let open = context.open.id.get().and_then(|id| context.conversations.entry(id));
    match open {
        Some(entry) => Some(bidi::isolated(&entry.with(title))),
        None => context.ui.page.with(|page| page.as_ref().map(|(_, name)| name.clone())),
    }
}

/// Moves the focus after every page change and announces the new page.
pub(crate) fn follow(context: Context) {
    let path = use_location().pathname;
    let turn = StoredValue::new(0_u64);
    Effect::new(move |before: Option<String>| {
        let now = path.get();
        if before.as_ref().is_some_and(|before| *before != now) {
            turn.update_value(|turn| *turn += 1);
            settle(context, turn, turn.get_value(), LOOK.1);
        }
        now
    });
}

/// Checks the focus after the page has had time to render.
fn settle(context: Context, turn: StoredValue<u64>, mine: u64, left: u32) {
    let look = move || {
        if turn.try_get_value() != Some(mine)
            || document().query_selector("dialog[open]").ok().flatten().is_some()
        {
            return;
        }
        let Some(main) = document().query_selector("main").ok().flatten() else { return };
        let focused = document().active_element().filter(|one| main.contains(Some(one)) && *one != main);
        if focused.is_some() {
            // The focus is on a field or a tab inside the page: it stays there, and only the name is announced.
            if let Some(name) = untrack(|| shown(context)) {
                context.ui.say(name);
            }
            return;
        }
        let heading = main
            .query_selector("h1")
            .ok()
            .flatten()
            .and_then(|one| one.dyn_into::<web_sys::HtmlElement>().ok());
        match heading {
            Some(heading) => {
                let _ = heading.set_attribute("tabindex", "-1");
                let options = web_sys::FocusOptions::new();
                options.set_prevent_scroll(true);
                let _ = heading.focus_with_options(&options);
            }
            None if left > 0 => settle(context, turn, mine, left - 1),
            None => {}
        }
    };
    set_timeout(look, LOOK.0);
}
