//! The node that somebody is connected to dies: friends see them go offline within a minute, but not those who
//! reconnect at once.

use parlour_client::operations::calls;
use std::time::{Duration, Instant};

use parlour_client::native::{Api, Follower, Options, Update};
use parlour_protocol::events::Ephemeral;
use parlour_protocol::friends::CreateFriendRequest;
use parlour_protocol::ids::UserId;
use serde_json::json;

use super::Verdict;
use crate::chaos::checker::Violation;
use crate::chaos::cluster::Cluster;
use crate::chaos::nodes::Node;
use crate::chaos::report::millis;

/// Anyone who was on a node that died must be offline within this time.
const OFFLINE: Duration = Duration::from_secs(60);
/// Anyone who reconnects within this time was never away.
const AWAY: Duration = Duration::from_secs(4);
/// A presence change that is not affected by a fault must arrive within this time.
const SOON: Duration = Duration::from_secs(10);

/// Runs the scenario.
pub async fn play(cluster: &Cluster) -> Verdict {
    let (_, bob) = cluster.register("bob").await;
    let mut violations = Vec::new();
    // On the second node, with no other one to go to.
    let mut watching = Follower::start(bob[1].clone(), Options::default());
    wait_until(&mut watching, SOON, |update| *update == Update::Connected).await;
    let mut friends: Vec<(UserId, Vec<Api>, Follower)> = Vec::new();
    for name in ["stays_away", "comes_back", "moves"] {
        let (id, apis) = cluster.register(name).await;
        apis[0].create_friend_request(&CreateFriendRequest { to: "bob".into() }).await.expect("asks");
        bob[0].accept_friend_request(id).await.expect("accepts");
        let connected = Follower::start(apis[0].clone(), Options::default());
        let online = Update::Ephemeral(Ephemeral::Presence { user: id, online: true });
        if !wait_until(&mut watching, SOON, |update| *update == online).await {
            violations.push(Violation::of("R50", format!("{name} is online and nobody was told")));
        }
        friends.push((id, apis, connected));
    }
    // Nodes announce their connections to each other every twenty seconds; a node that dies just before that is the
    // worst case.
    cluster.on_node(0, Node::kill).await;
    let killed = Instant::now();
    let mut friends = friends.into_iter();
    let (Some(away), Some(back), Some(moves)) = (friends.next(), friends.next(), friends.next()) else {
        unreachable!("there are three friends")
    };
    drop((away.2, back.2, moves.2));
    let _moved = Follower::start(moves.1[2].clone(), Options::default());
    let mut came_back = None;
    let mut offline = None;
    while killed.elapsed() < OFFLINE + SOON && offline.is_none() {
        if killed.elapsed() > AWAY && came_back.is_none() {
            came_back = Some(Follower::start(back.1[2].clone(), Options::default()));
        }
        let Ok(update) = tokio::time::timeout(Duration::from_millis(500), watching.next()).await else {
            continue;
        };
        match update {
            Ok(Update::Ephemeral(Ephemeral::Presence { user, online: false })) if user == away.0 => {
                offline = Some(killed.elapsed());
            }
            Ok(Update::Ephemeral(Ephemeral::Presence { user, online })) => {
                let what = format!("{user} came back at once, and was shown as online: {online}");
                violations.push(Violation::of("R50", what));
            }
            Ok(_) => {}
            Err(stopped) => {
                violations.push(Violation::of("liveness", stopped.to_string()));
                break;
            }
        }
    }
    if offline.is_none_or(|after| after > OFFLINE) {
        violations.push(Violation::of("R50", format!("offline {offline:?} after the node was killed")));
    }
    for friend in bob[1].every(calls::list_friends).await.expect("answers").items {
        let expected = friend.user.id != away.0;
        if friend.online != expected {
            let what = format!("@{} is shown as online: {}", friend.user.handle, friend.online);
            violations.push(Violation::of("R50", what));
        }
    }
    let values = json!({
        "faults": ["killed node 0"],
        "offline_after_ms": offline.map(millis),
    });
    (values, violations)
}

async fn wait_until(follower: &mut Follower, limit: Duration, is: impl Fn(&Update) -> bool) -> bool {
    let waiting = async {
        loop {
            match follower.next().await {
                Ok(update) if is(&update) => return true,
                Ok(_) => {}
                Err(_) => return false,
            }
        }
    };
    tokio::time::timeout(limit, waiting).await.unwrap_or(false)
}
