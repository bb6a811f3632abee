//! Operations with special kinds of responses, by their methods. All others return JSON; the comparison of the table
//! with the published description and the API tests cover those.

use parlour_client::native::{Api, ApiError};
use parlour_client::operations::types::*;
use parlour_client::operations::{ALL, Picture, Text, calls};
use parlour_protocol::api_tokens::TokenScope;
use parlour_protocol::problems::ErrorCode;
use system_tests::{App, METRICS_TOKEN, Refusal, on_all_backends};

const PASSWORD: &str = "correct horse battery";

fn confirmed() -> ConfirmPassword {
    ConfirmPassword { password: PASSWORD.into() }
}

async fn answers_of_every_kind_are_read(app: App) {
    let nobody = app.stranger(0);
    assert_eq!(nobody.show_liveness().await.unwrap(), Text("live\n".into()));
    assert_eq!(nobody.show_readiness().await.unwrap().status, "ready");
    assert!(nobody.show_keys().await.unwrap()["keys"].is_array());
    nobody.show_metrics().await.refused(ErrorCode::NotFound);
    nobody.set_tokens(Some(METRICS_TOKEN.into()), None);
    let Text(metrics) = nobody.show_metrics().await.unwrap();
    assert!(metrics.contains("# TYPE parlour_"), "{metrics}");

    let ada = app.person("ada").await;
    let room = ada.create_room("tea").await;
    for number in 0..250 {
        ada.send(room, &format!("line\nof a diary {number}")).await;
    }
    let mut lines = ada.api.export_account(&confirmed()).await.unwrap();
    let (mut count, mut whole) = (0, String::new());
    while let Some(line) = lines.next().await.unwrap() {
        let line: Value = serde_json::from_str(&line).expect("each line is a document");
        count += 1;
        whole.push_str(&line.to_string());
    }
    assert!(count > 3, "{count} lines");
    for number in 0..250 {
        assert!(whole.contains(&format!("of a diary {number}\"")), "{number} is missing");
    }
    let wrong = ConfirmPassword { password: "wrong horse battery".into() };
    ada.api.export_account(&wrong).await.map(drop).refused(ErrorCode::BadCredentials);

    let nonsense = Picture { media_type: "image/png".into(), bytes: vec![1, 2, 3] };
    ada.api.upload_avatar(&nonsense).await.refused(ErrorCode::UnsupportedMedia);
}

async fn tokens_and_bots_are_made(app: App) {
    let ada = app.person("ada").await;
    let bot = ada.api.create_bot(&CreateBot { handle: "dicer".into(), display_name: None }).await.unwrap();
    let wanted = CreateToken {
        name: "dice".into(),
        scopes: vec![TokenScope::Write],
        conversations: None,
        days: None,
        password: PASSWORD.into(),
    };
    let created = ada.api.create_bot_token(bot.user.id, &wanted).await.unwrap();
    let acting = app.stranger(0);
    acting.set_tokens(Some(created.secret), None);
    assert_eq!(acting.show_account().await.unwrap().handle, "dicer");
    assert_eq!(ada.api.list_bot_tokens(bot.user.id, &ListAll::default()).await.unwrap().items.len(), 1);
    ada.api.delete_bot_token(bot.user.id, created.token.id).await.unwrap();
    acting.show_account().await.refused(ErrorCode::Unauthenticated);
    ada.api.delete_bot(bot.user.id, &confirmed()).await.unwrap();
    assert!(ada.api.list_bots(&ListAll::default()).await.unwrap().items.is_empty());
}

/// What would otherwise be created twice is created once under its key, also by a client that retries by itself.
async fn a_key_makes_one_thing(app: App) {
    let api = app.person("ada").await.api.persistent();
    let tea = CreateRoom { name: "tea".into(), topic: String::new() };
    let make = || api.run(calls::create_room(&tea).with_key("the key of this room"));
    let (first, again) = (make().await.unwrap(), make().await.unwrap());
    assert_eq!(first.id, again.id);
    api.create_room(&tea).await.refused(ErrorCode::Taken);
    let coffee = CreateRoom { name: "coffee".into(), topic: String::new() };
    let other = api.run(calls::create_room(&coffee).with_key("the key of this room")).await;
    other.refused(ErrorCode::IdempotencyKeyReused);
}

/// A persistent client refreshes an expired access token without the caller noticing, also with many requests at once:
/// the refresh token is used once.
async fn a_session_is_renewed_once(app: App) {
    let ada = app.person("ada").await;
    let before = ada.api.refresh_token();
    app.advance(700 * 1_000_000);
    ada.api.show_account().await.refused(ErrorCode::TokenExpired);
    let api: Api = ada.api.clone().persistent();
    let many = futures_util::future::join_all((0..8).map(|_| api.every(calls::list_sessions))).await;
    let many: Result<Vec<Page<Session>>, ApiError> = many.into_iter().collect();
    assert_eq!(many.unwrap()[7].items.len(), 1);
    let after = api.refresh_token();
    assert_ne!(before, after);
    assert_eq!(ada.api.refresh_token(), after, "clones are one log-in");
    // A session that was renewed twice would have ended half a minute later.
    app.advance(60 * 1_000_000);
    api.refresh().await.unwrap();
}

/// The server under test has exactly the operations of the table.
async fn the_table_is_that_of_the_server(app: App) {
    let mut served: Vec<String> =
        app.contract().operations().map(|(_, _, one)| one["operationId"].as_str().unwrap().into()).collect();
    let mut known: Vec<String> = ALL.iter().map(|one| one.name.into()).collect();
    served.sort();
    known.sort();
    assert_eq!(known, served);
}

on_all_backends!(
    answers_of_every_kind_are_read,
    tokens_and_bots_are_made,
    a_key_makes_one_thing,
    a_session_is_renewed_once,
    the_table_is_that_of_the_server,
);
