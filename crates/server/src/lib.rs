//! HTTP and sockets in, HTTP and sockets out.

pub mod client_files;
