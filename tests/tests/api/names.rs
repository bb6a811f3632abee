//! What people and rooms may be called, and which names are equal.

use diesel::prelude::*;
use diesel::sql_types::Text;
use parlour_chat::names;
use parlour_client::operations::ListNamed;
use parlour_protocol::accounts::UpdateAccount;
use parlour_protocol::messages::EditMessage;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::rooms::{CreateRoom, UpdateRoom};
use reqwest::Method;
use serde_json::json;
use system_tests::{App, Refusal, on_all_backends};

on_all_backends!(
    what_nobody_sees_is_no_name_and_no_message,
    names_in_every_script_pass,
    rooms_that_look_the_same_are_the_same,
    search_finds_a_room_however_it_is_typed,
    names_of_earlier_versions_are_compared_like_new_ones,
);

async fn what_nobody_sees_is_no_name_and_no_message(app: App) {
    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    let seq = ada.send(room, "hi").await;
    let empty = [
        "\u{200B}",
        "\u{2800}",
        "\u{3164}",
        "\u{FFA0}",
        "\u{AD}",
        "\u{2060}",
        "\u{FEFF}",
        "\u{180E}",
        "\u{E0041}",
        " \u{3000}",
    ];
    for unseen in empty {
        let registration =
            json!({"handle": "bob", "password": "correct horse battery", "display_name": unseen});
        let problem = app.call(Method::POST, "/api/v1/accounts", Some(registration)).await.expect(422);
        assert_eq!(problem["violations"][0]["field"], "display_name", "{unseen:?}");
        let update = UpdateAccount { display_name: Some(unseen.into()), ..Default::default() };
        ada.api.update_account(&update).await.refused(ErrorCode::Invalid);
        let name = unseen.repeat(3);
        let create = CreateRoom { name: name.clone(), topic: String::new() };
        ada.api.create_room(&create).await.refused(ErrorCode::Invalid);
        let rename = UpdateRoom { name: Some(name), ..Default::default() };
        ada.api.update_room(room, &rename).await.refused(ErrorCode::Invalid);
        let path = format!("/api/v1/conversations/{room}/messages/client-id-1");
        let problem = ada.call(Method::PUT, &path, Some(json!({"body": unseen}))).await.expect(422);
        assert_eq!(problem["violations"][0]["field"], "body", "{unseen:?}");
        ada.api
            .edit_message(room, seq, &EditMessage { body: unseen.to_string() })
            .await
            .refused(ErrorCode::Invalid);
        let answer = ada.socket().await.send(room, "client-id-1", unseen).await;
        assert_eq!(answer.unwrap_err().code, ErrorCode::Invalid, "{unseen:?}");
        if unseen == "\u{FEFF}" {
            // Refused in all text except messages.
            continue;
        }
        // Where text may be empty, it becomes empty.
        let update = UpdateRoom { topic: Some(unseen.into()), ..Default::default() };
        assert_eq!(ada.api.update_room(room, &update).await.unwrap().topic, "");
        let update = UpdateAccount { bio: Some(unseen.into()), ..Default::default() };
        assert_eq!(ada.api.update_account(&update).await.unwrap().bio, "");
    }
    // Characters that hide inside a name.
    for hiding in ["Ad\u{200B}a", "Ad\u{AD}a", "A\u{200D}da", "Ada\u{2060}", "Ada\u{202E}", "\u{301}Ada"] {
        let update = UpdateAccount { display_name: Some(hiding.into()), ..Default::default() };
        ada.api.update_account(&update).await.refused(ErrorCode::Invalid);
        let create = CreateRoom { name: hiding.into(), topic: String::new() };
        assert_eq!(
            ada.api.create_room(&create).await.refused(ErrorCode::Invalid).violations[0].field,
            "name"
        );
    }
}

async fn names_in_every_script_pass(app: App) {
    let ada = app.person("ada").await;
    for name in ["🏳️‍⚧️ Sam", "علی‌رضا", "李小龙", "Zoë", "ක්‍රි", "👩‍👩‍👧 family", "Ada\u{200F}"]
    {
        let update = UpdateAccount { display_name: Some(name.into()), ..Default::default() };
        assert_eq!(ada.api.update_account(&update).await.unwrap().display_name, name);
        let create = CreateRoom { name: name.into(), topic: name.into() };
        assert_eq!(ada.api.create_room(&create).await.unwrap().name, name);
    }
    let update = UpdateAccount { display_name: Some("Zoe\u{308}".into()), ..Default::default() };
    assert_eq!(ada.api.update_account(&update).await.unwrap().display_name, "Zoë", "kept in one form");
}

