//! The e-mail address of an account: who sees it, how it is confirmed, changed and removed, and which mails are sent.

use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{DAY, MINUTE, SECOND};
use reqwest::Method;
use serde_json::{Value, json};
use system_tests::mail::Mail;
use system_tests::{App, Person, Reply, on_all_backends};

on_all_backends!(
    an_address_is_confirmed with system_tests::mail::on,
    the_old_address_is_told with system_tests::mail::on,
    links_end with system_tests::mail::on,
    bad_addresses with system_tests::mail::on,
    headers_hold_nothing_that_people_wrote with |config| {
        system_tests::mail::on(config);
        config.name = "Tea\r\nBcc: eve@evil.example".into();
    },
    mails_are_limited with system_tests::mail::on,
    notices with system_tests::mail::on,
    without_mail,
);

pub(super) const EMAIL: &str = "/api/v1/account/email";
const PASSWORD: &str = "correct horse battery";

fn body(address: &str) -> Option<Value> {
    Some(json!({ "email": address, "password": PASSWORD }))
}

/// Sets a new address.
pub(super) async fn choose(who: &Person, address: &str) -> Reply {
    who.call(Method::PUT, EMAIL, body(address)).await
}

/// Uses the token of a mail.
pub(super) async fn confirm(app: &App, token: &str) -> Reply {
    app.call(Method::POST, "/api/v1/email-verifications/use", Some(json!({ "token": token }))).await
}

/// Gives somebody a confirmed address.
pub(super) async fn confirmed(app: &App, who: &Person, address: &str) {
    choose(who, address).await.expect(200);
    let mail = app.mail().take(address, "Confirm").await;
    confirm(app, &mail.token()).await.expect(204);
}

