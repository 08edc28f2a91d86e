//! Is the receiver there? Connects, and sends no record.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rustix::fs::{Access, access};

use crate::sink::output::{Address, Endpoint, Login, SyslogTo, Tls, To};

use super::connect::{endpoint, secure, tcp};
use super::datagram::Datagram;
use super::secret::Secret;
use super::{Failure, unified_log};

/// What was found, or why nothing can be delivered there now.
///
/// # Errors
///
/// Fails if the receiver does not answer, or what a delivery needs (a token, a folder) cannot be had.
pub async fn reach(to: &To) -> Result<String, Failure> {
    match to {
        To::Syslog(syslog) => match &syslog.to {
            SyslogTo::Local(path) => Datagram::local(path.clone()).reach().await,
            SyslogTo::Udp(address) => Datagram::udp(address.clone()).reach().await,
            SyslogTo::Tcp(address) => connected(address, None).await,
            SyslogTo::Tls(address, tls) => connected(address, Some(tls)).await,
        },
        To::File(file) => writable(&file.path),
        To::Http(http) => answered(&http.at, [http.token_file.as_ref(), http.secret_file.as_ref()]).await,
        To::Splunk(splunk) => answered(&splunk.at, [Some(&splunk.token_file)]).await,
        To::Elastic(elastic) => {
            let secret = match &elastic.login {
                Login::Nobody => None,
                Login::ApiKey(file) => Some(file),
                Login::Basic { password_file, .. } => Some(password_file),
            };
            answered(&elastic.at, [secret]).await
        }
        To::UnifiedLog { .. } if unified_log::HERE => Ok("part of the system".to_owned()),
        To::UnifiedLog { .. } => Err(Failure::new("this system has no unified log: it is part of macOS")),
    }
}

async fn answered<const N: usize>(at: &Endpoint, secrets: [Option<&PathBuf>; N]) -> Result<String, Failure> {
    for file in secrets.into_iter().flatten() {
        Secret::read(file)?;
    }
    let Some(proxy) = &at.proxy else { return connected(&at.address, at.tls.as_ref()).await };
    endpoint(at, &[]).await?;
    Ok(format!("{} {}, through the proxy {}", at.address, found(at.tls.as_ref()), proxy.address))
}

async fn connected(address: &Address, tls: Option<&Tls>) -> Result<String, Failure> {
    let stream = tcp(address).await?;
    secure(stream, address, tls, &[]).await?;
    Ok(format!("{address} {}", found(tls)))
}

fn found(tls: Option<&Tls>) -> &'static str {
    if tls.is_some() { "answers, and its certificate is good" } else { "answers" }
}

fn writable(path: &Path) -> Result<String, Failure> {
    let wrong = |at: &Path, why: &dyn std::fmt::Display| Failure::new(format!("{}: {why}", at.display()));
    if path.symlink_metadata().is_ok() {
        let opened =
            OpenOptions::new().append(true).custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK).open(path);
        return match opened.and_then(|file| file.metadata()) {
            Ok(found) if found.is_file() => Ok(format!("{} can be written", path.display())),
            Ok(_) => Err(wrong(path, &"is no file")),
            Err(error) => Err(wrong(path, &error)),
        };
    }
    // It is made by the first record, and its folder too.
    let there = path.ancestors().skip(1).find(|folder| folder.exists()).unwrap_or(Path::new("/"));
    match access(there, Access::WRITE_OK) {
        Ok(()) => Ok(format!("{} can be made", path.display())),
        Err(error) => Err(wrong(there, &error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Span;
    use crate::sink::output::{File, Syslog};

    fn reached(to: &To) -> Result<String, Failure> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(reach(to))
    }

    fn syslog(to: SyslogTo) -> To {
        To::Syslog(Syslog { to, facility: 16, enterprise: 1, max_octets: 480, hostname: None })
    }

    #[test]
    fn a_listener_is_reached_and_its_absence_told() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let to = syslog(SyslogTo::Tcp(Address { host: "127.0.0.1".to_owned(), port }));
        assert_eq!(reached(&to).unwrap(), format!("127.0.0.1:{port} answers"));
        drop(listener);
        assert!(reached(&to).is_err());
        assert!(reached(&syslog(SyslogTo::Local(Some("/nowhere/log".into())))).is_err());
    }

    #[test]
    fn a_file_is_looked_at_and_not_made() {
        let folder = std::env::temp_dir().join(format!("cloudward-reach-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let path = folder.join("deeper/alerts.ndjson");
        let file = |path: &Path| {
            To::File(File { path: path.to_owned(), rotate: 0, rotate_after: Span::ZERO, keep: 0 })
        };
        assert!(reached(&file(&path)).is_ok());
        assert!(!folder.join("deeper").exists());
        let (there, link) = (folder.join("there"), folder.join("link"));
        std::fs::write(&there, "").unwrap();
        std::os::unix::fs::symlink(&there, &link).unwrap();
        assert!(reached(&file(&there)).is_ok());
        assert!(reached(&file(&link)).is_err(), "a link is not followed");
        assert!(reached(&file(&folder)).is_err());
        std::fs::remove_dir_all(&folder).unwrap();
    }
}
