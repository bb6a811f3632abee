//! What reaches whom: everything, once, in order, the same for all; and nothing that is not for them.

use parlour_client::operations::{ListEvents, ListMembers, calls};
use parlour_protocol::messages::EditMessage;
use std::collections::BTreeMap;

use futures_util::future::join_all;
use parlour_protocol::events::{Change, Ephemeral, UserChange};
use parlour_protocol::ids::Seq;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::UpdateRoom;
use parlour_protocol::socket::{ClientFrame, News};
use system_tests::{App, on_all_backends};

on_all_backends!(
    ten_people_at_once,
    identical_bytes,
    heads_of_what_is_not_followed_live,
    news_of_what_is_not_followed_live,
    nothing_of_those_whom_one_blocks_is_news,
    new_friends_learn_that_the_other_is_there,
    directs_are_always_live,
    typing,
    presence_of_friends,
    leaving_ends_delivery,
    unfriending_closes_the_direct_chat_at_once,
);

async fn ten_people_at_once(app: App) {
    const EACH: usize = 20;
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let mut people = vec![ada];
    for number in 1..10 {
        let person = app.person(&format!("guest{number}")).await;
        person.join(room).await;
        people.push(person);
    }
    let mut sockets = Vec::new();
    for person in &people {
        sockets.push(person.socket_on(&[room]).await);
    }
    let sending = sockets.iter_mut().enumerate().map(|(who, socket)| async move {
        let mut ids = Vec::new();
        for number in 0..EACH {
            let (cid, body) = (format!("client-{who}-{number}"), format!("{who}/{number}"));
            let post =
                socket.post(|id| ClientFrame::Send { id, conversation: room, cid, body, reply_to: None });
            ids.push(post.await);
        }
        let mut seqs = Vec::new();
        for id in ids {
            seqs.push(socket.answer(id).await.unwrap().seq.unwrap());
        }
        seqs
    });
    let acknowledged = join_all(sending).await;
    for seqs in &acknowledged {
        assert!(
            seqs.is_sorted_by(|one, next| one < next),
            "a connection's messages keep their order: {seqs:?}"
        );
    }
    let mut all: Vec<i64> = acknowledged.concat();
    all.sort_unstable();
    assert_eq!(all, (11..11 + 10 * EACH as i64).collect::<Vec<_>>(), "no hole, no position twice");

    let mut log = None;
    for mut socket in sockets {
        let mut seen = Vec::new();
        for seq in &all {
            seen.push(socket.expect_event(room, *seq).await);
        }
        socket.expect_no_event().await;
        assert_eq!(*log.get_or_insert_with(|| seen.clone()), seen, "the same for all");
    }
    let mut stored =
        people[3].api.list_events(room, &ListEvents { after: Some(10), limit: Some(200) }).await.unwrap();
    assert_eq!((stored.items.len(), stored.head), (200, 210));
    assert_eq!(log.as_mut().unwrap(), &mut stored.items);
}

/// An event's bytes are the same on every connection of every node, and the same value is in the log.
async fn identical_bytes(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let mut sockets = vec![
        ada.socket_on(&[room]).await,
        ada.elsewhere().socket_on(&[room]).await,
        bob.socket_on(&[room]).await,
    ];
    ada.send(room, "\u{1F44B} <&> \"quotes\" \\ \u{2028} tab\tend").await;
    bob.send(room, "2").await;
    ada.api.edit_message(room, 3, &EditMessage { body: "3".into() }).await.unwrap();
    bob.api.add_reaction(room, 3, "👍").await.unwrap();
    let log = ada.get(&format!("/api/v1/conversations/{room}/events?after=2")).await.expect(200);
    for index in 0..4 {
        let mut texts = Vec::new();
        for socket in &mut sockets {
            texts.push(socket.event_with_text().await.0);
        }
        assert!(texts.iter().all(|text| *text == texts[0]), "{texts:?}");
        let mut value: serde_json::Value = serde_json::from_str(&texts[0]).unwrap();
        assert_eq!(value.as_object_mut().unwrap().remove("type"), Some("event".into()));
        assert_eq!(value, log["items"][index]);
    }
}

