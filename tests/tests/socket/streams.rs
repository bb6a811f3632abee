//! The user stream: what concerns one person, on all their devices.

use parlour_protocol::accounts::UpdateAccount;
use parlour_protocol::events::{Change, UserChange};
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::notifications::ReadNotifications;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::ClientFrame;
use system_tests::{App, on_all_backends};

on_all_backends!(friendship, rooms_and_mentions, own_devices);

async fn friendship(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let (mut hers, mut his) = (ada.socket().await, bob.socket().await);
    ada.api.create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.unwrap();
    hers.expect_user(UserChange::FriendAsked { user: bob.id }).await;
    his.expect_user(UserChange::FriendRequested { user: ada.id }).await;
    bob.api.delete_friend_request(ada.id).await.unwrap();
    his.expect_user(UserChange::FriendRemoved { user: ada.id }).await;
    hers.expect_nothing().await;

    // From ada's point of view the request is still open, so bob's own request meets it.
    bob.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap();
    his.expect_user(UserChange::FriendAdded { user: ada.id, accepted: false }).await;
    hers.expect_user(UserChange::FriendAdded { user: bob.id, accepted: true }).await;
    let direct = ada.direct(&bob).await;
    bob.api.delete_friend(ada.id).await.unwrap();
    for (socket, other) in [(&mut hers, bob.id), (&mut his, ada.id)] {
        socket.expect_user(UserChange::ConversationJoined { conversation: direct }).await;
        socket.expect_user(UserChange::FriendRemoved { user: other }).await;
    }
}

async fn rooms_and_mentions(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    let mut socket = bob.socket().await;
    bob.join(room).await;
    socket.expect_user(UserChange::ConversationJoined { conversation: room }).await;
    let seq = ada.send(room, "hi @bob").await;
    socket.expect_user(UserChange::Mentioned { conversation: room, seq, author: ada.id }).await;
    // The end of a room is an event of the room. Anyone who does not follow it live receives its head, and finds it
    // gone. A socket that saw the join may get events for a moment, until it knows that this is not a direct chat; one
    // that starts afterwards knows.
    let mut socket = bob.socket().await;
    let mut live = bob.socket_on(&[room]).await;
    ada.api.delete_room(room).await.unwrap();
    assert_eq!(live.expect_event(room, 4).await.change, Change::RoomDeleted { actor: ada.id });
    socket.expect_head(room, 4).await;
    let gone = socket.command(|id| ClientFrame::Sync { id, conversation: room, after: 3, limit: None }).await;
    assert_eq!(gone.unwrap_err().code, ErrorCode::NotFound);
}

async fn own_devices(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let phone = ada.other_device().await;
    let (mut here, mut there) = (ada.socket().await, phone.elsewhere().socket().await);
    let mut outside = bob.socket().await;
    let update = UpdateAccount { bio: Some("hi".into()), ..UpdateAccount::default() };
    ada.api.update_account(&update).await.unwrap();
    bob.api.create_friend_request(&CreateFriendRequest { to: "ada".into() }).await.unwrap();
    let mut last = 0;
    for socket in [&mut here, &mut there] {
        socket.expect_user(UserChange::AccountChanged {}).await;
        last = socket.expect_user(UserChange::FriendRequested { user: bob.id }).await.seq;
    }
    phone.api.read_notifications(&ReadNotifications { up_to: last }).await.unwrap();
    for socket in [&mut here, &mut there] {
        socket.expect_user(UserChange::NotificationsRead { up_to: last }).await;
    }
    outside.expect_user(UserChange::FriendAsked { user: ada.id }).await;
    outside.expect_nothing().await;
}
