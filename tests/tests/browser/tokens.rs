//! Programs that act with tokens: personal tokens, and bots, which everyone sees to be bots.

use parlour_client::operations::MessagesAt;
use parlour_protocol::ids::ConversationId;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::time::{MINUTE, SECOND};
use system_tests::{App, Person as Other, Refusal};

use crate::eyes_and_ears::Look;
use crate::passkeys::dark;
use crate::person::{Device, PASSWORD, Person};
use crate::provider::guild;
use crate::{another_device, room_of_bob, story, story_twice, story_with};

const TOKENS: &str = "[data-testid=tokens]";
const BOTS: &str = "[data-testid=bots]";

/// Chooses an option by the name of its input and its value.
async fn choose(person: &Person, name: &str, value: &str) {
    let input = format!("[name={name}][value='{value}']");
    person.click_css(&format!("label:has({input})")).await;
    person
        .until(&format!("{name} is {value}"), &format!("document.querySelector(\"{input}\").checked"))
        .await;
}

/// Waits until an element contains these words.
async fn says(person: &Person, css: &str, words: &str) {
    let expression = format!("document.querySelector(\"{css}\")?.textContent.includes(\"{words}\")");
    person.until(&format!("{css} says {words}"), &expression).await;
}

async fn is_refused(person: &Person, field: &str) {
    person
        .until(
            &format!("{field} is refused"),
            &format!("document.querySelector('#note-{field}').matches('.bad')"),
        )
        .await;
}

/// Screenshots of an element's surroundings, in the light and the dark theme.
async fn pictures(person: &Person, css: &str, name: &str) {
    let still = serde_json::json!({ "features": [{ "name": "prefers-reduced-motion", "value": "reduce" }] });
    person.tell_browser("Emulation.setEmulatedMedia", still).await;
    for (on, scheme) in [(true, "dark"), (false, "light")] {
        dark(person, on).await;
        person.evaluate(&format!("document.querySelector(\"{css}\").scrollIntoView();")).await;
        // Colours change gradually, and inherited ones follow one after the other.
        person
            .evaluate_async(
                "const done = arguments[0]; \
                 const frame = () => new Promise(next => requestAnimationFrame(next)); \
                 (async () => { do { await frame(); await frame(); } while (document.getAnimations().length); \
                 done(null); })();",
            )
            .await;
        person.picture(&format!("{name}-{scheme}")).await;
    }
}

/// Creates a token in this part of the page, with write access everywhere; returns its written form.
async fn make_token(person: &Person, part: &str, name: &str) -> String {
    person.click_css(&format!("{part} [data-testid=new-token]")).await;
    person.fill("token_name", name).await;
    choose(person, "token_access", "write").await;
    person.fill("token_password", PASSWORD).await;
    person.click("create-token").await;
    person.see("token-secret").await.text().await.unwrap()
}

/// A REST client with a token.
async fn program(app: &App, owner: &str, secret: &str) -> Other {
    another_device(app, owner).await.with_token(secret)
}

