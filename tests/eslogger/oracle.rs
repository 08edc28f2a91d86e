//! What a message means, read the slow and obvious way.

use std::collections::BTreeSet;
use std::num::NonZeroU64;
use std::sync::Arc;

use cloudward::model::{
    Backing, CdHash, CodeSigning, ExecFacts, File, FileId, FilePath, Mark, Observed, OpenFlags, Pid, PipeEnd,
    ProcessInfo, ProcessKey, Program, Script, Timestamp, Uid, What,
};
use cloudward::sensor::gate::Gate;
use serde_json::Value;

use super::TestGate;

/// Whom the lines so far introduced.
#[derive(Default)]
pub(super) struct Oracle(BTreeSet<ProcessKey>);

impl Oracle {
    /// `None` where the line gives nothing. Panics on lines that lack what every message has.
    pub(super) fn observe(&mut self, message: &Value) -> Option<Observed> {
        let actor = token(&message["process"]["audit_token"]).unwrap().0;
        let info = self.0.insert(actor).then(|| process(&message["process"]));
        let (name, event) = message["event"].as_object().unwrap().iter().next().unwrap();
        let result = &message["action"]["result"]["result"];
        let refused = result["auth"] == 1
            || result["flags"].as_u64().is_some_and(|flags| {
                let wanted = event["fflag"].as_i64().unwrap_or(0) as u64;
                flags == 0 || wanted & 3 & !flags != 0
            });
        let what = what(name, event).filter(|_| !refused);
        let what = what.or(info.is_some().then_some(What::Seen))?;
        match &what {
            What::Exec { target, .. } => {
                self.0.remove(&actor);
                self.0.insert(target.key);
            }
            What::Fork { child } => {
                self.0.insert(child.key);
            }
            What::Exit => {
                self.0.remove(&actor);
            }
            _ => {}
        }
        let time = Timestamp::parse(text(&message["time"]).unwrap().as_bytes()).unwrap();
        Some(Observed { time, seq: message["global_seq_num"].as_u64().unwrap_or(0), actor, info, what })
    }
}

fn text(value: &Value) -> Option<&str> {
    value.as_str()
}

fn boxed(value: &Value) -> Option<Box<str>> {
    text(value).filter(|text| !text.is_empty()).map(Box::from)
}

fn small(value: &Value) -> i32 {
    value.as_i64().and_then(|n| n.try_into().ok()).unwrap_or(0)
}

/// The key and auid, euid, ruid.
fn token(value: &Value) -> Option<(ProcessKey, [Uid; 3])> {
    let names = ["auid", "euid", "egid", "ruid", "rgid", "pid", "asid", "pidversion"];
    let field = |name: &str| match value {
        Value::Array(items) => items.get(names.iter().position(|other| *other == name)?)?.as_i64(),
        _ => value[name].as_i64(),
    };
    let user = |name| Uid(field(name).and_then(|n| n.try_into().ok()).unwrap_or(u32::MAX));
    let key = ProcessKey {
        pid: Pid(field("pid")?.try_into().ok()?),
        version: field("pidversion")?.try_into().ok()?,
    };
    Some((key, [user("auid"), user("euid"), user("ruid")]))
}

fn path(value: &Value) -> FilePath {
    FilePath::from(text(&value["path"]).unwrap())
}

fn id(value: &Value) -> Option<FileId> {
    let stat = &value["stat"];
    let (device, inode) = (stat["st_dev"].as_i64()?, stat["st_ino"].as_u64()?);
    Some(FileId { device, inode: NonZeroU64::new(inode)? })
}

fn file(value: &Value) -> File {
    let stat = &value["stat"];
    File {
        path: path(value),
        truncated: value["path_truncated"] == true,
        id: id(value),
        links: stat["st_nlink"].as_u64().unwrap_or(0) as u32,
        size: stat["st_size"].as_u64().unwrap_or(0),
        directory: stat["st_mode"].as_u64().is_some_and(|mode| mode & 0o170_000 == 0o040_000),
        symlink: stat["st_mode"].as_u64().is_some_and(|mode| mode & 0o170_000 == 0o120_000),
    }
}

