//! TLS for https and wss: the platform's library with the certificates that it trusts.
//!
//! Invariant: the certificates are read once in a process, not once for every client.

use std::sync::OnceLock;

use native_tls::TlsConnector;

/// What makes connections safe, the same for all of them.
pub(super) fn connector() -> Result<TlsConnector, String> {
    static SHARED: OnceLock<Result<TlsConnector, String>> = OnceLock::new();
    SHARED.get_or_init(|| TlsConnector::new().map_err(|error| error.to_string())).clone()
}
