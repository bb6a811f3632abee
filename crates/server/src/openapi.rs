//! The documents that describe the API and the socket, made from the types and handlers that serve them.

use actix_web::App;
use parlour_protocol::problems::{ErrorCode, Problem};
use parlour_protocol::socket::{ClientFrame, ServerFrame};
use serde_json::{Value, json};
use utoipa::openapi::path::Operation;
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{ContentBuilder, OpenApi, Ref, RefOr, ResponseBuilder};
use utoipa::{OpenApi as _, ToSchema};
use utoipa_actix_web::AppExt;

use crate::routes;

/// Operations that need no access token.
const PUBLIC: [&str; 21] = [
    "show_server",
    "create_account",
    "create_session",
    "begin_provider_log_in",
    "complete_provider_log_in",
    "create_provider_account",
    "complete_session",
    "begin_passkey_session",
    "create_passkey_session",
    "begin_passkey_step",
    "complete_passkey_step",
    "refresh_session",
    "show_avatar",
    "use_password_reset",
    "request_password_reset",
    "use_email_verification",
    "show_liveness",
    "show_readiness",
    "show_metrics",
    "show_keys",
    "open_socket",
];

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Parlour",
        description = "Real-time chat: accounts, public rooms, friends, private chats between friends.\n\n\
            Ids are strings, times are RFC 3339 in UTC, pages carry `next` where there is more. Errors are \
            `application/problem+json` with a stable `code`; unknown fields in requests are refused.",
        license(name = "MIT", identifier = "MIT")
    ),
    components(schemas(Problem, ErrorCode))
)]
struct Base;

/// The OpenAPI document.
pub fn document() -> OpenApi {
    let (_, collected) = App::new().into_utoipa_app().configure(routes::configure).split_for_parts();
    let mut document = Base::openapi();
    document.merge(collected);
    let bearer =
        SecurityScheme::Http(Http::builder().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build());
    document.components.get_or_insert_default().add_security_scheme("bearer", bearer);
    for item in document.paths.paths.values_mut() {
        let operations = [&mut item.get, &mut item.put, &mut item.post, &mut item.delete, &mut item.patch];
        operations.into_iter().filter_map(Option::as_mut).for_each(complete);
    }
    document
}

/// Adds what all operations have in common.
fn complete(operation: &mut Operation) {
    let id = operation.operation_id.clone().unwrap_or_default();
    if !PUBLIC.contains(&id.as_str()) {
        operation.security = Some(vec![SecurityRequirement::new::<_, [String; 0], String>("bearer", [])]);
    }
    let problem = ResponseBuilder::new()
        .description("A problem; `code` says which")
        .content(
            "application/problem+json",
            ContentBuilder::new().schema(Some(Ref::from_schema_name("Problem"))).build(),
        )
        .build();
    for (status, response) in &mut operation.responses.responses {
        if let RefOr::T(response) = response
            && response.description.is_empty()
        {
            // The specification demands one.
            let said = match status.as_str() {
                "201" => "Made",
                "204" => "Done",
                "503" => "Not ready",
                _ => "The answer",
            };
            said.clone_into(&mut response.description);
        }
    }
    operation.responses.responses.insert("default".to_owned(), problem.into());
}

/// The paths of the API, to tell a wrong method from a wrong address.
#[derive(Debug, Clone)]
pub struct Paths(Vec<Vec<Option<String>>>);

impl Paths {
    /// The paths of a document.
    pub fn of(document: &OpenApi) -> Self {
        let fixed = |segment: &str| (!segment.starts_with('{')).then(|| segment.to_owned());
        Self(document.paths.paths.keys().map(|path| path.split('/').map(fixed).collect()).collect())
    }

    /// Whether some operation has this path, whatever its method.
    pub fn contain(&self, path: &str) -> bool {
        self.0.iter().any(|template| {
            let mut segments = path.split('/');
            let fits = |wanted: &Option<String>| {
                segments.next().is_some_and(|given| match wanted {
                    Some(fixed) => fixed == given,
                    None => !given.is_empty(),
                })
            };
            template.iter().all(fits) && segments.next().is_none()
        })
    }
}

#[derive(utoipa::OpenApi)]
#[openapi(components(schemas(ClientFrame, ServerFrame)))]
struct Frames;

/// The JSON Schema of the socket's frames.
pub fn socket_schema() -> Value {
    let document = serde_json::to_value(Frames::openapi()).unwrap_or_default();
    let mut definitions = document.pointer("/components/schemas").cloned().unwrap_or_default();
    rewrite_references(&mut definitions);
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "parlour.v1",
        "description": "Frames of the socket at /api/v1/socket: JSON text messages. A server message may hold several frames, one a line.",
        "oneOf": [
            { "title": "from the client", "$ref": format!("#/$defs/{}", ClientFrame::name()) },
            { "title": "from the server", "$ref": format!("#/$defs/{}", ServerFrame::name()) },
        ],
        "$defs": definitions,
    })
}

fn rewrite_references(value: &mut Value) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                match value {
                    Value::String(text) if key == "$ref" => {
                        *text = text.replace("#/components/schemas/", "#/$defs/");
                    }
                    _ => rewrite_references(value),
                }
            }
        }
        Value::Array(list) => list.iter_mut().for_each(rewrite_references),
        _ => {}
    }
}