async fn an_address_is_confirmed(app: App) {
    let (root, ada, bob) = (app.admin("root").await, app.person("ada").await, app.person("bob").await);
    ada.befriend(&bob).await;
    assert_eq!(app.call(Method::GET, "/api/v1/server", None).await.expect(200)["mail"], true);
    assert_eq!(ada.get(EMAIL).await.expect(200), json!({}));
    app.call(Method::GET, EMAIL, None).await.refused(ErrorCode::Unauthenticated);
    let wrong = json!({ "email": "ada@example.org", "password": "wrong horse" });
    ada.call(Method::PUT, EMAIL, Some(wrong)).await.refused(ErrorCode::BadCredentials);
    assert_eq!(choose(&ada, " Ada@example.org ").await.expect(200), json!({ "pending": "Ada@example.org" }));

    let mail = app.mail().take("Ada@example.org", "Confirm your address for Parlour").await;
    assert_eq!(mail.from, "chat@chat.example");
    assert_eq!(mail.header("from"), "Parlour <chat@chat.example>");
    assert_eq!(mail.header("auto-submitted"), "auto-generated");
    assert_eq!(mail.header("date"), "Thu, 01 Jan 2026 00:00:00 +0000");
    let (text, token) = (mail.body(), mail.token());
    assert!(text.contains(&format!("https://chat.example/verify-email#{token}")), "{text}");
    assert!(text.contains("@ada"), "{text}");

    confirm(&app, "another token").await.refused(ErrorCode::Gone);
    // On another device, without a log-in; it works once.
    confirm(&app, &token).await.expect(204);
    confirm(&app, &token).await.refused(ErrorCode::Gone);
    let known = ada.get(EMAIL).await.expect(200);
    assert_eq!(known, json!({ "address": "Ada@example.org", "verified_at": "2026-01-01T00:00:00.000000Z" }));

    // The owner's export contains it, and nobody else sees it.
    let password = Some(json!({ "password": PASSWORD }));
    let export = ada.call(Method::POST, "/api/v1/account/export", password).await.text;
    assert!(export.contains(r#"{"kind":"email","data":{"address":"Ada@example.org""#), "{export}");
    for path in ["/api/v1/users/ada", "/api/v1/friends"] {
        assert!(!bob.get(path).await.text.contains("example.org"), "{path}");
    }
    let log = root.get("/api/v1/admin/audit").await.text;
    assert!(log.contains("email_changed") && log.contains("email_verified"), "{log}");
    for text in [log, root.get("/api/v1/admin/users").await.text, ada.get("/api/v1/account").await.text] {
        assert!(!text.contains("example.org") && !text.contains(&token), "{text}");
    }
    assert!(app.mail().mails().is_empty());
}

async fn the_old_address_is_told(app: App) {
    let ada = app.person("ada").await;
    confirmed(&app, &ada, "old@example.org").await;
    assert_eq!(
        choose(&ada, "new@example.org").await.expect(200)["address"],
        "old@example.org",
        "it stays until the new one is confirmed"
    );
    let told = app.mail().take("old@example.org", "Another address").await;
    assert!(told.body().contains("https://chat.example/forgot") && !told.body().contains('#'));
    let mail = app.mail().take("new@example.org", "Confirm").await;
    // Another mail for the same address is not another change.
    choose(&ada, "new@example.org").await.expect(200);
    let again = app.mail().take("new@example.org", "Confirm").await;
    confirm(&app, &mail.token()).await.refused(ErrorCode::Gone);
    confirm(&app, &again.token()).await.expect(204);
    app.mail().take("old@example.org", "has changed").await;
    assert_eq!(ada.get(EMAIL).await.expect(200)["address"], "new@example.org");

    let remove = |password: &str| {
        let body = json!({ "password": password });
        let ada = ada.clone();
        async move { ada.call(Method::DELETE, EMAIL, Some(body)).await }
    };
    remove("wrong horse").await.refused(ErrorCode::BadCredentials);
    remove(PASSWORD).await.expect(204);
    app.mail().take("new@example.org", "was removed").await;
    assert_eq!(ada.get(EMAIL).await.expect(200), json!({}));
    remove(PASSWORD).await.expect(204);
    // A mail about the removal would have arrived before this one.
    confirmed(&app, &ada, "last@example.org").await;
    assert!(app.mail().mails().is_empty(), "{:?}", app.mail().mails());
}

async fn links_end(app: App) {
    let ada = app.person("ada").await;
    choose(&ada, "ada@example.org").await.expect(200);
    let mail = app.mail().take("ada@example.org", "Confirm").await;
    app.advance(DAY + SECOND);
    confirm(&app, &mail.token()).await.refused(ErrorCode::Gone);
    ada.api.refresh().await.unwrap();
    assert_eq!(ada.get(EMAIL).await.expect(200), json!({}));

    choose(&ada, "ada@example.org").await.expect(200);
    let one = app.mail().take("ada@example.org", "Confirm").await;
    choose(&ada, "ada@example.net").await.expect(200);
    confirm(&app, &one.token()).await.refused(ErrorCode::Gone);
    let two = app.mail().take("ada@example.net", "Confirm").await;
    ada.call(Method::DELETE, EMAIL, Some(json!({ "password": PASSWORD }))).await.expect(204);
    confirm(&app, &two.token()).await.refused(ErrorCode::Gone);

    // Choosing the confirmed address again discards the pending one.
    confirmed(&app, &ada, "ada@example.org").await;
    choose(&ada, "other@example.org").await.expect(200);
    let three = app.mail().take("other@example.org", "Confirm").await;
    let kept = choose(&ada, "ada@example.org").await.expect(200);
    assert!(kept.get("pending").is_none() && kept["address"] == "ada@example.org", "{kept}");
    confirm(&app, &three.token()).await.refused(ErrorCode::Gone);

    // Of two concurrent uses of the same link, one succeeds.
    app.advance(61 * MINUTE);
    ada.api.refresh().await.unwrap();
    choose(&ada, "both@example.org").await.expect(200);
    let token = app.mail().take("both@example.org", "Confirm").await.token();
    let (one, two) = futures_util::future::join(confirm(&app, &token), confirm(&app, &token)).await;
    let mut answers = [one.status.as_u16(), two.status.as_u16()];
    answers.sort_unstable();
    assert_eq!(answers, [204, 410]);
}

async fn bad_addresses(app: App) {
    let ada = app.person("ada").await;
    let long = format!("{}@example.org", "a".repeat(65));
    let longer = format!("ada@{}.example.org", "a.".repeat(130));
    for bad in [
        "",
        "ada",
        "@example.org",
        "ada@",
        "ada@@example.org",
        "ada lovelace@example.org",
        "ada@example.org, eve@evil.example",
        "ada@example.org\r\nBcc: eve@evil.example",
        "ada@example.org\nRCPT TO:<eve@evil.example>",
        "Ada <ada@example.org>",
        "\"ada\"@example.org",
        "ada@exa mple.org",
        "ada@-.-",
        "ada\u{0}@example.org",
        "ada\u{202e}@example.org",
        &long,
        &longer,
    ] {
        let problem = choose(&ada, bad).await.refused(ErrorCode::Invalid);
        assert_eq!(problem.violations[0].field, "email", "{bad:?}");
    }
    // Addresses in other scripts are sent unchanged, to servers that accept them.
    confirmed(&app, &ada, "ada@bücher.example").await;
    confirmed(&app, &ada, "ada+tea@sub.example.org").await;
    for bad in ["", " ", "a\u{0}b", &"x".repeat(300)] {
        let body = json!({ "handle_or_email": bad });
        let reply = app.call(Method::POST, "/api/v1/password-resets/requests", Some(body)).await;
        reply.refused(ErrorCode::Invalid);
    }
}

async fn headers_hold_nothing_that_people_wrote(app: App) {
    let ada = app.person("ada").await;
    let name = "Bcc: eve@evil.example <eve@evil.example>";
    ada.call(Method::PATCH, "/api/v1/account", Some(json!({ "display_name": name }))).await.expect(200);
    choose(&ada, "ada@example.org").await.expect(200);
    let mail: Mail = app.mail().take("ada@example.org", "Confirm").await;
    let mut names: Vec<String> = mail.headers().into_iter().map(|(name, _)| name).collect();
    names.sort();
    let expected = [
        "auto-submitted",
        "content-transfer-encoding",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "subject",
        "to",
    ];
    assert_eq!(names, expected, "{}", mail.raw);
    assert_eq!((mail.header("to"), mail.to.len()), ("ada@example.org".to_owned(), 1));
    assert!(!mail.body().contains(name), "others' words go to nobody's address");
}

async fn mails_are_limited(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    for number in 0..5 {
        choose(&ada, &format!("ada{}@example.org", number % 2)).await.expect(200);
        app.advance(MINUTE);
    }
    let problem = choose(&ada, "ada5@example.org").await.refused(ErrorCode::RateLimited);
    assert!(problem.retry_after_ms.is_some());
    // Three mails went to this address, in whatever case.
    choose(&bob, "ADA0@example.org").await.refused(ErrorCode::RateLimited);
    choose(&bob, "ada1@example.org").await.expect(200);
    choose(&bob, "ada1@example.org").await.refused(ErrorCode::RateLimited);
    // The refused request changed nothing.
    assert_eq!(bob.get(EMAIL).await.expect(200)["pending"], "ada1@example.org");
    assert_eq!(ada.get(EMAIL).await.expect(200)["pending"], "ada0@example.org");
    app.advance(61 * MINUTE);
    ada.api.refresh().await.unwrap();
    choose(&ada, "ada0@example.org").await.expect(200);
}

async fn notices(app: App) {
    let (root, ada) = (app.admin("root").await, app.person("ada").await);
    let change = |old: &str, new: &str| json!({ "current": old, "new": new });
    let password = "/api/v1/account/password";
    // Without a confirmed address no notice is sent, not even to a pending one.
    choose(&ada, "ada@example.org").await.expect(200);
    let waiting = app.mail().take("ada@example.org", "Confirm").await;
    let same = change(PASSWORD, PASSWORD);
    ada.call(Method::PUT, password, Some(same.clone())).await.expect(204);
    confirm(&app, &waiting.token()).await.expect(204);
    ada.call(Method::PUT, password, Some(same)).await.expect(204);
    let told = app.mail().take("ada@example.org", "password on Parlour has changed").await;
    assert!(told.body().contains("If this wasn't you"));

    // A log-in is not worth a mail; turning off a second factor is.
    ada.other_device().await;
    let factor = "/api/v1/account/second-factor";
    let made = ada.call(Method::POST, factor, Some(json!({ "password": PASSWORD }))).await.expect(201);
    let secret = data_encoding::BASE32_NOPAD.decode(made["secret"].as_str().unwrap().as_bytes()).unwrap();
    let code = parlour_chat::identity::totp::code(&secret, parlour_chat::identity::totp::step(app.now()));
    ada.call(Method::POST, &format!("{factor}/confirm"), Some(json!({ "code": code }))).await.expect(200);
    let path = format!("/api/v1/admin/users/{}/second-factor", ada.id);
    root.call(Method::DELETE, &path, None).await.expect(204);
    app.mail().take("ada@example.org", "Two-factor authentication on Parlour is off").await;
    assert!(app.mail().mails().is_empty(), "{:?}", app.mail().mails());
}

async fn without_mail(app: App) {
    let ada = app.person("ada").await;
    assert_eq!(app.call(Method::GET, "/api/v1/server", None).await.expect(200)["mail"], false);
    choose(&ada, "ada@example.org").await.refused(ErrorCode::MailOff);
    let body = json!({ "handle_or_email": "ada" });
    app.call(Method::POST, "/api/v1/password-resets/requests", Some(body)).await.refused(ErrorCode::MailOff);
    assert_eq!(ada.get(EMAIL).await.expect(200), json!({}));
    ada.call(Method::DELETE, EMAIL, Some(json!({ "password": PASSWORD }))).await.expect(204);
}
