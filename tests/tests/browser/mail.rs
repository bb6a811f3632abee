//! An e-mail address, and a new password by mail.

use parlour_protocol::jobs::JobKind;
use system_tests::eventually;
use system_tests::mail::{self, Mood};

use crate::person::{Device, Person};
use crate::{story_twice, story_twice_with};

/// Mails with links to the URL at which the browser finds the server.
fn with_mail(config: &mut parlour_server::Config) {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    config.listen = format!("127.0.0.1:{port}");
    config.public_url = Some(format!("http://127.0.0.1:{port}"));
    mail::on(config);
}

/// The path of the link in a mail from this server.
fn path_of(app: &system_tests::App, mail: &mail::Mail) -> String {
    let body = mail.body();
    let start = body.find(&format!("{}/", app.address(0))).expect("a link to this server");
    let link = body[start..].split_whitespace().next().unwrap();
    link.strip_prefix(&app.address(0)).unwrap().to_owned()
}

const STATE: &str = "document.querySelector('[data-testid=email-state]')?.dataset.state";

#[test]
fn an_address_is_confirmed_and_brings_a_new_password() {
    story_twice_with(with_mail, |app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        ada.go("/settings/security").await;
        ada.until("there is none", &format!("{STATE} === 'none'")).await;
        ada.picture("email-none-Desktop").await;
        // An error is shown at its field.
        ada.fill("email", "ada").await;
        ada.fill("email_password", "correct horse battery").await;
        ada.click("email-submit").await;
        ada.until("it is refused", "document.querySelector('#note-email').matches('.bad')").await;
        ada.fill("email", "@example.org").await;
        ada.click("email-submit").await;
        ada.until("it waits", &format!("{STATE} === 'waiting'")).await;
        ada.picture("email-waiting-Desktop").await;
        let mail = app.mail().take("ada@example.org", "Confirm").await;
        ada.fill("email_password", "correct horse battery").await;
        ada.click("email-again").await;
        let again = app.mail().take("ada@example.org", "Confirm").await;
        assert_ne!(mail.token(), again.token());

        // The mail is read on a phone, without a log-in; the link of the first mail no longer works.
        let phone = Person::arrive(&app.address(0), Device::Phone).await;
        phone.go(&path_of(&app, &mail)).await;
        phone.click("verify-email-submit").await;
        phone.see("form-error").await;
        phone.go("/log-in").await;
        phone.go(&path_of(&app, &again)).await;
        phone.see("verify-email-form").await;
        phone.picture("verify-email-Phone").await;
        phone.click("verify-email-submit").await;
        phone.see("email-verified").await;
        phone.picture("email-verified-Phone").await;
        ada.reload().await;
        ada.until("it is confirmed", &format!("{STATE} === 'confirmed'")).await;
        ada.picture("email-confirmed-Desktop").await;
        ada.evaluate("document.documentElement.dataset.theme = 'dark';").await;
        ada.picture("email-confirmed-Desktop-dark").await;

        // Forgotten: the link comes by mail, the old sessions end.
        phone.go("/log-in").await;
        phone.see("go-forgot").await;
        phone.picture("login-with-mail-Phone").await;
        phone.click("go-forgot").await;
        phone.fill("handle_or_email", "ada").await;
        phone.picture("forgot-Phone").await;
        phone.press("\u{e007}").await;
        phone.see("forgot-done").await;
        phone.picture("forgot-done-Phone").await;
        let link = app.mail().take("ada@example.org", "A new password").await;
        phone.go(&path_of(&app, &link)).await;
        phone.fill("new_password", "a much better one").await;
        phone.click("reset-submit").await;
        phone.see("login-form").await;
        phone.fill("handle", "ada").await;
        phone.fill("password", "a much better one").await;
        phone.click("login-submit").await;
        phone.until("one is in", "!document.querySelector('[data-testid=login-form]')").await;
        ada.see("login-form").await;
        ada.leave().await;

        phone.go("/settings/security").await;
        phone.fill("email_password", "a much better one").await;
        phone.evaluate("document.querySelector('[data-testid=email]').scrollIntoView();").await;
        phone.picture("email-confirmed-Phone").await;
        phone.click("email-remove").await;
        phone.until("it is removed", &format!("{STATE} === 'none'")).await;
        app.mail().take("ada@example.org", "was removed").await;
        phone.leave().await;
    });
}

#[test]
fn without_mail_nobody_is_promised_any() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        ada.go("/settings/security").await;
        ada.see("second-factor").await;
        ada.until("there is no card", "!document.querySelector('[data-testid=email]')").await;
        ada.click("logout").await;
        ada.see("login-form").await;
        ada.until("there is no link", "!document.querySelector('[data-testid=go-forgot]')").await;
        ada.leave().await;
    });
}

#[test]
fn an_administrator_tries_again_what_failed() {
    story_twice_with(with_mail, |app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        app.promote("ada");
        app.mail().set_mood(Mood::Refusing(550));
        ada.go("/settings/security").await;
        ada.fill("email", "ada@example.org").await;
        ada.fill("email_password", "correct horse battery").await;
        ada.click("email-submit").await;
        eventually("it is given up", || async {
            app.metrics_of_jobs(0, "jobs_failed").await[&JobKind::Mail] == 1
        })
        .await;
        ada.go("/admin/jobs").await;
        ada.see("failed-job").await;
        ada.picture("jobs-Desktop-administrator").await;

        app.mail().set_mood(Mood::Taking);
        ada.click("retry-job").await;
        ada.until("it is no longer listed", "!document.querySelector('[data-testid=failed-job]')").await;
        app.mail().take("ada@example.org", "Confirm").await;
        ada.leave().await;
    });
}
