//! Operations by their name in the published description: their paths, and a valid body.
//!
//! Invariant: every operation that takes a body has one here; otherwise the tests that need it fail.

use reqwest::Method;
use serde_json::{Value, json};
use system_tests::App;

/// One operation of the description.
#[derive(Clone)]
pub struct Operation {
    /// Its operation id.
    pub id: String,
    /// Its method.
    pub method: Method,
    /// Its path, with the names of its parameters in braces.
    pub template: String,
    /// A body that it accepts.
    pub body: Option<Value>,
}

impl Operation {
    /// Its path, with each parameter replaced by its value.
    pub fn path(&self, value: impl Fn(&str) -> String) -> String {
        let segment = |segment: &str| match segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'))
        {
            Some(name) => value(name),
            None => segment.to_owned(),
        };
        let path = self.template.split('/').map(segment).collect::<Vec<_>>().join("/");
        if self.id == "list_users" { format!("{path}?ids={}", value("user")) } else { path }
    }

    /// Whether its path has a parameter.
    pub fn has_id(&self) -> bool {
        self.template.contains('{')
    }
}

/// All operations.
pub fn all(app: &App) -> Vec<Operation> {
    let operations = app.contract().operations().map(|(method, path, described)| {
        let content = &described["requestBody"]["content"];
        let schema = content["application/json"]["schema"]["$ref"].as_str();
        Operation {
            id: described["operationId"].as_str().expect("an id").to_owned(),
            method,
            template: path.to_owned(),
            body: schema.map(|name| body(name.rsplit('/').next().unwrap())),
        }
    });
    operations.collect()
}

/// A valid body for this schema.
fn body(schema: &str) -> Value {
    match schema {
        "ConfirmPassword" => json!({"password": "correct horse battery"}),
        "BeginProviderLogIn" => json!({}),
        "BeginIdentity" => json!({"password": "correct horse battery"}),
        "CompleteProviderLogIn" | "CompleteIdentity" => {
            json!({"state": "none", "code": "none", "binding": "none"})
        }
        "CreateProviderAccount" => json!({"challenge": "none", "handle": "newcomer"}),
        "ConfirmSecondFactor" => json!({"code": "123456"}),
        "ConfirmBoth" => json!({"password": "correct horse battery", "code": "123456"}),
        "CompleteSession" => json!({"challenge": "none", "code": "123456"}),
        "CreatePasskey" => json!({"ceremony": "none", "credential": new_credential(), "name": "phone"}),
        "UpdatePasskey" => json!({"name": "phone"}),
        "CreatePasskeySession" => json!({"ceremony": "none", "credential": answer()}),
        "BeginPasskeyStep" => json!({"challenge": "none"}),
        "CompletePasskeyStep" => json!({"challenge": "none", "ceremony": "none", "credential": answer()}),
        "CompletePasswordReset" => json!({"token": "none", "password": "correct horse battery"}),
        "RequestPasswordReset" => json!({"handle_or_email": "nobody@example.org"}),
        "ChangeEmail" => json!({"email": "somebody@example.org", "password": "correct horse battery"}),
        "CompleteEmailVerification" => json!({"token": "none"}),
        "UpdateAccount" => json!({"bio": "tea"}),
        "ChangePassword" => json!({"current": "correct horse battery", "new": "correct horse battery"}),
        "UpdatePrivacy" => json!({"presence_to": "friends"}),
        "CreateAccount" => json!({"handle": "newcomer", "password": "correct horse battery"}),
        "SendMessage" | "EditMessage" => json!({"body": "hi"}),
        "MarkRead" => json!({"seq": 1}),
        "CreateFriendRequest" => json!({"to": "nobody"}),
        "CreateToken" => json!({"password": "correct horse battery", "name": "all", "scopes": ["read"]}),
        "CreateBot" => json!({"handle": "newcomer"}),
        "CreateInvite" | "RefreshSession" => json!({}),
        "ReadNotifications" => json!({"up_to": 0}),
        "CreateRoom" => json!({"name": "coffee"}),
        "UpdateRoom" => json!({"topic": "coffee"}),
        "CreateSession" => json!({"handle": "nobody", "password": "correct horse battery"}),
        other => panic!("no body of the kind {other} is known here"),
    }
}

/// What an authenticator might say about a new passkey, for a challenge that nobody issued.
fn new_credential() -> Value {
    let response = json!({"clientDataJSON": "AQID", "attestationObject": "AQID"});
    json!({"id": "AQID", "rawId": "AQID", "type": "public-key", "response": response})
}

/// What an authenticator might answer, to a challenge that nobody issued.
fn answer() -> Value {
    let response = json!({"clientDataJSON": "AQID", "authenticatorData": "AQID", "signature": "AQID"});
    json!({"id": "AQID", "rawId": "AQID", "type": "public-key", "response": response})
}
