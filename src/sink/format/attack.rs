//! Names of the MITRE ATT&CK techniques that rules use (enterprise matrix, version 16).

/// A tactic: id and name.
pub type Tactic = (&'static str, &'static str);

pub const VERSION: &str = "16.1";
pub const EXFILTRATION: Tactic = ("TA0010", "Exfiltration");
const COMMAND_AND_CONTROL: Tactic = ("TA0011", "Command and Control");
const COLLECTION: Tactic = ("TA0009", "Collection");
const CREDENTIAL_ACCESS: Tactic = ("TA0006", "Credential Access");

const TECHNIQUES: [(&str, &str, Tactic); 19] = [
    ("T1005", "Data from Local System", COLLECTION),
    ("T1020", "Automated Exfiltration", EXFILTRATION),
    ("T1030", "Data Transfer Size Limits", EXFILTRATION),
    ("T1041", "Exfiltration Over C2 Channel", EXFILTRATION),
    ("T1048", "Exfiltration Over Alternative Protocol", EXFILTRATION),
    ("T1048.002", "Exfiltration Over Asymmetric Encrypted Non-C2 Protocol", EXFILTRATION),
    ("T1048.003", "Exfiltration Over Unencrypted Non-C2 Protocol", EXFILTRATION),
    ("T1074", "Data Staged", COLLECTION),
    ("T1074.001", "Local Data Staging", COLLECTION),
    ("T1090", "Proxy", COMMAND_AND_CONTROL),
    ("T1537", "Transfer Data to Cloud Account", EXFILTRATION),
    ("T1552", "Unsecured Credentials", CREDENTIAL_ACCESS),
    ("T1560", "Archive Collected Data", COLLECTION),
    ("T1567", "Exfiltration Over Web Service", EXFILTRATION),
    ("T1567.001", "Exfiltration to Code Repository", EXFILTRATION),
    ("T1567.002", "Exfiltration to Cloud Storage", EXFILTRATION),
    ("T1567.003", "Exfiltration to Text Storage Sites", EXFILTRATION),
    ("T1567.004", "Exfiltration Over Webhook", EXFILTRATION),
    ("T1572", "Protocol Tunneling", COMMAND_AND_CONTROL),
];

/// Name and tactic of a technique; an administrator's rule may name one that is not here.
pub fn technique(id: &str) -> Option<(&'static str, Tactic)> {
    TECHNIQUES.iter().find(|(known, _, _)| *known == id).map(|(_, name, tactic)| (*name, *tactic))
}

/// The tactics of these techniques, each once; exfiltration where none is known.
pub fn tactics<'a>(ids: impl Iterator<Item = &'a str>) -> Vec<Tactic> {
    let mut tactics: Vec<Tactic> = ids.filter_map(technique).map(|(_, tactic)| tactic).collect();
    tactics.sort_unstable();
    tactics.dedup();
    if tactics.is_empty() {
        tactics.push(EXFILTRATION);
    }
    tactics
}
