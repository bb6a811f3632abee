//! Starting and stopping: the listener, the threads, and everything that must be ready first.
//!
//! Invariant: nobody is served before the data files are locked and the database is open.

use std::convert::Infallible;
use std::net::{SocketAddr, TcpListener};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{
    IntoServiceFactory, Service, ServiceFactory, ServiceFactoryExt, apply_fn_factory, fn_factory, fn_service,
    map_config,
};
use actix_web::body::BoxBody;
use actix_web::dev::{AppConfig, ServerHandle, ServiceRequest, ServiceResponse};
use actix_web::middleware::from_fn;
use actix_web::rt::net::TcpStream;
use actix_web::web::{self, Data, PathConfig, QueryConfig};
use actix_web::{App as WebApp, Error, HttpRequest};
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::CloseCode;

use crate::app::App;
use crate::budget::connections::Conn;
use crate::budget::gate::Gates;
use crate::client_files::ClientFile;
use crate::clock::Clock;
use crate::config::Config;
use crate::local::{self, DataFiles};
use crate::problems::ApiError;
use crate::{
    client_files, docs, ending, jobs, malformed, methods, metrics_page, middleware, openapi, routes, socket,
};

/// How long an idle HTTP connection is kept.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// How long the rest of an unwanted body is read, so that the client sees the response.
const LINGER: Duration = Duration::from_secs(2);
/// Time limit for closing the database connections at shutdown.
pub(crate) const CLOSE_WITHIN: Duration = Duration::from_secs(3);
/// The kernel disconnects a peer that acknowledges no bytes for this long.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// A running server; dropping it does not stop it.
pub struct Running {
    /// Held while the database is in use, so that a second process on the same file refuses to start.
    _files: Option<DataFiles>,
    address: SocketAddr,
    handle: ServerHandle,
    app: Arc<App>,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// The address it listens on.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The application inside, for tests that read counters.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Stops the server at once.
    pub fn stop(self) {
        self.app.hub.close_all(CloseCode::Draining);
        let handle = self.handle;
        // Not awaited: joining the thread below waits for the same.
        drop(handle.stop(false));
        let _ = self.thread.join();
    }

    /// Serves until the process is told to end, then closes the database.
    pub fn wait(self) -> Result<(), String> {
        let Self { _files: files, handle, app, thread, .. } = self;
        let outcome = thread.join();
        let database = app.database.clone();
        drop((app, handle));
        if !database.close(CLOSE_WITHIN) {
            tracing::warn!("the connections to the database were not closed in time");
        }
        drop(files);
        outcome.map_err(|_| "the server's thread failed".to_owned())?.map_err(|error| error.to_string())
    }
}

/// Starts a server on a thread of its own; returns once it listens. `client` are the files of the browser client, sorted by
/// path.
pub fn start(config: Config, clock: Clock, client: &'static [ClientFile]) -> Result<Running, String> {
    let files = local::prepare(&config)?;
    let (sender, receiver) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("parlour".into())
        .spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                match prepare(config, clock, client).await {
                    Ok((app, server, address)) => {
                        let _ = sender.send(Ok((app.clone(), server.handle(), address)));
                        let ended = server.await;
                        app.markers.flush(&app).await;
                        ended
                    }
                    Err(error) => {
                        let _ = sender.send(Err(error));
                        Ok(())
                    }
                }
            })
        })
        .map_err(|error| error.to_string())?;
    let (app, handle, address) = receiver.recv().map_err(|_| "the server's thread failed".to_owned())??;
    Ok(Running { _files: files, address, handle, app, thread })
}

