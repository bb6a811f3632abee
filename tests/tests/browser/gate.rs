//! A network cable that can be pulled: passes bytes on to the server until it is cut.

use std::net::SocketAddr;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// See the module.
pub struct Gate {
    address: SocketAddr,
    open: watch::Sender<bool>,
}

impl Gate {
    /// A gate before a server at this address.
    pub async fn before(server: &str) -> Self {
        let target = server.trim_start_matches("http://").to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (open, state) = watch::channel(true);
        tokio::spawn(async move {
            while let Ok((mut inside, _)) = listener.accept().await {
                let (target, mut state) = (target.clone(), state.clone());
                tokio::spawn(async move {
                    let passing = async {
                        let mut outside = TcpStream::connect(target).await?;
                        copy_bidirectional(&mut inside, &mut outside).await
                    };
                    tokio::select! {
                        _ = passing => {}
                        _ = state.wait_for(|open| !open) => {}
                    }
                });
            }
        });
        Self { address, open }
    }

    /// The address that browsers are given.
    pub fn address(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Cuts every connection, and every new one.
    pub fn cut(&self) {
        self.open.send_replace(false);
    }

    /// Lets new connections through.
    pub fn mend(&self) {
        self.open.send_replace(true);
    }
}