async fn rooms_that_look_the_same_are_the_same(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    for (name, same) in [
        ("Café", vec!["Cafe\u{301}", "CAFE\u{301}", "Cafe\u{301}\u{200B}", "Ｃafé"]),
        ("tea", vec!["tea\u{200B}", "te\u{AD}a", "t\u{435}a", "ТЕА", "ｔｅａ", "tea\u{200F}", "\u{2060}tea"]),
        ("علی‌رضا", vec!["علیرضا"]),
        ("green tea", vec!["green\u{A0}tea", "green  tea", "GREEN\u{3000}TEA"]),
    ] {
        ada.create_room(name).await;
        let other = bob.create_room(&format!("{name} of bob")).await;
        for same in same {
            let create = CreateRoom { name: same.into(), topic: String::new() };
            bob.api.create_room(&create).await.refused(ErrorCode::Taken);
            let rename = UpdateRoom { name: Some(same.into()), ..Default::default() };
            bob.api.update_room(other, &rename).await.refused(ErrorCode::Taken);
        }
    }
    // A room keeps its name however it is typed.
    let room = ada.create_room("Crème").await;
    let rename = UpdateRoom { name: Some("CRE\u{300}ME".into()), ..Default::default() };
    assert_eq!(ada.api.update_room(room, &rename).await.unwrap().name, "CRÈME");
}

async fn search_finds_a_room_however_it_is_typed(app: App) {
    let ada = app.person("ada").await;
    for name in ["Cafe\u{301} Vienna", "Straße", "ｔｅａ", "Чай"] {
        ada.create_room(name).await;
    }
    for (search, name) in [
        ("café", "Café Vienna"),
        ("CAFE\u{301}", "Café Vienna"),
        ("fe\u{301} vi", "Café Vienna"),
        ("strasse", "Straße"),
        ("tea", "ｔｅａ"),
        ("чай", "Чай"),
    ] {
        let found = ada
            .api
            .list_rooms(&ListNamed { search: Some(search.to_string()), after: None, limit: Some(10) })
            .await
            .unwrap()
            .items;
        assert_eq!(found.iter().map(|room| room.name.as_str()).collect::<Vec<_>>(), [name], "{search}");
    }
}

/// Two rooms whose names used to differ in their bytes.
async fn names_of_earlier_versions_are_compared_like_new_ones(app: App) {
    let ada = app.person("ada").await;
    let mut rooms = Vec::new();
    for name in ["one", "two", "three"] {
        app.advance(1);
        rooms.push(ada.create_room(name).await);
    }
    let mut conn = app.database().connect();
    for (room, name) in rooms.iter().zip(["Cafe\u{301}", "Café", "TE\u{200B}A"]) {
        diesel::sql_query(format!("UPDATE conversations SET name = $1, name_key = $2 WHERE id = {room}"))
            .bind::<Text, _>(name)
            .bind::<Text, _>(name.to_lowercase())
            .execute(&mut conn)
            .unwrap();
    }
    diesel::sql_query("DELETE FROM server_state WHERE key = 'room_name_keys'").execute(&mut conn).unwrap();
    // The oldest cannot get a key that another one has; the others get theirs.
    assert_eq!(names::renew_keys(&mut conn).unwrap(), 2);
    assert_eq!(names::renew_keys(&mut conn).unwrap(), 0);
    for (name, taken) in
        [("Café", true), ("Cafe\u{301}", true), ("tea", true), ("TEA", true), ("coffee", false)]
    {
        let create = CreateRoom { name: name.into(), topic: String::new() };
        let outcome = ada.api.create_room(&create).await;
        if taken { drop(outcome.refused(ErrorCode::Taken)) } else { drop(outcome.unwrap()) }
    }
    assert_eq!(ada.api.show_room(rooms[0]).await.unwrap().name, "Café");
}