async fn prepare(
    config: Config,
    clock: Clock,
    client: &'static [ClientFile],
) -> Result<(Arc<App>, actix_web::dev::Server, SocketAddr), String> {
    let workers = config.workers;
    let listener = listen(&config.listen)?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let app = App::open(config, clock).await?;
    app.start();
    jobs::start(&app)?;
    let shared = Data::new(app.clone());
    // Signals are handled in `ending`, which tells the sockets first. Our own connection limits apply instead of the
    // library's.
    let builder = actix_server::Server::build()
        .workers(workers)
        .shutdown_timeout(1)
        .max_concurrent_connections(usize::MAX)
        .disable_signals();
    let shutdown = builder.graceful_shutdown_signal();
    let sockets = app.clone();
    // Does what `HttpServer` does, except that connections that become sockets leave the HTTP dispatcher.
    let server = builder
        .listen("parlour", listener, move || {
            let (shutdown, sockets) = (shutdown.clone(), sockets.clone());
            let gates = Rc::new(Gates::new(sockets.budgets.pulse.clone()));
            let pages = web_app(&shared, &gates, client).into_factory();
            let pages = pages.map_err(|error| error.error_response());
            let http = HttpService::build()
                .graceful_shutdown_signal(move || {
                    let shutdown = shutdown.clone();
                    async move { shutdown.notified().await }
                })
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(Duration::from_secs(10))
                .client_disconnect_timeout(LINGER)
                .local_addr(address)
                .on_connect_ext(|conn: &Conn, data| drop(data.insert(conn.place().clone())))
                .upgrade(fn_service({
                    let sockets = sockets.clone();
                    move |(request, framed)| {
                        let app = sockets.clone();
                        async move {
                            socket::serve_upgraded(app, request, framed).await;
                            Ok::<(), Infallible>(())
                        }
                    }
                }))
                .h1(map_config(pages, move |_| AppConfig::default()));
            let http = fn_factory::<_, (), _, (Conn, Option<SocketAddr>), _, _>(move || {
                let made = http.new_service(());
                async move { made.await.map(Rc::new) }
            });
            // Admission is decided before the dispatcher allocates memory for the connection.
            apply_fn_factory(http, move |stream: TcpStream, dispatcher: &Rc<_>| {
                let (app, gates, dispatcher) = (sockets.clone(), gates.clone(), dispatcher.clone());
                async move {
                    let Ok(peer) = stream.peer_addr() else { return Ok(()) };
                    // Wait for a turn: thousands may arrive at once.
                    let conn = app.admit(&gates, stream, peer.ip()).await;
                    let Some(conn) = conn else { return Ok(()) };
                    let place = conn.place().clone();
                    // On the heap, so that a connection that waits for its turn takes little memory.
                    let served = Box::pin(dispatcher.call((conn, Some(peer))));
                    tokio::select! {
                        done = served => done,
                        () = place.kill().wait() => Ok(()),
                    }
                }
            })
        })
        .map_err(|error| error.to_string())?;
    let server = server.run();
    tokio::spawn(ending::when_told(app.clone(), server.handle()));
    tokio::spawn(app.budgets.door.clone().look_after());
    let metrics = app.hub.metrics().clone();
    tokio::spawn(app.budgets.pulse.clone().watch(move || metrics.frames_queued.load(Ordering::Relaxed)));
    metrics_page::serve(&app)?;
    Ok((app, server, address))
}

/// Everything that is served over HTTP, for one thread.
fn web_app(
    shared: &Data<Arc<App>>,
    gates: &Rc<Gates>,
    client: &'static [ClientFile],
) -> WebApp<
    impl ServiceFactory<
        ServiceRequest,
        Config = (),
        Response = ServiceResponse<BoxBody>,
        Error = Error,
        InitError = (),
    >
    + 'static
    + use<>,
> {
    let web_app = WebApp::new()
        .app_data(shared.clone())
        .app_data(gates.clone())
        .app_data(QueryConfig::default().error_handler(|error, _| malformed::query(&error).into()))
        // A malformed id in a path names nothing, so it is a 404.
        .app_data(PathConfig::default().error_handler(|_, _| ApiError::from(ErrorCode::NotFound).into()));
    routes::configure(web_app)
        .configure(openapi::configure)
        .configure(docs::configure)
        .configure(client_files::configure(client))
        .default_service(web::to(|request: HttpRequest| {
            let known = methods::of(request.path()).is_some();
            let code = if known { ErrorCode::MethodNotAllowed } else { ErrorCode::NotFound };
            std::future::ready(Err::<&str, ApiError>(code.into()))
        }))
        .wrap(from_fn(middleware::guard))
        .wrap(from_fn(methods::complete))
}

fn listen(address: &str) -> Result<TcpListener, String> {
    use std::net::ToSocketAddrs;

    use socket2::{Domain, Protocol, Socket, Type};

    let explain = |error: std::io::Error| {
        format!("cannot listen on {address}: {error}. Set PARLOUR_LISTEN to another address.")
    };
    let resolved = address.to_socket_addrs().map_err(explain)?.next();
    let resolved = resolved.ok_or_else(|| format!("PARLOUR_LISTEN: {address:?} is no address"))?;
    let socket =
        Socket::new(Domain::for_address(resolved), Type::STREAM, Some(Protocol::TCP)).map_err(explain)?;
    socket.set_reuse_address(true).map_err(explain)?;
    // Accepted connections inherit these options.
    socket.set_tcp_nodelay(true).map_err(explain)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED)).map_err(explain)?;
    socket.bind(&resolved.into()).map_err(explain)?;
    socket.listen(4096).map_err(explain)?;
    socket.set_nonblocking(true).map_err(explain)?;
    Ok(socket.into())
}
