//! What stands behind a volume that appears.

use super::DomainName;

/// Where the files of a volume are, as its `statfs` tells: by its type and by what it was mounted from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Backing {
    /// On a disk, in an image, on another machine of the network.
    Stored,
    /// It shows what another volume held at a moment (`f_mntfromname` is `snapshot@device`).
    Snapshot,
    /// Wherever a program of this Mac has them: `macfuse`, `osxfuse`, `fuse-t`.
    Fuse,
    /// The same by a file server that runs here: `nfs` or `smbfs` from `localhost`.
    LocalServer,
    /// On a web server, whose name is given where the address has one.
    WebDav(Option<DomainName>),
}

impl Backing {
    /// `kind` and `from` are `f_fstypename` and `f_mntfromname`.
    pub fn of(kind: &[u8], from: &[u8]) -> Self {
        let kind = kind.to_ascii_lowercase();
        let fuse = |name: &[u8]| name.windows(4).any(|part| part == b"fuse");
        match &kind[..] {
            b"webdav" => Self::WebDav(url_host(from)),
            b"nfs" if fuse(nfs_host(from)) => Self::Fuse,
            b"nfs" if is_here(nfs_host(from)) => Self::LocalServer,
            b"smbfs" if is_here(url_part(from)) => Self::LocalServer,
            // Of a share an `@` follows the user's name.
            b"nfs" | b"smbfs" | b"afpfs" => Self::Stored,
            kind if fuse(kind) => Self::Fuse,
            _ if from.contains(&b'@') => Self::Snapshot,
            _ => Self::Stored,
        }
    }

    /// Does a program of this Mac get what is written there, without opening a file?
    pub const fn is_served(&self) -> bool {
        matches!(self, Self::Fuse | Self::LocalServer | Self::WebDav(_))
    }
}

fn is_here(host: &[u8]) -> bool {
    let host = host.strip_suffix(b".").unwrap_or(host);
    host.eq_ignore_ascii_case(b"localhost") || host.starts_with(b"127.") || host == b"::1"
}

/// `host:/path`, `[::1]:/path`
fn nfs_host(from: &[u8]) -> &[u8] {
    let end = from.windows(2).position(|part| part == b":/").unwrap_or(0);
    let host = from.get(..end).unwrap_or_default();
    host.strip_prefix(b"[").and_then(|host| host.strip_suffix(b"]")).unwrap_or(host)
}

/// The host of `scheme://user@host:port/path`, or of the same without a scheme.
fn url_part(from: &[u8]) -> &[u8] {
    let begin = from.windows(2).position(|part| part == b"//").map_or(from.len(), |at| at + 2);
    let server = from.get(begin..).unwrap_or_default().split(|byte| *byte == b'/').next().unwrap_or_default();
    let server = server.rsplit(|byte| *byte == b'@').next().unwrap_or_default();
    match server.strip_prefix(b"[") {
        Some(inner) => inner.split(|byte| *byte == b']').next().unwrap_or_default(),
        None => server.split(|byte| *byte == b':').next().unwrap_or_default(),
    }
}

fn url_host(from: &[u8]) -> Option<DomainName> {
    DomainName::from_wire(url_part(from))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn told_by_type_and_source() {
        let web = |host: &str| Backing::WebDav(DomainName::from_wire(host.as_bytes()));
        for (kind, from, backing) in [
            ("macfuse", "mega:", Backing::Fuse),
            ("osxfuse", "alice@host:/home", Backing::Fuse),
            ("fuse-t", "rclone", Backing::Fuse),
            ("nfs", "fuse-t:/mega", Backing::Fuse),
            ("nfs", "localhost:/mega:", Backing::LocalServer),
            ("nfs", "127.0.0.1:/", Backing::LocalServer),
            ("nfs", "[::1]:/x", Backing::LocalServer),
            ("nfs", "nas.corp.example:/volume1", Backing::Stored),
            ("nfs", "localhost.corp.example:/volume1", Backing::Stored),
            ("nfs", "", Backing::Stored),
            ("smbfs", "//guest:@127.0.0.1:5001/x", Backing::LocalServer),
            ("smbfs", "//alice@nas._smb._tcp.local/TimeMachine", Backing::Stored),
            ("afpfs", "//alice@nas/x", Backing::Stored),
            ("webdav", "https://alice@Dav.Example.com:8443/remote.php/dav/", web("dav.example.com")),
            ("webdav", "http://[::1]:8080/", Backing::WebDav(None)),
            ("webdav", "", Backing::WebDav(None)),
            ("apfs", "/dev/disk5s1", Backing::Stored),
            ("apfs", "com.apple.TimeMachine.2026-01-01-000000.local@/dev/disk3s5", Backing::Snapshot),
            ("", "com.apple.TimeMachine.2026-01-01-000000.local@/dev/disk3s5", Backing::Snapshot),
            ("autofs", "map auto_home", Backing::Stored),
        ] {
            assert_eq!(Backing::of(kind.as_bytes(), from.as_bytes()), backing, "{kind} {from}");
        }
    }
}