async fn heads_of_what_is_not_followed_live(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let (tea, coffee) = (ada.create_room("tea").await, ada.create_room("coffee").await);
    bob.join(tea).await;
    bob.join(coffee).await;
    let mut socket = bob.socket_on(&[tea]).await;
    assert_eq!(ada.send(coffee, "not live").await, 3);
    socket.expect_head(coffee, 3).await;
    ada.send(tea, "live").await;
    socket.expect_event(tea, 3).await;

    socket.focus(&[coffee]).await;
    ada.send(coffee, "live now").await;
    socket.expect_event(coffee, 4).await;
    for _ in 0..3 {
        ada.send(tea, "not live any more").await;
    }
    socket.expect_head(tea, 6).await;
    socket.expect_no_event().await;

    let many = (1..=51).map(parlour_protocol::ids::ConversationId).collect::<Vec<_>>();
    let error = socket.command(|id| ClientFrame::Focus { id, live: many }).await.unwrap_err();
    assert_eq!(error.code, ErrorCode::LimitReached);
}

/// What the list of conversations shows after these news, starting without unread messages.
fn listed(told: Vec<Option<News>>) -> (Vec<Seq>, Option<(Seq, String)>, i64) {
    let (mut unread, mut last, mut members) = (Vec::new(), None, 0);
    for news in told {
        let news = news.expect("complete news");
        if let Some(own) = news.own {
            unread.retain(|seq| *seq > own);
        }
        unread.extend(news.unread.iter().flat_map(|[first, last]| *first..=*last));
        unread.retain(|seq| !news.deleted.contains(seq));
        last.take_if(|(seq, _): &mut (Seq, String)| news.deleted.contains(seq));
        if let Some(said) = news.last.filter(|said| last.as_ref().is_none_or(|(seq, _)| said.seq >= *seq)) {
            last = Some((said.seq, said.text));
        }
        members += news.members;
    }
    (unread, last, members)
}

/// From another node as from the same one.
async fn news_of_what_is_not_followed_live(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let tea = ada.create_room("tea").await;
    bob.join(tea).await;
    for node in 0..app.nodes() {
        let reader = bob.at_node(node);
        let head = reader.api.show_conversation(tea).await.unwrap().head;
        let mut socket = reader.socket().await;
        for text in
            ["one", "two", "a long one, of which only the first words are told to those who are elsewhere"]
        {
            ada.send(tea, text).await;
        }
        let told = socket.expect_head(tea, head + 3).await;
        assert_eq!(told[0].as_ref().unwrap().after, head);
        let (unread, last, members) = listed(told);
        assert_eq!(unread, [head + 1, head + 2, head + 3]);
        assert_eq!(last, Some((head + 3, "a long one, of which only the first…".into())));
        assert_eq!(members, 0);

        // The newest one is edited, and deleted.
        ada.api.edit_message(tea, head + 3, &EditMessage { body: "short".into() }).await.unwrap();
        assert_eq!(listed(socket.expect_head(tea, head + 4).await).1, Some((head + 3, "short".into())));
        ada.api.delete_message(tea, head + 3).await.unwrap();
        let told = socket.expect_head(tea, head + 5).await;
        assert_eq!(told.last().unwrap().as_ref().unwrap().deleted, [head + 3]);

        // Somebody joins and leaves; of a reaction only the position is reported.
        let guest = app.person(&format!("guest{node}")).await;
        guest.join(tea).await;
        ada.api.add_reaction(tea, head + 1, "👍").await.unwrap();
        assert_eq!(listed(socket.expect_head(tea, head + 7).await), (vec![], None, 1));

        // The person writes on another device: everything above is read.
        ada.send(tea, "and you?").await;
        bob.send(tea, "me, too").await;
        ada.send(tea, "good").await;
        let (unread, last, _) = listed(socket.expect_head(tea, head + 10).await);
        assert_eq!((unread, last), (vec![head + 10], Some((head + 10, "good".into()))));

        // After a new name, the conversation must be read again.
        let change = UpdateRoom { name: Some(format!("tea{node}")), ..UpdateRoom::default() };
        ada.api.update_room(tea, &change).await.unwrap();
        assert_eq!(socket.expect_head(tea, head + 11).await, [None]);
    }
    let mut socket = bob.socket().await;
    ada.api.delete_room(tea).await.unwrap();
    let head = socket.any_head(tea).await;
    assert!(head.1.unwrap().over);
}

