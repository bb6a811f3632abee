//! A static file host that is not the server: it has the client's files as the server has them, and a policy of its
//! own.

use std::net::Ipv4Addr;

use system_tests::App;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What the page of an app is allowed to do.
const HEAD: &str = include_str!("../../../frontend/wrapper/head.html");

/// What a host returns for a path without a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Missing {
    /// The page, as apps and hosts for single-page apps do.
    Page,
    /// A 404.
    NotFound,
}

/// See the module.
pub struct Files {
    port: u16,
}

impl Files {
    /// A host with this server's client files.
    pub async fn of(app: &App, missing: Missing) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = app.address(0);
        tokio::spawn(async move {
            while let Ok((browser, _)) = listener.accept().await {
                tokio::spawn(answer(browser, server.clone(), missing));
            }
        });
        Self { port }
    }

    /// The URL for browsers: a different host than the server's.
    pub fn address(&self) -> String {
        format!("http://localhost:{}", self.port)
    }
}

/// Answers one request.
async fn answer(mut browser: TcpStream, server: String, missing: Missing) -> Option<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(browser.read_u8().await.ok()?);
    }
    let head = String::from_utf8(head).ok()?;
    let mut words = head.split(' ');
    let (method, path) = (words.next()?, words.next()?.split('?').next()?);
    let is_file = path == "/" || (!path.starts_with("/api/") && path.rsplit('/').next()?.contains('.'));
    let (status, media, body) = if method != "GET" {
        ("405 Method Not Allowed", "text/plain".to_owned(), b"Only GET".to_vec())
    } else if is_file || missing == Missing::Page {
        let file = reqwest::get(format!("{server}{}", if is_file { path } else { "/" })).await.ok()?;
        let media = file.headers().get("content-type")?.to_str().ok()?.to_owned();
        let status = if file.status().is_success() { "200 OK" } else { "404 Not Found" };
        (status, media, file.bytes().await.ok()?.to_vec())
    } else {
        ("404 Not Found", "text/plain".to_owned(), b"Not found".to_vec())
    };
    let policy = HEAD.split('"').find(|text| text.starts_with("default-src"))?;
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media}\r\ncontent-length: {}\r\ncontent-security-policy: {policy}\r\n\
         cache-control: no-cache\r\nconnection: close\r\n\r\n",
        body.len()
    );
    browser.write_all(head.as_bytes()).await.ok()?;
    browser.write_all(&body).await.ok()?;
    browser.shutdown().await.ok()
}
