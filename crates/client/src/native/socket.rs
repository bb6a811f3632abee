//! One WebSocket, frame by frame. Several documents in one WebSocket frame are returned one at a time.

use std::collections::VecDeque;
use std::time::Duration;

use futures_util::{SinkExt, StreamExt};
use parlour_protocol::socket::{ClientFrame, Hello, SUBPROTOCOL, ServerFrame};
use reqwest::Url;
use tokio::net::TcpStream;
#[cfg(not(feature = "tls"))]
use tokio_tungstenite::connect_async_with_config;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};
#[cfg(feature = "tls")]
use tokio_tungstenite::{Connector, connect_async_tls_with_config};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};

/// A page of 200 events with the longest messages, fully escaped, is smaller than this.
const LARGEST_FRAME: usize = 8 * 1024 * 1024;
/// Connect timeout.
const CONNECT: Duration = Duration::from_secs(10);

/// Why connecting failed or the connection ended.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// The upgrade was answered with an ordinary HTTP status.
    #[error("the server answered the upgrade with status {status}")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Earliest time to retry, in milliseconds from now, if the server gave one.
        retry_after_ms: Option<u64>,
    },
    /// The connection was lost or could not be established.
    #[error("the connection failed: {0}")]
    Transport(String),
    /// The server sent something that this library does not understand.
    #[error("the server sent something unexpected: {0}")]
    Unexpected(String),
}

impl From<Error> for SocketError {
    fn from(error: Error) -> Self {
        match error {
            Error::Http(response) => Self::Refused {
                status: response.status().as_u16(),
                retry_after_ms: retry_after(response.headers().get(header::RETRY_AFTER)),
            },
            other => Self::Transport(other.to_string()),
        }
    }
}

/// Parses a `Retry-After` in seconds and returns milliseconds.
fn retry_after(value: Option<&HeaderValue>) -> Option<u64> {
    value?.to_str().ok()?.trim().parse::<u64>().ok()?.checked_mul(1000)
}

/// Something received from the server.
#[derive(Debug, Clone, PartialEq)]
pub enum Received {
    /// A frame.
    Frame(ServerFrame),
    /// The server closed with this code; 1005 if it gave none.
    Closed(u16),
}

/// An open socket that speaks `parlour.v1`.
pub struct Socket {
    stream: WebSocketStream<MaybeTlsStream<TcpStream>>,
    waiting: VecDeque<String>,
    closed: Option<(u16, String)>,
}

impl Socket {
    /// Connects to the server at an address such as `http://127.0.0.1:8080`. The first frame from the server is its
    /// `hello`; the first command must be `start`.
    pub async fn connect(base: &Url) -> Result<Self, SocketError> {
        let mut url = base.clone();
        let scheme = if base.scheme() == "https" { "wss" } else { "ws" };
        if url.set_scheme(scheme).is_err() {
            return Err(SocketError::Transport(format!("{base} is no address of a server")));
        }
        url.set_path("/api/v1/socket");
        let mut request = url.as_str().into_client_request()?;
        request.headers_mut().insert(header::SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(SUBPROTOCOL));
        let config = WebSocketConfig::default()
            .max_message_size(Some(LARGEST_FRAME))
            .max_frame_size(Some(LARGEST_FRAME));
        #[cfg(feature = "tls")]
        let connecting = {
            let tls = super::tls::connector().map_err(SocketError::Transport)?;
            connect_async_tls_with_config(request, Some(config), true, Some(Connector::NativeTls(tls)))
        };
        #[cfg(not(feature = "tls"))]
        let connecting = connect_async_with_config(request, Some(config), true);
        let (stream, _) = tokio::time::timeout(CONNECT, connecting)
            .await
            .map_err(|_| SocketError::Transport("nobody answered in time".into()))??;
        Ok(Self { stream, waiting: VecDeque::new(), closed: None })
    }

    /// Sends a command.
    pub async fn send(&mut self, frame: &ClientFrame) -> Result<(), SocketError> {
        let text =
            serde_json::to_string(frame).map_err(|error| SocketError::Unexpected(error.to_string()))?;
        self.send_raw(Message::text(text)).await
    }

    /// Sends an arbitrary WebSocket message, to test how a server handles invalid input.
    pub async fn send_raw(&mut self, message: Message) -> Result<(), SocketError> {
        Ok(self.stream.send(message).await?)
    }

    /// The next frame from the server. Safe to cancel.
    pub async fn next(&mut self) -> Result<Received, SocketError> {
        match self.next_text().await? {
            Ok(text) => serde_json::from_str(&text)
                .map(Received::Frame)
                .map_err(|error| SocketError::Unexpected(format!("{error} in {text}"))),
            Err(code) => Ok(Received::Closed(code)),
        }
    }

    /// The next document from the server as raw text, or its close code. Safe to cancel.
    pub async fn next_text(&mut self) -> Result<Result<String, u16>, SocketError> {
        loop {
            if let Some(text) = self.waiting.pop_front() {
                return Ok(Ok(text));
            }
            if let Some((code, _)) = self.closed {
                return Ok(Err(code));
            }
            match self.stream.next().await {
                None => {
                    return Err(SocketError::Transport(
                        "the connection ended without a closing frame".into(),
                    ));
                }
                Some(message) => match message? {
                    Message::Text(text) => {
                        self.waiting
                            .extend(text.split('\n').filter(|part| !part.is_empty()).map(str::to_owned));
                    }
                    Message::Close(frame) => {
                        let closed = frame.map(|frame| (frame.code.into(), frame.reason.to_string()));
                        self.closed = Some(closed.unwrap_or((1005, String::new())));
                    }
                    Message::Binary(_) => return Err(SocketError::Unexpected("a binary frame".into())),
                    Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => {}
                },
            }
        }
    }

    /// The server's reason for closing, in words; empty while the socket is open or if it gave none.
    pub fn close_reason(&self) -> &str {
        self.closed.as_ref().map_or("", |(_, reason)| reason)
    }

    /// The server's `hello`, which must be its first frame.
    pub async fn hello(&mut self) -> Result<Hello, SocketError> {
        match self.next().await? {
            Received::Frame(ServerFrame::Hello(hello)) => Ok(hello),
            other => Err(SocketError::Unexpected(format!("{other:?} instead of hello"))),
        }
    }

    /// Closes with a closing handshake.
    pub async fn close(mut self) {
        // Whether the server still receives it does not matter.
        let _ = self.stream.close(None).await;
    }
}
