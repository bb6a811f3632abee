//! Public rooms: list, create, join, leave, change, delete.

use parlour_client::operations::{ListConversations, ListEvents, ListMembers, ListNamed, calls};
use parlour_protocol::accounts::UpdateAccount;
use parlour_protocol::conversations::{ConversationKind, MarkRead};
use parlour_protocol::ids::ConversationId;
use parlour_protocol::messages::EditMessage;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::{CreateRoom, MemberRole, UpdateRoom};
use parlour_protocol::time::SECOND;
use system_tests::{App, Person, Refusal, on_all_backends};

on_all_backends!(
    creating,
    listing_and_searching,
    joining_and_leaving,
    some_of_ones_own,
    owners_leave_an_heir,
    members_in_pages,
    members_are_found_by_how_they_begin,
    changing,
    deleting,
    outsiders,
);

async fn creating(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada
        .api
        .create_room(&CreateRoom { name: " Tea ".into(), topic: "All about it".into() })
        .await
        .unwrap();
    assert_eq!((room.name.as_str(), room.topic.as_str()), ("Tea", "All about it"));
    assert_eq!((room.member_count, room.role, room.head), (1, Some(MemberRole::Owner), 1));
    assert_eq!(ada.api.show_room(room.id).await.unwrap(), room);

    let conversation = ada.api.show_conversation(room.id).await.unwrap();
    assert_eq!((conversation.kind, conversation.name.as_deref()), (ConversationKind::Room, Some("Tea")));
    assert!(
        conversation.writable && conversation.unread == 0 && conversation.role == Some(MemberRole::Owner)
    );
    assert_eq!(ada.api.every(calls::list_conversations).await.unwrap().items, [conversation]);

    let create = |name: &str, topic: &str| {
        let (api, room) = (bob.api.clone(), CreateRoom { name: name.into(), topic: topic.into() });
        async move { api.create_room(&room).await }
    };
    create("tEA", "").await.refused(ErrorCode::Taken);
    for (field, name, topic) in [
        ("name", "t", "".to_owned()),
        ("name", &"t".repeat(41), "".to_owned()),
        ("name", "a\nb", "".to_owned()),
        ("topic", "coffee", "t".repeat(201)),
    ] {
        assert_eq!(create(name, &topic).await.refused(ErrorCode::Invalid).violations[0].field, field);
    }
    assert!(bob.api.every(calls::list_conversations).await.unwrap().items.is_empty());
}

/// Advances the clock by as much as lists distinguish.
async fn pass(app: &App, people: &[&Person]) {
    app.advance(300 * SECOND);
    for person in people {
        person.api.refresh().await.unwrap();
    }
}

