//! Look-alikes, continued: what people's apps do beside what they hold open, and what clients take up from their folders.

use super::world::*;

const DOCUMENT: &str = "/Users/alice/Documents/offer.pdf";
const PLAN: &str = "/Users/alice/Documents/corp/plan.docx";
const ICLOUD: &str = "p42-content.icloud.com";
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

/// Office saves what lies in the cloud from the process that holds a document of this Mac open. What the company itself calls
/// sensitive is another matter, and so is another place.
#[test]
fn office_and_teams_save_to_the_cloud() {
    let word = vendor(
        "/Applications/Microsoft Word.app/Contents/MacOS/Microsoft Word",
        "com.microsoft.Word",
        "UBF8T346G9",
    );
    let teams = vendor(
        "/Applications/Microsoft Teams.app/Contents/MacOS/MSTeams",
        "com.microsoft.teams2",
        "UBF8T346G9",
    );
    for program in [word, teams] {
        for host in ["corp-my.sharepoint.com", "partner.sharepoint.com", "graph.microsoft.com"] {
            works(program, &["x"], &[DOCUMENT], host, 90_000).none();
        }
        works(program, &["x"], &[PLAN], "partner.sharepoint.com", 90_000).alert();
        works(program, &["x"], &[DOCUMENT], "content.dropboxapi.com", 90_000).alert();
    }
    works(
        adhoc("/private/tmp/Microsoft Word", "com.microsoft.Word"),
        &["x"],
        &[DOCUMENT],
        "partner.sharepoint.com",
        90_000,
    )
    .alert();
}

/// A large attachment goes by Mail Drop, one of a note to where the notes are: cloudd sends it for the app.
#[test]
fn apps_of_the_system_use_the_users_icloud() {
    let cloudd = apple(
        "/System/Library/PrivateFrameworks/CloudKitDaemon.framework/Support/cloudd",
        "com.apple.cloudd",
    );
    let story = |app: Program, reads: &str, copy: Option<&str>| {
        let mut w = World::new();
        let cloudd = w.launch(0.0, cloudd, &["cloudd"]);
        let app = w.launch(0.1, app, &["x"]);
        w.open(1.0, &app, reads);
        if let Some(copy) = copy {
            w.write_inode(1.5, &app, copy, 4_711);
            w.open_inode(2.0, &cloudd, copy, 4_711);
        }
        let mut conn = w.connect_for(2.5, &cloudd, &app, ICLOUD);
        let end = w.send(2.6, &mut conn, 900_000);
        w.close(end + 0.1, &mut conn);
        w.tell()
    };
    let mail = apple("/System/Applications/Mail.app/Contents/MacOS/Mail", "com.apple.mail");
    let notes = apple("/System/Applications/Notes.app/Contents/MacOS/Notes", "com.apple.Notes");
    let media = "/Users/alice/Library/Group Containers/group.com.apple.notes/Accounts/A/Media/B/offer.pdf";
    story(mail, DOCUMENT, None).none();
    story(notes, DOCUMENT, Some(media)).none();
    story(mail, PLAN, None).alert();
    story(mail, "/Users/alice/.ssh/id_rsa", None).alert();
    story(adhoc("/private/tmp/Mail", "com.apple.mail"), DOCUMENT, None).alert();
}

/// An assistant in an editor sends what it looks at to its model, under names beside those of the code host.
#[test]
fn an_assistants_questions_are_no_push() {
    let editor = vendor(
        "/Applications/Visual Studio Code.app/Contents/Frameworks/Code Helper (Plugin).app/Contents/MacOS/Code Helper (Plugin)",
        "com.github.Electron.helper",
        "UBF8T346G9",
    );
    let told = |host| works(editor, &["x"], &["/Users/alice/src/app/.env"], host, 60_000);
    for host in ["copilot-proxy.githubusercontent.com", "api.githubcopilot.com", "api.anthropic.com"] {
        told(host).none();
    }
    told("uploads.github.com").alert();
}
