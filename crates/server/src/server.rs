//! Starting and stopping: the listener, the threads, and what must be so before anybody is served.

use std::convert::Infallible;
use std::fs::File;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;
use std::time::Duration;

use actix_http::HttpService;
use actix_service::{IntoServiceFactory, ServiceFactoryExt, fn_service, map_config};
use actix_web::dev::{AppConfig, ServerHandle};
use actix_web::middleware::from_fn;
use actix_web::web::{self, Data, JsonConfig, PathConfig, PayloadConfig, QueryConfig};
use actix_web::{App as WebApp, HttpRequest};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parlour_chat::accounts::Admission;
use parlour_chat::{Outcome, Refusal, accounts, admin};
use parlour_protocol::accounts::CreateAccount;
use parlour_protocol::ids::UserId;
use parlour_protocol::limits;
use parlour_protocol::problems::ErrorCode;
use parlour_protocol::socket::CloseCode;
use parlour_storage::connection::Address;
use utoipa_actix_web::AppExt;
use utoipa_swagger_ui::SwaggerUi;

use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::openapi::Paths;
use crate::problems::ApiError;
use crate::routes::password_resets;
use crate::{client_files, keys, mail, middleware, openapi, random, routes, socket};

/// An idle HTTP connection stays for this long.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// Time for the connections to the database to be closed at the end.
const CLOSE_WITHIN: Duration = Duration::from_secs(3);
/// A peer that takes no bytes for this long is disconnected by the kernel.
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// A server that serves; dropping it does not stop it.
pub struct Running {
    address: SocketAddr,
    handle: ServerHandle,
    app: Arc<App>,
    thread: JoinHandle<std::io::Result<()>>,
}

impl Running {
    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The application inside, for tests that look at counters.
    pub fn app(&self) -> &Arc<App> {
        &self.app
    }

    /// Stops at once.
    pub fn stop(self) {
        self.app.hub.close_all(CloseCode::Draining);
        let handle = self.handle;
        // The answer comes when the server has ended; the thread's end says the same.
        drop(handle.stop(false));
        let _ = self.thread.join();
    }

    /// Serves until the process is told to end.
    pub fn wait(self) -> Result<(), String> {
        let Self { handle, app, thread, .. } = self;
        let outcome = thread.join();
        let database = app.database.clone();
        drop((app, handle));
        if !database.close(CLOSE_WITHIN) {
            tracing::warn!("the connections to the database were not closed in time");
        }
        outcome.map_err(|_| "the server's thread failed".to_owned())?.map_err(|error| error.to_string())
    }
}

