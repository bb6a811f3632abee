//! The same thing done by many at once, on all nodes: it is done once, and nobody sees a server error.

use futures_util::future::join_all;
use parlour_client::native::{Api, ApiError, fresh_cid};
use parlour_client::operations::{ListEvents, ListMembers, MessagesAt, calls};
use parlour_protocol::accounts::CreateAccount;
use parlour_protocol::conversations::MarkRead;
use parlour_protocol::events::Change;
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::messages::{EditMessage, SendMessage};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::CreateRoom;
use system_tests::{App, Person, on_all_backends};

on_all_backends!(
    registering_one_handle,
    creating_one_room,
    joining_and_leaving,
    reacting_editing_and_deleting,
    refreshing_one_token,
    friendship_back_and_forth,
    deleting_a_room_while_people_send,
    reading,
);

const MANY: usize = 8;

/// Whatever was refused was refused by a rule, not by a fault.
fn no_faults<T>(answers: Vec<Result<T, ApiError>>) -> Vec<Result<T, ErrorCode>> {
    answers
        .into_iter()
        .map(|answer| {
            answer.map_err(|error| {
                let code = error.code().unwrap_or_else(|| panic!("{error}"));
                assert!(code.status() < 500, "{error}");
                code
            })
        })
        .collect()
}

/// One person's clients, one after the other on each node.
fn everywhere(person: &Person) -> Vec<Api> {
    let other = person.elsewhere();
    (0..MANY).map(|number| if number % 2 == 0 { person.api.clone() } else { other.api.clone() }).collect()
}

async fn registering_one_handle(app: App) {
    let tries = (0..MANY).map(|node| {
        let api = app.stranger(node);
        async move {
            let account = CreateAccount {
                handle: if node % 3 == 0 { "ADA" } else { "ada" }.into(),
                display_name: None,
                password: "correct horse battery".into(),
                device: None,
                invite: None,
                refresh: Default::default(),
            };
            api.create_account(&account).await
        }
    });
    let answers = no_faults(join_all(tries).await);
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(answers.iter().all(|answer| answer.is_ok() || matches!(answer, Err(ErrorCode::Taken))));
}

async fn creating_one_room(app: App) {
    let ada = app.person("ada").await;
    let tries = everywhere(&ada).into_iter().map(|api| async move {
        api.create_room(&CreateRoom { name: "tea".into(), topic: String::new() }).await
    });
    let answers = no_faults(join_all(tries).await);
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
    assert!(answers.iter().all(|answer| answer.is_ok() || matches!(answer, Err(ErrorCode::Taken))));
    assert_eq!(ada.api.every(calls::list_conversations).await.unwrap().items.len(), 1);
}

async fn joining_and_leaving(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    let joins = everywhere(&bob).into_iter().map(|api| async move { api.join_room(room).await });
    assert!(no_faults(join_all(joins).await).iter().all(Result::is_ok));
    assert_eq!(ada.api.show_room(room).await.unwrap().member_count, 2);
    let leaves = everywhere(&bob).into_iter().map(|api| async move { api.leave_room(room).await });
    assert!(no_faults(join_all(leaves).await).iter().all(Result::is_ok));
    let seen = ada.api.show_room(room).await.unwrap();
    assert_eq!((seen.member_count, seen.head), (1, 3), "came once and went once");

    // All at once: whichever wins, the count and the list agree, and the log has no holes.
    let mixed = everywhere(&bob).into_iter().enumerate().map(|(number, api)| async move {
        if number % 3 == 0 { api.leave_room(room).await } else { api.join_room(room).await.map(drop) }
    });
    // Anyone who joins and has left again before the response is told so.
    assert!(
        no_faults(join_all(mixed).await).iter().all(|one| matches!(one, Ok(()) | Err(ErrorCode::NotMember)))
    );
    let listed = ada
        .api
        .list_members(room, &ListMembers { prefix: None, after: None, limit: Some(10) })
        .await
        .unwrap()
        .items
        .len() as i64;
    assert_eq!(ada.api.show_room(room).await.unwrap().member_count, listed);
    let log = ada.api.list_events(room, &ListEvents { after: Some(0), limit: Some(200) }).await.unwrap();
    assert!(log.items.iter().map(|event| event.seq).eq(1..=log.head));
}

