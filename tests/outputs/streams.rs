//! Syslog over TCP and TLS, and files.

use std::fs;
use std::io::Read;
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use cloudward::sink::transport::{Link, Message};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::receiver::{frames, ids_in};
use super::{Folder, deliver, draft, ids, output, pki, runtime};

/// Takes connections one after another, each by a function of its own; what each gave.
fn listen<T: Send + 'static>(
    mut take: impl FnMut(usize, TcpStream) -> T + Send + 'static,
) -> (u16, Receiver<T>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let (heard, all) = channel();
    thread::spawn(move || {
        for (number, stream) in listener.incoming().enumerate() {
            if heard.send(take(number, stream.unwrap())).is_err() {
                return;
            }
        }
    });
    (port, all)
}

#[test]
fn tcp_counts_octets_and_believes_a_receiver_that_reads_to_the_end() {
    let (port, all) = listen(|_, stream| ids_in(&frames(stream)));
    let look = deliver(
        &output(&format!("type = \"syslog\"\ntransport = \"tcp\"\naddress = \"127.0.0.1:{port}\"")),
        1200,
    );
    assert_eq!((look.sent, look.acked, look.failures), (1200, 1200, 0));
    let got: Vec<String> = all.try_iter().flatten().collect();
    assert_eq!(got, ids(0..1200), "in order, none twice");
}

/// Reads some bytes of each connection and drops it, more each time: a reset, in the middle of a message.
#[test]
fn a_receiver_that_dies_in_mid_message_gets_everything_again() {
    let (port, all) = listen(|number, mut stream| {
        if number >= 6 {
            return ids_in(&frames(stream));
        }
        let mut some = vec![0; 777 * (number + 1)];
        let _ = stream.read_exact(&mut some);
        ids_in(&frames(&some[..]))
    });
    let look = deliver(
        &output(&format!("type = \"syslog\"\ntransport = \"tcp\"\naddress = \"127.0.0.1:{port}\"")),
        900,
    );
    // Two may die as one: the next connection is open before the last is closed.
    assert!(look.failures > 0, "{look:?}");
    let lives: Vec<Vec<String>> = all.try_iter().collect();
    assert!(
        lives.iter().take(6).all(|life| *life == ids(0..life.len() as u32)),
        "each in order, from the first unconfirmed"
    );
    assert_eq!(lives.into_iter().skip(6).flatten().collect::<Vec<_>>(), ids(0..900));
}