/// Starts a server on a thread of its own; answers when it listens.
pub fn start(config: Config, clock: Clock) -> Result<Running, String> {
    let lock = lock_data(&config)?;
    let (sender, receiver) = sync_channel(1);
    let thread = std::thread::Builder::new()
        .name("parlour".into())
        .spawn(move || {
            // Held as long as the server runs: a second process on the same file refuses to start.
            let _lock = lock;
            actix_web::rt::System::new().block_on(async move {
                match prepare(config, clock).await {
                    Ok((app, server, address)) => {
                        let _ = sender.send(Ok((app, server.handle(), address)));
                        server.await
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
    Ok(Running { address, handle, app, thread })
}

/// Makes the data folder and makes sure that no other process uses it.
fn lock_data(config: &Config) -> Result<Option<File>, String> {
    let Address::Sqlite(path) = config.address()? else {
        return Ok(None);
    };
    let folder = std::path::Path::new(&path).parent().filter(|folder| !folder.as_os_str().is_empty());
    if let Some(folder) = folder {
        std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    }
    let lock_path = format!("{path}.lock");
    let file = File::create(&lock_path).map_err(|error| format!("{lock_path}: {error}"))?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(_) => Err(format!(
            "another process uses {path}. SQLite serves one process; stop the other one, or set DATABASE_URL to a \
             PostgreSQL server to run several."
        )),
    }
}

async fn prepare(
    config: Config,
    clock: Clock,
) -> Result<(Arc<App>, actix_web::dev::Server, SocketAddr), String> {
    let workers = config.workers;
    let listener = listen(&config.listen)?;
    let address = listener.local_addr().map_err(|error| error.to_string())?;
    let app = App::open(config, clock).await?;
    app.start();
    mail::start(&app)?;
    let shared = Data::new(app.clone());
    let document = openapi::document();
    let paths = Paths::of(&document);
    let builder = actix_server::Server::build().workers(workers).shutdown_timeout(5);
    let shutdown = builder.graceful_shutdown_signal();
    let sockets = app.clone();
    let factory = move || {
        let problem =
            |code: ErrorCode, detail: String| actix_web::Error::from(ApiError::because(code, detail));
        let (web_app, _) = WebApp::new()
            .app_data(shared.clone())
            .app_data(JsonConfig::default().limit(limits::BODY).error_handler(move |error, _| {
                use actix_web::error::JsonPayloadError;
                let code = match error {
                    JsonPayloadError::OverflowKnownLength { .. } | JsonPayloadError::Overflow { .. } => {
                        ErrorCode::TooLarge
                    }
                    JsonPayloadError::ContentType => ErrorCode::UnsupportedMedia,
                    _ => ErrorCode::Malformed,
                };
                problem(code, error.to_string())
            }))
            .app_data(PayloadConfig::new(limits::AVATAR_UPLOAD + 1024))
            .app_data(
                QueryConfig::default()
                    .error_handler(move |error, _| problem(ErrorCode::Malformed, error.to_string())),
            )
            // An id that is none names nothing.
            .app_data(
                PathConfig::default().error_handler(move |_, _| ApiError::from(ErrorCode::NotFound).into()),
            )
            .into_utoipa_app()
            .configure(routes::configure)
            .split_for_parts();
        web_app
            .service(SwaggerUi::new("/api/docs/{_:.*}").url("/api/openapi.json", document.clone()))
            .service(web::redirect("/api/docs", "/api/docs/"))
            .configure(client_files::configure)
            .default_service(web::to({
                let paths = paths.clone();
                move |request: HttpRequest| {
                    let known = paths.contain(request.path());
                    let code = if known { ErrorCode::MethodNotAllowed } else { ErrorCode::NotFound };
                    std::future::ready(Err::<&str, ApiError>(code.into()))
                }
            }))
            .wrap(from_fn(middleware::guard))
    };
    // What `HttpServer` does, and besides: connections that become sockets leave the HTTP dispatcher.
    let server = builder
        .listen("parlour", listener, move || {
            let (shutdown, sockets) = (shutdown.clone(), sockets.clone());
            let pages = factory().into_factory().map_err(|error| error.error_response());
            HttpService::build()
                .graceful_shutdown_signal(move || {
                    let shutdown = shutdown.clone();
                    async move { shutdown.notified().await }
                })
                .keep_alive(KEEP_ALIVE)
                .client_request_timeout(Duration::from_secs(10))
                .local_addr(address)
                .upgrade(fn_service(move |(request, framed)| {
                    let app = sockets.clone();
                    async move {
                        socket::take_over(app, request, framed).await;
                        Ok::<(), Infallible>(())
                    }
                }))
                .h1(map_config(pages, move |_| AppConfig::default()))
                .tcp()
        })
        .map_err(|error| error.to_string())?;
    let server = server.run();
    let (hub, handle) = (app.hub.clone(), server.handle());
    tokio::spawn(async move {
        if termination().await.is_ok() {
            tracing::info!("ending: connections are asked to go elsewhere");
            hub.close_all(CloseCode::Draining);
            handle.stop(true).await;
        }
    });
    Ok((app, server, address))
}

async fn termination() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    terminate.recv().await;
    Ok(())
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
    // Accepted connections inherit these.
    socket.set_tcp_nodelay(true).map_err(explain)?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(UNACKNOWLEDGED)).map_err(explain)?;
    socket.bind(&resolved.into()).map_err(explain)?;
    socket.listen(4096).map_err(explain)?;
    socket.set_nonblocking(true).map_err(explain)?;
    Ok(socket.into())
}

/// Opens the database for one piece of work, without serving, and closes it again.
fn once(
    config: Config,
    work: impl AsyncFnOnce(Arc<App>) -> Result<String, String>,
) -> Result<String, String> {
    let (outcome, database) = actix_web::rt::System::new().block_on(async move {
        let app = App::open(config, Clock::system(0)).await?;
        let database = app.database.clone();
        Ok::<_, String>((work(app).await, database))
    })?;
    database.close(CLOSE_WITHIN);
    outcome
}

fn say(error: ApiError) -> String {
    error.to_string()
}

/// Makes an administrator: a new account, or an existing one that keeps its password.
pub fn create_superuser(config: Config, handle: &str, password: Option<String>) -> Result<String, String> {
    once(config, async |app| {
        let name = handle.to_owned();
        if app.commit(0, move |conn, now| admin::promote(conn, now, &name)).await.map_err(say)? {
            return Ok(format!("@{handle} is an administrator now."));
        }
        let password = password.ok_or("a new account needs a password")?;
        let request = CreateAccount {
            handle: handle.to_owned(),
            display_name: None,
            password,
            device: None,
            invite: None,
            refresh: parlour_protocol::sessions::RefreshTransport::Body,
        };
        accounts::check_registration(&request).map_err(|refusal| say(refusal.into()))?;
        let hash = app.hash_password(request.password.clone()).await.map_err(say)?;
        let id = UserId(random::id());
        app.commit(0, move |conn, now| -> Result<_, Refusal> {
            accounts::register(conn, now, id, &request, &hash, Admission::Administrator)?;
            Ok(Outcome::quiet(()))
        })
        .await
        .map_err(say)?;
        Ok(format!("@{handle} was registered as an administrator."))
    })
}

/// Changes the signing keys: gently, or at once with the end of every session.
pub fn rotate_keys(config: Config, at_once: bool) -> Result<String, String> {
    once(config, async |app| {
        let fresh = || STANDARD.encode(random::bytes::<32>());
        let (seed, refresh_key) = (fresh(), fresh());
        if at_once {
            let ended = app
                .commit(0, move |conn, now| keys::replace_all(conn, now, &seed, &refresh_key))
                .await
                .map_err(say)?;
            return Ok(format!(
                "Only a new key is valid now, and {ended} sessions have ended. Nodes notice in seconds."
            ));
        }
        app.commit(0, move |conn, now| keys::rotate(conn, now, &seed)).await.map_err(say)?;
        Ok("A new key signs in half a minute; tokens of the one before stay valid until they run out."
            .to_owned())
    })
}

/// Makes a link with which the owner of a handle sets a new password; an hour long, once.
pub fn reset_password(config: Config, handle: &str) -> Result<String, String> {
    let address = config.public_url.clone().unwrap_or_else(|| format!("http://{}", config.listen));
    once(config, async |app| {
        let (token, hash) = password_resets::fresh_token();
        let name = handle.trim_start_matches('@').to_owned();
        app.commit(0, move |conn, now| {
            parlour_chat::password_resets::create_by_handle(conn, now, &name, &hash)
        })
        .await
        .map_err(|error| match error.code() {
            ErrorCode::NotFound => format!("nobody has the handle @{handle}"),
            _ => error.to_string(),
        })?;
        Ok(format!("Good for one new password, for an hour:\n{}", password_resets::link(&address, &token)))
    })
}