async fn reacting_editing_and_deleting(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let seq = ada.send(room, "hi").await;
    let reactions =
        everywhere(&ada).into_iter().map(|api| async move { api.add_reaction(room, seq, "👍").await });
    let answers = no_faults(join_all(reactions).await);
    assert_eq!(answers.iter().filter(|answer| answer.as_ref().is_ok_and(|one| !one.duplicate)).count(), 1);
    let edits = everywhere(&ada)
        .into_iter()
        .map(|api| async move { api.edit_message(room, seq, &EditMessage { body: "hello".into() }).await });
    let answers = no_faults(join_all(edits).await);
    assert_eq!(answers.iter().filter(|answer| answer.as_ref().is_ok_and(|one| !one.duplicate)).count(), 1);

    let mixed = everywhere(&ada).into_iter().enumerate().map(|(number, api)| async move {
        match number {
            4 | 5 => api.delete_message(room, seq).await,
            6 => api.add_reaction(room, seq, "🎉").await,
            _ => api.edit_message(room, seq, &EditMessage { body: format!("edit {number}") }).await,
        }
    });
    let answers = no_faults(join_all(mixed).await);
    assert!(answers.iter().all(|answer| matches!(answer, Ok(_) | Err(ErrorCode::Gone))));
    let page = ada.api.list_messages(room, &MessagesAt::Newest.limit(10)).await.unwrap();
    assert!(page.items[0].body.is_none() && page.items[0].reactions.is_empty());
    let log = ada.api.list_events(room, &ListEvents { after: Some(0), limit: Some(200) }).await.unwrap();
    assert!(log.items.iter().map(|event| event.seq).eq(1..=log.head));
    let deletions =
        log.items.iter().filter(|event| matches!(event.change, Change::MessageDeleted { .. })).count();
    assert_eq!(deletions, 1);
    let words = serde_json::to_string(&log.items).unwrap();
    assert!(!words.contains("edit ") && !words.contains("hello"), "{words}");
}

async fn refreshing_one_token(app: App) {
    let ada = app.person("ada").await;
    let token = ada.api.refresh_token();
    let tries = (0..MANY).map(|node| {
        let api = app.stranger(node);
        api.set_tokens(None, token.clone());
        async move { api.refresh().await.map(|signed_in| signed_in.refresh_token) }
    });
    let answers = no_faults(join_all(tries).await);
    assert!(answers.iter().all(|answer| answer.as_ref().is_ok_and(|one| one.is_some())), "{answers:?}");
    assert!(
        answers.iter().all(|answer| *answer == answers[0]),
        "tabs that race get one successor: {answers:?}"
    );
}

async fn friendship_back_and_forth(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let direct = ada.direct(&bob).await;
    let rounds = (0..3 * MANY).map(|number| {
        let (ada, bob) = if number % 2 == 0 { (&ada, &bob) } else { (&bob, &ada) };
        async move {
            match number % 6 {
                0 => ada.api.delete_friend(bob.id).await,
                1 => ada
                    .api
                    .create_friend_request(&CreateFriendRequest { to: bob.handle.clone() })
                    .await
                    .map(drop),
                2 => ada.api.accept_friend_request(bob.id).await.map(drop),
                3 => ada.api.open_direct(bob.id).await.map(drop),
                4 => ada.api.delete_friend_request(bob.id).await,
                _ => {
                    let message = SendMessage { body: "hi".into(), reply_to: None };
                    ada.api.send_message(direct, &fresh_cid(), &message).await.map(drop)
                }
            }
        }
    });
    no_faults(join_all(rounds).await);
    let relation = |one: &Person, other: &Person| {
        let (api, who) = (one.api.clone(), other.handle.clone());
        async move { format!("{:?}", api.show_user(&who).await.unwrap().relation) }
    };
    let both = (relation(&ada, &bob).await, relation(&bob, &ada).await);
    let possible =
        // To the sender, a declined request still looks open.
        [("None", "None"), ("Friend", "Friend"), ("Incoming", "Outgoing"), ("Outgoing", "Incoming"), ("None", "Outgoing"), ("Outgoing", "None")];
    assert!(possible.contains(&(both.0.as_str(), both.1.as_str())), "{both:?}");
    let log = bob.api.list_events(direct, &ListEvents { after: Some(0), limit: Some(200) }).await.unwrap();
    assert!(log.items.iter().map(|event| event.seq).eq(1..=log.head));
    assert_eq!(ada.api.show_conversation(direct).await.unwrap().writable, both.0 == "Friend");
    // Nothing was written while they were not friends.
    let mut writable = true;
    for event in log.items {
        match event.change {
            Change::DirectChanged { writable: now } => writable = now,
            Change::MessageCreated { .. } => assert!(writable, "{event:?}"),
            other => panic!("{other:?}"),
        }
    }
}

async fn deleting_a_room_while_people_send(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let message = SendMessage { body: "hi".into(), reply_to: None };
    let sends = everywhere(&bob).into_iter().enumerate().map(|(number, api)| {
        let (ada, message) = (&ada, &message);
        async move {
            if number == 3 {
                return ada.api.delete_room(room).await;
            }
            api.send_message(room, &fresh_cid(), message).await.map(drop)
        }
    });
    let answers = no_faults(join_all(sends).await);
    assert!(answers[3].is_ok());
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Ok(()) | Err(ErrorCode::NotFound | ErrorCode::NotMember)))
    );
    assert!(bob.api.every(calls::list_conversations).await.unwrap().items.is_empty());
}

async fn reading(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    for _ in 0..MANY {
        ada.send(room, "hi").await;
    }
    let marks = everywhere(&bob).into_iter().enumerate().map(|(number, api)| async move {
        api.mark_read(room, &MarkRead { seq: 3 + (number as i64 * 5) % 8 }).await
    });
    assert!(no_faults(join_all(marks).await).iter().all(Result::is_ok));
    assert_eq!(bob.api.show_conversation(room).await.unwrap().read_seq, 10, "the furthest wins");
}