async fn nothing_of_those_whom_one_blocks_is_news(app: App) {
    let (ada, bob, eve) = (app.person("ada").await, app.person("bob").await, app.person("eve").await);
    let tea = ada.create_room("tea").await;
    bob.join(tea).await;
    eve.join(tea).await;
    bob.api.create_block(eve.id).await.unwrap();
    let mut socket = bob.socket().await;
    eve.send(tea, "nasty").await;
    assert_eq!(listed(socket.expect_head(tea, 4).await), (vec![], None, 0));
    ada.send(tea, "nice").await;
    eve.send(tea, "nasty").await;
    assert_eq!(listed(socket.expect_head(tea, 6).await), (vec![5], Some((5, "nice".into())), 0));
    assert_eq!(bob.api.show_conversation(tea).await.unwrap().unread, 1, "as the server counts");
    // Every connection is notified at once, whichever node the change was made on.
    bob.elsewhere().api.delete_block(eve.id).await.unwrap();
    socket.expect_user(UserChange::BlockRemoved { user: eve.id }).await;
    eve.send(tea, "sorry").await;
    assert_eq!(listed(socket.expect_head(tea, 7).await).0, [7]);
    bob.elsewhere().api.create_block(ada.id).await.unwrap();
    socket.expect_user(UserChange::BlockAdded { user: ada.id }).await;
    ada.send(tea, "why?").await;
    assert_eq!(listed(socket.expect_head(tea, 8).await).0, [0; 0]);
}

async fn new_friends_learn_that_the_other_is_there(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let (mut hers, mut his) = (ada.socket().await, bob.elsewhere().socket().await);
    system_tests::eventually("both are known everywhere", || async {
        ada.befriend(&bob).await;
        let seen = ada.api.show_user("bob").await.unwrap().online == Some(true);
        if !seen {
            ada.api.delete_friend(bob.id).await.unwrap();
        }
        seen
    })
    .await;
    assert_eq!(hers.ephemeral().await, Ephemeral::Presence { user: bob.id, online: true });
    assert_eq!(his.ephemeral().await, Ephemeral::Presence { user: ada.id, online: true });
}

async fn directs_are_always_live(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let room = ada.create_room("tea").await;
    let mut socket = bob.socket().await;
    // Opened while the socket is connected.
    let direct = ada.direct(&bob).await;
    socket.user_event().await;
    ada.send(direct, "one").await;
    socket.expect_event(direct, 1).await;
    socket.focus(&[room, direct]).await;
    socket.focus(&[]).await;
    ada.send(direct, "two").await;
    socket.expect_event(direct, 2).await;
    let mut other = bob.elsewhere().socket().await;
    ada.send(direct, "three").await;
    for socket in [&mut socket, &mut other] {
        socket.expect_event(direct, 3).await;
        socket.expect_no_event().await;
    }
}

