//! Makes progenitor write a client from the OpenAPI 3.0 document.

use std::{env, error::Error, fs, path::PathBuf};

use serde_json::Value;

const DOCUMENT: &str = "../openapi-3.0.json";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={DOCUMENT}");
    let mut document: Value = serde_json::from_str(&fs::read_to_string(DOCUMENT)?)?;
    let paths = document.pointer_mut("/paths").and_then(Value::as_object_mut);
    // A node that is not ready responds with a document of its own, and progenitor allows only one type for all
    // refusals.
    paths.ok_or("there are no paths")?.remove("/health/ready").ok_or("there is no readiness")?;
    for name in ["Refused", "Failed"] {
        let content = document.pointer_mut(&format!("/components/responses/{name}/content"));
        let content = content.and_then(Value::as_object_mut).ok_or("there are no refusals")?;
        // Progenitor recognizes JSON only by its plain media type. The client never looks at the type.
        let problem = content.remove("application/problem+json").ok_or("refusals are no problems")?;
        content.insert("application/json".to_owned(), problem);
    }
    let document: openapiv3::OpenAPI = serde_json::from_value(document)?;
    let tokens = progenitor::Generator::default().generate_tokens(&document)?;
    let code = prettyplease::unparse(&syn::parse2(tokens)?);
    fs::write(PathBuf::from(env::var("OUT_DIR")?).join("client.rs"), code)?;
    Ok(())
}
