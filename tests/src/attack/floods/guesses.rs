//! Wrong passwords, and log-ins whose only purpose is to cost.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::LocalBoxFuture;
use tokio::io::AsyncWriteExt;

use super::super::http::read_answer;
use super::super::people::log_in;
use super::super::scene::Scene;

/// LoginThrottle a password once, on a connection of its own; counts responses by status.
async fn guess(scene: &Scene, number: usize, handle: &str) {
    let Some(mut stream) = scene.connect(number, None).await else { return };
    if stream.write_all(&log_in(handle, &format!("wrong {number:08}")).bytes(false)).await.is_err() {
        return;
    }
    match read_answer(&mut stream, &mut Vec::new()).await {
        Ok(answer) => scene.count(&format!("answered_{}", answer.status), 1),
        Err(_) => scene.count("not_answered", 1),
    }
}

/// Wrong passwords for many accounts, existing and made up: a hundred in the first second, then at a steady rate. It
/// spares the innocents who log in from a new device and network: while strangers guess at an account, strangers have
/// to wait, by design.
pub fn anybody(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(16, async |scene, number| {
                let known = &scene.innocents.known;
                let handle = if number % 4 == 0 {
                    known[number / 4 % known.len()].clone()
                } else {
                    format!("nobody{number}")
                };
                guess(&scene, number, &handle).await;
                // 16 lanes: at most about a hundred a second, ten times what used to be enough.
                tokio::time::sleep(Duration::from_millis(150)).await;
            })
            .await;
    })
}

/// Ten wrong passwords a second for each of two accounts, so that one arrives as soon as each delay ends.
pub fn victim(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(10, async |scene, number| {
                let victim = scene.innocents.victims[number % scene.innocents.victims.len()].clone();
                guess(&scene, number, &victim).await;
                tokio::time::sleep(Duration::from_millis(500)).await;
            })
            .await;
    })
}

/// Two hundred log-ins at once, each of which needs memory and a core.
pub fn hashes(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(200, async |scene, number| {
                let handle = format!("nobody{number}");
                guess(&scene, number, &handle).await;
            })
            .await;
    })
}
