//! What people hear who cannot see the page: each thing once, and at most one sentence a second; and what the status
//! line says.

use serde_json::json;

use crate::gate::Gate;
use crate::person::{Device, Person};
use crate::{another_device, story_twice};

/// Records all announcements with their times.
const LISTEN: &str = "window.heard = []; new MutationObserver(changes => { for (const change of changes) \
     for (const node of change.addedNodes) if (node.nodeType === 1) window.heard.push([performance.now(), node.textContent]); }) \
     .observe(document.querySelector('[data-testid=announcer]'), { childList: true });";

async fn hears(person: &Person, sentences: &[&str]) {
    let expected = json!(sentences);
    let now = "JSON.stringify(window.heard.map(one => one[1]))";
    person.until(&format!("it says {expected}"), &format!("{now} === JSON.stringify({expected})")).await;
}

#[test]
fn messages_are_announced_once_and_together_when_many_come() {
    story_twice(|app| async move {
        let ada = Person::register(&app.address(0), Device::Desktop, "ada", "Ada").await;
        let (bob, cy, me) =
            (app.person("bob").await, app.person("cyril").await, another_device(&app, "ada").await);
        bob.befriend(&me).await;
        let direct = bob.direct(&me).await;
        let room = bob.create_room("tea").await;
        cy.join(room).await;
        ada.join(room).await;
        bob.send(room, "before").await;
        ada.read("before").await;
        ada.evaluate(LISTEN).await;
        let mut said = vec!["bob: see you at six"];
        // Earlier announcements are not repeated.
        ada.until("it is quiet", "(window.quiet ??= performance.now()) < performance.now() - 1200").await;
        ada.evaluate("window.heard.length = 0;").await;
        bob.send(room, "see you at six").await;
        hears(&ada, &said).await;
        // A burst, by two people.
        for line in 0..4 {
            bob.send(room, &format!("b{line}")).await;
            cy.send(room, &format!("c{line}")).await;
        }
        ada.read("c3").await;
        said.push("8 new messages from bob and cyril.");
        hears(&ada, &said).await;
        // One's own messages are not announced.
        ada.say("mine").await;
        ada.read("mine").await;
        bob.send(room, "@ada look:\n```\nlet x = 1;\n```").await;
        said.push("bob mentioned you: @ada look: (code)");
        hears(&ada, &said).await;
        bob.send(direct, "psst").await;
        said.push("Direct message from bob: psst");
        hears(&ada, &said).await;
        let apart = "window.heard.every((one, at) => !at || one[0] - window.heard[at - 1][0] > 900)";
        ada.until("a second is between two", apart).await;
        ada.leave().await;
    });
}

#[test]
fn a_lost_line_is_told_within_seconds_and_so_is_its_return() {
    story_twice(|app| async move {
        let gate = Gate::before(&app.address(0)).await;
        let bob = app.person("bob").await;
        let room = bob.create_room("tea").await;
        let ada = Person::in_room(&gate.address(), Device::Desktop, room).await;
        ada.say("before").await;
        ada.read("before").await;
        ada.evaluate(LISTEN).await;
        let banner = "document.querySelector('[data-testid=connection-banner]')?.textContent.includes";
        let offline = |offline: bool| json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        // The device's own connection: the browser knows at once.
        ada.tell_browser("Network.enable", json!({})).await;
        // As long as the server responds, the browser is wrong about being offline.
        ada.tell_browser("Network.emulateNetworkConditions", offline(true)).await;
        ada.until("the browser says so", "!navigator.onLine").await;
        ada.say("all the same").await;
        ada.read("all the same").await;
        ada.tell_browser("Network.emulateNetworkConditions", offline(false)).await;
        ada.miss("connection-banner").await;
        gate.hush();
        ada.evaluate("window.since = performance.now();").await;
        ada.tell_browser("Network.emulateNetworkConditions", offline(true)).await;
        ada.until("it says so", &format!("{banner}('No connection')")).await;
        assert!(ada.evaluate("return performance.now() - window.since;").await.as_f64().unwrap() < 5_000.0);
        ada.picture("banner-offline").await;
        let mut said = vec!["No connection. Messages will send when you reconnect."];
        hears(&ada, &said).await;
        gate.cut();
        gate.mend();
        ada.tell_browser("Network.emulateNetworkConditions", offline(false)).await;
        ada.miss("connection-banner").await;
        said.push("You're connected again.");
        hears(&ada, &said).await;
        // Silence: noticed early, because something is waiting.
        gate.hush();
        ada.evaluate("window.since = performance.now();").await;
        ada.say("into the silence").await;
        ada.see("sending").await;
        ada.picture("sending-slowly").await;
        ada.until("it says so", &format!("{banner}(\"Can't reach the server\")")).await;
        let took = ada.evaluate("return performance.now() - window.since;").await.as_f64().unwrap();
        assert!(took < 10_500.0, "{took} ms");
        said.push("Can't reach the server. Retrying…");
        hears(&ada, &said).await;
        gate.cut();
        gate.mend();
        ada.evaluate("window.dispatchEvent(new Event('online'));").await;
        ada.read("into the silence").await;
        ada.miss("connection-banner").await;
        said.push("You're connected again.");
        hears(&ada, &said).await;
        ada.leave().await;
    });
}

#[test]
fn a_message_that_is_refused_is_announced_with_its_reason() {
    story_twice(|app| async move {
        let gate = Gate::before(&app.address(0)).await;
        let ada = Person::register(&gate.address(), Device::Desktop, "ada", "Ada").await;
        let (bob, me) = (app.person("bob").await, another_device(&app, "ada").await);
        bob.befriend(&me).await;
        let direct = bob.direct(&me).await;
        ada.go(&format!("/c/{direct}")).await;
        ada.say("before").await;
        ada.read("before").await;
        ada.evaluate(LISTEN).await;
        gate.cut();
        ada.say("too late").await;
        bob.api.delete_friend(me.id).await.unwrap();
        gate.mend();
        ada.see("retry").await;
        ada.until("it is announced", "window.heard.some(one => one[1].includes(\"Couldn't send: \"))").await;
        let times = "return window.heard.filter(one => one[1].includes(\"Couldn't send\")).length;";
        assert_eq!(ada.evaluate(times).await, 1);
        ada.leave().await;
    });
}
