//! Names of the MITRE ATT&CK techniques that rules use (enterprise matrix, version 16).

/// A tactic: id and name.
pub type Tactic = (&'static str, &'static str);

pub const VERSION: &str = "16.1";
pub const EXFILTRATION: Tactic = ("TA0010", "Exfiltration");
const COMMAND_AND_CONTROL: Tactic = ("TA0011", "Command and Control");
const COLLECTION: Tactic = ("TA0009", "Collection");
const CREDENTIAL_ACCESS: Tactic = ("TA0006", "Credential Access");
const EXECUTION: Tactic = ("TA0002", "Execution");

/// Those of exfiltration, and what leads to it on a Mac.
const TECHNIQUES: [(&str, &str, Tactic); 64] = [
    ("T1005", "Data from Local System", COLLECTION),
    ("T1011", "Exfiltration Over Other Network Medium", EXFILTRATION),
    ("T1020", "Automated Exfiltration", EXFILTRATION),
    ("T1025", "Data from Removable Media", COLLECTION),
    ("T1029", "Scheduled Transfer", EXFILTRATION),
    ("T1030", "Data Transfer Size Limits", EXFILTRATION),
    ("T1039", "Data from Network Shared Drive", COLLECTION),
    ("T1041", "Exfiltration Over C2 Channel", EXFILTRATION),
    ("T1048", "Exfiltration Over Alternative Protocol", EXFILTRATION),
    ("T1048.001", "Exfiltration Over Symmetric Encrypted Non-C2 Protocol", EXFILTRATION),
    ("T1048.002", "Exfiltration Over Asymmetric Encrypted Non-C2 Protocol", EXFILTRATION),
    ("T1048.003", "Exfiltration Over Unencrypted Non-C2 Protocol", EXFILTRATION),
    ("T1052", "Exfiltration Over Physical Medium", EXFILTRATION),
    ("T1052.001", "Exfiltration over USB", EXFILTRATION),
    ("T1059", "Command and Scripting Interpreter", EXECUTION),
    ("T1059.002", "AppleScript", EXECUTION),
    ("T1059.004", "Unix Shell", EXECUTION),
    ("T1059.006", "Python", EXECUTION),
    ("T1059.007", "JavaScript", EXECUTION),
    ("T1071", "Application Layer Protocol", COMMAND_AND_CONTROL),
    ("T1071.001", "Web Protocols", COMMAND_AND_CONTROL),
    ("T1074", "Data Staged", COLLECTION),
    ("T1074.001", "Local Data Staging", COLLECTION),
    ("T1074.002", "Remote Data Staging", COLLECTION),
    ("T1090", "Proxy", COMMAND_AND_CONTROL),
    ("T1090.001", "Internal Proxy", COMMAND_AND_CONTROL),
    ("T1090.002", "External Proxy", COMMAND_AND_CONTROL),
    ("T1090.003", "Multi-hop Proxy", COMMAND_AND_CONTROL),
    ("T1090.004", "Domain Fronting", COMMAND_AND_CONTROL),
    ("T1102", "Web Service", COMMAND_AND_CONTROL),
    ("T1102.002", "Bidirectional Communication", COMMAND_AND_CONTROL),
    ("T1105", "Ingress Tool Transfer", COMMAND_AND_CONTROL),
    ("T1113", "Screen Capture", COLLECTION),
    ("T1114", "Email Collection", COLLECTION),
    ("T1114.001", "Local Email Collection", COLLECTION),
    ("T1115", "Clipboard Data", COLLECTION),
    ("T1119", "Automated Collection", COLLECTION),
    ("T1213", "Data from Information Repositories", COLLECTION),
    ("T1213.003", "Code Repositories", COLLECTION),
    ("T1530", "Data from Cloud Storage", COLLECTION),
    ("T1537", "Transfer Data to Cloud Account", EXFILTRATION),
    ("T1539", "Steal Web Session Cookie", CREDENTIAL_ACCESS),
    ("T1552", "Unsecured Credentials", CREDENTIAL_ACCESS),
    ("T1552.001", "Credentials In Files", CREDENTIAL_ACCESS),
    ("T1552.003", "Bash History", CREDENTIAL_ACCESS),
    ("T1552.004", "Private Keys", CREDENTIAL_ACCESS),
    ("T1555", "Credentials from Password Stores", CREDENTIAL_ACCESS),
    ("T1555.001", "Keychain", CREDENTIAL_ACCESS),
    ("T1555.003", "Credentials from Web Browsers", CREDENTIAL_ACCESS),
    ("T1555.005", "Password Managers", CREDENTIAL_ACCESS),
    ("T1560", "Archive Collected Data", COLLECTION),
    ("T1560.001", "Archive via Utility", COLLECTION),
    ("T1560.002", "Archive via Library", COLLECTION),
    ("T1560.003", "Archive via Custom Method", COLLECTION),
    ("T1567", "Exfiltration Over Web Service", EXFILTRATION),
    ("T1567.001", "Exfiltration to Code Repository", EXFILTRATION),
    ("T1567.002", "Exfiltration to Cloud Storage", EXFILTRATION),
    ("T1567.003", "Exfiltration to Text Storage Sites", EXFILTRATION),
    ("T1567.004", "Exfiltration Over Webhook", EXFILTRATION),
    ("T1572", "Protocol Tunneling", COMMAND_AND_CONTROL),
    ("T1573", "Encrypted Channel", COMMAND_AND_CONTROL),
    ("T1573.001", "Symmetric Cryptography", COMMAND_AND_CONTROL),
    ("T1573.002", "Asymmetric Cryptography", COMMAND_AND_CONTROL),
    ("T1649", "Steal or Forge Authentication Certificates", CREDENTIAL_ACCESS),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn techniques_stand_in_order_each_behind_its_own() {
        assert!(TECHNIQUES.iter().map(|(id, _, _)| id).is_sorted());
        for (id, _, tactic) in TECHNIQUES {
            let whole = id.split('.').next().unwrap();
            assert_eq!(technique(whole).map(|(_, tactic)| tactic), Some(tactic), "{id}");
        }
    }
}