#[test]
fn a_token_is_made_shown_once_used_and_revoked() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        let (bob, tea, _) = room_of_bob(&app, "tea", ["first"]).await;
        let coffee = bob.create_room("coffee").await;
        ada.join(tea).await;
        ada.join(coffee).await;
        ada.go("/settings/tokens").await;
        ada.see("no-tokens").await;
        ada.see("no-bots").await;
        pictures(&ada, TOKENS, "tokens-none-Desktop").await;

        // The form reports what is missing, one thing after the other.
        ada.click_css(&format!("{TOKENS} [data-testid=new-token]")).await;
        ada.until("it has the focus", "document.activeElement.name === 'token_name'").await;
        ada.click("token-cancel").await;
        ada.until("the focus is back", "document.activeElement.dataset.testid === 'new-token'").await;
        ada.click_css(&format!("{TOKENS} [data-testid=new-token]")).await;
        ada.click("create-token").await;
        is_refused(&ada, "token_name").await;
        ada.fill("token_name", "weather report").await;
        choose(&ada, "token_access", "write").await;
        choose(&ada, "token_where", "some").await;
        choose(&ada, "token_days", "30").await;
        ada.fill("token_password", "wrong horse battery").await;
        ada.click("create-token").await;
        says(&ada, "#note-token-conversations", "Choose at least one").await;
        choose(&ada, "token_conversation", &tea.to_string()).await;
        pictures(&ada, TOKENS, "tokens-form-Desktop").await;
        ada.click("create-token").await;
        is_refused(&ada, "token_password").await;
        ada.fill("token_password", PASSWORD).await;
        ada.click("create-token").await;

        // It is shown once, and can be copied.
        let secret = ada.see("token-secret").await.text().await.unwrap();
        assert!(secret.starts_with("plt_"), "{secret}");
        ada.until("it has the focus", "document.activeElement.dataset.testid === 'fresh-token'").await;
        ada.evaluate(
            "navigator.clipboard.writeText = text => { window.copied = text; return Promise.resolve(); };",
        )
        .await;
        ada.click("copy-token").await;
        says(&ada, "[data-testid=copy-token]", "Copied").await;
        assert_eq!(ada.evaluate("return window.copied;").await, secret.as_str());
        pictures(&ada, TOKENS, "tokens-secret-Desktop").await;
        ada.click("token-kept").await;
        ada.miss("fresh-token").await;
        ada.reload().await;
        ada.see("token").await;
        says(&ada, "[data-testid=token-name]", "weather report").await;
        says(&ada, "[data-testid=token-reach]", "Only #tea").await;
        says(&ada, "[data-testid=token-used]", "Never used").await;
        assert!(!ada.text_of("body").await.contains("plt_"), "it is told once");

        // A program acts with it, as Ada, where it is allowed to.
        let program = program(&app, "ada", &secret).await;
        program.send(tea, "It will rain").await;
        program
            .api
            .list_messages(coffee, &MessagesAt::Newest.limit(50))
            .await
            .refused(ErrorCode::InsufficientScope);
        ada.go(&format!("/c/{tea}")).await;
        ada.read("It will rain").await;
        ada.go("/settings/tokens").await;
        ada.see("token").await;
        says(&ada, "[data-testid=token-used]", "Last used").await;
        pictures(&ada, TOKENS, "tokens-Desktop").await;

        ada.click("revoke-token").await;
        ada.click("confirm").await;
        ada.see("no-tokens").await;
        program.api.show_account().await.refused(ErrorCode::Unauthenticated);
        // The form for the next token contains nothing of the previous one.
        ada.click_css(&format!("{TOKENS} [data-testid=new-token]")).await;
        ada.see("token-form").await;
        assert_eq!(ada.evaluate("return document.querySelector('[name=token_name]').value;").await, "");
        ada.leave().await;
    });
}

/// Waits until somebody is marked as a bot.
async fn is_marked(person: &Person, css: &str) {
    says(person, &format!("{css} [data-testid=bot-mark]"), "Bot").await;
}

