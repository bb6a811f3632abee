//! The API on one page.
//!
//! Invariant: a handler is registered together with its description, so no operation is undocumented.

mod accounts;
mod admin;
mod api_tokens;
mod blocks;
mod bots;
mod conversations;
mod emails;
mod friends;
mod identities;
mod invites;
mod messages;
mod notifications;
mod operations;
mod own_data;
mod passkeys;
pub(crate) mod password_resets;
mod privacy;
mod rooms;
mod second_factors;
mod server;
mod sessions;
mod users;

use std::str::FromStr;

use actix_service::ServiceFactory;
use actix_web::dev::{HttpServiceFactory, ServiceRequest};
use actix_web::{Error, web};
use parlour_protocol::Page;
use parlour_protocol::ids::Seq;
use parlour_protocol::limits;
use parlour_protocol::problems::ErrorCode;
use serde::Deserialize;
use utoipa::IntoParams;
use utoipa_actix_web::{AppExt, OpenApiFactory, scope};

use crate::problems::ApiError;
use crate::socket;

/// Takes operations: either to serve them, or to describe them. Describing takes as long as everything else at the start
/// and leaves megabytes behind, so the threads that serve do not do it.
trait Register: Sized {
    /// Adds an operation.
    fn service<S: HttpServiceFactory + OpenApiFactory + 'static>(self, service: S) -> Self;
}

macro_rules! register {
    ($($registry:ident)::+) => {
        impl<T> Register for $($registry)::+<T>
        where
            T: ServiceFactory<ServiceRequest, Config = (), Error = Error, InitError = ()>,
        {
            fn service<S: HttpServiceFactory + OpenApiFactory + 'static>(self, service: S) -> Self {
                self.service(service)
            }
        }
    };
}

register!(actix_web::Scope);
register!(actix_web::App);
register!(utoipa_actix_web::scope::Scope);
register!(utoipa_actix_web::UtoipaApp);

/// Path of every operation of the API.
const API: &str = "/api/v1";

/// Serves every operation.
pub fn configure<T>(app: actix_web::App<T>) -> actix_web::App<T>
where
    T: ServiceFactory<ServiceRequest, Config = (), Error = Error, InitError = ()>,
{
    beside_the_api(app.service(of_the_api(web::scope(API))))
}

/// The description of every operation, as derived from its handler.
pub fn describe() -> utoipa::openapi::OpenApi {
    let app = actix_web::App::new().into_utoipa_app();
    let (_, described) = beside_the_api(app.service(of_the_api(scope::scope(API)))).split_for_parts();
    described
}

fn of_the_api<R: Register>(api: R) -> R {
    // Paths are tried in this order: the most frequent ones come first.
    let api = of_people(of_factors(of_accounts(of_conversations(api))));
    of_administration(api).service(socket::open_socket)
}

fn of_conversations<R: Register>(api: R) -> R {
    api.service(messages::list_messages)
        .service(messages::send_message)
        .service(messages::put_message)
        .service(messages::show_message)
        .service(conversations::list_events)
        .service(conversations::mark_read)
        .service(messages::edit_message)
        .service(messages::delete_message)
        .service(messages::add_reaction)
        .service(messages::delete_reaction)
        .service(conversations::list_conversations)
        .service(conversations::show_conversation)
        .service(conversations::open_direct)
}

fn of_accounts<R: Register>(api: R) -> R {
    api.service(server::show_server)
        .service(accounts::create_account)
        .service(accounts::show_account)
        .service(accounts::update_account)
        .service(own_data::export_account)
        .service(own_data::delete_account)
        .service(accounts::upload_avatar)
        .service(accounts::delete_avatar)
        .service(accounts::change_password)
        .service(accounts::show_avatar)
        .service(password_resets::create_password_reset)
        .service(password_resets::complete_password_reset)
        .service(emails::request_password_reset)
        .service(emails::show_email)
        .service(emails::change_email)
        .service(emails::delete_email)
        .service(emails::complete_email_verification)
        .service(sessions::create_session)
        .service(sessions::refresh_session)
        .service(sessions::list_sessions)
        .service(sessions::delete_current_session)
        .service(sessions::delete_session)
}

/// Other ways to log in, and second factors.
fn of_factors<R: Register>(api: R) -> R {
    api.service(identities::begin_provider_log_in)
        .service(identities::complete_provider_log_in)
        .service(identities::create_provider_account)
        .service(identities::list_identities)
        .service(identities::begin_identity)
        .service(identities::create_identity)
        .service(identities::delete_identity)
        .service(second_factors::complete_session)
        .service(second_factors::show_second_factor)
        .service(second_factors::begin_second_factor)
        .service(second_factors::confirm_second_factor)
        .service(second_factors::renew_recovery_codes)
        .service(second_factors::delete_second_factor)
        .service(second_factors::delete_user_second_factor)
        .service(passkeys::begin_passkey)
        .service(passkeys::create_passkey)
        .service(passkeys::list_passkeys)
        .service(passkeys::update_passkey)
        .service(passkeys::delete_passkey)
        .service(passkeys::begin_passkey_session)
        .service(passkeys::create_passkey_session)
        .service(passkeys::begin_passkey_step)
        .service(passkeys::complete_passkey_step)
}

