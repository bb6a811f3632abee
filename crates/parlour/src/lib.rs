//! The browser client as files inside the program. They are apart from the server so that it can be compiled while the
//! client is, and does not have to be compiled again when the client changes.

use parlour_server::client_files::ClientFile;

/// The files of the client, sorted by path; empty if it was built without.
pub static CLIENT: &[ClientFile] = &include!(concat!(env!("OUT_DIR"), "/client_files.rs"));

#[cfg(test)]
mod tests {
    use std::hash::{DefaultHasher, Hash, Hasher};

    use super::*;

    #[test]
    fn every_file_is_embedded_as_it_was_built() {
        assert!(CLIENT.is_sorted_by_key(|file| file.path));
        for file in CLIENT {
            let mut hash = DefaultHasher::new();
            file.plain()[..].hash(&mut hash);
            assert_eq!(format!("W/\"{:016x}\"", hash.finish()), file.etag, "{}", file.path);
        }
    }
}