#[test]
fn a_bot_is_made_writes_in_a_room_and_is_seen_to_be_one() {
    story_twice(|app| async move {
        let bob = Person::register(&app.address(0), Device::Desktop, "bob", "Bob").await;
        let other = another_device(&app, "bob").await;
        let tea = other.create_room("tea").await;
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        ada.go("/settings/tokens").await;
        ada.click("new-bot").await;
        ada.fill("bot_handle", "bob").await;
        ada.click("create-bot").await;
        is_refused(&ada, "bot_handle").await;
        ada.fill("bot_handle", "\u{E003}\u{E003}\u{E003}weather").await;
        ada.fill("bot_name", "Weather").await;
        pictures(&ada, BOTS, "bots-form-Desktop").await;
        ada.click("create-bot").await;
        ada.see("bot").await;
        is_marked(&ada, "[data-testid=bot]").await;
        let secret = make_token(&ada, "[data-testid=bot]", "station").await;
        pictures(&ada, BOTS, "bots-secret-Desktop").await;
        ada.click("token-kept").await;
        ada.see("token").await;
        pictures(&ada, BOTS, "bots-Desktop").await;

        // The bot joins and writes; everyone there sees what it is.
        let program = program(&app, "ada", &secret).await;
        bob.go(&format!("/c/{tea}")).await;
        bob.see("composer").await;
        program.join(tea).await;
        program.send(tea, "It will rain").await;
        bob.read("It will rain").await;
        is_marked(&bob, ".message-head").await;
        let label = "document.querySelector('[data-testid=message]').getAttribute('aria-label').includes('Weather (bot)')";
        bob.until("ears are told, too", label).await;
        bob.click("toggle-members").await;
        bob.see("member").await;
        is_marked(&bob, "[data-testid=members]").await;
        bob.write("@wea").await;
        bob.see("mention-offer").await;
        is_marked(&bob, "[data-testid=mention-offer]").await;
        pictures(&bob, "body", "bots-room-Desktop").await;
        bob.press("\u{E00C}").await;
        bob.go("/u/weather").await;
        is_marked(&bob, "[data-testid=profile]").await;
        bob.miss("bot-owner").await;
        bob.click("add-friend").await;
        bob.see("cancel-request").await;
        program.api.accept_friend_request(other.id).await.unwrap();
        bob.go("/friends").await;
        is_marked(&bob, "[data-testid=friend]").await;
        bob.click("message-friend").await;
        bob.see("composer").await;
        is_marked(&bob, ".chat-head").await;
        is_marked(&bob, "[data-testid=conversation-link]").await;
        pictures(&bob, "body", "bots-direct-Desktop").await;
        bob.click("open-switcher").await;
        bob.see("switcher-input").await.send_keys("weather").await.unwrap();
        is_marked(&bob, ".offer").await;
        bob.press("\u{E00C}").await;

        // Its owner finds the way back to it.
        ada.go("/u/weather").await;
        ada.see("bot-owner").await;
        pictures(&ada, "body", "bots-profile-Desktop").await;
        ada.click_css("[data-testid=bot-owner] a").await;
        ada.arrives_at("/settings/tokens").await;
        ada.click("delete-bot").await;
        ada.fill("bot_password", "wrong horse battery").await;
        ada.click("delete-bot-submit").await;
        is_refused(&ada, "bot_password").await;
        pictures(&ada, BOTS, "bots-delete-Desktop").await;
        ada.fill("bot_password", PASSWORD).await;
        ada.click("delete-bot-submit").await;
        ada.see("no-bots").await;
        program.api.show_account().await.refused(ErrorCode::Unauthenticated);
        bob.go(&format!("/c/{tea}")).await;
        bob.see("message-deleted").await;
        ada.leave().await;
        bob.leave().await;
    });
}

#[test]
fn an_administrator_sees_whose_bot_it_is() {
    story_twice(|app| async move {
        let bob = app.person("bob").await;
        bob.create_bot("weather").await;
        let ada = Person::register(&app.address(0), Device::Phone, "ada", "Ada").await;
        app.promote("ada");
        ada.go("/admin/users").await;
        ada.reload().await;
        ada.see("bot-owner").await;
        says(&ada, "[data-testid=bot-owner]", "Bot of bob").await;
        is_marked(&ada, "[data-testid=admin-user]:has([data-testid=bot-owner])").await;
        // Nobody logs in to a bot: there is no password to set.
        ada.until(
            "it cannot be let back in",
            "!document.querySelector('[data-testid=admin-user]:has([data-testid=bot-owner]) [data-testid=make-reset-link]')",
        )
        .await;
        pictures(&ada, "body", "bots-admin-Phone").await;
        ada.go("/admin/audit").await;
        says(&ada, "[data-kind=bot_created]", "Bot created").await;
        says(&ada, "[data-kind=token_created]", "Access token created").await;
        ada.go("/u/weather").await;
        says(&ada, "[data-testid=bot-owner]", "Owned by bob").await;
        ada.leave().await;
    });
}

