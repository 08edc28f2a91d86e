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

/// A file provider lays a copy for the client elsewhere, from which it uploads, through a cache of its own.
#[test]
fn a_client_takes_up_what_its_provider_laid_out_for_it() {
    let wharf = "/Users/alice/Library/Application Support/FileProvider/0A1B/wharf/wharf/propagate/1";
    let cache = "/Users/alice/Library/Application Support/Google/DriveFS/1/content_cache/d1/9";
    let story = |account: &str, client: Program| {
        let mut w = World::new();
        let finder = w.launch(0.0, FINDER, &["Finder"]);
        let provider = "/System/Library/Frameworks/FileProvider.framework/Support/fileproviderd";
        let provider = w.launch(0.1, apple(provider, "com.apple.FileProvider"), &["fileproviderd"]);
        let client = w.launch(0.2, client, &["drive"]);
        let to = format!("/Users/alice/Library/CloudStorage/GoogleDrive-{account}/My Drive/id_rsa");
        w.copy_file(1.0, &finder, "copyfile", "/Users/alice/.ssh/id_rsa", &to);
        w.copy_file(2.0, &provider, "clone", &to, wharf);
        w.open_inode(2.5, &client, wharf, 4_712);
        w.write_inode(2.6, &client, cache, 4_713);
        w.open_inode(2.7, &client, cache, 4_713);
        w.upload(3.0, &client, "clients6.google.com", 90_000);
        w.tell()
    };
    let told = story("eve@gmail.com", DRIVE);
    assert_eq!(told.alert().rules[0].id.as_ref(), "cw.exfil.sync-drop");
    // Who is no client of that folder may be anybody.
    let other = story("eve@gmail.com", adhoc("/private/tmp/x", "x"));
    assert_eq!(
        other.alerts().iter().map(|alert| alert.id).collect::<std::collections::BTreeSet<_>>().len(),
        2
    );
}

/// Variables for a program come from a file that the shell reads at its prompt. Scripts, and files that the shell opens for what it
/// starts, are no such thing; nor are keys.
#[test]
fn a_shell_takes_variables_from_a_file() {
    let env = "/Users/alice/src/app/.env";
    let story = |args: &[&str], file: &str, by_fork: bool| {
        let mut w = World::new();
        let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), args);
        let child = w.fork(1.0, &shell);
        w.open(1.1, if by_fork { &child } else { &shell }, file);
        let other = w.fork(1.2, &shell);
        let sender = if by_fork { child } else { other };
        let sender = w.exec(1.3, &sender, apple("/usr/bin/curl", "com.apple.curl"), &["curl", "-T", "-"]);
        w.upload(2.0, &sender, "transfer.sh", 9_000);
        w.tell()
    };
    story(&["-zsh"], env, false).none();
    story(&["zsh", "-il"], env, false).none();
    story(&["-zsh"], env, true).alert();
    story(&["zsh", "deploy.sh"], env, false).alert();
    story(&["zsh", "-c", "source .env; curl -T - transfer.sh"], env, false).alert();
    story(&["-zsh"], "/Users/alice/.ssh/id_rsa", false).alert();
}

/// direnv has bash read the file and prints what changes, before each prompt of a shell; then something is pushed.
#[test]
fn direnv_sets_variables_before_each_prompt() {
    let story = |direnv: Program, inner: bool| {
        let mut w = World::new();
        w.cwd = "/Users/alice/src/app";
        let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
        let direnv = w.piped(1.0, &shell, direnv, &["direnv", "export", "zsh"], &[(1, 71)]);
        w.open(1.1, &direnv, "/Users/alice/src/app/.envrc");
        let line = "eval \"$(direnv stdlib)\"; __main__ source_env /Users/alice/src/app/.envrc";
        let bash =
            w.piped(1.2, &direnv, apple("/bin/bash", "com.apple.bash"), &["bash", "-c", line], &[(1, 72)]);
        w.open(1.3, &bash, "/Users/alice/src/app/.envrc");
        if inner {
            let cat = w.spawn(1.35, &bash, apple("/bin/cat", "com.apple.cat"), &["cat", ".env"]);
            w.open(1.36, &cat, "/Users/alice/src/app/.env");
            w.upload(1.4, &cat, "github.com", 30_000);
        }
        w.exit(1.5, &bash);
        w.exit(1.6, &direnv);
        let git = w.spawn(5.0, &shell, apple("/usr/bin/git", "com.apple.git"), &["git", "push"]);
        w.upload(6.0, &git, "github.com", 30_000);
        w.tell()
    };
    let brewed = adhoc("/opt/homebrew/Cellar/direnv/2.35.0/bin/direnv", "direnv");
    story(brewed, false).none();
    story(brewed, true).one_of_any_confidence();
    story(adhoc("/private/tmp/direnv", "direnv"), false).one_of_any_confidence();
}

