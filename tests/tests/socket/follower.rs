//! The client library against real servers: whatever happens to its connections, it applies every event once.

use parlour_client::native::{Follower, Options, Stopped, Update, fresh_cid};
use parlour_protocol::events::{Change, UserChange};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::CloseCode;
use system_tests::{App, DEADLINE, on_all_backends};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

on_all_backends!(
    survives_lost_connections,
    follows_new_conversations,
    stops_for_good,
    goes_elsewhere_at_once,
);

async fn next(follower: &mut Follower) -> Update {
    tokio::time::timeout(DEADLINE, follower.next()).await.expect("an update in time").expect("still follows")
}

async fn survives_lost_connections(app: App) {
    const EACH: usize = 40;
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    let options = Options { live: vec![room], ..Options::default() };
    let mut follower = Follower::start(bob.elsewhere().api, options);
    while next(&mut follower).await != (Update::Following { conversation: room, after: 2 }) {}

    let writing = async {
        for number in 0..EACH {
            ada.send(room, &format!("hers {number}")).await;
            if number % 13 == 5 {
                app.drain();
            }
        }
    };
    let following = async {
        let mut cids: Vec<String> = (0..EACH).map(|_| fresh_cid()).collect();
        for cid in &cids {
            follower.send(room, cid, "his", None).await.unwrap();
        }
        let (mut applied, mut own, mut lost) = (2, 0, 0);
        while applied < 2 + 2 * EACH as i64 || !cids.is_empty() {
            match next(&mut follower).await {
                Update::Event(event) => {
                    assert_eq!(event.seq, applied + 1);
                    applied = event.seq;
                    own += usize::from(
                        matches!(event.change, Change::MessageCreated { author, .. } if author == bob.id),
                    );
                }
                Update::Sent { cid, .. } => cids.retain(|one| *one != cid),
                Update::Disconnected => lost += 1,
                Update::Connected | Update::UserEvent(_) => {}
                other => panic!("{other:?}"),
            }
        }
        (own, lost)
    };
    let ((), (own, lost)) = tokio::join!(writing, following);
    assert_eq!(own, EACH, "each message once, however often it was sent");
    assert!(lost > 0, "the connection was lost on the way");
}

async fn follows_new_conversations(app: App) {
    let (ada, bob) = app.friends("ada", "bob").await;
    let mut follower = Follower::start(bob.api.clone(), Options::default());
    while next(&mut follower).await != Update::Connected {}
    let room = ada.create_room("tea").await;
    bob.join(room).await;
    while next(&mut follower).await != (Update::Following { conversation: room, after: 2 }) {}
    // Not live: announced by its head, and read from the log.
    let seq = ada.send(room, "hi").await;
    loop {
        if let Update::Event(event) = next(&mut follower).await {
            assert_eq!((event.conversation, event.seq), (room, seq));
            break;
        }
    }
    let cid = fresh_cid();
    follower.send(room, &cid, "  ", None).await.unwrap();
    loop {
        if let Update::Refused { cid: refused, code, .. } = next(&mut follower).await {
            assert_eq!((refused, code), (cid, ErrorCode::Invalid));
            break;
        }
    }
    bob.api.leave_room(room).await.unwrap();
    while next(&mut follower).await != Update::Left(room) {}
}

async fn stops_for_good(app: App) {
    let ada = app.person("ada").await;
    let mut follower = Follower::start(ada.api.clone(), Options::default());
    while next(&mut follower).await != Update::Connected {}
    let other = ada.other_device().await;
    other.api.delete_session(ada.session).await.unwrap();
    loop {
        match tokio::time::timeout(DEADLINE, follower.next()).await.expect("the end in time") {
            Ok(Update::UserEvent(event)) => {
                assert_eq!(event.change, UserChange::SessionEnded { session: ada.session })
            }
            Ok(other) => panic!("{other:?}"),
            Err(why) => break assert_eq!(why, Stopped::Closed(CloseCode::SessionRevoked.code())),
        }
    }
}

/// One node is down and another one asks everyone to come back in an hour: the third one is available.
async fn goes_elsewhere_at_once(app: App) {
    let ada = app.person("ada").await;
    let busy = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let busy_address = format!("http://{}", busy.local_addr().unwrap());
    let answering = tokio::spawn(async move {
        let mut asked = 0;
        while let Ok((mut stream, _)) = busy.accept().await {
            asked += 1;
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            let answer = "HTTP/1.1 503 Service Unavailable\r\nretry-after: 3600\r\ncontent-length: 0\r\n\r\n";
            stream.write_all(answer.as_bytes()).await.unwrap();
            assert_eq!(asked, 1, "it comes back before the hour is over");
        }
    });
    let dead = format!("http://127.0.0.1:{}", system_tests::chaos::nodes::free_port());
    let others = vec![ada.api.at(&busy_address).unwrap(), ada.api.clone()];
    let mut follower = Follower::start(ada.api.at(&dead).unwrap(), Options { others, ..Options::default() });
    for _ in 0..4 {
        while next(&mut follower).await != Update::Connected {}
        app.drain();
        while next(&mut follower).await != Update::Disconnected {}
    }
    assert!(!answering.is_finished(), "nobody was sent away twice");
    answering.abort();
}
