//! The browser client, served from memory.
//!
//! Invariant: names right below `/assets/` carry a hash of their content and may be cached forever; everything else
//! is revalidated each time. A path that is not a file is a page inside the client (`/c/123`) and gets `index.html`.
//!
//! What is compressed is embedded in its compressed forms only. A client that takes neither gets it unpacked, which
//! happens once.

use std::collections::BTreeMap;
use std::io::Read;
use std::sync::{Mutex, PoisonError};

use actix_web::{
    HttpRequest, HttpResponse,
    guard::{self, GuardContext},
    http::{Method, header},
    web::{self, Bytes},
};

use crate::answers::{self, Embedded};

/// Paths of the server itself; the client owns every other path.
const SERVER_PATHS: [&str; 4] = ["/api", "/health", "/metrics", "/.well-known"];

/// File extensions that a page of the client never has: a path with one is a missing file, and an HTML page in its
/// place would only confuse. Pages may contain dots: `/u/ada.lovelace`.
const FILE_ENDINGS: [&str; 24] = [
    "js",
    "mjs",
    "css",
    "wasm",
    "map",
    "json",
    "webmanifest",
    "html",
    "htm",
    "txt",
    "xml",
    "svg",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "webp",
    "avif",
    "ico",
    "woff2",
    "mp3",
    "ogg",
    "br",
    "gz",
];

const WITHOUT_CLIENT: &str = "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>Parlour</title>\n\
    <h1>Parlour is running</h1>\n<p>This server was built without the browser client. \
    <code>cargo xtask run</code> builds both.</p>\n\
    <p>The API is described at <a href=\"/api/docs\">/api/docs</a>.</p>\n</html>\n";

/// A file of the client.
#[derive(Debug)]
pub struct ClientFile {
    /// Path on the server, such as `/index.html`.
    pub path: &'static str,
    /// Its media type.
    pub mime: &'static str,
    /// Its ETag, quotes included; weak, because it covers all forms.
    pub etag: &'static str,
    /// The file as it is; `None` if there is a gzip form.
    pub identity: Option<&'static [u8]>,
    /// The file compressed with brotli.
    pub brotli: Option<&'static [u8]>,
    /// The file compressed with gzip.
    pub gzip: Option<&'static [u8]>,
}

impl ClientFile {
    /// The file as it is. Unpacked files are kept; there are only as many as are embedded.
    pub fn plain(&self) -> Bytes {
        static UNPACKED: Mutex<BTreeMap<&str, Bytes>> = Mutex::new(BTreeMap::new());
        if let Some(bytes) = self.identity {
            return Bytes::from_static(bytes);
        }
        let mut unpacked = UNPACKED.lock().unwrap_or_else(PoisonError::into_inner);
        let unpack = || {
            let mut bytes = Vec::new();
            // Reading from memory fails only if the file was damaged when it was embedded.
            let _ = flate2::read::GzDecoder::new(self.gzip.unwrap_or_default()).read_to_end(&mut bytes);
            bytes.into()
        };
        unpacked.entry(self.path).or_insert_with(unpack).clone()
    }
}

/// Serves the client (its files sorted by path) to GET and HEAD on every path that is not the server's own. Everything
/// else falls through to the application's default service; register this last.
pub fn configure(files: &'static [ClientFile]) -> impl FnOnce(&mut web::ServiceConfig) {
    let is_for_the_client = move |ctx: &GuardContext<'_>| {
        let head = ctx.head();
        matches!(head.method, Method::GET | Method::HEAD) && resolve(files, head.uri.path()).is_some()
    };
    let serve = move |request: HttpRequest| std::future::ready(serve(files, &request));
    move |config| {
        config.service(web::resource("/{path:.*}").guard(guard::fn_guard(is_for_the_client)).to(serve));
    }
}

