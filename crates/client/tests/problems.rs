//! Refusals, including those of servers newer than this library.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on shall stop")]

use parlour_client::native::{Api, ApiError};
use parlour_protocol::problems::{ErrorCode, Problem};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;

/// Serves one given response per connection, in order, and returns the request lines it received.
async fn server(answers: Vec<String>) -> (String, tokio::task::JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    let task = tokio::spawn(async move {
        let mut asked = Vec::new();
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut request = vec![0; 16 * 1024];
            let count = stream.read(&mut request).await.unwrap();
            let request = String::from_utf8_lossy(&request[..count]).into_owned();
            asked.push(request.lines().next().unwrap_or_default().to_owned());
            stream.write_all(answer.as_bytes()).await.unwrap();
        }
        asked
    });
    (address, task)
}

fn answer(status: &str, media_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

#[tokio::test]
async fn a_code_of_a_newer_server_survives() {
    let body = r#"{"type":"/api/docs/problems#too_quiet","title":"Too quiet.","status":418,"code":"too_quiet",
        "detail":"Say more.","request_id":"7","volume":3}"#;
    let (address, _) = server(vec![answer("418 I'm a teapot", "application/problem+json", body)]).await;
    let error = Api::new(&address).unwrap().show_account().await.unwrap_err();
    assert_eq!((error.code(), error.code_text()), (Some(ErrorCode::Unknown), Some("too_quiet")));
    assert_eq!(error.to_string(), "too_quiet: Say more.");
    let ApiError::Problem(problem) = error else { panic!("a refusal") };
    assert_eq!((problem.status, problem.request_id.as_str()), (418, "7"));
}

#[tokio::test]
async fn what_a_proxy_says_is_no_refusal_of_the_server() {
    let (address, _) = server(vec![answer("502 Bad Gateway", "text/html", "<h1>oops</h1>")]).await;
    let error = Api::new(&address).unwrap().show_account().await.unwrap_err();
    assert!(matches!(&error, ApiError::Transport(why) if why.contains("502")), "{error}");
}

#[tokio::test]
async fn what_does_nothing_twice_is_asked_again_and_nothing_else() {
    let busy = serde_json::to_string(&Problem::new(ErrorCode::Unavailable)).unwrap();
    let busy = answer("503 Service Unavailable", "application/problem+json", &busy);
    let lost = String::new();
    let good = answer("200 OK", "application/json", r#"{"seq":3}"#);
    let seq = parlour_protocol::conversations::MarkRead { seq: 3 };
    let room = parlour_protocol::ids::ConversationId(4);

    let (address, asked) = server(vec![busy.clone(), lost, good]).await;
    let api = Api::new(&address).unwrap().persistent();
    assert_eq!(api.mark_read(room, &seq).await.unwrap().seq, 3);
    assert_eq!(asked.await.unwrap(), ["PUT /api/v1/conversations/4/read HTTP/1.1"; 3]);

    let (address, asked) = server(vec![busy]).await;
    let api = Api::new(&address).unwrap().persistent();
    assert_eq!(api.delete_room(room).await.unwrap_err().code(), Some(ErrorCode::Unavailable));
    assert_eq!(asked.await.unwrap().len(), 1);
}