fn joined(dir: &Value, name: &Value) -> FilePath {
    let dir = text(&dir["path"]).unwrap();
    let slash = if dir.ends_with('/') { "" } else { "/" };
    FilePath::from(format!("{dir}{slash}{}", text(name).unwrap()).as_str())
}

fn destination(value: &Value) -> File {
    if value["existing_file"].is_object() {
        return file(&value["existing_file"]);
    }
    let new = &value["new_path"];
    let truncated = new["dir"]["path_truncated"] == true;
    File {
        path: joined(&new["dir"], &new["filename"]),
        truncated,
        id: None,
        links: 0,
        size: 0,
        directory: false,
        symlink: false,
    }
}

fn cdhash(value: &Value) -> Option<CdHash> {
    let hex = text(value).filter(|hex| hex.len() == 40 && hex.is_ascii())?;
    let mut hash = [0; 20];
    for (index, byte) in hash.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&hex[index * 2..index * 2 + 2], 16).ok()?;
    }
    (hash != [0; 20]).then_some(CdHash(hash))
}

fn process(value: &Value) -> Arc<ProcessInfo> {
    let (key, [auid, euid, ruid]) = token(&value["audit_token"]).unwrap();
    let program = Program {
        path: path(&value["executable"]),
        path_truncated: value["executable"]["path_truncated"] == true,
        signing_id: boxed(&value["signing_id"]),
        team_id: boxed(&value["team_id"]),
        cdhash: cdhash(&value["cdhash"]),
        platform: value["is_platform_binary"] == true,
        flags: CodeSigning(value["codesigning_flags"].as_u64().unwrap() as u32),
    };
    Arc::new(ProcessInfo {
        key,
        program: Arc::new(program),
        parent: token(&value["parent_audit_token"]).map(|token| token.0),
        responsible: token(&value["responsible_audit_token"]).map(|token| token.0),
        ppid: Pid(small(&value["ppid"])),
        original_ppid: Pid(small(&value["original_ppid"])),
        group_id: Pid(small(&value["group_id"])),
        session_id: Pid(small(&value["session_id"])),
        euid,
        ruid,
        auid,
        started: text(&value["start_time"]).and_then(|text| Timestamp::parse(text.as_bytes())),
        has_tty: value["tty"].is_object(),
        is_es_client: value["is_es_client"] == true,
    })
}

fn exec(event: &Value) -> What {
    let texts = |value: &Value| -> Vec<String> {
        value.as_array().into_iter().flatten().filter_map(|item| Some(text(item)?.to_owned())).collect()
    };
    let kept = |name: &str| {
        let any_case = name.to_uppercase();
        ["HOME", "USER", "DYLD_INSERT_LIBRARIES", "ELECTRON_RUN_AS_NODE", "NODE_OPTIONS", "SSLKEYLOGFILE"]
            .contains(&name)
            || ["AWS_", "AZURE_", "GOOGLE_", "CLOUDSDK_", "RCLONE_", "S3_"]
                .iter()
                .any(|p| name.starts_with(p))
            || ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"].contains(&any_case.as_str())
    };
    let env = texts(&event["env"]).into_iter().filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        kept(name).then(|| (Box::from(name), Box::from(value)))
    });
    let pipes = event["fds"].as_array().into_iter().flatten().filter(|fd| fd["fdtype"] == 6);
    let facts = ExecFacts {
        args: texts(&event["args"]).into_iter().map(String::into_boxed_str).collect(),
        env: env.collect(),
        cwd: event["cwd"].is_object().then(|| path(&event["cwd"])),
        script: event["script"].is_object().then(|| Script { path: path(&event["script"]) }),
        script_sha256: None,
        pipes: pipes
            .map(|fd| PipeEnd { fd: small(&fd["fd"]), id: fd["pipe"]["pipe_id"].as_u64().unwrap() })
            .collect(),
    };
    What::Exec { target: process(&event["target"]), facts: Box::new(facts) }
}