/// What is served for a path.
enum Shown {
    File(&'static ClientFile),
    WithoutClient,
}

fn resolve(files: &'static [ClientFile], path: &str) -> Option<Shown> {
    if let Some(file) = find(files, path) {
        return Some(Shown::File(file));
    }
    let is_below =
        |start: &str| path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    let is_file_name = path
        .rsplit('/')
        .next()
        .and_then(|name| name.rsplit_once('.'))
        .is_some_and(|(_, ending)| FILE_ENDINGS.iter().any(|known| ending.eq_ignore_ascii_case(known)));
    if is_file_name || path.starts_with("/assets/") || SERVER_PATHS.into_iter().any(is_below) {
        return None;
    }
    Some(find(files, "/index.html").map_or(Shown::WithoutClient, Shown::File))
}

fn find(files: &'static [ClientFile], path: &str) -> Option<&'static ClientFile> {
    files.binary_search_by(|file| file.path.cmp(path)).ok().and_then(|index| files.get(index))
}

fn serve(files: &'static [ClientFile], request: &HttpRequest) -> HttpResponse {
    match resolve(files, request.path()) {
        Some(Shown::File(file)) => respond(request, file),
        Some(Shown::WithoutClient) => HttpResponse::Ok()
            .insert_header((header::CONTENT_TYPE, "text/html; charset=utf-8"))
            .insert_header((header::CACHE_CONTROL, "no-cache"))
            .body(WITHOUT_CLIENT),
        None => HttpResponse::NotFound().finish(),
    }
}

fn respond(req: &HttpRequest, file: &'static ClientFile) -> HttpResponse {
    let not_modified = answers::is_known(req, file.etag);
    let mut response = if not_modified { HttpResponse::NotModified() } else { HttpResponse::Ok() };
    response
        .insert_header((header::CACHE_CONTROL, cache_control(file.path)))
        .insert_header((header::ETAG, file.etag))
        .insert_header((header::VARY, "Accept-Encoding"));
    if not_modified {
        return response.finish();
    }
    response.insert_header((header::CONTENT_TYPE, file.mime));
    let accepted = answers::listed(req, header::ACCEPT_ENCODING);
    let (encoding, bytes) = match (file.brotli, file.gzip) {
        (Some(bytes), _) if accepts(&accepted, "br") => (Some("br"), Bytes::from_static(bytes)),
        (_, Some(bytes)) if accepts(&accepted, "gzip") => (Some("gzip"), Bytes::from_static(bytes)),
        _ => (None, file.plain()),
    };
    if let Some(encoding) = encoding {
        response.insert_header((header::CONTENT_ENCODING, encoding));
    }
    let mut response = response.body(bytes);
    response.extensions_mut().insert(Embedded);
    response
}

/// Only names right below `/assets/` are hashed; snippets deeper down are not.
fn cache_control(path: &str) -> &'static str {
    match path.strip_prefix("/assets/") {
        Some(name) if !name.contains('/') => "public, max-age=31536000, immutable",
        _ => "no-cache",
    }
}

/// Whether an Accept-Encoding list has this coding, or `*`, with a weight above zero.
fn accepts(list: &str, coding: &str) -> bool {
    let weight_of = |wanted: &str| {
        list.split(',').find_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let named = parts.next().is_some_and(|name| name.eq_ignore_ascii_case(wanted));
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            named.then(|| weight.map_or(1.0, |weight| weight.trim().parse::<f32>().unwrap_or(0.0)))
        })
    };
    weight_of(coding).or_else(|| weight_of("*")).is_some_and(|weight| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use actix_web::{App, dev::ServiceResponse, http::StatusCode, test};

    use super::*;

    fn header<'a>(answer: &'a ServiceResponse, name: &str) -> &'a str {
        answer.headers().get(name).map_or("", |value| value.to_str().unwrap())
    }

    #[test]
    async fn a_weight_of_zero_refuses_an_encoding() {
        assert!(accepts("gzip, deflate, br, zstd", "br"));
        assert!(accepts("gzip;q=0.5, BR;q=0.1", "br"));
        assert!(accepts("*", "br"));
        assert!(!accepts("*, br;q=0", "br"));
        assert!(!accepts("gzip;q=1.0", "br"));
        assert!(!accepts("", "gzip"));
    }

    /// A client of three files: a page, a script in all forms, and a picture.
    fn client() -> &'static [ClientFile] {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"let a = 1;").unwrap();
        let file =
            |path, mime, etag, identity| ClientFile { path, mime, etag, identity, brotli: None, gzip: None };
        let script = ClientFile {
            brotli: Some(b"(brotli)"),
            gzip: Some(gzip.finish().unwrap().leak()),
            ..file("/assets/a-1.js", "text/javascript; charset=utf-8", "W/\"1\"", None)
        };
        let page: &[u8] = b"<!doctype html>";
        let html = file("/index.html", "text/html; charset=utf-8", "W/\"2\"", Some(page));
        let picture: &[u8] = b"png";
        Box::leak(Box::new([script, file("/icon.png", "image/png", "W/\"3\"", Some(picture)), html]))
    }

    async fn teapot() -> HttpResponse {
        HttpResponse::ImATeapot().finish()
    }

    #[test]
    async fn places_get_the_page_and_the_servers_own_paths_fall_through() {
        let app =
            test::init_service(App::new().configure(configure(client())).default_service(web::to(teapot)))
                .await;
        for path in ["/", "/c/123", "/u/ada.lovelace", "/apiary"] {
            let answer = test::call_service(&app, test::TestRequest::get().uri(path).to_request()).await;
            assert_eq!(answer.status(), StatusCode::OK, "{path}");
            assert_eq!(header(&answer, "cache-control"), "no-cache", "{path}");
            assert_eq!(header(&answer, "content-type"), "text/html; charset=utf-8", "{path}");
        }
        for path in
            ["/api", "/api/v1/rooms", "/health/ready", "/metrics", "/.well-known/x", "/x.js", "/assets/old"]
        {
            let answer = test::call_service(&app, test::TestRequest::get().uri(path).to_request()).await;
            assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT, "{path}");
        }
        let answer = test::call_service(&app, test::TestRequest::post().uri("/c/123").to_request()).await;
        assert_eq!(answer.status(), StatusCode::IM_A_TEAPOT);
    }

    #[test]
    async fn every_file_is_served_in_the_best_encoding_and_once_per_change() {
        let app = test::init_service(App::new().configure(configure(client()))).await;
        for (path, accepted, encoding, body) in [
            ("/assets/a-1.js", "gzip, br", "br", &b"(brotli)"[..]),
            // The bytes of gzip depend on the library; unpacked, they are checked as `identity`.
            ("/assets/a-1.js", "gzip", "gzip", b""),
            ("/assets/a-1.js", "identity", "", b"let a = 1;"),
            ("/assets/a-1.js", "deflate", "", b"let a = 1;"),
            ("/icon.png", "gzip, br", "", b"png"),
            ("/index.html", "br", "", b"<!doctype html>"),
        ] {
            let get = || test::TestRequest::get().uri(path);
            let asked = get().insert_header(("accept-encoding", accepted)).to_request();
            let answer = test::call_service(&app, asked).await;
            assert_eq!(header(&answer, "content-encoding"), encoding, "{path} as {accepted}");
            assert_eq!(header(&answer, "vary"), "Accept-Encoding");
            let etag = header(&answer, "etag").to_owned();
            if encoding != "gzip" {
                assert_eq!(test::read_body(answer).await, body, "{path} as {accepted}");
            }
            let again = get().insert_header(("if-none-match", format!("\"other\", {etag}")));
            let answer = test::call_service(&app, again.to_request()).await;
            assert_eq!(answer.status(), StatusCode::NOT_MODIFIED, "{path}");
        }
    }

    #[test]
    async fn without_files_there_is_a_page_that_says_so() {
        let app = test::init_service(App::new().configure(configure(&[]))).await;
        let answer = test::call_service(&app, test::TestRequest::get().uri("/c/1").to_request()).await;
        assert_eq!(answer.status(), StatusCode::OK);
        assert_eq!(test::read_body(answer).await, WITHOUT_CLIENT);
    }
}
