//! Parlour's browser client: a single-page app in WebAssembly. `frontend/README.md` has the map.

mod actions;
mod api;
mod app;
mod arrival;
mod browser;
mod clipboard;
mod components;
mod context;
mod credentials;
mod effects;
mod icons;
mod later;
mod live;
mod pages;
mod state;
mod storage;
mod stores;
mod texts;
mod wrapper;

fn main() {
    console_error_panic_hook::set_once();
    if let Some(splash) = leptos::prelude::document().get_element_by_id("boot") {
        splash.remove();
    }
    leptos::mount::mount_to_body(app::App);
}
