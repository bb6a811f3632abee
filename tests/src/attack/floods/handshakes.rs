//! Sockets that are opened and abandoned.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;

use super::super::scene::Scene;

/// Handshakes as fast as possible.
pub fn flood(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(async move {
        scene
            .keep(64, async |scene, number| {
                let opened = scene.socket(number, None).await.is_some();
                scene.count(if opened { "opened" } else { "refused" }, 1);
            })
            .await;
    })
}
