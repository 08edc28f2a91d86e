//! Alerts as `--format ecs` tells them, read back.

use serde::Deserialize;
use serde_json::Value;

use crate::model::{CdHash, CodeSigning, FilePath, Program, SigningState};

/// One alert. What a line does not say is empty.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Told {
    #[serde(rename = "@timestamp")]
    pub time: String,
    pub event: Event,
    pub process: Process,
    pub user: User,
    pub cloud: Cloud,
    pub cloudward: Own,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Event {
    pub id: String,
    pub kind: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct User {
    pub id: String,
    pub name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Cloud {
    pub service: Named,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Named {
    pub name: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Process {
    pub executable: String,
    pub args: Vec<String>,
    pub code_signature: Signature,
    pub hash: Hash,
    pub parent: Option<Box<Process>>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Signature {
    pub signing_id: Option<String>,
    pub team_id: Option<String>,
    pub status: String,
    /// The `CS_*` bits, in hexadecimal.
    pub flags: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Hash {
    pub cdhash: Option<String>,
}

/// `cloudward.*`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Own {
    pub severity: String,
    pub confidence: String,
    pub reasons: Vec<Reason>,
    pub rules: Vec<Rule>,
    pub reads: Vec<Read>,
    pub reads_omitted: u64,
    pub hops: Vec<Hop>,
    pub chain: Vec<Brief>,
    pub flows: Vec<Flow>,
    /// Records of audit logs.
    pub audit: Vec<Record>,
    pub tenant: Tenant,
    pub script: Option<String>,
    /// Its arguments or its environment made it run code that is not its own.
    pub runs_other_code: bool,
    pub bytes_out: u64,
    pub bytes_in: u64,
    pub count: u64,
    pub revision: u64,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Reason {
    pub code: String,
    pub text: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Rule {
    pub id: String,
    pub name: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Read {
    pub path: String,
    pub sets: Vec<String>,
    pub time: String,
    pub process: Brief,
    pub evidence: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Hop {
    pub kind: String,
    pub time: String,
    pub path: Option<String>,
    pub process: Brief,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Brief {
    pub pid: i64,
    pub executable: String,
    pub script: Option<String>,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Flow {
    pub domain: Option<String>,
    pub server: Server,
    pub bytes_out: u64,
    pub bytes_in: u64,
    pub start: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Record {
    pub log: String,
    pub time: String,
    pub text: String,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Server {
    pub ip: String,
    pub port: u16,
}

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Tenant {
    pub name: Option<String>,
    pub verdict: String,
}

/// What a line holds.
#[derive(Debug)]
pub enum Line {
    Alert(Box<Told>),
    /// A record of another kind: what could not be seen, a sign of life.
    Other,
}

/// Reads one line, or says why it is none.
pub fn read(line: &str) -> Result<Line, String> {
    let value: Value = serde_json::from_str(line).map_err(|error| format!("is no JSON: {error}"))?;
    let own = value.get("cloudward").is_some_and(Value::is_object);
    if !own {
        return Err("is no record of cloudward in ECS (`--format ecs`)".to_owned());
    }
    if value.pointer("/event/kind").and_then(Value::as_str) != Some("alert") {
        return Ok(Line::Other);
    }
    let told: Told = serde_json::from_value(value).map_err(|error| format!("is no whole alert: {error}"))?;
    Ok(Line::Alert(Box::new(told)))
}

impl Process {
    pub fn name(&self) -> &str {
        file_name(&self.executable)
    }

    /// The image as policy sees it.
    pub fn program(&self) -> Program {
        let flags = self.code_signature.flags.trim_start_matches("0x");
        let flags = CodeSigning(u32::from_str_radix(flags, 16).unwrap_or(0));
        let boxed = |id: &Option<String>| id.as_deref().filter(|id| !id.is_empty()).map(Box::from);
        Program {
            path: FilePath::from(self.executable.as_str()),
            path_truncated: false,
            signing_id: boxed(&self.code_signature.signing_id),
            team_id: boxed(&self.code_signature.team_id),
            cdhash: self.hash.cdhash.as_deref().and_then(hash),
            platform: flags.0 & CodeSigning::PLATFORM_BINARY != 0 && flags.state() == SigningState::Trusted,
            flags,
        }
    }

    pub fn invalidated(&self) -> bool {
        self.code_signature.status == "invalidated"
    }
}

impl Brief {
    pub fn name(&self) -> &str {
        file_name(&self.executable)
    }
}

impl Told {
    pub fn said(&self, code: &str) -> bool {
        self.cloudward.reasons.iter().any(|reason| reason.code == code)
    }

    pub fn user(&self) -> &str {
        self.user.name.as_deref().unwrap_or(&self.user.id)
    }

    /// Every set of its reads, each once, most sensitive first.
    pub fn sets(&self) -> Vec<&str> {
        let mut sets: Vec<&str> = Vec::new();
        for set in self.cloudward.reads.iter().flat_map(|read| &read.sets) {
            if !sets.contains(&set.as_str()) {
                sets.push(set);
            }
        }
        sets
    }
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// 40 hexadecimal digits.
pub fn hash(text: &str) -> Option<CdHash> {
    let mut bytes = [0; 20];
    if text.len() != 40 || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(CdHash(bytes))
}
