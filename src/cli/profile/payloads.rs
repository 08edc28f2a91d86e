//! The payloads of a configuration profile. Keys are Apple's (github.com/apple/device-management).

use sha2::{Digest, Sha256};

use crate::config::managed::DOMAIN;
use crate::model::Property;
use crate::policy::is_team_id;

/// Identifiers of profiles and payloads begin with it.
const PROFILE: &str = "com.cloudward.profile";

/// Whose signature macOS should ask for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Signer(String);

impl Signer {
    pub(super) fn new(team_id: &str) -> Option<Self> {
        is_team_id(team_id).then(|| Self(team_id.to_owned()))
    }

    /// Signed with a Developer ID of this team: the two marks are those of Apple's intermediate authority and of a Developer
    /// ID application. The bundle's id alone could be anybody's.
    fn requirement(&self) -> String {
        format!(
            "identifier \"{DOMAIN}\" and anchor apple generic and certificate 1[field.1.2.840.113635.100.6.2.6] and \
             certificate leaf[field.1.2.840.113635.100.6.1.13] and certificate leaf[subject.OU] = \"{}\"",
            self.0
        )
    }
}

/// One payload.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Access(Signer),
    LoginItems(Signer),
    /// The configuration, as a table.
    Preferences(Property),
}

impl Part {
    /// The last word of its identifier, what System Settings calls it, and its type.
    const fn names(&self) -> (&'static str, &'static str, &'static str) {
        match self {
            Self::Access(_) => ("access", "Full Disk Access", "com.apple.TCC.configuration-profile-policy"),
            Self::LoginItems(_) => ("login-items", "Managed login item", "com.apple.servicemanagement"),
            Self::Preferences(_) => ("preferences", "Policy", DOMAIN),
        }
    }

    fn content(self) -> Vec<(String, Property)> {
        let text = |text: &str| Property::text(text);
        let content = match self {
            Self::Access(signer) => {
                let program = Property::table([
                    ("Identifier", text(DOMAIN)),
                    ("IdentifierType", text("bundleID")),
                    ("CodeRequirement", text(&signer.requirement())),
                    ("StaticCode", Property::Boolean(false)),
                    ("Allowed", Property::Boolean(true)),
                    ("Comment", text("Endpoint Security answers to programs with Full Disk Access only")),
                ]);
                let services = Property::table([("SystemPolicyAllFiles", Property::List(vec![program]))]);
                Property::table([("Services", services)])
            }
            Self::LoginItems(signer) => {
                let rule = |kind: &str| {
                    Property::table([
                        ("RuleType", text(kind)),
                        ("RuleValue", text(DOMAIN)),
                        ("TeamIdentifier", text(&signer.0)),
                        ("Comment", text("cloudward, the LaunchDaemon")),
                    ])
                };
                Property::table([("Rules", Property::List(vec![rule("Label"), rule("BundleIdentifier")]))])
            }
            Self::Preferences(table) => table,
        };
        match content {
            Property::Table(pairs) => pairs,
            _ => Vec::new(),
        }
    }
}

/// A profile of these payloads. One payload alone makes a profile of its own name, so that handing out one does not replace
/// another.
pub(super) fn profile(parts: Vec<Part>, team: &str, organization: Option<&str>) -> Property {
    let (identifier, title) = match &parts[..] {
        [one] => (format!("{PROFILE}.{}", one.names().0), format!("cloudward: {}", one.names().1)),
        _ => (PROFILE.to_owned(), "cloudward".to_owned()),
    };
    let mut pairs = head("Configuration", &identifier, &title, team, organization);
    pairs.push(("PayloadScope".to_owned(), Property::text("System")));
    pairs.push(("PayloadRemovalDisallowed".to_owned(), Property::Boolean(true)));
    let payload = |part: Part| {
        let (word, title, kind) = part.names();
        let identifier = format!("{identifier}.payload.{word}");
        let mut pairs = head(kind, &identifier, title, team, organization);
        pairs.extend(part.content());
        Property::Table(pairs)
    };
    let payloads = parts.into_iter().map(payload).collect();
    pairs.push(("PayloadContent".to_owned(), Property::List(payloads)));
    Property::Table(pairs)
}

fn head(
    kind: &str,
    identifier: &str,
    title: &str,
    team: &str,
    organization: Option<&str>,
) -> Vec<(String, Property)> {
    let pairs = [
        ("PayloadType", Property::text(kind)),
        ("PayloadVersion", Property::Integer(1)),
        ("PayloadIdentifier", Property::text(identifier)),
        ("PayloadUUID", Property::text(uuid(identifier, team))),
        ("PayloadDisplayName", Property::text(title)),
    ];
    let organization = organization.map(|name| ("PayloadOrganization", Property::text(name)));
    pairs.into_iter().chain(organization).map(|(key, value)| (key.to_owned(), value)).collect()
}

/// RFC 9562, version 8: from the identifier and the team, whatever the payload holds, so that a profile with other values
/// is the same profile to macOS.
fn uuid(identifier: &str, team: &str) -> String {
    let digest = Sha256::digest(format!("{identifier}\0{team}"));
    let mut bytes: [u8; 16] = std::array::from_fn(|at| digest[at]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let hex: String = bytes.iter().map(|byte| format!("{byte:02X}")).collect();
    format!("{}-{}-{}-{}-{}", &hex[..8], &hex[8..12], &hex[12..16], &hex[16..20], &hex[20..])
}
