//! Request bodies: received under time and memory limits, and parsed as JSON objects with known fields only.
//!
//! Invariant: memory is reserved before the first byte of a body is read, and a client that does not send it in time
//! is disconnected. serde also accepts a JSON array for a struct, which bypasses `deny_unknown_fields`: handlers take
//! an [`Object`], so that there is one way to write a request.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::web::BytesMut;
use actix_web::{FromRequest, HttpMessage, HttpRequest};
use futures_util::StreamExt;
use futures_util::future::LocalBoxFuture;
use parlour_protocol::limits;
use parlour_protocol::problems::ErrorCode;
use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeOwned, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use tokio::time::{Instant, timeout_at};

use crate::auth::{Shared, bearer, owner};
use crate::budget::memory::Held;
use crate::budget::place::Place;
use crate::budget::{BODIES_OF_ONE, SMALL};
use crate::idempotency;
use crate::malformed;
use crate::problems::ApiError;

/// Time limit for a small body; each [`PACE`] bytes received add a second.
const WITHIN: Duration = Duration::from_secs(10);
/// Minimum rate of a body that takes longer, in bytes per second.
const PACE: usize = 16 * 1024;

/// A request body, parsed from a JSON object.
pub struct Object<T>(pub T);

impl<T> Deref for Object<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Fields<T>(PhantomData<T>);
        impl<'de, T: Deserialize<'de>> Visitor<'de> for Fields<T> {
            type Value = T;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }
        deserializer.deserialize_map(Fields(PhantomData)).map(Self)
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Object<T> {
    type Error = ApiError;
    type Future = LocalBoxFuture<'static, Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let json = request.mime_type().ok().flatten().is_some_and(|kind| {
                kind.subtype() == "json" || kind.suffix().is_some_and(|end| end == "json")
            });
            if !json {
                return Err(ErrorCode::UnsupportedMedia.into());
            }
            let known = bearer(&request).is_ok();
            let most = if known { limits::BODY } else { limits::BODY_OF_STRANGERS };
            let body = receive(&request, payload, most).await?;
            idempotency::note_body(&request, &body.bytes);
            serde_json::from_slice(&body.bytes).map_err(|error| malformed::json(&error))
        })
    }
}

/// A received body. Dropping it releases its reserved memory.
pub struct Received {
    /// The whole body.
    pub bytes: BytesMut,
    _held: Option<Held>,
}

/// Receives a body of at most `most` bytes.
pub async fn receive(request: &HttpRequest, mut payload: Payload, most: usize) -> Result<Received, ApiError> {
    let app = request.app_data::<Shared>().ok_or(ErrorCode::Internal)?;
    let too_large = || ApiError::from(ErrorCode::TooLarge);
    if request.headers().contains_key(header::CONTENT_ENCODING) {
        return Err(ApiError::because(
            ErrorCode::UnsupportedMedia,
            "Send the body as it is, without compression.",
        ));
    }
    let declared = request.headers().get(header::CONTENT_LENGTH);
    let declared = declared.and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if declared.is_some_and(|length| length > most) {
        if let Some(place) = request.conn_data::<Arc<Place>>() {
            place.be_generous();
        }
        return Err(too_large());
    }
    let place = request.conn_data::<Arc<Place>>().ok_or(ErrorCode::Internal)?;
    let expected = declared.unwrap_or(most);
    let held = if expected > SMALL {
        let owner = owner(app, request);
        let held = app.budgets.memory.hold(owner, expected, BODIES_OF_ONE, place.kill());
        Some(held.ok_or_else(|| ApiError::busy(1000))?)
    } else {
        None
    };
    let receiving = place.receive_body();
    let began = Instant::now();
    // Exactly the declared length: growing by doubling would take more memory than was reserved.
    let mut bytes = BytesMut::with_capacity(declared.unwrap_or(0));
    loop {
        let paced = Duration::from_secs((bytes.len() / PACE) as u64);
        let chunk = match timeout_at(began + WITHIN + paced, payload.next()).await {
            Err(_) => return Err(ErrorCode::RequestTimeout.into()),
            Ok(None) => break,
            Ok(Some(Err(error))) => return Err(ApiError::because(ErrorCode::Malformed, error.to_string())),
            Ok(Some(Ok(chunk))) => chunk,
        };
        if bytes.len() + chunk.len() > most {
            return Err(too_large());
        }
        bytes.extend_from_slice(&chunk);
        receiving.took(chunk.len());
    }
    receiving.done();
    Ok(Received { bytes, _held: held })
}
