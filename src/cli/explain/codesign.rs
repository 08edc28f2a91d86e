//! What the system's `codesign` says of a program on this Mac.

use std::path::Path;
use std::process::Command;

use crate::config::suite::ProgramSpec;

const CODESIGN: &str = "/usr/bin/codesign";

/// The signature of a program that lies here; `None` where there is no `codesign`, no such file or no signature.
pub fn ask(path: &str) -> Option<ProgramSpec> {
    if !Path::new(CODESIGN).exists() || !Path::new(path).is_file() {
        return None;
    }
    let output = Command::new(CODESIGN).args(["--display", "--verbose=4", "--", path]).output().ok()?;
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    output.status.success().then(|| read(path, &told)).flatten()
}

/// Reads `codesign --display --verbose=4`: `Identifier=`, `TeamIdentifier=`, `CDHash=`, `Signature=adhoc`,
/// `Platform identifier=` for programs of macOS.
fn read(path: &str, told: &str) -> Option<ProgramSpec> {
    let value = |key: &str| told.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let said = |key: &str| value(key).filter(|text| !text.is_empty() && *text != "not set");
    Some(ProgramSpec {
        path: path.to_owned(),
        team_id: said("TeamIdentifier").map(str::to_owned),
        signing_id: Some(said("Identifier")?.to_owned()),
        platform: said("Platform identifier").is_some_and(|number| number != "0"),
        cdhash: said("CDHash").and_then(hash),
        ad_hoc: value("Signature") == Some("adhoc"),
    })
}

/// Two hexadecimal digits for each byte.
pub fn hash<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    if text.len() != 2 * N || !text.is_ascii() {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(&text[index * 2..index * 2 + 2], 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    // The form is that of macOS 14's manual and of Apple's examples; not recorded here.
    #[test]
    fn reads_what_codesign_prints() {
        let apple = "Executable=/usr/bin/curl\nIdentifier=com.apple.curl\nFormat=Mach-O universal (x86_64 arm64e)\n\
            CodeDirectory v=20400 size=1 flags=0x0(none) hashes=1+2 location=embedded\nPlatform identifier=15\n\
            CDHash=0123456789abcdef0123456789abcdef01234567\nSignature size=4442\nTeamIdentifier=not set\n";
        let spec = read("/usr/bin/curl", apple).unwrap();
        assert!(spec.platform && !spec.ad_hoc && spec.team_id.is_none());
        assert_eq!(spec.cdhash.unwrap()[..2], [0x01, 0x23]);
        let brew = "Identifier=rclone\nCDHash=00\nSignature=adhoc\nTeamIdentifier=not set\n";
        let spec = read("/opt/homebrew/bin/rclone", brew).unwrap();
        assert!(spec.ad_hoc && !spec.platform && spec.cdhash.is_none());
        let vendor = "Identifier=com.acme.sync\nTeamIdentifier=ACMETEAM01\nSignature size=9000\n";
        assert_eq!(read("/x", vendor).unwrap().team_id.as_deref(), Some("ACMETEAM01"));
        assert_eq!(read("/x", "/x: code object is not signed at all\n"), None);
    }
}
