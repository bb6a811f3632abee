//! TLS for https and wss: the platform's library with the certificates the platform trusts.
//!
//! Invariant: the certificates are read once per process, not once per client.

use std::sync::OnceLock;

use native_tls::TlsConnector;

/// The TLS connector shared by all connections.
pub(super) fn connector() -> Result<TlsConnector, String> {
    static SHARED: OnceLock<Result<TlsConnector, String>> = OnceLock::new();
    SHARED.get_or_init(|| TlsConnector::new().map_err(|error| error.to_string())).clone()
}
