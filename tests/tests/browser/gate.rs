//! A network cable that can be pulled: forwards bytes to the server until it is cut or goes silent.

use std::net::SocketAddr;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    /// Connections end.
    Cut,
    /// Connections stay open, and nothing passes through them.
    Silent,
}

/// See the module.
pub struct Gate {
    address: SocketAddr,
    state: watch::Sender<State>,
}

impl Gate {
    /// A gate in front of a server.
    pub async fn before(server: &str) -> Self {
        let target = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (state, watched) = watch::channel(State::Open);
        tokio::spawn(async move {
            while let Ok((inside, _)) = listener.accept().await {
                let (target, mut watched) = (target.clone(), watched.clone());
                tokio::spawn(async move {
                    let (there, back) = (watched.clone(), watched.clone());
                    let passing = async {
                        let Ok(outside) = TcpStream::connect(target).await else { return };
                        let (from_browser, to_browser) = inside.into_split();
                        let (from_server, to_server) = outside.into_split();
                        tokio::select! {
                            () = pass(from_browser, to_server, there) => {}
                            () = pass(from_server, to_browser, back) => {}
                        }
                    };
                    tokio::select! {
                        () = passing => {}
                        _ = watched.wait_for(|state| *state == State::Cut) => {}
                    }
                });
            }
        });
        Self { address, state }
    }

    /// The URL for browsers.
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts every connection, existing and new.
    pub fn cut(&self) {
        self.state.send_replace(State::Cut);
    }

    /// Lets nothing through any more, without closing anything.
    pub fn hush(&self) {
        self.state.send_replace(State::Silent);
    }

    /// Lets new connections through.
    pub fn mend(&self) {
        self.state.send_replace(State::Open);
    }
}

/// Forwards bytes as long as the gate is open.
async fn pass(
    mut from: impl AsyncRead + Unpin,
    mut to: impl AsyncWrite + Unpin,
    mut state: watch::Receiver<State>,
) {
    let mut bytes = vec![0; 16 * 1024];
    while let Ok(count @ 1..) = from.read(&mut bytes).await {
        if state.wait_for(|state| *state == State::Open).await.is_err()
            || to.write_all(&bytes[..count]).await.is_err()
        {
            return;
        }
    }
}
