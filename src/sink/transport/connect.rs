//! Connections over TCP, through a proxy and with TLS where these are asked for.

use std::fmt::Debug;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::sink::output::{Address, Endpoint, Proxy, Tls};

use super::client::secret_value;
use super::http::base64;
use super::secret::Secret;
use super::{Failure, tls};

/// For the name and the connection, and again for the tunnel and for the handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes both ways.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send + Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Debug> Io for T {}

pub async fn tcp(address: &Address) -> Result<TcpStream, Failure> {
    let connected = timeout(PATIENCE, TcpStream::connect((address.host.as_str(), address.port))).await;
    let stream = connected.map_err(|_| silent(address))?;
    let stream = stream.map_err(|error| Failure::new(format!("{address}: {error}")))?;
    // A message is written whole; waiting for more would only make it late.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// The way to an HTTP receiver, ready for requests.
pub async fn endpoint(at: &Endpoint, protocols: &[&[u8]]) -> Result<Box<dyn Io>, Failure> {
    let Endpoint { address, tls, proxy, .. } = at;
    match proxy {
        Some(proxy) => secure(tunnel(proxy, address).await?, address, tls.as_ref(), protocols).await,
        None => secure(tcp(address).await?, address, tls.as_ref(), protocols).await,
    }
}

/// Shakes hands, where that is asked for.
pub async fn secure(
    stream: impl Io + 'static,
    address: &Address,
    tls: Option<&Tls>,
    protocols: &[&[u8]],
) -> Result<Box<dyn Io>, Failure> {
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let shaken = timeout(PATIENCE, tls::handshake(stream, address, tls, protocols)).await;
    Ok(Box::new(shaken.map_err(|_| silent(address))??))
}

/// Asks a proxy for a tunnel.
async fn tunnel(proxy: &Proxy, to: &Address) -> Result<impl Io + 'static, Failure> {
    let at = &proxy.address;
    let wrong = |error: &dyn std::fmt::Display| Failure::new(format!("the proxy {at}: {error}"));
    let host = HeaderValue::from_str(&to.to_string()).map_err(|error| wrong(&error))?;
    let asked = Request::connect(to.to_string()).header(HOST, host).body(Empty::<Bytes>::new());
    let mut asked = asked.map_err(|error| wrong(&error))?;
    if let Some(file) = &proxy.login_file {
        let login = base64::encode(Secret::read(file)?.expose().as_bytes());
        asked.headers_mut().insert(PROXY_AUTHORIZATION, secret_value(&format!("Basic {login}"))?);
    }
    let stream = tcp(at).await.map_err(|failure| Failure::new(format!("the proxy {}", failure.text)))?;
    let answered = async {
        let (mut sender, driver) = http1::handshake(TokioIo::new(stream)).await?;
        // It lives as long as the tunnel does.
        tokio::spawn(driver.with_upgrades());
        let answer = sender.send_request(asked).await?;
        let status = answer.status();
        Ok::<_, hyper::Error>((
            status,
            if status.is_success() { Some(hyper::upgrade::on(answer).await?) } else { None },
        ))
    };
    match timeout(PATIENCE, answered).await {
        Ok(Ok((_, Some(tunnel)))) => Ok(TokioIo::new(tunnel)),
        Ok(Ok((status, None))) => Err(wrong(&refusal(status, proxy, to))),
        Ok(Err(error)) => Err(wrong(&error)),
        Err(_) => Err(wrong(&format_args!("no answer in {PATIENCE:?}"))),
    }
}

/// Why there is no tunnel, and what mends it.
fn refusal(status: StatusCode, proxy: &Proxy, to: &Address) -> String {
    match (status, &proxy.login_file) {
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, None) => {
            format!("{status}: it wants a login (`proxy_login_file`, Basic)")
        }
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, Some(file)) => {
            format!("{status}: it does not take the login of {}", file.display())
        }
        _ => format!("{status}: it opens no tunnel to {to}; let it, or name another proxy"),
    }
}

fn silent(address: &Address) -> Failure {
    Failure::new(format!("{address}: no answer in {PATIENCE:?}"))
}
