//! Tokens that belong to somebody else.

use serde_json::json;

use super::super::catalogue::Findings;
use super::super::http::{self, Request};
use super::super::people::{PASSWORD, address, attacker};
use super::super::run::Settings;
use super::super::stage::Stage;
use super::block_on;
use crate::Backend;

/// The id of somebody's session with a made-up secret must not end the session.
pub fn made_up_refresh(backend: Backend, _: Settings) -> Findings {
    let stage = Stage::start(backend, &[]);
    let mut findings = Findings::default();
    block_on(async {
        let to = stage.address();
        let body = json!({"handle": "alice", "password": PASSWORD, "refresh": "body"});
        let request = Request::new("POST", "/api/v1/accounts").with(body);
        let made = http::ask(to, address(2, 0), &request).await.expect("an answer").json();
        let token = made["refresh_token"].as_str().expect("a refresh token").to_owned();
        let session = token.split('.').next().expect("an id");
        let refresh = async |token: &str, from| {
            let body = json!({"refresh_token": token});
            let request = Request::new("POST", "/api/v1/sessions/refresh").with(body);
            http::ask(to, from, &request).await.expect("an answer").status
        };
        let made_up = format!("{session}.{}", "A".repeat(43));
        findings.demand(refresh(&made_up, attacker()).await == 401, "a made-up token was accepted");
        let own = refresh(&token, address(2, 0)).await;
        findings.value("own", own);
        findings.demand(own == 200, format!("a made-up token ended somebody's session: {own}"));
    });
    findings
}