/// People, and the rooms they meet in.
fn of_people<R: Register>(api: R) -> R {
    api.service(users::list_users)
        .service(users::show_user)
        .service(friends::list_friends)
        .service(friends::delete_friend)
        .service(friends::list_friend_requests)
        .service(friends::create_friend_request)
        .service(friends::accept_friend_request)
        .service(friends::decline_friend_requests)
        .service(friends::delete_friend_request)
        .service(blocks::list_blocks)
        .service(blocks::create_block)
        .service(blocks::delete_block)
        .service(privacy::show_privacy)
        .service(privacy::update_privacy)
        .service(rooms::list_rooms)
        .service(rooms::create_room)
        .service(rooms::show_room)
        .service(rooms::update_room)
        .service(rooms::delete_room)
        .service(rooms::join_room)
        .service(rooms::leave_room)
        .service(rooms::list_members)
        .service(notifications::list_notifications)
        .service(notifications::read_notifications)
}

/// What administrators do, and what acts for people.
fn of_administration<R: Register>(api: R) -> R {
    api.service(admin::list_admin_users)
        .service(admin::suspend_user)
        .service(admin::reinstate_user)
        .service(admin::show_statistics)
        .service(admin::list_audit_log)
        .service(admin::list_approvals)
        .service(admin::approve_account)
        .service(admin::reject_account)
        .service(admin::list_failed_jobs)
        .service(admin::retry_job)
        .service(admin::delete_job)
        .service(api_tokens::create_token)
        .service(api_tokens::list_tokens)
        .service(api_tokens::delete_token)
        .service(bots::create_bot)
        .service(bots::list_bots)
        .service(bots::delete_bot)
        .service(bots::create_bot_token)
        .service(bots::list_bot_tokens)
        .service(bots::delete_bot_token)
        .service(invites::create_invite)
        .service(invites::list_invites)
        .service(invites::delete_invite)
}

fn beside_the_api<R: Register>(app: R) -> R {
    app.service(operations::show_liveness)
        .service(operations::show_readiness)
        .service(operations::show_metrics)
        .service(operations::show_keys)
}

/// A page of a collection.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct PageQuery {
    /// Cursor: the `next` of the previous page. Without it, the first page.
    after: Option<String>,
    /// Maximum number of items on the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<i64>,
}

/// A page of the caller's own items, of which most people have few.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct ListQuery {
    /// Cursor: the `next` of the previous page. Without it, the first page.
    after: Option<String>,
    /// Maximum number of items on the page.
    #[param(minimum = 1, maximum = 200, default = 200)]
    limit: Option<i64>,
}

impl ListQuery {
    fn read(&self) -> Result<(Option<(i64, i64)>, i64), ApiError> {
        let asked = self.limit.unwrap_or(limits::LIST_PAGE);
        Ok((pair_cursor(self.after.as_deref())?, limit(Some(asked), limits::LIST_PAGE)?))
    }
}

/// Parses up to 100 ids, separated by commas.
fn several<I: FromStr, C: FromIterator<I>>(ids: &str) -> Result<C, ApiError> {
    let malformed =
        || ApiError::because(ErrorCode::Malformed, "ids takes up to 100 ids, separated by commas.");
    if ids.split(',').count() > 100 {
        return Err(malformed());
    }
    ids.split(',').map(|id| id.parse().map_err(|_| malformed())).collect()
}

/// A page of a short list that was read completely. The cursor is the index and id of the last item: nothing is
/// skipped if an item disappears in the meantime.
fn page_of<T>(all: Vec<T>, query: &ListQuery, id: impl Fn(&T) -> i64) -> Result<Page<T>, ApiError> {
    let (after, limit) = query.read()?;
    let from = match after {
        None => 0,
        Some((place, last)) => match all.iter().position(|item| id(item) == last) {
            Some(found) => found + 1,
            None => usize::try_from(place).unwrap_or(0),
        },
    };
    let rest = all.len().saturating_sub(from);
    let items: Vec<T> = all.into_iter().skip(from).take(limit as usize).collect();
    let next = items.last().filter(|_| rest > items.len());
    let next = next.map(|last| write_cursor(((from + items.len() - 1) as i64, id(last))));
    Ok(Page { items, next })
}

/// A page of a collection that can be searched.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct SearchQuery {
    /// Part of a name, in any case. Without it, everything is listed.
    #[param(max_length = 60)]
    search: Option<String>,
    /// Cursor: the `next` of the previous page. Without it, the first page.
    after: Option<String>,
    /// Maximum number of items on the page.
    #[param(minimum = 1, maximum = 100, default = 50)]
    limit: Option<i64>,
}

fn limit(asked: Option<i64>, most: i64) -> Result<i64, ApiError> {
    match asked {
        None => Ok(most.min(50)),
        Some(limit) if (1..=most).contains(&limit) => Ok(limit),
        Some(_) => Err(ApiError::because(ErrorCode::Malformed, format!("limit must be from 1 to {most}."))),
    }
}

fn page_limit(asked: Option<i64>) -> Result<i64, ApiError> {
    limit(asked, limits::PAGE)
}

fn position(asked: Option<Seq>) -> Result<Option<Seq>, ApiError> {
    match asked {
        Some(seq) if seq < 0 => Err(ApiError::because(ErrorCode::Malformed, "A position is not negative.")),
        other => Ok(other),
    }
}

/// Parses values that clients return unchanged.
#[cfg(fuzzing)]
pub(crate) fn parse_opaque(text: &str) {
    let _ = pair_cursor(Some(text));
    identities::parse_binding(text);
}

/// Parses a cursor of two numbers, opaque to clients.
fn pair_cursor(text: Option<&str>) -> Result<Option<(i64, i64)>, ApiError> {
    let Some(text) = text else {
        return Ok(None);
    };
    text.split_once('.')
        .and_then(|(first, second)| Some((first.parse().ok()?, second.parse().ok()?)))
        .map(Some)
        .ok_or_else(|| ApiError::because(ErrorCode::Malformed, "This cursor is not from here."))
}

fn write_cursor((first, second): (i64, i64)) -> String {
    format!("{first}.{second}")
}