async fn listing_and_searching(app: App) {
    let ada = app.person("ada").await;
    let bob = app.person("bob").await;
    let mut rooms = Vec::new();
    for name in ["apple tea", "black tea", "coffee", "100% tea", "milk_tea"] {
        pass(&app, &[&ada, &bob]).await;
        rooms.push(ada.create_room(name).await);
    }
    pass(&app, &[&ada, &bob]).await;
    ada.send(rooms[2], "somebody wakes up").await;

    let mut names = Vec::new();
    let mut after = None;
    loop {
        let page = bob
            .api
            .list_rooms(&ListNamed { search: None, after: after.clone(), limit: Some(2) })
            .await
            .unwrap();
        names.extend(page.items.into_iter().map(|room| room.name));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(
        names,
        ["coffee", "milk_tea", "100% tea", "black tea", "apple tea"],
        "most recently active first"
    );

    let search = |text: &str| {
        let (api, text) = (bob.api.clone(), text.to_owned());
        async move {
            let page = api
                .list_rooms(&ListNamed { search: Some(text.clone()), after: None, limit: Some(50) })
                .await
                .unwrap();
            page.items.into_iter().map(|room| room.name).collect::<Vec<_>>()
        }
    };
    assert_eq!(search("TEA").await, ["milk_tea", "100% tea", "black tea", "apple tea"]);
    assert_eq!(search("0%").await, ["100% tea"], "% is no wildcard");
    assert_eq!(search("k_t").await, ["milk_tea"], "_ is no wildcard");
    assert!(search("nothing").await.is_empty());

    for query in ["limit=0", "limit=101", "limit=x", "limit=-1", "after=nonsense", "colour=red"] {
        let reply = bob.get(&format!("/api/v1/rooms?{query}")).await;
        assert!(reply.status.is_client_error(), "{query}: {}", reply.text);
    }
}

/// Several conversations by id: returns the caller's own, and nothing about others.
async fn some_of_ones_own(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let mut own = vec![ada.direct(&bob).await];
    for name in ["tea", "coffee", "cocoa"] {
        let room = bob.create_room(name).await;
        ada.join(room).await;
        bob.send(room, "hi").await;
        own.push(room);
    }
    let other = bob.create_room("milk").await;
    let all = ada.api.every(calls::list_conversations).await.unwrap().items;
    for few in [&own[..], &own[1..3], &own[..1]] {
        let asked = [few, &[other, ConversationId(7), few[0]]].concat();
        let listed = ada.api.list_conversations(&ListConversations::of(&asked)).await.unwrap();
        let expected: Vec<_> = all.iter().filter(|one| few.contains(&one.id)).cloned().collect();
        assert_eq!(
            (listed.items, listed.next),
            (expected, None),
            "each once, in the same order, with all that is told"
        );
    }
    let ids = own.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page = ada.get(&format!("/api/v1/conversations?limit=1&ids={ids}{after}")).await.expect(200);
        found.extend(page["items"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_str() else { break };
        after = format!("&after={next}");
    }
    assert_eq!(serde_json::to_value(&all).unwrap(), serde_json::Value::from(found), "in pages as in one");
    let nothing = ada.api.list_conversations(&ListConversations::of(&[other])).await.unwrap();
    assert!(nothing.items.is_empty());
    for query in ["ids=", "ids=a", "ids=1,,2", "ids=-1"] {
        ada.get(&format!("/api/v1/conversations?{query}")).await.refused(ErrorCode::Malformed);
    }
    let many: Vec<ConversationId> = (1..=101).map(ConversationId).collect();
    assert!(ada.api.list_conversations(&ListConversations::of(&many)).await.is_err(), "at most a hundred");
    app.stranger(0)
        .list_conversations(&ListConversations::of(&own))
        .await
        .refused(ErrorCode::Unauthenticated);
}

async fn joining_and_leaving(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    ada.send(room, "before").await;
    for _ in 0..2 {
        let conversation = bob.join(room).await;
        assert_eq!((conversation.role, conversation.member_count), (Some(MemberRole::Member), 2));
        assert_eq!((conversation.head, conversation.read_seq, conversation.unread), (3, 3, 0));
    }
    assert_eq!(bob.api.show_room(room).await.unwrap().role, Some(MemberRole::Member));
    bob.send(room, "hi").await;
    for _ in 0..2 {
        bob.api.leave_room(room).await.unwrap();
    }
    assert_eq!(ada.api.show_room(room).await.unwrap().member_count, 1);
    assert!(bob.api.every(calls::list_conversations).await.unwrap().items.is_empty());
    bob.api.join_room(ConversationId(1)).await.refused(ErrorCode::NotFound);
    bob.api.leave_room(ConversationId(1)).await.refused(ErrorCode::NotFound);
}

async fn members_of(person: &Person, room: ConversationId) -> Vec<(String, MemberRole)> {
    let page = person
        .api
        .list_members(room, &ListMembers { prefix: None, after: None, limit: Some(100) })
        .await
        .unwrap();
    page.items.into_iter().map(|member| (member.user.handle, member.role)).collect()
}

async fn owners_leave_an_heir(app: App) {
    let ada = app.person("ada").await;
    let (bob, carol) = (app.person("bob").await, app.person("carol").await);
    let room = ada.create_room("tea").await;
    for person in [&bob, &carol] {
        app.advance(SECOND);
        person.join(room).await;
    }
    ada.api.leave_room(room).await.unwrap();
    let expected = [("bob".to_owned(), MemberRole::Owner), ("carol".to_owned(), MemberRole::Member)];
    assert_eq!(members_of(&carol, room).await, expected);
    carol.api.leave_room(room).await.unwrap();
    bob.api.leave_room(room).await.unwrap();
    assert_eq!(ada.api.show_room(room).await.unwrap().member_count, 0);
    assert_eq!(carol.join(room).await.role, Some(MemberRole::Owner), "an empty room belongs to who comes");
}

async fn members_in_pages(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let mut expected = vec!["ada".to_owned()];
    for number in 0..4 {
        app.advance(SECOND);
        let person = app.person(&format!("guest{number}")).await;
        person.join(room).await;
        expected.push(person.handle);
    }
    let mut handles = Vec::new();
    let mut after = None;
    loop {
        let page = ada
            .api
            .list_members(room, &ListMembers { prefix: None, after: after.clone(), limit: Some(2) })
            .await
            .unwrap();
        assert!(page.items.len() <= 2);
        handles.extend(page.items.into_iter().map(|member| member.user.handle));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(handles, expected, "in the order in which they came");
}

/// As for completing a mention: also people who have said nothing, wherever they are in the list.
async fn members_are_found_by_how_they_begin(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    for (handle, name) in [
        ("bob", "Robert"),
        ("bobby_tables", "Bobby"),
        ("carol", "Bo Peep"),
        ("dora", "50% Dora"),
        ("x_y", "Zoë"),
    ] {
        let person = app.person(handle).await;
        let update = UpdateAccount { display_name: Some(name.into()), ..Default::default() };
        person.api.update_account(&update).await.unwrap();
        app.advance(1);
        person.join(room).await;
    }
    let found = async |prefix: &str| {
        let page = ada
            .api
            .list_members(
                room,
                &ListMembers { prefix: Some(prefix.to_string()), after: None, limit: Some(50) },
            )
            .await
            .unwrap();
        page.items.into_iter().map(|member| member.user.handle).collect::<Vec<_>>()
    };
    assert_eq!(found("bo").await, ["bob", "bobby_tables", "carol"]);
    assert_eq!(found("BOB").await, ["bob", "bobby_tables"]);
    assert_eq!(found("bobby_t").await, ["bobby_tables"]);
    assert_eq!(found("rob").await, ["bob"]);
    assert_eq!(found("50%").await, ["dora"]);
    assert_eq!(found("x_").await, ["x_y"]);
    assert_eq!(found("%").await, [""; 0]);
    assert_eq!(found("peep").await, [""; 0]);
    assert_eq!(found("").await.len(), 6);
    assert_eq!(
        ada.api
            .list_members(room, &ListMembers { prefix: Some("bo".into()), after: None, limit: Some(1) })
            .await
            .unwrap()
            .items
            .len(),
        1
    );
    app.person("eve")
        .await
        .api
        .list_members(room, &ListMembers { prefix: Some("bo".into()), after: None, limit: Some(50) })
        .await
        .refused(ErrorCode::NotMember);
    ada.api
        .list_members(room, &ListMembers { prefix: Some("b".repeat(61)), after: None, limit: Some(50) })
        .await
        .refused(ErrorCode::Invalid);
}

async fn changing(app: App) {
    let (ada, bob, carol) = (app.person("ada").await, app.person("bob").await, app.person("carol").await);
    let room = ada.create_room("tea").await;
    ada.create_room("coffee").await;
    bob.join(room).await;
    let update = UpdateRoom { name: Some(" Green tea ".into()), topic: Some("Sencha".into()) };
    bob.api.update_room(room, &update).await.refused(ErrorCode::Forbidden);
    carol.api.update_room(room, &update).await.refused(ErrorCode::NotMember);
    ada.api.update_room(ConversationId(1), &update).await.refused(ErrorCode::NotFound);

    let changed = ada.api.update_room(room, &update).await.unwrap();
    assert_eq!((changed.name.as_str(), changed.topic.as_str(), changed.head), ("Green tea", "Sencha", 3));
    assert_eq!(ada.api.update_room(room, &update).await.unwrap().head, 3, "the same again changes nothing");
    assert_eq!(ada.api.update_room(room, &UpdateRoom::default()).await.unwrap(), changed);
    let case = UpdateRoom { name: Some("GREEN TEA".into()), topic: None };
    assert_eq!(ada.api.update_room(room, &case).await.unwrap().name, "GREEN TEA");
    let taken = UpdateRoom { name: Some("Coffee".into()), topic: None };
    ada.api.update_room(room, &taken).await.refused(ErrorCode::Taken);
    let bad = UpdateRoom { name: None, topic: Some("t".repeat(201)) };
    ada.api.update_room(room, &bad).await.refused(ErrorCode::Invalid);
    app.person("dora").await.create_room("tea").await;
}

async fn deleting(app: App) {
    let admin = app.admin("root").await;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    bob.send(room, "hi").await;
    bob.api.delete_room(room).await.refused(ErrorCode::Forbidden);
    app.person("carol").await.api.delete_room(room).await.refused(ErrorCode::NotMember);
    ada.api.delete_room(room).await.unwrap();
    ada.api.delete_room(room).await.refused(ErrorCode::NotFound);
    for person in [&ada, &bob] {
        person.api.show_room(room).await.refused(ErrorCode::NotFound);
        person
            .api
            .list_events(room, &ListEvents { after: Some(0), limit: Some(10) })
            .await
            .refused(ErrorCode::NotFound);
        assert!(person.api.every(calls::list_conversations).await.unwrap().items.is_empty());
    }
    assert!(
        bob.api
            .list_rooms(&ListNamed { search: None, after: None, limit: Some(10) })
            .await
            .unwrap()
            .items
            .is_empty()
    );
    let again = ada.create_room("tea").await;
    admin.api.delete_room(again).await.unwrap();
    ada.api.show_room(again).await.refused(ErrorCode::NotFound);
}

/// Everyone may look at a room from outside; its messages are for members.
async fn outsiders(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    let seq = ada.send(room, "hi").await;
    assert_eq!(bob.api.show_room(room).await.unwrap().role, None);
    bob.api.show_conversation(room).await.refused(ErrorCode::NotMember);
    bob.api
        .list_messages(room, &parlour_client::operations::MessagesAt::Newest.limit(10))
        .await
        .refused(ErrorCode::NotMember);
    bob.api
        .list_events(room, &ListEvents { after: Some(0), limit: Some(10) })
        .await
        .refused(ErrorCode::NotMember);
    bob.api
        .list_members(room, &ListMembers { prefix: None, after: None, limit: Some(10) })
        .await
        .refused(ErrorCode::NotMember);
    bob.api.mark_read(room, &MarkRead { seq: 1 }).await.refused(ErrorCode::NotMember);
    bob.api.edit_message(room, seq, &EditMessage { body: "ha".into() }).await.refused(ErrorCode::NotMember);
    bob.api.delete_message(room, seq).await.refused(ErrorCode::NotMember);
    bob.api.add_reaction(room, seq, "👍").await.refused(ErrorCode::NotMember);
    let message = parlour_protocol::messages::SendMessage { body: "hi".into(), reply_to: None };
    bob.api.send_message(room, "client-id-1", &message).await.refused(ErrorCode::NotMember);
    assert_eq!(ada.api.show_room(room).await.unwrap().head, 2, "refused sends burn no position");
}
