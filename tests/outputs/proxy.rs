//! An HTTP proxy between an output and its receiver.

use std::io::{BufRead, BufReader, Write, copy};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::thread;

use super::receiver::{Request, https};
use super::streams::server;
use super::{Folder, deliver, ids, output, pki, runtime};
use cloudward::sink::transport::reach;

/// A proxy that answers each head with `answer`, and joins the two ends if that is a success; its address, and the heads.
fn proxy(answer: &'static str) -> (String, Receiver<Vec<String>>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (heard, heads) = channel();
    thread::spawn(move || {
        for stream in listener.incoming() {
            let heard = heard.clone();
            thread::spawn(move || serve(stream.unwrap(), answer, |head| heard.send(head).unwrap()));
        }
    });
    (address, heads)
}

fn serve(mut client: TcpStream, answer: &str, heard: impl Fn(Vec<String>)) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let head =
        (&mut reader).lines().map(Result::unwrap).take_while(|line| !line.is_empty()).collect::<Vec<_>>();
    assert!(reader.buffer().is_empty(), "nothing before the tunnel is open");
    let target =
        head[0].strip_prefix("CONNECT ").and_then(|line| line.strip_suffix(" HTTP/1.1")).unwrap().to_owned();
    heard(head);
    client.write_all(answer.as_bytes()).unwrap();
    if !answer.starts_with("HTTP/1.1 2") {
        return;
    }
    let mut there = TcpStream::connect(target).unwrap();
    let (mut out, mut back) = (there.try_clone().unwrap(), client.try_clone().unwrap());
    thread::spawn(move || {
        let _ = copy(&mut client, &mut out);
        let _ = out.shutdown(Shutdown::Write);
    });
    let _ = copy(&mut there, &mut back);
    let _ = back.shutdown(Shutdown::Both);
}

fn receiver() -> (String, Receiver<Request>) {
    let (address, requests) = https(server("server", false), |_, _| (200, "fine".to_owned()));
    (address.replace("127.0.0.1", "localhost"), requests)
}

fn through(address: &str, proxy: &str, more: &str) -> String {
    let ca = pki("ca.pem");
    format!(
        "type = \"http\"\nurl = \"https://{address}/in\"\nca_file = \"{ca}\"\nproxy = \"{proxy}\"\n{more}"
    )
}

/// One tunnel for all requests; the receiver's certificate is checked behind it, and its login is the proxy's alone.
#[test]
fn records_go_through_a_tunnel_to_the_receiver() {
    let folder = Folder::new();
    let login = folder.write("login", "alice:open sesame\n");
    let token = folder.write("token", "tok-123\n");
    let ((address, requests), (proxy, heads)) =
        (receiver(), proxy("HTTP/1.1 200 Connection established\r\n\r\n"));
    let text = through(
        &address,
        &format!("http://{proxy}"),
        &format!("proxy_login_file = \"{login}\"\ntoken_file = \"{token}\""),
    );
    let look = deliver(&output(&text), 700);
    assert_eq!((look.acked, look.failures), (700, 0));
    let requests: Vec<Request> = requests.try_iter().collect();
    assert!(requests.len() > 1);
    assert!(
        requests.iter().all(|request| request.headers.iter().all(|(name, _)| name != "proxy-authorization"))
    );
    assert_eq!(requests[0].header("authorization"), "Bearer tok-123");
    let arrived: usize = requests.iter().map(|request| request.body.lines().count()).sum();
    assert_eq!(arrived, ids(0..700).len());
    let heads: Vec<Vec<String>> = heads.try_iter().collect();
    assert_eq!(heads.len(), 1, "{heads:?}");
    let mut head = heads[0].iter().map(|line| line.to_ascii_lowercase()).collect::<Vec<_>>();
    head.sort();
    // `printf 'alice:open sesame' | base64`
    let login = "proxy-authorization: basic ywxpy2u6b3blbibzzxnhbwu=";
    assert_eq!(head, [format!("connect {address} http/1.1"), format!("host: {address}"), login.to_owned()]);
}

/// What one look at the receiver came to.
fn reached(text: &str) -> Result<String, String> {
    runtime().block_on(reach(&output(text).to)).map_err(|failure| failure.text)
}

#[test]
fn what_a_proxy_says_no_to_is_told_with_its_mend() {
    let folder = Folder::new();
    let login = folder.write("login", "alice:wrong");
    let address = "siem.example.com:443";
    let (denies, _heads) = proxy("HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let (asks, _asked) = proxy(
        "HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=\"x\"\r\nContent-Length: 0\r\n\r\n",
    );
    let (babbles, _babbled) = proxy("SSH-2.0-OpenSSH_9.9\r\n");
    let said = |proxy: &str, more: &str| reached(&through(address, proxy, more)).unwrap_err();
    assert_eq!(
        said(&denies, ""),
        format!(
            "the proxy {denies}: 403 Forbidden: it opens no tunnel to {address}; let it, or name another proxy"
        )
    );
    assert_eq!(
        said(&asks, ""),
        format!(
            "the proxy {asks}: 407 Proxy Authentication Required: it wants a login (`proxy_login_file`, Basic)"
        )
    );
    let told = said(&asks, &format!("proxy_login_file = \"{login}\""));
    assert!(
        told.ends_with(&format!("it does not take the login of {login}")) && !told.contains("wrong"),
        "{told}"
    );
    assert!(said(&babbles, "").starts_with(&format!("the proxy {babbles}: ")));
    assert!(said("127.0.0.1:1", "").starts_with("the proxy 127.0.0.1:1: "));
}

/// The proxy cannot stand in for the receiver.
#[test]
fn the_receiver_shows_its_own_certificate() {
    let ((address, _requests), (proxy, _heads)) = (receiver(), proxy("HTTP/1.1 200 OK\r\n\r\n"));
    let found = reached(&through(&address, &proxy, "")).unwrap();
    assert_eq!(found, format!("{address} answers, and its certificate is good, through the proxy {proxy}"));
    let other = reached(&through(&address, &proxy, "server_name = \"other.example.com\"")).unwrap_err();
    assert!(other.starts_with(&format!("TLS with {address}: ")), "{other}");
}
