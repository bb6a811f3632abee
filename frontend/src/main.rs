//! The browser client's entry.

use leptos::prelude::*;

fn main() {
    leptos::mount::mount_to_body(|| view! { <p>"Parlour"</p> });
}
