//! Friends and friend requests.
//!
//! Invariant: nothing tells a person that their request was declined or did not arrive.

use actix_web::web::{Json, Path, Query};
use actix_web::{HttpRequest, HttpResponse, delete, get, post};
use parlour_chat::friends;
use parlour_protocol::Page;
use parlour_protocol::friends::{CreateFriendRequest, Friend, FriendRequests, Relationship};
use parlour_protocol::ids::UserId;
use parlour_protocol::users::Relation;
use parlour_storage::Lane;

use super::users::look_up;
use super::{ListQuery, write_cursor};
use crate::app::App;
use crate::auth::{ReadAccess, Shared, Viewer, WriteAccess};
use crate::bodies::Object;
use crate::idempotency::Creation;
use crate::problems::ApiError;

/// Lists the caller's friends, most recent first.
#[utoipa::path(tag = "friends", params(ListQuery), responses((status = 200, body = Page<Friend>)))]
#[get("/friends")]
pub async fn list_friends(
    app: Shared,
    access: ReadAccess,
    query: Query<ListQuery>,
) -> Result<Json<Page<Friend>>, ApiError> {
    let viewer = access.to_everything()?;
    let (after, limit) = query.read()?;
    let (mut items, next) = app.read(move |conn| friends::list(conn, viewer.user, after, limit)).await?;
    for friend in &mut items {
        friend.online = friend.online && app.hub.presence().is_online(friend.user.id);
    }
    Ok(Json(Page { items, next: next.map(write_cursor) }))
}

/// Ends a friendship. Neither person can write in the direct chat from now on; its history stays.
#[utoipa::path(tag = "friends", params(("user" = UserId, Path)), responses((status = 204)))]
#[delete("/friends/{user}")]
pub async fn delete_friend(
    app: Shared,
    access: WriteAccess,
    user: Path<UserId>,
) -> Result<HttpResponse, ApiError> {
    let viewer = access.to_everything()?;
    let other = user.into_inner();
    app.commit(Lane::People(viewer.user), move |conn, now| friends::unfriend(conn, now, viewer.user, other))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Lists open friend requests in both directions.
#[utoipa::path(tag = "friends", responses((status = 200, body = FriendRequests)))]
#[get("/friend-requests")]
pub async fn list_friend_requests(app: Shared, access: ReadAccess) -> Result<Json<FriendRequests>, ApiError> {
    let viewer = access.to_everything()?;
    app.read(move |conn| friends::list_requests(conn, viewer.user)).await.map(Json)
}

/// Sends a friend request. If the other person has sent one already, this accepts it; repeating a request changes
/// nothing. At most 20 new requests a day. Whether the request arrives depends on the other person's settings and is
/// not revealed.
#[utoipa::path(tag = "friends", request_body = CreateFriendRequest, responses((status = 200, body = Relationship)))]
#[post("/friend-requests")]
pub async fn create_friend_request(
    app: Shared,
    access: WriteAccess,
    request: HttpRequest,
    body: Object<CreateFriendRequest>,
) -> Result<Json<Relationship>, ApiError> {
    let viewer = access.to_everything()?;
    app.budgets.reach.take(viewer.user).map_err(ApiError::too_fast)?;
    let who = body.0.to;
    look_up(&app, &request, viewer, &who)?;
    let creation = Creation::of(&app, &request, Some(viewer.user))?;
    let asked = app
        .create(Lane::People(viewer.user), creation, move |conn, now| {
            friends::request(conn, now, viewer.user, &who)
        })
        .await;
    let (relationship, _) = asked?;
    introduce(&app, viewer, &relationship).await;
    Ok(Json(relationship))
}

/// Tells new friends whether the other one is online.
async fn introduce(app: &App, viewer: Viewer, relationship: &Relationship) {
    if relationship.relation == Relation::Friend {
        app.hub.introduce(viewer.user, relationship.user.id).await;
    }
}

/// Accepts a friend request. Repeating it changes nothing.
#[utoipa::path(tag = "friends", params(("user" = UserId, Path)), responses((status = 200, body = Relationship)))]
#[post("/friend-requests/{user}/accept")]
pub async fn accept_friend_request(
    app: Shared,
    access: WriteAccess,
    user: Path<UserId>,
) -> Result<Json<Relationship>, ApiError> {
    let viewer = access.to_everything()?;
    let other = user.into_inner();
    let accepted = app
        .commit(Lane::People(viewer.user), move |conn, now| friends::accept(conn, now, viewer.user, other))
        .await?;
    introduce(&app, viewer, &accepted).await;
    Ok(Json(accepted))
}

/// Declines all incoming friend requests at once.
#[utoipa::path(tag = "friends", responses((status = 204)))]
#[delete("/friend-requests")]
pub async fn decline_friend_requests(app: Shared, access: WriteAccess) -> Result<HttpResponse, ApiError> {
    let viewer = access.to_everything()?;
    app.commit(Lane::People(viewer.user), move |conn, now| friends::decline_all(conn, now, viewer.user))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}

/// Declines an incoming friend request, or cancels one sent by the caller. The sender is not told that it was
/// declined: for them the request stays open, and for seven days further requests from them do not arrive.
#[utoipa::path(tag = "friends", params(("user" = UserId, Path)), responses((status = 204)))]
#[delete("/friend-requests/{user}")]
pub async fn delete_friend_request(
    app: Shared,
    access: WriteAccess,
    user: Path<UserId>,
) -> Result<HttpResponse, ApiError> {
    let viewer = access.to_everything()?;
    let other = user.into_inner();
    app.commit(Lane::People(viewer.user), move |conn, now| friends::withdraw(conn, now, viewer.user, other))
        .await?;
    Ok(HttpResponse::NoContent().finish())
}