fn open(event: &Value) -> Option<What> {
    let flags = OpenFlags(event["fflag"].as_i64().unwrap() as u32);
    let interest = TestGate.path(path(&event["file"]).as_bytes());
    let mode = event["file"]["stat"]["st_mode"].as_u64().unwrap_or(0);
    if interest.named && flags.transfers() && mode & 0o170_000 == 0o010_000 {
        return Some(What::Fifo { file: Box::new(file(&event["file"])), flags });
    }
    if interest.matters {
        return Some(What::Open { file: file(&event["file"]), flags });
    }
    let opened = file(&event["file"]);
    let links = if opened.directory { 0 } else { opened.links };
    let (name, links) = if interest.named { (Some(path(&event["file"])), links) } else { (None, 0) };
    let (path, id) = (interest.hash, id(&event["file"]));
    match flags.reads() {
        true => Some(What::Touch { path, id, name, links }),
        false => flags.empties().then_some(What::Emptied { path, id }),
    }
}

fn copied_to(event: &Value) -> FilePath {
    match &event["target_file"] {
        existing @ Value::Object(_) => path(existing),
        _ => joined(&event["target_dir"], event.get("target_name").unwrap_or(&event["target_filename"])),
    }
}

fn what(name: &str, event: &Value) -> Option<What> {
    Some(match name {
        "exec" => exec(event),
        "open" => return open(event),
        "fork" => What::Fork { child: process(&event["child"]) },
        "exit" => What::Exit,
        "close" if event["modified"] == true || event["was_mapped_writable"] == true => {
            What::Written { file: file(&event["target"]) }
        }
        "create" => What::Created { file: destination(&event["destination"]) },
        "rename" => {
            What::Renamed { from: Box::new(file(&event["source"])), to: destination(&event["destination"]) }
        }
        "exchangedata" => {
            What::Exchanged { one: Box::new(file(&event["file1"])), other: Box::new(file(&event["file2"])) }
        }
        "unlink" => What::Removed { file: file(&event["target"]) },
        "setextattr" => {
            let mark = match text(&event["extattr"])? {
                name if name.starts_with("com.apple.system.") => return None,
                "com.apple.quarantine" => Mark::Usual,
                name if name.starts_with("com.apple.") && name != "com.apple.ResourceFork" => Mark::Apple,
                _ => Mark::Free,
            };
            What::Marked { file: Box::new(file(&event["target"])), mark }
        }
        "write" | "truncate" => What::Written { file: file(&event["target"]) },
        "mmap" => {
            let source = file(&event["source"]);
            let matters = TestGate.path(source.path.as_bytes()).matters;
            if !matters || event["protection"].as_i64().unwrap() & 1 == 0 {
                return None;
            }
            What::Open { file: source, flags: OpenFlags(OpenFlags::FREAD) }
        }
        "link" => What::Linked { from: Box::new(file(&event["source"])), to: copied_to(event) },
        "clone" | "copyfile" => {
            let from = Box::new(file(&event["source"]));
            What::Copied { from, to: copied_to(event), clone: name == "clone" }
        }
        "mount" => What::Mounted {
            at: text(&event["statfs"]["f_mntonname"])?.into(),
            backing: Backing::of(
                text(&event["statfs"]["f_fstypename"]).unwrap_or_default().as_bytes(),
                text(&event["statfs"]["f_mntfromname"]).unwrap_or_default().as_bytes(),
            ),
        },
        "unmount" => What::Unmounted { at: text(&event["statfs"]["f_mntonname"])?.into() },
        "xpc_connect" => What::ServiceAsked { name: text(&event["service_name"]).unwrap().into() },
        "uipc_connect" => What::SocketAsked { path: path(&event["file"]) },
        "cs_invalidated" => What::CodeInvalidated,
        "remote_thread_create" => What::ThreadStarted { target: process(&event["target"]) },
        _ => return None,
    })
}
