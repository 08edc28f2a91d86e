//! A small HTTP/1.1 client: one connection to one receiver, kept while it lasts.

use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{self, SendRequest};
use hyper::header::{CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, USER_AGENT};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::time::timeout;

use crate::sink::output::Endpoint;

use super::Failure;
use super::connect::endpoint;

/// The most that is read of an answer. A bulk answer has some 200 bytes for each item.
const ANSWER: usize = 4 << 20;
/// The longest patience that a receiver may ask for.
const LONGEST_WAIT: u64 = 600;
/// What of an answer is shown to a person.
const SHOWN: usize = 200;

#[derive(Debug)]
pub struct Client {
    at: Endpoint,
    connection: Option<SendRequest<Full<Bytes>>>,
}

/// What a receiver answered.
#[derive(Debug)]
pub struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
    wait: Option<Duration>,
}

impl Client {
    pub fn new(at: Endpoint) -> Self {
        Self { at, connection: None }
    }

    pub fn at(&self) -> &Endpoint {
        &self.at
    }

    pub fn reset(&mut self) {
        self.connection = None;
    }

    /// Posts to the endpoint's own path, or to another one of the same receiver.
    pub async fn post(
        &mut self,
        path: Option<&str>,
        content_type: &'static str,
        headers: Vec<(HeaderName, HeaderValue)>,
        body: Vec<u8>,
    ) -> Result<Answer, Failure> {
        let mut request = Request::post(path.unwrap_or(&self.at.path))
            .body(Full::new(Bytes::from(body)))
            .map_err(|error| Failure::new(format!("{}: {error}", self.at.authority)))?;
        let host = HeaderValue::from_str(&self.at.authority)
            .map_err(|error| Failure::new(format!("{}: {error}", self.at.authority)))?;
        let all = request.headers_mut();
        all.insert(HOST, host);
        all.insert(USER_AGENT, HeaderValue::from_static(concat!("cloudward/", env!("CARGO_PKG_VERSION"))));
        all.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        all.extend(headers);
        let patience = self.at.timeout;
        let answer = timeout(patience, self.exchange(request)).await.unwrap_or_else(|_| {
            Err(Failure::new(format!("{}: no answer in {patience:?}", self.at.authority)))
        });
        if answer.is_err() {
            self.connection = None;
        }
        answer
    }

    async fn exchange(&mut self, request: Request<Full<Bytes>>) -> Result<Answer, Failure> {
        let authority = self.at.authority.clone();
        let broken = |error: &dyn std::fmt::Display| Failure::new(format!("{authority}: {error}"));
        let mut connection = match self.connection.take().filter(|connection| !connection.is_closed()) {
            Some(connection) => connection,
            None => {
                let io = endpoint(&self.at, &[b"http/1.1"]).await?;
                let (sender, driver) =
                    http1::handshake(TokioIo::new(io)).await.map_err(|error| broken(&error))?;
                tokio::spawn(driver);
                sender
            }
        };
        connection.ready().await.map_err(|error| broken(&error))?;
        let answer = connection.send_request(request).await.map_err(|error| broken(&error))?;
        let (status, wait) = (answer.status(), wait(answer.headers()));
        let body =
            Limited::new(answer.into_body(), ANSWER).collect().await.map_err(|error| broken(&error))?;
        self.connection = Some(connection);
        Ok(Answer { status, body: body.to_bytes().to_vec(), wait })
    }
}

/// RFC 9110, 10.2.3, in seconds; a date is left to our own patience.
fn wait(headers: &HeaderMap) -> Option<Duration> {
    let seconds: u64 = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds.min(LONGEST_WAIT)))
}

impl Answer {
    /// The status and the beginning of what was said, for a person. No line breaks, no control characters.
    pub fn shown(&self) -> String {
        let text: String = String::from_utf8_lossy(&self.body)
            .chars()
            .map(|c| if c.is_control() { ' ' } else { c })
            .take(SHOWN)
            .collect();
        format!("{} {}", self.status, text.trim()).trim_end().to_owned()
    }

    /// This very record is what the receiver does not want, whoever sends it and whenever.
    pub fn refuses_content(&self) -> bool {
        matches!(self.status.as_u16(), 400 | 415 | 422) || self.status == StatusCode::PAYLOAD_TOO_LARGE
    }

    pub fn failure(&self, who: &str) -> Failure {
        let too_large = self.status == StatusCode::PAYLOAD_TOO_LARGE;
        Failure { text: format!("{who}: {}", self.shown()), wait: self.wait, too_large }
    }
}

/// A header's value that must not be shown.
pub fn secret_value(text: &str) -> Result<HeaderValue, Failure> {
    let value = HeaderValue::from_str(text);
    let mut value = value.map_err(|_| Failure::new("a secret has characters that no header may have"))?;
    value.set_sensitive(true);
    Ok(value)
}
