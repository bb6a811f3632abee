//! Addresses and metrics behind proxies, as far as headers go. The security tests use real proxies.

use std::net::Ipv4Addr;

use tokio::io::AsyncWriteExt;

use super::super::catalogue::Findings;
use super::super::http::{self, Request};
use super::super::people::log_in;
use super::super::run::Settings;
use super::super::stage::{Stage, socket_address, under};
use super::{block_on, local};
use crate::Backend;
use crate::chaos::nodes::Node;

/// Log-ins per minute and address in this probe.
const PER_MINUTE: usize = 5;

/// The last entry that a trusted proxy writes, in every notation, after a forged address; and whether it counts as the
/// client's address. An entry that cannot be parsed counts as the proxy itself.
const LAST: [(&str, &str); 10] = [
    ("plain", "x-forwarded-for: {forged}, 203.0.113.7\r\n"),
    ("with a port", "x-forwarded-for: {forged}, 203.0.113.7:5001\r\n"),
    ("IPv6", "x-forwarded-for: {forged}, 2001:db8::7\r\n"),
    ("IPv6 with a port", "x-forwarded-for: {forged}, [2001:db8::7]:443\r\n"),
    ("IPv6 in brackets", "x-forwarded-for: {forged}, [2001:db8::7]\r\n"),
    ("unknown", "x-forwarded-for: {forged}, unknown\r\n"),
    ("hidden", "x-forwarded-for: {forged}, _hidden\r\n"),
    ("nothing", "x-forwarded-for: {forged},\r\n"),
    ("two lines", "x-forwarded-for: {forged}\r\nx-forwarded-for: 203.0.113.8\r\n"),
    ("IPv4 inside IPv6", "x-forwarded-for: {forged}, ::ffff:203.0.113.9\r\n"),
];

/// Forged addresses never become the client's address.
pub fn forwarded(backend: Backend, _: Settings) -> Findings {
    let mut findings = Findings::default();
    let limit = PER_MINUTE.to_string();
    let database = local::database(backend);
    let settings = |proxies: &str| {
        let own = [("PARLOUR_AUTH_PER_MINUTE", limit.as_str()), ("PARLOUR_TRUSTED_PROXIES", proxies)];
        Stage::settings(backend, &database, &own)
    };
    let networks = "127.0.0.0/8, ::1/128";
    let by_network = Node::prepare(database.folder.path().join("node"), settings(networks), under());
    let takes_networks = by_network.try_start();
    findings.demand(takes_networks, "networks are not understood as trusted proxies");
    let node = if takes_networks {
        by_network
    } else {
        let node = Node::prepare(database.folder.path().join("node"), settings("127.0.0.1"), under());
        node.restart();
        node
    };
    block_on(async {
        let to = socket_address(&node);
        // Two people behind the proxy count as two.
        for number in 0..PER_MINUTE * 2 {
            let headers = format!("x-forwarded-for: 192.0.2.{}\r\n", 50 + number);
            let handle = format!("somebody{number}");
            let request = Request { headers: &headers, ..log_in(&handle, "wrong password") };
            let answer = http::ask(to, Ipv4Addr::LOCALHOST, &request).await.expect("an answer");
            findings.demand(answer.status == 401, format!("client {number} of several: {}", answer.status));
        }
        for (number, (name, lines)) in LAST.iter().enumerate() {
            let mut accepted = 0;
            for forged in 0..PER_MINUTE * 4 {
                let headers = lines.replace("{forged}", &format!("198.51.{number}.{forged}"));
                let handle = format!("nobody{number}x{forged}");
                let request = Request { headers: &headers, ..log_in(&handle, "wrong password") };
                let answer = http::ask(to, Ipv4Addr::LOCALHOST, &request).await.expect("an answer");
                accepted += usize::from(answer.status != 429);
            }
            findings.value(name, accepted);
            findings.demand(
                accepted <= PER_MINUTE + 1,
                format!("{name}: {accepted} log-ins by forged addresses, {PER_MINUTE} a minute are allowed"),
            );
        }
    });
    findings
}

/// Metrics are for holders of the token, and at most for the machine itself: without and with a public address.
pub fn metrics(backend: Backend, _: Settings) -> Findings {
    let mut findings = Findings::default();
    let public = [("PARLOUR_PUBLIC_URL", "https://chat.example.org")];
    for (what, own) in [("", &[][..]), ("with a public address: ", &public)] {
        let stage = Stage::start(backend, own);
        for told in block_on(metrics_told(&stage)) {
            findings.demand(false, format!("{what}metrics were told with {told}"));
        }
    }
    findings
}

/// Requests that a proxy or a foreign page has made, as their headers show, and that got metrics all the same.
async fn metrics_told(stage: &Stage) -> Vec<String> {
    let mut told = Vec::new();
    for headers in [
        "host: localhost\r\nx-forwarded-for: 203.0.113.7\r\n",
        "host: localhost\r\nforwarded: for=203.0.113.7\r\n",
        "host: localhost\r\nvia: 1.1 proxy\r\n",
        "host: localhost\r\nx-real-ip: 203.0.113.7\r\n",
        "host: localhost\r\nx-forwarded-host: chat.example.org\r\n",
        "host: localhost\r\nx-forwarded-proto: https\r\n",
        "host: chat.example.org\r\n",
        "host: parlour\r\n",
        // An attacker's name that resolves to this machine.
        "host: evil.example:8080\r\n",
    ] {
        let request = format!("GET /metrics HTTP/1.1\r\n{headers}connection: close\r\n\r\n");
        let mut stream = http::connect(stage.address(), Ipv4Addr::LOCALHOST, None).await.expect("connects");
        stream.write_all(request.as_bytes()).await.expect("asks");
        let answer = http::read_answer(&mut stream, &mut Vec::new()).await.expect("an answer");
        if answer.status == 200 {
            told.push(headers.trim_end().replace("\r\n", ", "));
        }
    }
    told
}
