//! Programs that use the client library, as people start them: `parlour chat` and the library's examples, against real
//! servers on every backend.

mod bot;
mod examples;
mod operations;
mod program;
mod terminal;
mod tls;