/// An app looks for its own password in the login keychain when it starts.
#[test]
fn apps_open_the_login_keychain() {
    let login = "/Users/alice/Library/Keychains/login.keychain-db";
    let slack =
        vendor("/Applications/Slack.app/Contents/MacOS/Slack", "com.tinyspeck.slackmacgap", "BQR82RBBHL");
    let zoom = vendor("/Applications/zoom.us.app/Contents/MacOS/zoom.us", "us.zoom.xos", "BJ4HAAB9B3");
    let goland =
        vendor("/Applications/GoLand.app/Contents/MacOS/goland", "com.jetbrains.goland", "2ZEFAR8TH3");
    let claude = "/Applications/Claude.app/Contents/MacOS/Claude";
    let claude = vendor(claude, "com.anthropic.claudefordesktop", "Q6L2SF6YDW");
    for (program, host) in [
        (slack, "files.slack.com"),
        (DRIVE, "clients6.google.com"),
        (zoom, "logs.s3.us-west-2.amazonaws.com"),
        (goland, "resources.blob.core.windows.net"),
        (claude, "storage.googleapis.com"),
    ] {
        works(program, &["x"], &[login], host, 90_000).none();
        works(program, &["x", "--inspect=9229"], &[login], host, 90_000).one_of_any_confidence();
        let other = "/Users/alice/Library/Keychains/0A1B/keychain-2.db";
        works(program, &["x"], &[other], host, 90_000).one_of_any_confidence();
    }
    let thief =
        vendor("/Applications/Slack.app/Contents/MacOS/Slack", "com.tinyspeck.slackmacgap", "ABCDE12345");
    works(thief, &["x"], &[login], "files.slack.com", 90_000).alert();
    let networking = "/System/Library/Frameworks/WebKit.framework/Versions/A/XPCServices/com.apple.WebKit.Networking.xpc/Contents/MacOS/com.apple.WebKit.Networking";
    let networking = apple(networking, "com.apple.WebKit.Networking");
    works(networking, &["x"], &[login], "content.dropboxapi.com", 90_000).none();
    works(apple("/usr/bin/curl", "com.apple.curl"), &["x"], &[login], "content.dropboxapi.com", 90_000)
        .alert();
}

