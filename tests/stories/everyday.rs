//! Look-alikes, continued: what people's apps do beside what they hold open, and what clients take up from their folders.

use super::world::*;

const PLAN: &str = "/Users/alice/Documents/corp/plan.docx";
const FINDER: Program =
    apple("/System/Library/CoreServices/Finder.app/Contents/MacOS/Finder", "com.apple.finder");
const DRIVE: Program =
    vendor("/Applications/Google Drive.app/Contents/MacOS/Google Drive", "com.google.drivefs", "EQHXZ8M8AV");

/// What lies in a client's folder was judged when it was put there: that the client then sends it is nothing more, whichever
/// set it belongs to. Where the account is a stranger's, it stays one alert.
#[test]
fn a_client_takes_up_what_was_put_into_its_folder() {
    let story = |account: &str, policy: &str| {
        let mut w = World::new();
        w.policy.push_str(policy);
        let finder = w.launch(0.0, FINDER, &["Finder"]);
        let drive = w.launch(0.1, DRIVE, &["drive"]);
        let to = format!("/Users/alice/Library/CloudStorage/GoogleDrive-{account}/My Drive/plan.docx");
        w.open(1.0, &finder, PLAN);
        w.write_inode(1.1, &finder, &to, 4_712);
        w.open_inode(2.0, &drive, &to, 4_712);
        w.upload(2.5, &drive, "www.googleapis.com", 90_000);
        w.tell()
    };
    story("alice@corp.com", "").none();
    assert_eq!(story("eve@gmail.com", "").alert().tenant.as_deref(), Some("eve@gmail.com"));
    // Who wants to hear of it anyway.
    let disabled = "[builtin]\ndisable = [\"sync-clients-own-roots\"]\n";
    story("alice@corp.com", disabled).low();
}
