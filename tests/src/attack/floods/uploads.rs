//! Pictures that are small as files and large once decoded.

use std::rc::Rc;

use futures_util::future::LocalBoxFuture;
use tokio::io::AsyncWriteExt;

use super::super::http::read_answer;
use super::super::people::Person;
use super::super::pictures;
use super::super::scene::Scene;

async fn upload(scene: Rc<Scene>, number: usize, person: &Person, (kind, bytes): &(&'static str, Vec<u8>)) {
    let Some(mut stream) = scene.connect(number, None).await else { return };
    let head = format!(
        "PUT /api/v1/account/avatar HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nauthorization: Bearer {}\r\n\
         content-type: image/{kind}\r\ncontent-length: {}\r\n\r\n",
        person.token,
        bytes.len()
    );
    if stream.write_all(head.as_bytes()).await.is_err() || stream.write_all(bytes).await.is_err() {
        return scene.count("not_taken", 1);
    }
    match read_answer(&mut stream, &mut Vec::new()).await {
        Ok(answer) => scene.count(&format!("answered_{}", answer.status), 1),
        Err(_) => scene.count("not_answered", 1),
    }
}

async fn flood(scene: Rc<Scene>, accounts: usize, lanes: usize) {
    let people: Rc<[Person]> = scene.accounts(accounts).await.into();
    let pictures: Rc<[(&'static str, Vec<u8>)]> = pictures::huge().into();
    scene
        .keep(lanes, move |scene, number| {
            let (people, pictures) = (people.clone(), pictures.clone());
            async move {
                let person = &people[number % people.len()];
                upload(scene, number, person, &pictures[number / people.len() % pictures.len()]).await;
            }
        })
        .await;
}

/// Eighty connections of one account.
pub fn one(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(flood(scene, 1, 80))
}

/// Twenty accounts with four connections each.
pub fn many(scene: Rc<Scene>) -> LocalBoxFuture<'static, ()> {
    Box::pin(flood(scene, 20, 80))
}
