//! Receivers of the tests' own: threads that read what comes and answer as they are told.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;

use rustls::{ServerConfig, ServerConnection, StreamOwned};

/// A request as it came.
#[derive(Debug)]
pub struct Request {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Request {
    pub fn header(&self, name: &str) -> &str {
        let mut found = self.headers.iter().filter(|(known, _)| known == name);
        let value = found.next().unwrap_or_else(|| panic!("no {name} in {:?}", self.headers));
        assert!(found.next().is_none(), "{name} twice");
        &value.1
    }
}

/// An HTTP/1.1 server that answers by a function of the request and its number, connections side by side; its address, and
/// what came.
pub fn http(
    answer: impl Fn(usize, &Request) -> (u16, String) + Send + Sync + 'static,
) -> (String, Receiver<Request>) {
    over(|stream| stream, answer)
}

/// The same over TLS.
pub fn https(
    config: Arc<ServerConfig>,
    answer: impl Fn(usize, &Request) -> (u16, String) + Send + Sync + 'static,
) -> (String, Receiver<Request>) {
    let secure = move |stream| StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
    over(secure, answer)
}

fn over<S: Read + Write>(
    wrap: impl Fn(TcpStream) -> S + Send + Sync + 'static,
    answer: impl Fn(usize, &Request) -> (u16, String) + Send + Sync + 'static,
) -> (String, Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (heard, requests) = channel();
    let served = Arc::new((AtomicUsize::new(0), wrap, answer));
    thread::spawn(move || {
        for stream in listener.incoming() {
            let (served, heard) = (Arc::clone(&served), heard.clone());
            thread::spawn(move || serve((served.1)(stream.unwrap()), &served.0, &served.2, &heard));
        }
    });
    (address, requests)
}

/// One connection. Nothing when nobody listens to the test's end any more.
fn serve(
    stream: impl Read + Write,
    number: &AtomicUsize,
    answer: &impl Fn(usize, &Request) -> (u16, String),
    heard: &Sender<Request>,
) -> Option<()> {
    let mut reader = BufReader::new(stream);
    while let Some(request) = read(&mut reader) {
        let (status, text) = answer(number.fetch_add(1, Ordering::SeqCst), &request);
        // The rest of the answer's head may come with it, before an empty line.
        let (more, text) = text.split_once("\r\n\r\n").unwrap_or(("", &text));
        let more = if more.is_empty() { String::new() } else { format!("{more}\r\n") };
        heard.send(request).ok()?;
        let length = text.len();
        let head = format!("HTTP/1.1 {status} Status\r\nContent-Length: {length}\r\n{more}\r\n");
        reader.get_mut().write_all(format!("{head}{text}").as_bytes()).ok()?;
        reader.get_mut().flush().ok()?;
    }
    Some(())
}

fn read(reader: &mut impl BufRead) -> Option<Request> {
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        assert!(line.ends_with("\r\n"), "RFC 9112, 2.2: {line:?}");
        match line.trim_end() {
            "" => break,
            line => lines.push(line.to_owned()),
        }
    }
    let mut words = lines.remove(0).split(' ').map(str::to_owned).collect::<Vec<_>>().into_iter();
    assert_eq!(words.next().as_deref(), Some("POST"));
    let path = words.next().unwrap();
    assert_eq!(words.next().as_deref(), Some("HTTP/1.1"));
    let header = |line: &String| {
        let (name, value) = line.split_once(':').unwrap();
        (name.to_ascii_lowercase(), value.trim().to_owned())
    };
    let headers: Vec<(String, String)> = lines.iter().map(header).collect();
    let length =
        headers.iter().find(|(name, _)| name == "content-length").expect("a length").1.parse().unwrap();
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(Request { path, headers, body: String::from_utf8(body).unwrap() })
}

/// Whole messages, by octet counting (RFC 6587, 3.4.1), until the stream ends; a last one that was cut is left out.
pub fn frames(stream: impl Read) -> Vec<String> {
    let (mut reader, mut frames) = (BufReader::new(stream), Vec::new());
    loop {
        let mut length = Vec::new();
        if reader.read_until(b' ', &mut length).is_err() || length.last() != Some(&b' ') {
            return frames;
        }
        let length = std::str::from_utf8(&length[..length.len() - 1]).unwrap();
        assert!(!length.starts_with('0') && length.bytes().all(|byte| byte.is_ascii_digit()), "{length:?}");
        let mut message = vec![0; length.parse().unwrap()];
        if reader.read_exact(&mut message).is_err() {
            return frames;
        }
        frames.push(String::from_utf8(message).unwrap());
    }
}

/// The ids in messages, in their order.
pub fn ids_in(frames: &[String]) -> Vec<String> {
    let id = |frame: &String| frame.split("id=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    frames.iter().map(id).collect()
}