#[test]
fn on_a_phone_with_everything_that_there_is() {
    story(|app| async move {
        let ada = Person::register(&app.address(0), Device::SmallPhone, "ada", "Ada").await;
        let other = another_device(&app, "ada").await;
        let mut rooms: Vec<ConversationId> = Vec::new();
        for number in 0..10 {
            rooms.push(other.create_room(&format!("a room with a long name, number {number}")).await);
        }
        let limited = serde_json::json!({
            "name": "as long as names may be: forty letters x", "scopes": ["read"], "conversations": rooms,
        });
        other.create_token("/api/v1/account/tokens", limited).await;
        other.create_bot("weather").await;
        ada.go("/settings/tokens").await;
        ada.see("token").await;
        ada.see("bot").await;
        pictures(&ada, TOKENS, "tokens-Phone").await;
        ada.click("bot-tokens").await;
        ada.click_css("[data-testid=bot] [data-testid=new-token]").await;
        choose(&ada, "token_where", "some").await;
        ada.fill("token_conversation_search", "number 7").await;
        ada.until("one is found", "document.querySelectorAll('[name=token_conversation]').length === 1")
            .await;
        choose(&ada, "token_conversation", &rooms[7].to_string()).await;
        let wide = "return document.documentElement.scrollWidth - document.documentElement.clientWidth;";
        assert_eq!(ada.evaluate(wide).await, 0, "the page is wider than the window");
        pictures(&ada, BOTS, "bots-form-Phone").await;
        pictures(&ada, "[data-testid=token-form]", "bots-form-below-Phone").await;
        ada.leave().await;
    });
}

#[test]
fn without_a_password_a_fresh_log_in_takes_its_place() {
    story_with(guild(), |app| async move {
        let provider = system_tests::provider::Provider::shared();
        provider.set_clock(app.now().0 / 1_000_000);
        let grace = Person::arrive(&app.address(0), Device::Desktop).await;
        grace.go("/log-in").await;
        grace.click("provider-log-in").await;
        grace.click("handle-submit").await;
        grace.see("sidebar").await;
        grace.go("/settings/tokens").await;
        grace.click("new-token").await;
        grace.see("no-password").await;
        grace.fill("token_name", "first").await;
        grace.click("create-token").await;
        grace.see("fresh-token").await;
        grace.click("token-kept").await;
        app.advance(11 * MINUTE);
        grace.click("new-token").await;
        grace.fill("token_name", "second").await;
        grace.click("create-token").await;
        says(&grace, "[data-testid=form-error]", "Log in again").await;
        grace.leave().await;
    });
}

#[test]
fn tokens_and_bots_are_for_everyone() {
    story(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada Lovelace").await;
        let other = another_device(&app, "ada").await;
        let tea = other.create_room("tea").await;
        let limited =
            serde_json::json!({ "name": "calendar", "scopes": ["read"], "conversations": [tea], "days": 30 });
        other.create_token("/api/v1/account/tokens", limited).await;
        // Lists are ordered by time, which stands still here.
        app.advance(SECOND);
        let bot = other.create_bot("weather").await;
        bot.join(tea).await;
        bot.send(tea, "It will rain").await;
        // Anyone who writes has read: nothing is marked as new.
        other.send(tea, "Thank you").await;
        let mut look = Look::with(ada).await;
        look.go("/settings/tokens", "[data-testid=bot]").await;
        look.person.see("token").await;
        look.at("tokens and bots").await;
        look.person.click_css(&format!("{TOKENS} [data-testid=new-token]")).await;
        choose(&look.person, "token_where", "some").await;
        look.person.click("create-token").await;
        is_refused(&look.person, "token_name").await;
        look.at("a new token with faults").await;
        look.person.click("token-cancel").await;
        make_token(&look.person, TOKENS, "weather report").await;
        look.person
            .evaluate("document.querySelector('[data-testid=token-secret]').textContent = 'SECRET';")
            .await;
        look.at("a token that is told once").await;
        look.person.click("token-kept").await;
        look.person.click("new-bot").await;
        look.person.see("bot-form").await;
        look.at("a new bot").await;
        look.person.click("bot-tokens").await;
        look.person.see("bot-token-list").await;
        look.person.click("delete-bot").await;
        look.person.see("delete-bot-form").await;
        look.at("deleting a bot").await;
        look.go(&format!("/c/{tea}"), "[data-testid=message]").await;
        look.person.read("Thank you").await;
        look.person.click("toggle-members").await;
        look.person.see("member").await;
        look.at("a room with a bot").await;
        look.go("/u/weather", "[data-testid=profile]").await;
        look.at("a bot").await;
        look.end().await;
    });
}
