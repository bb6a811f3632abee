//! Real proxies in front of the server: nginx, HAProxy and Caddy, each as commonly configured, and with a minimal
//! configuration.
//!
//! Invariant: what a client claims about its address never counts; what the trusted proxy writes does. Each proxy is a
//! process of the test's own on a free port, with its files in a folder of the test's own.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use parlour_protocol::socket::Start;
use parlour_server::Config;
use system_tests::attack::http::{Request, ask};
use system_tests::attack::people::log_in;
use system_tests::chaos::nodes::free_port;
use system_tests::{App, DEADLINE, TestSocket, on_all_backends};
use tempfile::TempDir;

on_all_backends!(
    forged_addresses_behind_nginx with super::behind_a_proxy,
    forged_addresses_behind_nginx_with_ports with super::behind_a_proxy,
    forged_addresses_behind_haproxy with super::behind_a_proxy,
    forged_addresses_behind_caddy with super::behind_a_proxy,
    sockets_through_every_proxy with super::behind_a_proxy,
    metrics_through_every_proxy,
    metrics_through_every_trusted_proxy with super::behind_a_proxy,
);

/// Log-ins per minute and address.
const PER_MINUTE: u32 = 6;

/// The proxies connect from this address alone; clients use others of the same network.
fn behind_a_proxy(config: &mut Config) {
    let read = |proxies: &str| {
        let proxies = proxies.to_owned();
        Config::from_sources("", move |name| (name == "PARLOUR_TRUSTED_PROXIES").then(|| proxies.clone()))
    };
    config.trusted_proxies = read("127.0.0.1/32").or_else(|_| read("127.0.0.1")).unwrap().trusted_proxies;
    config.auth_per_minute = PER_MINUTE;
}

/// Which proxy, and how it is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// nginx with the usual line for `X-Forwarded-For`.
    Nginx,
    /// nginx that appends the port to the address, as some others do.
    NginxWithPorts,
    /// nginx with `proxy_pass` and nothing else.
    BareNginx,
    /// HAProxy with `option forwardfor`, which adds a line of its own.
    Haproxy,
    /// HAProxy with nothing but a server.
    BareHaproxy,
    /// Caddy with `reverse_proxy`, which needs nothing else.
    Caddy,
}

/// A proxy in front of the first node.
struct Proxy {
    address: SocketAddr,
    process: Child,
    folder: TempDir,
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _gone_already = self.process.kill();
        let _gone_already = self.process.wait();
    }
}

/// The path of a program that `cargo xtask test` has found or installed. If it is missing, says so where it cannot be
/// missed.
fn program(name: &str) -> Option<PathBuf> {
    let found = std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    if found.is_none() {
        let on_ci = std::env::var_os("CI").is_some_and(|value| value == "true");
        assert!(!on_ci, "{name} is not set, and CI has every proxy");
        let test = std::thread::current().name().unwrap_or("a test").to_owned();
        let line = format!("SKIPPED {test}: {name} is not set (`cargo xtask test security` sets it)\n");
        std::io::Write::write_all(&mut std::io::stderr(), line.as_bytes()).unwrap();
    }
    found
}

impl Proxy {
    fn start(app: &App, kind: Kind) -> Option<Self> {
        let server = app.address(0).trim_start_matches("http://").to_owned();
        let folder = tempfile::Builder::new().prefix("parlour-test-proxy-").tempdir().unwrap();
        let port = free_port();
        let file = folder.path().join("config");
        let here = folder.path().display().to_string();
        let (name, text, arguments): (&str, String, Vec<String>) = match kind {
            Kind::Nginx | Kind::NginxWithPorts | Kind::BareNginx => {
                let forwarded = match kind {
                    Kind::Nginx => "proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;",
                    Kind::NginxWithPorts => {
                        "proxy_set_header X-Forwarded-For \"$http_x_forwarded_for, $remote_addr:$remote_port\";"
                    }
                    _ => "",
                };
                let upgrades = "proxy_http_version 1.1; proxy_set_header Upgrade $http_upgrade; \
                    proxy_set_header Connection $connection_upgrade;";
                let text = format!(
                    "daemon off; master_process off; pid {here}/pid; error_log {here}/error.log;\n\
                     events {{ }}\n\
                     http {{\n\
                     access_log off; client_body_temp_path {here}/body; proxy_temp_path {here}/proxy;\n\
                     fastcgi_temp_path {here}/f; uwsgi_temp_path {here}/u; scgi_temp_path {here}/s;\n\
                     map $http_upgrade $connection_upgrade {{ default upgrade; '' close; }}\n\
                     server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://{server}; {upgrades} {forwarded} }} }}\n\
                     }}\n"
                );
                let error_log = format!("{here}/error.log");
                ("TEST_NGINX", text, vec!["-e".into(), error_log, "-p".into(), here, "-c".into()])
            }
            Kind::Haproxy | Kind::BareHaproxy => {
                let forwarded = if kind == Kind::Haproxy { "option forwardfor" } else { "" };
                let text = format!(
                    "defaults\n mode http\n timeout connect 5s\n timeout client 30s\n timeout server 30s\n {forwarded}\n\
                     frontend all\n bind 127.0.0.1:{port}\n default_backend parlour\n\
                     backend parlour\n server one {server}\n"
                );
                ("TEST_HAPROXY", text, vec!["-db".into(), "-f".into()])
            }
            Kind::Caddy => {
                let text = format!(
                    "{{\n admin off\n auto_https off\n}}\n\
                     :{port} {{\n bind 127.0.0.1\n reverse_proxy {server}\n}}\n"
                );
                ("TEST_CADDY", text, ["run", "--adapter", "caddyfile", "--config"].map(str::to_owned).into())
            }
        };
        let program = program(name)?;
        std::fs::write(&file, text).unwrap();
        let log = std::fs::File::create(folder.path().join("log")).unwrap();
        let mut command = Command::new(program);
        command.args(arguments).arg(&file).current_dir(folder.path());
        command
            .env("HOME", folder.path())
            .env("XDG_DATA_HOME", folder.path())
            .env("XDG_CONFIG_HOME", folder.path());
        if let Some(libraries) = std::env::var_os("TEST_PROXY_LIBRARIES") {
            command.env("LD_LIBRARY_PATH", libraries);
        }
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let process = command.spawn().unwrap();
        let mut proxy = Self { address: SocketAddr::from(([127, 0, 0, 1], port)), process, folder };
        let deadline = Instant::now() + DEADLINE;
        while TcpStream::connect(proxy.address).is_err() {
            let ended = proxy.process.try_wait().unwrap();
            assert!(
                ended.is_none() && Instant::now() < deadline,
                "{kind:?} does not start: {}",
                proxy.said()
            );
            std::thread::sleep(Duration::from_millis(20));
        }
        Some(proxy)
    }

