//! Connections over TCP, with TLS where it is asked for.

use std::fmt::Debug;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::sink::output::{Address, Tls};

use super::{Failure, tls};

/// For the name and the connection, and again for the handshake.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes both ways.
pub trait Io: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Sync + Debug> Io for T {}

pub async fn tcp(address: &Address) -> Result<TcpStream, Failure> {
    let connected = timeout(PATIENCE, TcpStream::connect((address.host.as_str(), address.port))).await;
    let stream = connected.map_err(|_| silent(address))?;
    let stream = stream.map_err(|error| Failure::new(format!("{address}: {error}")))?;
    // A message is written whole; waiting for more would only make it late.
    let _ = stream.set_nodelay(true);
    Ok(stream)
}

/// Shakes hands, where that is asked for.
pub async fn secure(
    stream: TcpStream,
    address: &Address,
    tls: Option<&Tls>,
    protocols: &[&[u8]],
) -> Result<Box<dyn Io>, Failure> {
    let Some(tls) = tls else { return Ok(Box::new(stream)) };
    let shaken = timeout(PATIENCE, tls::handshake(stream, address, tls, protocols)).await;
    Ok(Box::new(shaken.map_err(|_| silent(address))??))
}

fn silent(address: &Address) -> Failure {
    Failure::new(format!("{address}: no answer in {PATIENCE:?}"))
}