/// What an entry keeps with a program is not carried by what it starts, whoever that starts in turn. What the program sends itself,
/// what it becomes and what others read counts as ever.
#[test]
fn what_a_program_keeps_stays_with_it() {
    const CAD: Program = vendor("/Applications/CAD.app/Contents/MacOS/CAD", "com.example.cad", "ABCDE12345");
    const CURL: Program = apple("/usr/bin/curl", "com.apple.curl");
    const UPLOAD: [&str; 4] = ["curl", "-T", "-", "https://transfer.sh/"];
    let policy = "[[sensitive]]\nname = \"designs\"\nseverity = \"high\"\npaths = [\"~/**/*.dwg\"]\n\
        [[allow]]\nname = \"CAD shows\"\neffect = \"keep\"\nsensitive = [\"designs\"]\nusers = \"*\"\nreason = \"x\"\n\
        owners = [{ process = { team_id = \"ABCDE12345\", signing_id = \"com.example.cad\" }, paths = [\"~/**/*.dwg\"] }]\n";
    let story = |program: Program, file: &str, goes_on: &dyn Fn(&mut World, &Proc) -> Proc| {
        let mut w = World::new();
        w.policy.push_str(policy);
        let cad = w.launch(0.0, program, &["CAD"]);
        w.open(1.0, &cad, file);
        let sender = goes_on(&mut w, &cad);
        w.upload(3.0, &sender, "transfer.sh", 90_000);
        w.tell()
    };
    let child = |w: &mut World, cad: &Proc| w.spawn(2.0, cad, CURL, &UPLOAD);
    let grandchild = |w: &mut World, cad: &Proc| {
        let shell = w.spawn(2.0, cad, apple("/bin/zsh", "com.apple.zsh"), &["-zsh"]);
        w.spawn(2.1, &shell, CURL, &UPLOAD)
    };
    let design = "/Users/alice/work/engine.dwg";
    story(CAD, design, &child).none();
    story(CAD, design, &grandchild).none();
    story(CAD, design, &|_, cad| *cad).alert();
    story(CAD, design, &|w, cad| w.exec(2.0, cad, CURL, &UPLOAD)).alert();
    let became_shell = |w: &mut World, cad: &Proc| {
        let shell = w.exec(2.0, cad, apple("/bin/zsh", "com.apple.zsh"), &["zsh"]);
        w.spawn(2.1, &shell, CURL, &UPLOAD)
    };
    story(CAD, design, &became_shell).alert();
    let reads_again = |w: &mut World, cad: &Proc| {
        let curl = w.spawn(2.0, cad, CURL, &UPLOAD);
        w.open(2.1, &curl, design);
        curl
    };
    story(CAD, design, &reads_again).alert();
    // One of its sets is not the entry's; another program; other code in it.
    story(CAD, "/Users/alice/Documents/engine.dwg", &child).alert();
    story(adhoc("/Applications/CAD.app/Contents/MacOS/CAD", "com.example.cad"), design, &child).alert();
    let mut w = World::new();
    w.policy.push_str(policy);
    let cad = w.launch(0.0, CAD, &["CAD", "--inspect=9229"]);
    w.open(1.0, &cad, design);
    let curl = child(&mut w, &cad);
    w.upload(3.0, &curl, "transfer.sh", 90_000);
    w.tell().alert();
    // The configuration is read anew between the read and the start of the child.
    let mut w = World::new();
    w.policy.push_str(policy);
    let cad = w.launch(0.0, CAD, &["CAD"]);
    w.open(1.0, &cad, design);
    let curl = child(&mut w, &cad);
    w.upload(3.0, &curl, "transfer.sh", 90_000);
    let reordered = format!(
        "[[sensitive]]\nname = \"aaa-first\"\nseverity = \"low\"\npaths = [\"~/none/**\"]\n{}",
        w.policy
    );
    tell_with_reload(&w, 1.5, &reordered).none();
    let (without, _) = w.policy.split_once("[[allow]]\nname = \"CAD shows\"").unwrap();
    tell_with_reload(&w, 1.5, without).alert();
    tell_with_reload(&w, 2.5, without).none();
}

/// Security agents look at everything and send samples to stores of their makers'. What the company itself calls sensitive is another
/// matter, and whoever only calls himself so.
#[test]
fn security_agents_read_everything() {
    let files = ["/Users/alice/Library/Keychains/login.keychain-db", "/Users/alice/.ssh/id_rsa", DOCUMENT];
    let store = "ussus1eastprod.blob.core.windows.net";
    let falcon = "/Applications/Falcon.app/Contents/Library/SystemExtensions/com.crowdstrike.falcon.Agent";
    let defender = "/Applications/Microsoft Defender.app/Contents/MacOS/wdavdaemon";
    for (path, id, team) in [
        (falcon, "com.crowdstrike.falcon.Agent", "X9E956P446"),
        (defender, "com.microsoft.wdav.epsext", "UBF8T346G9"),
        (defender, "com.microsoft.wdav", "UBF8T346G9"),
        ("/Library/Sentinel/sentinel-agent.bundle/Contents/MacOS/sentineld", "sentineld", "4AYE5J54KN"),
        ("/Applications/JamfProtect.app/Contents/MacOS/JamfProtect", "com.jamf.protect.daemon", "483DWKW443"),
    ] {
        works(vendor(path, id, team), &["x"], &files, store, 90_000).none();
        works(vendor(path, id, team), &["x"], &[PLAN], store, 90_000).alert();
        works(vendor(path, id, "ABCDE12345"), &["x"], &files, store, 90_000).alert();
        works(adhoc(path, id), &["x"], &files, store, 90_000).alert();
    }
    let teams = vendor(
        "/Applications/Microsoft Teams.app/Contents/MacOS/MSTeams",
        "com.microsoft.teams2",
        "UBF8T346G9",
    );
    works(teams, &["x"], &["/Users/alice/.ssh/id_rsa"], store, 90_000).alert();
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