    fn said(&self) -> String {
        let read = |name: &str| std::fs::read_to_string(self.folder.path().join(name)).unwrap_or_default();
        read("log") + &read("error.log")
    }
}

/// Tries to log in from an address, with a different forged address each time; returns how many attempts were looked
/// at.
async fn looked_at(proxy: &Proxy, from: Ipv4Addr, forged: &str) -> usize {
    let mut count = 0;
    for number in 0..3 * PER_MINUTE {
        let headers = format!("x-forwarded-for: {}\r\n", forged.replace('#', &number.to_string()));
        let handle = format!("nobody{number}x{}", from.octets()[3]);
        let request = Request { headers: &headers, ..log_in(&handle, "a wrong password") };
        let answer = ask(proxy.address, from, &request).await.unwrap();
        assert!([401, 429].contains(&answer.status), "{} {}: {}", answer.status, answer.text(), proxy.said());
        count += usize::from(answer.status == 401);
    }
    count
}

/// Forging changes nothing; two clients are counted separately; and a third one is still served.
async fn forged(app: App, kind: Kind) {
    let Some(proxy) = Proxy::start(&app, kind) else { return };
    let allowed = 1..=PER_MINUTE as usize;
    let one = looked_at(&proxy, Ipv4Addr::new(127, 0, 0, 2), "203.0.113.#").await;
    assert!(allowed.contains(&one), "{kind:?}: forged addresses count for the one who wrote them: {one}");
    // Every way to confuse a parser that reads from the left, or skips what it cannot parse.
    let other =
        looked_at(&proxy, Ipv4Addr::new(127, 0, 0, 3), "198.51.100.#, unknown, 127.0.0.1, [2001:db8::#]:1")
            .await;
    assert!(
        allowed.contains(&other),
        "{kind:?}: another client is another one, and no more than one: {other}"
    );
    // As if the client had come from a trusted proxy.
    let trusted = looked_at(&proxy, Ipv4Addr::new(127, 0, 0, 4), "192.0.2.#, 127.0.0.1").await;
    assert!(allowed.contains(&trusted), "{kind:?}: a client that names a trusted proxy is none: {trusted}");
}

async fn forged_addresses_behind_nginx(app: App) {
    forged(app, Kind::Nginx).await;
}

async fn forged_addresses_behind_nginx_with_ports(app: App) {
    forged(app, Kind::NginxWithPorts).await;
}

async fn forged_addresses_behind_haproxy(app: App) {
    forged(app, Kind::Haproxy).await;
}

async fn forged_addresses_behind_caddy(app: App) {
    forged(app, Kind::Caddy).await;
}

/// A socket is upgraded, and messages in a room come through.
async fn sockets_through_every_proxy(app: App) {
    let ada = app.person("ada").await.at_node(0);
    let room = ada.create_room("tea").await;
    for kind in [Kind::Nginx, Kind::Haproxy, Kind::Caddy] {
        let Some(proxy) = Proxy::start(&app, kind) else { continue };
        let mut socket = TestSocket::connect(&format!("http://{}", proxy.address)).await;
        socket.start(Start { live: vec![room], ..ada.start() }).await.expect("starts");
        let seq = ada.send(room, "through a proxy").await;
        socket.expect_event(room, seq).await;
        socket.send(room, &format!("client-id-{}", proxy.address.port()), "and back").await.expect("sends");
    }
}

async fn metrics_behind(app: &App) {
    for kind in
        [Kind::Nginx, Kind::NginxWithPorts, Kind::BareNginx, Kind::Haproxy, Kind::BareHaproxy, Kind::Caddy]
    {
        let Some(proxy) = Proxy::start(app, kind) else { continue };
        for from in [Ipv4Addr::new(127, 0, 0, 2), Ipv4Addr::LOCALHOST] {
            let answer = ask(proxy.address, from, &Request::new("GET", "/metrics")).await.unwrap();
            assert_eq!(answer.status, 404, "{kind:?} from {from}: {}", answer.text());
        }
    }
}

/// A client behind a proxy does not count as the machine itself, even if the proxy adds no header.
async fn metrics_through_every_proxy(app: App) {
    metrics_behind(&app).await;
}

async fn metrics_through_every_trusted_proxy(app: App) {
    metrics_behind(&app).await;
}
