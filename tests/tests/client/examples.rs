//! The examples of the crate's documentation, as they are.

use parlour_client::operations::MessagesAt;
use system_tests::{App, on_all_backends};

use crate::program::{Program, acting_as, example};

async fn one_sends_what_the_other_follows(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = bob.create_room("tea").await;
    let (as_ada, as_bob) = (acting_as(&app, &ada).await, acting_as(&app, &bob).await);
    let environment = |who: &[(&'static str, String); 2]| -> Vec<(&'static str, String)> { who.to_vec() };
    let start = |name: &str, arguments: &[&str], who: &[(&'static str, String); 2]| {
        let environment = environment(who);
        let borrowed: Vec<(&str, &str)> =
            environment.iter().map(|(name, value)| (*name, value.as_str())).collect();
        Program::start(example(name), arguments, &borrowed)
    };

    let following = start("follow", &[], &as_bob);
    // Once it is connected, it misses nothing.
    system_tests::eventually("it follows", async || following.complained().contains("connected")).await;
    let (status, said, complained) = start("send", &["tea", "The", "kettle", "is on."], &as_ada).ends().await;
    assert!(status.success() && said.contains("stored at 2026-01-01"), "{said}{complained}");
    following.expect(&format!(" {room} {}: \"The kettle is on.\"", ada.id)).await;
    let page = bob.api.list_messages(room, &MessagesAt::Newest.limit(10)).await.unwrap();
    assert_eq!(page.items.len(), 1);

    let (status, _, complained) = start("send", &["coffee", "hello"], &as_ada).ends().await;
    assert!(!status.success() && complained.contains("there is no such room"), "{complained}");
}

on_all_backends!(one_sends_what_the_other_follows);
