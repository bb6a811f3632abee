//! New passwords by mail, and mails in transit: retried, sent by one node, and never blocking anyone.

use std::time::{Duration, Instant};

use diesel::prelude::*;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::sessions::CreateSession;
use parlour_protocol::socket::CloseCode;
use parlour_protocol::time::{DAY, MINUTE, SECOND};
use parlour_storage::schema::{emails, jobs, outgoing_mail, reset_requests};
use reqwest::Method;
use serde_json::json;
use system_tests::mail::Mood;
use system_tests::{App, Backend, Refusal, Reply, eventually, on_all_backends};

use super::email::{EMAIL, choose, confirm, confirmed};

on_all_backends!(
    a_forgotten_password with system_tests::mail::on,
    who_gets_a_link with system_tests::mail::on,
    links_are_limited with system_tests::mail::on,
    mails_are_tried_again with system_tests::mail::on,
    mails_are_given_up with system_tests::mail::on,
    a_lost_node_loses_no_mail with system_tests::mail::on,
    a_hanging_server_delays_nobody with system_tests::mail::on,
    one_mail_for_one_reason with system_tests::mail::on,
    deleted_accounts_get_no_mail with system_tests::mail::on,
    what_is_over_is_forgotten with system_tests::mail::on,
    nothing_is_sent_in_the_clear with |config| {
        system_tests::mail::on(config);
        let url = &mut config.mail.as_mut().unwrap().smtp_url.0;
        *url = format!("{url}?tls=required");
    },
);

const PASSWORD: &str = "correct horse battery";
const NEW: &str = "a much better one";

async fn ask(app: &App, who: &str) -> Reply {
    let body = json!({ "handle_or_email": who });
    app.call(Method::POST, "/api/v1/password-resets/requests", Some(body)).await
}

async fn set(app: &App, token: &str, password: &str) -> Reply {
    let body = json!({ "token": token, "password": password });
    app.call(Method::POST, "/api/v1/password-resets", Some(body)).await
}

/// How often each waiting mail was tried, and how long it still waits.
fn waiting(app: &App) -> Vec<(i64, i64)> {
    let mails = jobs::table.filter(jobs::kind.eq("mail")).filter(jobs::failed_at.is_null());
    let rows: Vec<(i64, i64)> = mails
        .order(jobs::id.asc())
        .select((jobs::tries, jobs::run_at))
        .load(&mut app.database().connect())
        .unwrap();
    rows.into_iter().map(|(tries, due)| (tries, due - app.now().0)).collect()
}

/// Whether a mail that was tried so often waits for this long, and up to an eighth longer.
fn waits(mail: Option<&(i64, i64)>, tries: i64, pause: i64) -> bool {
    mail.is_some_and(|mail| mail.0 == tries && (pause..=pause + pause / 8).contains(&mail.1))
}

/// Waits until every request for a new password has been processed.
async fn all_looked_at(app: &App) {
    eventually("requests are looked at", || async {
        reset_requests::table.count().get_result::<i64>(&mut app.database().connect()).unwrap() == 0
    })
    .await;
}

