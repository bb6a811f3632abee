//! From an HTTP request to a socket. The connection is taken over from actix: an idle socket keeps no buffer of the
//! HTTP dispatcher, and what is written is written once, straight from the outbox.

use std::sync::Arc;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::ws::{hash_key, verify_handshake};
use actix_http::{Method, Request, RequestHead, h1};
use actix_web::http::StatusCode;
use actix_web::http::header;
use actix_web::rt::net::TcpStream;
use bytes::BytesMut;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::SUBPROTOCOL;
use tokio::io::AsyncWriteExt;

use crate::app::App;
use crate::auth::{bearer_of, check_origin_of};
use crate::middleware::{check_size, written_headers};
use crate::problems::ApiError;
use crate::random;
use crate::tokens::Bearer;

/// Where sockets are opened.
pub(super) const PATH: &str = "/api/v1/socket";
/// Time for the answer to a handshake to leave.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What is left of the HTTP connection.
pub(super) struct Upgraded {
    pub(super) stream: TcpStream,
    /// What the client has sent already after the handshake.
    pub(super) received: BytesMut,
    pub(super) bearer: Option<Bearer>,
}

/// Checks a handshake and answers it, together with the first frame. `None` when it was refused.
pub(super) async fn accept(
    app: &Arc<App>,
    request: Request,
    framed: Framed<TcpStream, h1::Codec>,
    first_frame: &[u8],
) -> Option<Upgraded> {
    let parts = framed.into_parts();
    let (mut stream, received) = (parts.io, parts.read_buf);
    let (admitted, answer) = match admit(app, request.head()) {
        Ok(bearer) => (Some(bearer), [switching(request.head()).as_bytes(), first_frame].concat()),
        Err(error) => (None, refusal(&error, app.config.is_secure()).into_bytes()),
    };
    let written = tokio::time::timeout(ANSWER_WITHIN, stream.write_all(&answer)).await;
    let bearer = admitted.filter(|_| matches!(written, Ok(Ok(()))))?;
    Some(Upgraded { stream, received, bearer })
}

fn admit(app: &App, head: &RequestHead) -> Result<Option<Bearer>, ApiError> {
    if head.uri.path() != PATH || head.method != Method::GET {
        return Err(ErrorCode::NotFound.into());
    }
    check_size(head)?;
    let headers = head.headers();
    check_origin_of(app, headers)?;
    let offered = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim() == SUBPROTOCOL);
    if !offered {
        return Err(ApiError::because(ErrorCode::Malformed, format!("Offer the subprotocol {SUBPROTOCOL}.")));
    }
    verify_handshake(head).map_err(|error| ApiError::because(ErrorCode::Malformed, error.to_string()))?;
    app.connect_rate
        .take(())
        .map_err(|wait| ApiError::retry_after(ErrorCode::Unavailable, wait.max(1000)))?;
    Ok(match bearer_of(headers) {
        Some(token) => Some(app.authenticate(token)?),
        None => None,
    })
}

fn switching(head: &RequestHead) -> String {
    let key =
        head.headers().get(header::SEC_WEBSOCKET_KEY).map(|key| hash_key(key.as_bytes())).unwrap_or([0; 28]);
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
         sec-websocket-accept: {}\r\nsec-websocket-protocol: {SUBPROTOCOL}\r\n\r\n",
        String::from_utf8_lossy(&key)
    )
}

fn refusal(error: &ApiError, secure: bool) -> String {
    let mut problem = (*error.problem).clone();
    problem.request_id = format!("{:016x}", u64::from_be_bytes(random::bytes()));
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let retry = problem.retry_after_ms.map(|millis| format!("retry-after: {}\r\n", millis.div_ceil(1000)));
    let body = serde_json::to_string(&problem).unwrap_or_default();
    format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/problem+json\r\ncontent-length: {}\r\nx-request-id: {}\r\n\
         cache-control: no-store\r\n{}{}connection: close\r\n\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or_default(),
        body.len(),
        problem.request_id,
        written_headers(secure),
        retry.unwrap_or_default(),
    )
}
