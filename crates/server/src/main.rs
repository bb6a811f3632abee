//! The server's executable.

use actix_web::{App, HttpServer};

#[actix_web::main]
async fn main() -> std::io::Result<()> {
    match std::env::args().nth(1).as_deref() {
        Some("openapi" | "socket-schema") => println!("{{}}"),
        _ => {
            let server = HttpServer::new(|| App::new().configure(parlour_server::client_files::configure));
            let server = server.bind(("127.0.0.1", 8099))?;
            println!("listening on 127.0.0.1:8099");
            server.run().await?;
        }
    }
    Ok(())
}