async fn a_forgotten_password(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    confirmed(&app, &ada, "ada@example.org").await;
    let mut socket = ada.socket().await;
    let reply = ask(&app, "@Ada").await;
    assert_eq!((reply.status.as_u16(), reply.text.as_str()), (202, ""));
    let mail = app.mail().take("ada@example.org", "A new password for Parlour").await;
    let token = mail.token();
    assert!(mail.body().contains(&format!("https://chat.example/reset#{token}")));
    ada.api.show_account().await.unwrap();

    set(&app, &token, NEW).await.expect(204);
    socket.expect_close(CloseCode::SessionRevoked.code()).await;
    set(&app, &token, "yet another one").await.refused(ErrorCode::Gone);
    app.mail().take("ada@example.org", "password on Parlour has changed").await;
    let log_in = |password: &str| CreateSession {
        handle: "ada".into(),
        password: password.into(),
        device: None,
        refresh: Default::default(),
        device_token: None,
    };
    app.stranger(1).create_session(&log_in(PASSWORD)).await.refused(ErrorCode::BadCredentials);
    app.stranger(1).create_session(&log_in(NEW)).await.unwrap();
    let log = root.get("/api/v1/admin/audit").await.text;
    assert!(
        log.contains("password_reset_requested") && !log.contains(&token) && !log.contains("example.org")
    );

    // A link is valid for an hour, and no longer than the address that it was sent to.
    ask(&app, "ADA@example.org").await.expect(202);
    let mail = app.mail().take("ada@example.org", "A new password").await;
    app.advance(61 * MINUTE);
    set(&app, &mail.token(), "yet another one").await.refused(ErrorCode::Gone);
    ask(&app, "ada").await.expect(202);
    let mail = app.mail().take("ada@example.org", "A new password").await;
    let api = app.stranger(0);
    let signed_in = api.create_session(&log_in(NEW)).await.unwrap();
    let ada = app.somebody("ada", signed_in, api);
    ada.call(Method::DELETE, EMAIL, Some(json!({ "password": NEW }))).await.expect(204);
    set(&app, &mail.token(), "yet another one").await.refused(ErrorCode::Gone);
}

async fn who_gets_a_link(app: App) {
    let (root, ada, bob) = (app.admin("root").await, app.person("ada").await, app.person("bob").await);
    let (cyril, dora) = (app.person("cyril").await, app.person("dora").await);
    confirmed(&app, &ada, "shared@example.org").await;
    confirmed(&app, &bob, "Shared@Example.org").await;
    choose(&cyril, "cyril@example.org").await.expect(200);
    app.mail().take("cyril@example.org", "Confirm").await;
    confirmed(&app, &dora, "dora@example.org").await;
    root.api.suspend_user(dora.id).await.unwrap();
    // Unknown, invalid, unconfirmed and suspended: all get the same response, and nothing is sent.
    let mut answers = Vec::new();
    for who in [
        "nobody",
        "nobody@example.org",
        "root",
        "cyril",
        "cyril@example.org",
        "dora",
        "dora@example.org",
        "%",
    ] {
        let reply = ask(&app, who).await;
        answers.push((reply.status.as_u16(), reply.text));
    }
    answers.push({
        let reply = ask(&app, "shared@example.org").await;
        (reply.status.as_u16(), reply.text)
    });
    assert!(answers.iter().all(|answer| *answer == (202, String::new())), "{answers:?}");
    // Each account gets a link of its own.
    let one = app.mail().take("shared@example.org", "A new password").await;
    let two = app.mail().take("Shared@Example.org", "A new password").await;
    assert!(one.body().contains("@ada") && two.body().contains("@bob"));
    assert_ne!(one.token(), two.token());
    all_looked_at(&app).await;
    eventually("all are noted", || async { waiting(&app).is_empty() }).await;
    assert!(app.mail().mails().is_empty(), "{:?}", app.mail().mails());
    set(&app, &one.token(), NEW).await.expect(204);
    set(&app, &two.token(), NEW).await.expect(204);
}

async fn links_are_limited(app: App) {
    let ada = app.person("ada").await;
    confirmed(&app, &ada, "ada@example.org").await;
    for _ in 0..5 {
        ask(&app, "ada").await.expect(202);
        all_looked_at(&app).await;
    }
    eventually("all are noted", || async { waiting(&app).is_empty() }).await;
    // A link that a newer one replaced before it was sent is not sent at all.
    let mut tokens: Vec<String> = app.mail().mails().iter().map(|mail| mail.token()).collect();
    assert!((1..=3).contains(&tokens.len()), "{}", tokens.len());
    // Only the newest link works.
    let newest = tokens.pop().unwrap();
    for token in tokens {
        set(&app, &token, NEW).await.refused(ErrorCode::Gone);
    }
    set(&app, &newest, NEW).await.expect(204);
    app.mail().take("ada@example.org", "has changed").await;
    app.advance(61 * MINUTE);
    let before = app.mail().mails().len();
    ask(&app, "ada").await.expect(202);
    eventually("there is another one", || async { app.mail().mails().len() == before + 1 }).await;
}