async fn typing(app: App) {
    let (ada, bob, eve) = (app.person("ada").await, app.person("bob").await, app.person("eve").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let (mut hers, mut his) = (ada.socket_on(&[room]).await, bob.socket_on(&[room]).await);
    let mut outside = eve.socket().await;
    let conversation = room;
    for _ in 0..3 {
        his.post(|_| ClientFrame::Typing { conversation }).await;
    }
    outside.post(|_| ClientFrame::Typing { conversation }).await;
    outside.expect_nothing().await;
    assert_eq!(hers.ephemeral().await, Ephemeral::Typing { conversation, user: bob.id, ttl_ms: 5000 });
    // A message that follows overtakes nothing: what was sent before it has arrived.
    bob.send(room, "done").await;
    hers.expect_event(room, 3).await;
    his.expect_event(room, 3).await;
    // Somebody who sends one message and writes the next is typing, however soon.
    his.post(|_| ClientFrame::Typing { conversation }).await;
    assert_eq!(hers.ephemeral().await, Ephemeral::Typing { conversation, user: bob.id, ttl_ms: 5000 });
    for socket in [&mut hers, &mut his, &mut outside] {
        socket.expect_nothing().await;
    }
}

async fn presence_of_friends(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let eve = app.person("eve").await;
    let room = ada.create_room("tea").await;
    for person in [&bob, &eve] {
        person.join(room).await;
    }
    let (mut hers, mut outside) = (ada.socket_on(&[room]).await, eve.socket_on(&[room]).await);
    let _his = bob.socket_on(&[room]).await;
    assert_eq!(hers.ephemeral().await, Ephemeral::Presence { user: bob.id, online: true });
    // A second device changes nothing.
    let _second = bob.elsewhere().socket().await;
    hers.expect_nothing().await;
    outside.expect_nothing().await;

    system_tests::eventually("presence is known everywhere", || async {
        ada.api.show_user("bob").await.unwrap().online == Some(true)
            && bob.api.show_user("ada").await.unwrap().online == Some(true)
    })
    .await;
    assert!(ada.api.every(calls::list_friends).await.unwrap().items[0].online);
    assert_eq!(eve.api.show_user("bob").await.unwrap().online, None, "strangers are not told");
    let direct = ada.api.open_direct(bob.id).await.unwrap();
    assert_eq!(direct.online, Some(true));
    let members = ada
        .api
        .list_members(room, &ListMembers { prefix: None, after: None, limit: Some(10) })
        .await
        .unwrap()
        .items;
    let online: BTreeMap<_, _> =
        members.into_iter().map(|member| (member.user.handle, member.online)).collect();
    assert!(online["ada"] && online["bob"], "{online:?}");
    assert!(!online["eve"], "a stranger in the same room is one all the same");
}

async fn leaving_ends_delivery(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let mut socket = bob.socket_on(&[room]).await;
    ada.send(room, "one").await;
    socket.expect_event(room, 3).await;
    bob.elsewhere().api.leave_room(room).await.unwrap();
    let left = parlour_protocol::events::UserChange::ConversationLeft { conversation: room };
    socket.expect_user(left).await;
    // The last event that somebody receives is their own leaving.
    socket.expect_event(room, 4).await;
    ada.send(room, "among ourselves").await;
    // On his node, too, it was delivered to those who follow.
    let (mut hers, mut elsewhere) = (ada.socket_on(&[room]).await, ada.elsewhere().socket_on(&[room]).await);
    ada.send(room, "still").await;
    hers.expect_event(room, 6).await;
    elsewhere.expect_event(room, 6).await;
    socket.expect_nothing().await;

    // After joining again, the connected socket follows once more.
    bob.join(room).await;
    let joined = parlour_protocol::events::UserChange::ConversationJoined { conversation: room };
    socket.expect_user(joined).await;
    socket.focus(&[room]).await;
    let seq = ada.send(room, "welcome back").await;
    loop {
        let event = socket.event().await;
        assert!(event.seq >= 7, "{event:?}");
        if event.seq == seq {
            break;
        }
    }
}

async fn unfriending_closes_the_direct_chat_at_once(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let direct = ada.direct(&bob).await;
    let (mut hers, mut his) = (ada.socket().await, bob.socket().await);
    hers.send(direct, "client-id-1", "hi").await.unwrap();
    his.expect_event(direct, 1).await;
    ada.api.delete_friend(bob.id).await.unwrap();
    // From this commit on, whichever node he is on.
    let error = his.send(direct, "client-id-2", "what?").await.unwrap_err();
    assert_eq!((error.code, error.retry), (ErrorCode::NotFriends, false));
    assert_eq!(hers.send(direct, "client-id-2", "oh").await.unwrap_err().code, ErrorCode::NotFriends);
    hers.expect_event(direct, 1).await;
    for socket in [&mut hers, &mut his] {
        let event = socket.expect_event(direct, 2).await;
        assert_eq!(event.change, Change::DirectChanged { writable: false });
        let page =
            socket.command(|id| ClientFrame::Sync { id, conversation: direct, after: 0, limit: None }).await;
        assert_eq!(page.unwrap().events.unwrap().len(), 2, "history stays readable");
    }
    bob.befriend(&ada).await;
    his.expect_event(direct, 3).await;
    his.send(direct, "client-id-2", "again").await.unwrap();
    hers.expect_event(direct, 3).await;
    hers.expect_event(direct, 4).await;
}
