//! From an HTTP request to a socket. The connection is taken over from actix: an idle socket keeps no buffer of the
//! HTTP dispatcher, and bytes are written once, straight from the outbox.
//!
//! Invariant: every refusal is written before the connection becomes a socket.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use actix_codec::Framed;
use actix_http::ws::{hash_key, verify_handshake};
use actix_http::{Method, Request, RequestHead, h1};
use actix_web::http::header;
use actix_web::rt::net::TcpStream;
use bytes::BytesMut;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::SUBPROTOCOL;
use tokio::io::AsyncWriteExt;

use crate::app::App;
use crate::auth::tokens::Bearer;
use crate::auth::{bearer_of, client_address_of};
use crate::budget::addresses::AddressKey;
use crate::budget::connections::Conn;
use crate::budget::door::Entry;
use crate::middleware::check_size;
use crate::problems::{ApiError, written};

/// Path of the socket endpoint.
pub(super) const PATH: &str = "/api/v1/socket";
/// Time limit for writing the response to a handshake.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);

/// What remains of the HTTP connection after a successful handshake.
pub(super) struct Upgraded {
    pub(super) stream: TcpStream,
    /// Its entry among the unauthenticated connections.
    pub(super) entry: Entry,
    /// What the client has already sent after the handshake.
    pub(super) received: BytesMut,
    pub(super) bearer: Option<Bearer>,
    /// The client's network.
    pub(super) address: AddressKey,
}

/// Checks a handshake and writes the response, together with the first frame. `None` if it was refused or could not
/// be written.
pub(super) async fn accept(
    app: &Arc<App>,
    request: Request,
    framed: Framed<Conn, h1::Codec>,
    first_frame: &[u8],
) -> Option<Upgraded> {
    let parts = framed.into_parts();
    let ((mut stream, entry), received) = (parts.io.into_parts(), parts.read_buf);
    let peer = stream.peer_addr().ok().map(|peer| peer.ip());
    let (admitted, answer) = match admit(app, request.head(), peer).await {
        Ok(bearer) => (Some(bearer), [switching(request.head()).as_bytes(), first_frame].concat()),
        Err(error) => (None, written(&error, app.config.is_secure())),
    };
    let written = tokio::time::timeout(ANSWER_WITHIN, stream.write_all(&answer)).await;
    let (bearer, address) = admitted.filter(|_| matches!(written, Ok(Ok(()))))?;
    Some(Upgraded { stream, entry, received, bearer, address })
}

async fn admit(
    app: &Arc<App>,
    head: &RequestHead,
    peer: Option<IpAddr>,
) -> Result<(Option<Bearer>, AddressKey), ApiError> {
    if head.uri.path() != PATH || head.method != Method::GET {
        return Err(ErrorCode::NotFound.into());
    }
    check_size(head)?;
    if app.draining.load(Ordering::Acquire) {
        return Err(ApiError::busy(1000));
    }
    let headers = head.headers();
    let offered = headers
        .get_all(header::SEC_WEBSOCKET_PROTOCOL)
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|protocol| protocol.trim() == SUBPROTOCOL);
    if !offered {
        return Err(ApiError::because(ErrorCode::Malformed, format!("Offer the subprotocol {SUBPROTOCOL}.")));
    }
    verify_handshake(head).map_err(|error| ApiError::because(ErrorCode::Malformed, error.to_string()))?;
    let shed = |wait: u64| ApiError::busy(wait.max(1000));
    let network = AddressKey::of(client_address_of(app, peer, headers));
    let budgets = &app.budgets;
    let Some(token) = bearer_of(headers) else {
        // The network's own limit first, so that a refusal there takes nothing from the shared limit.
        budgets.handshakes_of_network.take(network).map_err(shed)?;
        budgets.handshakes.take(()).map_err(shed)?;
        return Ok((None, network));
    };
    // Authenticated clients do not queue behind strangers; a failed authentication counts as a stranger's.
    let bearer = app.authenticate(token, network).await.inspect_err(|_| {
        let _ = budgets.handshakes_of_network.take(network);
    })?;
    budgets.handshakes_of_person.take(bearer.user).map_err(shed)?;
    Ok((Some(bearer), network))
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
