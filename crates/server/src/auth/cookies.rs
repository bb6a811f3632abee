//! The cookies of browsers: refresh tokens, and devices that have logged in before.
//!
//! Invariant: a cookie is set or read only for pages of allowed origins; scripts cannot read it.

use actix_web::HttpRequest;
use actix_web::cookie::{Cookie, SameSite, time::Duration};
use parlour_protocol::ids::UserId;
use parlour_protocol::sessions::RefreshTransport;
use parlour_protocol::time::{DAY, SECOND};

use super::check_origin;
use crate::app::App;
use crate::auth::devices::{self, Device};
use crate::problems::ApiError;

/// Name of the cookie that holds the refresh token.
pub const REFRESH: &str = "refresh";
/// Name of the cookie that binds a browser to a log-in that it began at the provider.
pub const PROVIDER: &str = "provider";
/// Name of the cookie that identifies a browser that has logged in before.
const DEVICES: &str = "devices";
/// A browser is forgotten this long (microseconds) after its last log-in.
const REMEMBER: i64 = 400 * DAY;

/// Full name of a cookie. With TLS it carries the prefix that binds it to this host.
pub fn cookie_name(app: &App, name: &str) -> String {
    format!("{}parlour_{name}", if app.config.is_secure() { "__Host-" } else { "" })
}

/// A cookie that scripts cannot read and other sites cannot send, with a lifetime in microseconds.
pub fn named_cookie(app: &App, name: &str, value: String, lifetime: i64) -> Cookie<'static> {
    Cookie::build(cookie_name(app, name), value)
        .path("/")
        .http_only(true)
        .same_site(SameSite::Strict)
        .secure(app.config.is_secure())
        .max_age(Duration::seconds(lifetime / SECOND))
        .finish()
}

/// The devices with a previous log-in that a request presents.
pub fn devices(app: &App, request: &HttpRequest, given: Option<&str>) -> Vec<Device> {
    devices::shown(&app.master_key, request, &cookie_name(app, DEVICES), given)
}

/// Refuses a page of another origin that asks for a cookie, or whose request carries one of ours. Without cookies, a
/// page is a client like any other.
pub fn check_cookies(app: &App, request: &HttpRequest, transport: RefreshTransport) -> Result<(), ApiError> {
    let ours = || {
        let names = [REFRESH, DEVICES, PROVIDER].map(|name| cookie_name(app, name));
        names.iter().any(|name| request.cookie(name).is_some())
    };
    if transport == RefreshTransport::Cookie || ours() { check_origin(app, request) } else { Ok(()) }
}

/// The device of this person among those that were shown, or a new one.
pub fn own_device(app: &App, known: &[Device], user: UserId) -> Device {
    let own = known.iter().find(|device| device.user == user).cloned();
    own.unwrap_or_else(|| Device::new(&app.master_key, user))
}

/// The cookie that remembers a device, and those before it.
pub fn device_cookie(app: &App, newest: &Device, before: &[Device]) -> Cookie<'static> {
    named_cookie(app, DEVICES, devices::remember(newest, before), REMEMBER)
}

/// A cookie that makes a browser a known device of this person, who has just proved to be using it. `None` for a page
/// of another origin.
pub fn known_device(app: &App, request: &HttpRequest, user: UserId) -> Option<Cookie<'static>> {
    check_origin(app, request).ok()?;
    let known = devices(app, request, None);
    Some(device_cookie(app, &own_device(app, &known, user), &known))
}
