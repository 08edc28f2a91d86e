//! The single values: `[window]`, `[upload]`, `[sensor]`, `[daemon]`, `[engine]`, `[alert]`, `[paths]`, `[builtin]`.

use std::path::PathBuf;

use crate::model::Span;
use crate::policy::{Options, UnknownUpload, Volumes};

use super::diagnostics::{Complaint, Origin};
use super::schema::{self, Keys};
use super::section::{Complaints, Section, duration, expected, one_of, ratio, size, text};
use super::tree::{Kind, Node, Table};

/// Where the live daemon gets packets from: `[sensor] capture`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Capture {
    /// The system's packet tap.
    #[default]
    Pktap,
    Off,
    /// A file that grows or a FIFO, as tcpdump writes them.
    Stream(PathBuf),
}

/// Where the daemon answers `cloudward status`: `[daemon] socket`.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum Socket {
    /// The system's place for it, if the daemon runs as root; else none.
    #[default]
    Auto,
    Off,
    At(PathBuf),
}

/// What the tables of single values say.
pub(super) struct Singles {
    pub options: Options,
    pub capture: Capture,
    pub state: Option<PathBuf>,
    pub socket: Socket,
    pub volumes: Volumes,
    pub homes: Vec<Box<str>>,
}

/// More than that is no waiting for stragglers any more.
const LONG_HOLD: Span = Span::from_secs(10);
/// Stands in where even the built-in value is gone, which the shipped configuration never lets happen.
const FALLBACK: Options = Options {
    window_default: Span::from_secs(900),
    file_taint: Span::from_secs(86_400),
    min_bytes: 4096,
    min_ratio: 1.0,
    unknown: UnknownUpload::Record,
    hold: Span::from_millis(500),
    group: Span::from_secs(600),
};

/// Reads the single values of the merged tree. The keys read here are the ones that `root` knows from now on.
pub(super) fn read(root: &mut Section<'_, '_>) -> Singles {
    let mut options = FALLBACK;
    within(root, ("window", schema::WINDOW), |section| {
        keep(&mut options.window_default, section.window("default"));
        keep(&mut options.file_taint, section.window("file_taint"));
    });
    within(root, ("upload", schema::UPLOAD), |section| {
        keep(&mut options.min_bytes, section.read("min_bytes", size));
        keep(&mut options.min_ratio, section.read("min_ratio", ratio));
        let words = UnknownUpload::ALL.map(|word| (word.as_str(), word));
        keep(&mut options.unknown, section.read("unknown", one_of(&words)));
    });
    let mut capture = Capture::default();
    within(root, ("sensor", schema::SENSOR), |section| {
        keep(&mut capture, section.read("capture", capture_source))
    });
    let (mut state, mut socket) = (None, Socket::default());
    within(root, ("daemon", schema::DAEMON), |section| {
        keep(&mut state, section.read("state", state_folder));
        keep(&mut socket, section.read("socket", socket_place));
    });
    within(root, ("engine", schema::ENGINE), |section| {
        let hold = section.read("hold", duration);
        if let Some(hold) = hold.as_ref().filter(|hold| hold.value > LONG_HOLD) {
            let complaint = Complaint::new("`hold`: so much later every alert is raised");
            section
                .warn(&hold.at, complaint.hint("stragglers come within a second; recordings wait for 10 s"));
        }
        keep(&mut options.hold, hold);
    });
    within(root, ("alert", schema::ALERT), |section| {
        keep(&mut options.group, section.read("group", duration))
    });
    within(root, ("builtin", schema::BUILTIN), |section| _ = section.list("disable", text));
    let (mut homes, mut volumes) = (Vec::new(), Vec::new());
    within(root, ("paths", schema::PATHS), |section| {
        homes = absolute_paths(section, "homes");
        volumes = absolute_paths(section, "case_sensitive");
    });
    let homes = homes.into_iter().map(String::into_boxed_str).collect();
    let volumes = Volumes::new(volumes.iter().map(String::as_str));
    Singles { options, capture, state, socket, volumes, homes }
}

fn keep<T>(slot: &mut T, value: Option<super::section::Value<T>>) {
    if let Some(value) = value {
        *slot = value.value;
    }
}

fn capture_source(node: &Node) -> Result<Capture, Complaint> {
    match text(node)?.as_str() {
        "pktap" => Ok(Capture::Pktap),
        "off" => Ok(Capture::Off),
        path if path.starts_with('/') => Ok(Capture::Stream(PathBuf::from(path))),
        other => Err(Complaint::new(format!("`{other}` is no source of packets"))
            .hint("write \"pktap\", \"off\", or the absolute path of a file or FIFO that tcpdump writes")),
    }
}

fn state_folder(node: &Node) -> Result<Option<PathBuf>, Complaint> {
    match text(node)?.as_str() {
        "auto" => Ok(None),
        path if path.starts_with('/') => Ok(Some(PathBuf::from(path))),
        other => Err(Complaint::new(format!("`{other}` is no absolute path"))
            .hint("write \"auto\", or the path of a folder that only root can write to")),
    }
}

fn socket_place(node: &Node) -> Result<Socket, Complaint> {
    match text(node)?.as_str() {
        "auto" => Ok(Socket::Auto),
        "off" => Ok(Socket::Off),
        path if path.starts_with('/') => Ok(Socket::At(PathBuf::from(path))),
        other => Err(Complaint::new(format!("`{other}` is no place for a socket"))
            .hint("write \"auto\", \"off\", or an absolute path in a folder that only root enters")),
    }
}

fn absolute_paths(section: &mut Section<'_, '_>, key: &'static str) -> Vec<String> {
    let absolute = |node: &Node| match text(node)? {
        path if path.starts_with('/') => Ok(path),
        path => Err(Complaint::new(format!("`{path}` is no absolute path")).hint("begin with `/`")),
    };
    let paths = section.list(key, absolute).map(|list| list.value).unwrap_or_default();
    for path in paths.iter().filter(|path| path.value.contains(['*', '?'])) {
        let message = format!("`{key}`: `{}` means a folder of just this name, not a pattern", path.value);
        section.warn(&path.at, Complaint::new(message).hint("name each folder whole"));
    }
    for path in paths.iter().filter(|path| key == "homes" && path.value.trim_matches('/').is_empty()) {
        let hint = "name the folder of one user, such as \"/Volumes/Ext/alice\"";
        section.warn(&path.at, Complaint::new("`homes`: `/` is nobody's home").hint(hint));
    }
    paths.into_iter().map(|path| path.value).collect()
}

/// Reads the table of a key, if it is one; else complains and reads the one that it replaced.
pub(super) fn within(
    root: &mut Section<'_, '_>,
    (key, keys): (&'static str, Keys),
    read: impl FnOnce(&mut Section<'_, '_>),
) {
    let Some(mut node) = root.node(key) else { return };
    let table: &Table = loop {
        match &node.kind {
            Kind::Table(table) => break table,
            _ => {
                let hint = match node.at.origin {
                    Origin::Managed => format!("in a profile `{key}` is a <dict>"),
                    Origin::BuiltIn | Origin::File => format!("write `[{key}]`"),
                };
                root.complain(&node.at, key, expected("a table", node).hint(hint));
            }
        }
        match node.under.as_deref() {
            Some(under) => node = under,
            None => return,
        }
    };
    let complaints: &mut Complaints = root.complaints;
    let mut section = Section::new(keys, format!("[{key}]"), &node.at, table, complaints);
    read(&mut section);
    section.finish();
}
