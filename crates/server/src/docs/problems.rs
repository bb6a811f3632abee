//! The catalogue of problem codes, which the `type` of every problem document links to.
//!
//! Invariant: the fragment of a code's section is the code itself.

use std::fmt::Write;
use std::sync::LazyLock;

use actix_web::web;
use parlour_protocol::close_codes::CloseCode;
use parlour_protocol::problems::ErrorCode;

use crate::answers;

const HEAD: &str = "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<title>Problem codes · Parlour</title>
<style>
:root { color-scheme: light dark; --line: #d9d9e0; --soft: #5d5d6b; --mark: #eeeef6; --back: #fff; --text: #1d1d22;
    --link: #4338ca; }
@media (prefers-color-scheme: dark) {
    :root { --line: #3a3a44; --soft: #a9a9b8; --mark: #2a2a36; --back: #17171c; --text: #ececf1; --link: #a5b4fc; }
}
body { font: 16px/1.55 system-ui, sans-serif; max-width: 46rem; margin: 0 auto; padding: 1.5rem 1rem 4rem;
    background: var(--back); color: var(--text); overflow-wrap: anywhere; }
h1 { font-size: 1.6rem; margin: 0 0 .25rem; }
h2 { font-size: 1.15rem; margin: 2.5rem 0 .5rem; }
p { margin: .25rem 0; }
a { color: var(--link); }
section { border-top: 1px solid var(--line); padding: .9rem .75rem; scroll-margin-top: 1rem; }
section:target { background: var(--mark); border-radius: .5rem; }
h3 { font-size: 1rem; margin: 0; display: flex; flex-wrap: wrap; gap: .25rem .75rem; align-items: baseline; }
h3 span { font-weight: 400; color: var(--soft); }
code { font: .95em ui-monospace, monospace; }
</style>
</head>
<body>
<main>
<h1>Problem codes</h1>
<p>Every refusal carries one of these codes: over REST in a problem document (<code>application/problem+json</code>), over
the socket in an <code>error</code> frame. Codes are stable, and new ones may be added.
<a href=\"/api/docs/\">All operations</a></p>
";

static PAGE: LazyLock<String> = LazyLock::new(|| {
    let mut page = HEAD.to_owned();
    for code in ErrorCode::ALL {
        let (status, meaning, title) = (code.status(), marked(code.meaning()), escaped(code.title()));
        let _ = writeln!(
            page,
            "<section id=\"{code}\">\n<h3><code>{code}</code> <span>{status}</span></h3>\n<p>{meaning}</p>\n\
             <p>Shown to people: “{title}”</p>\n</section>"
        );
    }
    page.push_str("<h2 id=\"close-codes\">Close codes of the socket</h2>\n");
    for code in CloseCode::ALL {
        let (number, reason) = (code.code(), escaped(code.reason()));
        let recovery = code.recovery().as_str().replace('_', " ");
        let _ = writeln!(
            page,
            "<section id=\"{number}\">\n<h3><code>{number}</code> <span>{recovery}</span></h3>\n<p>{reason}</p>\n</section>"
        );
    }
    page.push_str("</main>\n</body>\n</html>\n");
    page
});

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

/// Marks up pieces between backticks as code.
fn marked(text: &str) -> String {
    let text = escaped(text);
    let pieces = text.split('`').enumerate();
    pieces
        .map(|(at, piece)| if at % 2 == 1 { format!("<code>{piece}</code>") } else { piece.to_owned() })
        .collect()
}

/// Serves the page.
pub fn configure(config: &mut web::ServiceConfig) {
    answers::serve_text(config, "/api/docs/problems", super::HTML, || &PAGE);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_place_and_a_meaning() {
        for code in ErrorCode::ALL {
            assert!(PAGE.contains(&format!("<section id=\"{code}\">")), "{code}");
            assert!(code.meaning().len() > 15, "{code}");
        }
        assert_eq!(marked("a `b<c` d"), "a <code>b&lt;c</code> d");
    }
}