pub fn server(certificate: &str, ask_client: bool) -> Arc<ServerConfig> {
    let read = |name: &str| CertificateDer::from_pem_file(pki(name)).unwrap();
    let provider = Arc::new(rustls_graviola::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    let builder = if ask_client {
        let mut roots = RootCertStore::empty();
        roots.add(read("ca.pem")).unwrap();
        let verifier =
            WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    let key = PrivateKeyDer::from_pem_file(pki(&format!("{certificate}.key"))).unwrap();
    Arc::new(builder.with_single_cert(vec![read(&format!("{certificate}.pem"))], key).unwrap())
}

fn tls_receiver(certificate: &str, ask_client: bool) -> (u16, Receiver<Vec<String>>) {
    let config = server(certificate, ask_client);
    listen(move |_, stream| {
        let session = ServerConnection::new(Arc::clone(&config)).unwrap();
        ids_in(&frames(StreamOwned::new(session, stream)))
    })
}

fn tls(port: u16, more: &str) -> String {
    format!("type = \"syslog\"\naddress = \"localhost:{port}\"\n{more}")
}

fn trust() -> String {
    format!("ca_file = \"{}\"\n", pki("ca.pem"))
}

#[test]
fn tls_delivers_to_the_right_name_with_the_right_certificates() {
    let (port, all) = tls_receiver("server", false);
    deliver(&output(&tls(port, &trust())), 20);
    assert_eq!(all.try_iter().flatten().collect::<Vec<_>>(), ids(0..20));
    let (port, all) = tls_receiver("server", true);
    let client = format!(
        "{}client_cert_file = \"{}\"\nclient_key_file = \"{}\"\n",
        trust(),
        pki("client.pem"),
        pki("client.key")
    );
    deliver(&output(&tls(port, &client)), 20);
    assert_eq!(all.try_iter().flatten().collect::<Vec<_>>(), ids(0..20));
}

/// What one try came to: the receipt, or why there is none.
fn tried(text: &str) -> Result<u64, String> {
    let output = output(text);
    let draft = draft(0);
    let entry = cloudward::sink::spool::Entry {
        seq: 7,
        raised: draft.head.time,
        head: draft.head,
        forms: Vec::new(),
    };
    let batch = [Message { entry: Arc::new(entry), text: "<131>1 - - x - - [x@1 id=\"id-0\"]".to_owned() }];
    runtime().block_on(async {
        let mut link = Link::new(&output.to);
        if let Some(failure) = link.send(&batch).await.failure {
            return Err(failure.text);
        }
        link.hurry();
        link.progress(true).await.map_err(|failure| failure.text)
    })
}

#[test]
fn tls_refuses_whoever_is_not_who_they_should_be() {
    let (port, _all) = tls_receiver("server", false);
    assert_eq!(tried(&tls(port, &trust())), Ok(8));
    let error = tried(&tls(port, "")).unwrap_err();
    assert!(error.contains("UnknownIssuer"), "not a CA of this system: {error}");
    let error = tried(&tls(port, &format!("{}server_name = \"siem.example.com\"\n", trust()))).unwrap_err();
    assert!(error.contains("not valid for name"), "{error}");
    let (port, _all) = tls_receiver("expired", false);
    let error = tried(&tls(port, &trust())).unwrap_err();
    assert!(error.contains("expired"), "{error}");
}

/// With TLS 1.3 the handshake and the write succeed before the server says no: only the receipt tells.
#[test]
fn a_missing_client_certificate_is_noticed_after_the_write() {
    let (port, _all) = tls_receiver("server", true);
    let error = tried(&tls(port, &trust())).unwrap_err();
    assert!(error.contains("CertificateRequired") || error.contains("reset"), "{error}");
}

#[test]
fn a_name_that_cannot_be_found_and_a_port_that_is_closed_are_failures() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let error = tried(&format!("type = \"syslog\"\ntransport = \"tcp\"\naddress = \"127.0.0.1:{closed}\""))
        .unwrap_err();
    assert!(error.contains("refused"), "{error}");
    let error = tried("type = \"syslog\"\ntransport = \"tcp\"\naddress = \"host.invalid:1\"").unwrap_err();
    assert!(error.starts_with("host.invalid:1: "), "{error}");
}

#[test]
fn a_file_is_its_owners_alone_rotates_and_ends_in_whole_lines() {
    let folder = Folder::new();
    let path = folder.write("alerts.ndjson", "{\"whole\":1}\n{\"torn");
    let text = format!("type = \"file\"\npath = \"{path}\"\nrotate = \"1KiB\"\nkeep = 2\nrate = 300");
    deliver(&output(&text), 90);
    let read = |name: &str| fs::read_to_string(folder.0.join(name)).unwrap();
    let all = read("alerts.ndjson.2") + &read("alerts.ndjson.1") + &read("alerts.ndjson");
    assert!(all.lines().all(|line| line.starts_with('{') && line.ends_with('}')), "{all}");
    assert!(all.ends_with("\"id-89\"}}\n") && !all.contains("torn"), "{all}");
    assert!(!folder.0.join("alerts.ndjson.3").exists());
    let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode, 0o600);
}

#[test]
fn a_link_in_the_place_of_the_file_is_not_followed() {
    let folder = Folder::new();
    let victim = folder.write("victim", "precious\n");
    let link = folder.0.join("alerts.ndjson");
    symlink(&victim, &link).unwrap();
    let error = tried(&format!("type = \"file\"\npath = \"{}\"", link.display())).unwrap_err();
    assert!(error.contains("alerts.ndjson: "), "{error}");
    assert_eq!(fs::read_to_string(&victim).unwrap(), "precious\n");
}