async fn mails_are_tried_again(app: App) {
    let ada = app.person("ada").await;
    app.mail().set_mood(Mood::Refusing(451));
    choose(&ada, "ada@example.org").await.expect(200);
    let mut pause = 30 * SECOND;
    for tries in 1..=4 {
        eventually("it was tried", || async { waits(waiting(&app).first(), tries, pause) }).await;
        assert_eq!(app.mail().begun(), usize::try_from(tries).unwrap());
        app.advance(pause + pause / 8);
        pause *= 2;
    }
    app.mail().set_mood(Mood::Taking);
    eventually("it was tried", || async { waiting(&app).first().is_none_or(|mail| mail.0 == 5) }).await;
    app.advance(pause + pause / 8);
    let mail = app.mail().take("ada@example.org", "Confirm").await;
    confirm(&app, &mail.token()).await.expect(204);
    eventually("it is noted", || async { waiting(&app).is_empty() }).await;
    // Sent mails are counted, and their addresses forgotten.
    let kept: Vec<String> =
        outgoing_mail::table.select(outgoing_mail::address).load(&mut app.database().connect()).unwrap();
    assert_eq!(kept, [""]);
}

async fn mails_are_given_up(app: App) {
    let ada = app.person("ada").await;
    // The mailbox does not exist: that is permanent.
    app.mail().set_mood(Mood::Refusing(550));
    choose(&ada, "nobody@example.org").await.expect(200);
    eventually("it is given up", || async { app.mail().begun() == 1 && waiting(&app).is_empty() }).await;
    // For a day, the SMTP server refuses mails temporarily.
    app.mail().set_mood(Mood::Refusing(421));
    choose(&ada, "ada@example.org").await.expect(200);
    eventually("it was tried", || async { waits(waiting(&app).first(), 1, 30 * SECOND) }).await;
    app.advance(DAY);
    eventually("it is given up", || async { waiting(&app).is_empty() }).await;
    assert_eq!(app.mail().begun(), 2, "what comes too late is not sent");
}

async fn a_lost_node_loses_no_mail(app: App) {
    let ada = app.person("ada").await;
    app.mail().set_mood(Mood::Hanging);
    choose(&ada, "ada@example.org").await.expect(200);
    eventually("somebody has it", || async { app.mail().connections() == 1 }).await;
    // As if that node had died: after a while others take over.
    app.advance(2 * MINUTE + SECOND);
    eventually("somebody else has it", || async { app.mail().connections() == 2 }).await;
    app.mail().set_mood(Mood::Taking);
    let one = app.mail().take("ada@example.org", "Confirm").await;
    let two = app.mail().take("ada@example.org", "Confirm").await;
    assert_eq!(one.header("message-id"), two.header("message-id"), "readers see it once");
    assert_eq!(one.token(), two.token());
}

async fn a_hanging_server_delays_nobody(app: App) {
    let people = [app.person("ada").await, app.person("bob").await, app.person("cyril").await];
    confirmed(&app, &people[0], "ada@example.org").await;
    app.mail().set_mood(Mood::Hanging);
    let before = app.mail().connections();
    ask(&app, "ada").await.expect(202);
    eventually("a node waits for it", || async { app.mail().connections() > before }).await;
    let began = Instant::now();
    for person in &people {
        for number in 0..2 {
            choose(person, &format!("{}{number}@example.org", person.handle)).await.expect(200);
        }
        ask(&app, &person.handle).await.expect(202);
        person.api.show_account().await.unwrap();
    }
    // Far less than the time-out for the SMTP server.
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    app.mail().set_mood(Mood::Taking);
    app.mail().take("ada@example.org", "A new password").await;
    app.mail().take("cyril1@example.org", "Confirm").await;
}

