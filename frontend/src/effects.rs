//! Effects with one copy of their loop. Leptos compiles it again for every closure.

use leptos::prelude::*;

/// Runs a closure, and runs it again whenever a reactive value that it read has changed.
pub(crate) fn effect<R>(mut run: impl FnMut() -> R + 'static) {
    let mut run: Box<dyn FnMut()> = Box::new(move || {
        run();
    });
    Effect::new(move |_: Option<()>| run());
}
