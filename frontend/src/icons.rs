//! The outline icons, as path data. Drawn after Lucide (https://lucide.dev, ISC licence).

use leptos::prelude::*;

pub(crate) const HASH: &str = "M4 9h16M4 15h16M10 3 8 21M16 3l-2 18";
pub(crate) const SEARCH: &str = "M19 11a8 8 0 1 1-16 0 8 8 0 0 1 16 0zM21 21l-4.3-4.3";
pub(crate) const PLUS: &str = "M5 12h14M12 5v14";
pub(crate) const CLOSE: &str = "M18 6 6 18M6 6l12 12";
pub(crate) const USERS: &str = "M16 21v-2a4 4 0 0 0-4-4H6a4 4 0 0 0-4 4v2M13 7a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM22 21v-2a4 4 0 0 0-3-3.87M16 3.13a4 4 0 0 1 0 7.75";
pub(crate) const USER_PLUS: &str =
    "M16 21v-2a4 4 0 0 0-4-4H6a4 4 0 0 0-4 4v2M13 7a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM19 8v6M22 11h-6";
pub(crate) const BELL: &str = "M6 8a6 6 0 0 1 12 0c0 7 3 9 3 9H3s3-2 3-9M10.3 21a1.94 1.94 0 0 0 3.4 0";
pub(crate) const CHAT: &str = "M7.9 20A9 9 0 1 0 4 16.1L2 22Z";
pub(crate) const SETTINGS: &str = "M21 4h-7M10 4H3M21 12h-9M8 12H3M21 20h-5M12 20H3M14 2v4M8 10v4M16 18v4";
pub(crate) const SEND: &str = "m5 12 7-7 7 7M12 19V5";
pub(crate) const SMILE: &str =
    "M22 12a10 10 0 1 1-20 0 10 10 0 0 1 20 0zM8 14s1.5 2 4 2 4-2 4-2M9 9h.01M15 9h.01";
pub(crate) const REPLY: &str = "m9 17-5-5 5-5M20 18v-2a4 4 0 0 0-4-4H4";
pub(crate) const PENCIL: &str = "M17 3a2.85 2.83 0 1 1 4 4L7.5 20.5 2 22l1.5-5.5ZM15 5l4 4";
pub(crate) const CLOCK: &str = "M22 12a10 10 0 1 1-20 0 10 10 0 0 1 20 0zM12 6v6l4 2";
pub(crate) const MORE: &str = "M13 12a1 1 0 1 1-2 0 1 1 0 0 1 2 0zM20 12a1 1 0 1 1-2 0 1 1 0 0 1 2 0zM6 12a1 1 0 1 1-2 0 1 1 0 0 1 2 0z";
pub(crate) const TRASH: &str =
    "M3 6h18M19 6v14a2 2 0 0 1-2 2H7a2 2 0 0 1-2-2V6M8 6V4a2 2 0 0 1 2-2h4a2 2 0 0 1 2 2v2";
pub(crate) const BACK: &str = "m12 19-7-7 7-7M19 12H5";
pub(crate) const DOWN: &str = "M12 5v14M19 12l-7 7-7-7";
pub(crate) const CHECK: &str = "M20 6 9 17l-5-5";
pub(crate) const LOGOUT: &str = "M9 21H5a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2h4M16 17l5-5-5-5M21 12H9";
pub(crate) const SHIELD: &str = "M20 13c0 5-3.5 7.5-7.66 8.95a1 1 0 0 1-.67-.01C7.5 20.5 4 18 4 13V6a1 1 0 0 1 1-1c2 0 4.5-1.2 6.24-2.72a1.17 1.17 0 0 1 1.52 0C14.51 3.81 17 5 19 5a1 1 0 0 1 1 1z";
pub(crate) const COMPASS: &str =
    "M22 12a10 10 0 1 1-20 0 10 10 0 0 1 20 0zM16.2 7.8l-2.1 6.3-6.3 2.1 2.1-6.3z";
pub(crate) const LINK: &str = "M10 13a5 5 0 0 0 7.54.54l3-3a5 5 0 0 0-7.07-7.07l-1.72 1.71M14 11a5 5 0 0 0-7.54-.54l-3 3a5 5 0 0 0 7.07 7.07l1.71-1.71";
pub(crate) const ALERT: &str = "M22 12a10 10 0 1 1-20 0 10 10 0 0 1 20 0zM12 8v4M12 16h.01";
pub(crate) const KEY: &str = "m15.5 7.5 2.3 2.3a1 1 0 0 0 1.4 0l2.1-2.1a1 1 0 0 0 0-1.4L19 4M21 2l-9.6 9.6M13 15.5a5.5 5.5 0 1 1-11 0 5.5 5.5 0 0 1 11 0z";
pub(crate) const SUN: &str = "M16 12a4 4 0 1 1-8 0 4 4 0 0 1 8 0zM12 2v2M12 20v2M4.93 4.93l1.41 1.41M17.66 17.66l1.41 1.41M2 12h2M20 12h2M6.34 17.66l-1.41 1.41M19.07 4.93l-1.41 1.41";
pub(crate) const MOON: &str = "M12 3a6 6 0 0 0 9 9 9 9 0 1 1-9-9Z";
pub(crate) const SCREEN: &str =
    "M4 3h16a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H4a2 2 0 0 1-2-2V5a2 2 0 0 1 2-2zM8 21h8M12 17v4";
pub(crate) const CAMERA: &str = "M14.5 4h-5L7 7H4a2 2 0 0 0-2 2v9a2 2 0 0 0 2 2h16a2 2 0 0 0 2-2V9a2 2 0 0 0-2-2h-3l-2.5-3zM15 13a3 3 0 1 1-6 0 3 3 0 0 1 6 0z";
pub(crate) const COPY: &str = "M10 8h10a2 2 0 0 1 2 2v10a2 2 0 0 1-2 2H10a2 2 0 0 1-2-2V10a2 2 0 0 1 2-2zM4 16c-1.1 0-2-.9-2-2V4c0-1.1.9-2 2-2h10c1.1 0 2 .9 2 2";

pub(crate) const EYE: &str =
    "M2 12s3.6-7 10-7 10 7 10 7-3.6 7-10 7S2 12 2 12zM15 12a3 3 0 1 1-6 0 3 3 0 0 1 6 0z";
pub(crate) const EYE_OFF: &str = "M9.9 5.2A10.4 10.4 0 0 1 12 5c6.4 0 10 7 10 7a13 13 0 0 1-1.7 2.7M6.6 6.6A13.4 13.4 0 0 0 2 12s3.6 7 10 7a9.7 9.7 0 0 0 5.4-1.6M14.1 14.1a3 3 0 0 1-4.2-4.2M2 2l20 20";

/// One icon, hidden from screen readers: the control around it has the accessible name.
#[component]
pub(crate) fn Icon(path: &'static str) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" aria-hidden="true">
            <path d=path></path>
        </svg>
    }
}

/// The product's logo: two overlapping bubbles.
#[component]
pub(crate) fn Mark() -> impl IntoView {
    view! {
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true">
            <path class="mark-a" d="M13 4a10 10 0 0 0-8.9 14.6L2.6 24l5.6-1.3A10 10 0 1 0 13 4z"></path>
            <path class="mark-b" d="M21 11.5a8.5 8.5 0 0 1 7.4 12.7l1.2 4.4-4.6-1.1a8.5 8.5 0 1 1-4-16z"></path>
        </svg>
    }
}
/// The icon for blocking a user.
pub(crate) const BAN: &str = "M22 12a10 10 0 1 1-20 0 10 10 0 0 1 20 0zM4.9 4.9l14.2 14.2";