async fn one_mail_for_one_reason(app: App) {
    let mut people = Vec::new();
    for number in 0..20 {
        people.push(app.person(&format!("person{number}")).await);
    }
    let all = people.iter().map(|who| choose(who, "everybody@example.org"));
    let answers = futures_util::future::join_all(all).await;
    let taken = answers.iter().filter(|answer| answer.status.is_success()).count();
    // Two nodes that count at the same moment may let a few more through.
    let most = if app.backend() == Backend::PostgresRedis { 6 } else { 3 };
    assert!((3..=most).contains(&taken), "{taken}");
    let all = people.iter().map(|who| {
        let address = format!("{}@example.org", who.handle);
        async move { choose(who, &address).await.expect(200) }
    });
    futures_util::future::join_all(all).await;
    for who in &people {
        app.mail().take(&format!("{}@example.org", who.handle), "Confirm").await;
    }
    eventually("all are noted", || async { waiting(&app).is_empty() }).await;
    let others = app.mail().mails();
    assert!(others.iter().all(|mail| mail.to == ["everybody@example.org"]), "{others:?}");
    assert!(others.len() <= taken);
    assert!(app.mail().begun() <= taken + people.len());
}

async fn deleted_accounts_get_no_mail(app: App) {
    let ada = app.person("ada").await;
    confirmed(&app, &ada, "ada@example.org").await;
    app.mail().set_mood(Mood::Refusing(451));
    choose(&ada, "other@example.org").await.expect(200);
    eventually("both were tried", || async {
        let waiting = waiting(&app);
        waiting.len() == 2 && waiting.iter().all(|mail| waits(Some(mail), 1, 30 * SECOND))
    })
    .await;
    ada.call(Method::DELETE, "/api/v1/account", Some(json!({ "password": PASSWORD }))).await.expect(200);
    let mut conn = app.database().connect();
    assert_eq!(outgoing_mail::table.count().get_result::<i64>(&mut conn).unwrap(), 0);
    assert_eq!(emails::table.count().get_result::<i64>(&mut conn).unwrap(), 0);
    drop(conn);
    ask(&app, "ada@example.org").await.expect(202);
    all_looked_at(&app).await;
    app.mail().set_mood(Mood::Taking);
    app.advance(MINUTE);
    eventually("nothing waits", || async { waiting(&app).is_empty() }).await;
    assert!(app.mail().mails().is_empty());
}

async fn what_is_over_is_forgotten(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    choose(&ada, "ada@example.org").await.expect(200);
    confirmed(&app, &bob, "bob@example.org").await;
    choose(&bob, "other@example.org").await.expect(200);
    app.mail().take("ada@example.org", "Confirm").await;
    app.mail().take("other@example.org", "Confirm").await;
    eventually("all are noted", || async { waiting(&app).is_empty() }).await;
    let mut conn = app.database().connect();
    let counts = |conn: &mut parlour_storage::Connection| {
        let waits =
            emails::table.filter(emails::pending.is_not_null()).count().get_result::<i64>(conn).unwrap();
        let all = emails::table.count().get_result::<i64>(conn).unwrap();
        (waits, all, outgoing_mail::table.count().get_result::<i64>(conn).unwrap())
    };
    // Three mails to confirm addresses, and a notice.
    let mut clean_up = |after: i64| {
        parlour_chat::mail_queue::clean_up(&mut conn, parlour_protocol::time::Timestamp(app.now().0 + after))
            .unwrap();
        counts(&mut conn)
    };
    assert_eq!(clean_up(0), (2, 2, 4));
    assert_eq!(clean_up(61 * MINUTE), (2, 2, 0), "they need not be counted any more");
    assert_eq!(clean_up(DAY + SECOND), (0, 1, 0), "what was not confirmed is gone");
}

async fn nothing_is_sent_in_the_clear(app: App) {
    let ada = app.person("ada").await;
    choose(&ada, "ada@example.org").await.expect(200);
    // This server does not support TLS.
    eventually("it was tried", || async { waits(waiting(&app).first(), 1, 30 * SECOND) }).await;
    assert_eq!((app.mail().connections(), app.mail().begun()), (1, 0));
}
