//! https and wss: `parlour chat` through a proxy with a self-signed certificate.

use std::io::Write;

use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::PKey;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use parlour_client::operations::MessagesAt;
use system_tests::{App, Backend, run};
use tokio::net::{TcpListener, TcpStream};

use crate::program::{Program, acting_as, parlour};

/// A self-signed certificate for `localhost`, and its key, both as PEM.
fn certificate() -> (Vec<u8>, Vec<u8>) {
    let key = PKey::ec_gen("prime256v1").unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", "localhost").unwrap();
    let name = name.build();
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(1).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name).unwrap();
    builder.set_issuer_name(&name).unwrap();
    builder.set_pubkey(&key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(2).unwrap()).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let names = SubjectAlternativeName::new().dns("localhost").build(&builder.x509v3_context(None, None));
    builder.append_extension(names.unwrap()).unwrap();
    builder.sign(&key, MessageDigest::sha256()).unwrap();
    (builder.build().to_pem().unwrap(), key.private_key_to_pem_pkcs8().unwrap())
}

/// Listens with TLS and forwards everything to a server without.
async fn proxy(certificate: &[u8], key: &[u8], to: String) -> u16 {
    let identity = native_tls::Identity::from_pkcs8(certificate, key).unwrap();
    let acceptor = tokio_native_tls::TlsAcceptor::from(native_tls::TlsAcceptor::new(identity).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (acceptor, to) = (acceptor.clone(), to.clone());
            tokio::spawn(async move {
                // A client that does not trust the certificate disconnects.
                let Ok(mut from) = acceptor.accept(stream).await else { return };
                let mut server = TcpStream::connect(to).await.unwrap();
                let _either_side_may_leave = tokio::io::copy_bidirectional(&mut from, &mut server).await;
            });
        }
    });
    port
}

#[test]
fn a_trusted_certificate_is_needed_and_enough() {
    run(Backend::SqliteLocal, |_| {}, trusted);
}

async fn trusted(app: App) {
    let (ada, bob) = (app.person("ada").await, app.person("bob").await);
    let room = bob.create_room("tea").await;
    let [_, (name, token)] = acting_as(&app, &ada).await;
    let (certificate, key) = certificate();
    let server = app.address(0).trim_start_matches("http://").to_owned();
    let port = proxy(&certificate, &key, server).await;
    // Without a scheme: https.
    let arguments = ["chat", &format!("localhost:{port}"), "--room", "tea"];

    let stranger = Program::start(parlour(), &arguments, &[(name, &token)]);
    let (status, _, complained) = stranger.ends().await;
    assert!(!status.success() && complained.contains("certificate"), "{complained}");

    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(&certificate).unwrap();
    let trusted = ("SSL_CERT_FILE", file.path().to_str().unwrap());
    let mut terminal = Program::start(parlour(), &arguments, &[(name, &token), trusted]);
    terminal.expect("* You are in #tea").await;
    terminal.types("safely said");
    terminal.expect("<ada> safely said").await;
    terminal.ends_typing();
    let (status, said, complained) = terminal.ends().await;
    assert!(status.success() && !said.contains("isn't encrypted"), "{said}{complained}");
    let page = bob.api.list_messages(room, &MessagesAt::Newest.limit(10)).await.unwrap();
    assert_eq!(page.items[0].body.as_deref(), Some("safely said"));
}
