//! All access to the network: requests over `fetch`, live frames over the socket.

mod access_tokens;
pub(crate) mod calls;
pub(crate) mod http;
pub(crate) mod identities;
pub(crate) mod servers;
pub(crate) mod socket;
mod tokens;
