//! Secrets shaped as their issuers shape them. `¦` stands between the halves of a key, so that no scanner takes these
//! lines for a leak.

use proptest::prelude::*;

use super::*;

fn line(text: &str) -> String {
    let words: Vec<Box<str>> = text.replace('¦', "").split(' ').map(Box::from).collect();
    args(&words).join(" ")
}

#[track_caller]
fn check(table: &[(&str, &str)]) {
    for (raw, clean) in table {
        assert_eq!(line(raw), *clean, "{raw}");
    }
}

/// Arguments that hold spaces.
#[track_caller]
fn check_args(table: &[(&[&str], &[&str])]) {
    for (raw, clean) in table {
        let words: Vec<Box<str>> = raw.iter().map(|word| word.replace('¦', "").into()).collect();
        assert_eq!(args(&words), *clean, "{raw:?}");
    }
}

#[test]
fn amazon() {
    check(&[
        ("x AKIA¦IOSFODNN7EXAMPLE y", "x [redacted] y"),
        ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "AWS_SECRET_ACCESS_KEY=[redacted]"),
        (
            "aws configure set aws_secret_access_key wJalr/x",
            "aws configure set aws_secret_access_key [redacted]",
        ),
        ("x k3Zq9/vT1bXw8RmLpA2c¦+YhN5sGd7eJfUoQ4iKtW y", "x [redacted] y"),
        // The one of the manuals, and a name of 40 letters.
        ("x wJalrXUtnFEMI¦/K7MDENG/bPxRfiCYEXAMPLEKEY y", "x [redacted] y"),
        ("x QuarterlyReportForTheBoardOfTheCompany24 y", "x QuarterlyReportForTheBoardOfTheCompany24 y"),
        ("b2 authorize_account 0012 K0¦05abcdef", "b2 authorize_account 0012 [redacted]"),
        ("x hf_¦ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefgh", "x [redacted]"),
        ("x --secret-access-key=abc --region=eu", "x --secret-access-key=[redacted] --region=eu"),
        (
            "rclone copy a :s3:b --s3-secret-access-key abc --s3-endpoint https://e.test",
            "rclone copy a :s3:b --s3-secret-access-key [redacted] --s3-endpoint https://e.test",
        ),
        (
            "rclone copy a :s3,provider=AWS,secret_access_key=abc,region=eu:bucket/p",
            "rclone copy a :s3,provider=AWS,secret_access_key=[redacted],region=eu:bucket/p",
        ),
        (
            "curl https://b.s3.amazonaws.com/k?X-Amz-Credential=AK%2F1&X-Amz-Date=2026&X-Amz-Signature=0f",
            "curl https://b.s3.amazonaws.com/k?X-Amz-Credential=[redacted]&X-Amz-Date=2026&X-Amz-Signature=[redacted]",
        ),
        (
            "mc alias set evil https://minio.test minio minio123",
            "mc alias set evil https://minio.test [redacted] [redacted]",
        ),
    ]);
}

#[test]
fn google() {
    check(&[
        ("x AIza¦SyA1234567890abcdefghijklmnopqrstuv", "x [redacted]"),
        ("x ya29.¦a0AfH6SMBxxxxxxxxxxxxxxxxxxxx", "x [redacted]"),
        ("x GOCSPX-¦abcdefghijklmnopqrstuvwxyz12", "x [redacted]"),
        (
            "curl https://storage.googleapis.com/b/o?X-Goog-Signature=12ab&X-Goog-Date=1",
            "curl https://storage.googleapis.com/b/o?X-Goog-Signature=[redacted]&X-Goog-Date=1",
        ),
        ("curl https://x.googleapis.com/v1?key=abc", "curl https://x.googleapis.com/v1?key=[redacted]"),
    ]);
}

#[test]
fn azure() {
    let key = "a".repeat(43) + &"B1".repeat(21) + "c==";
    let raw = format!("x {key} y");
    assert_eq!(key.len(), 88);
    check(&[
        (raw.as_str(), "x [redacted] y"),
        (
            "azcopy copy . https://evil.blob.core.windows.net/c?sv=2024&sig=abc%3D&se=2026",
            "azcopy copy . https://evil.blob.core.windows.net/c?sv=2024&sig=[redacted]&se=2026",
        ),
        (
            "x --connection-string DefaultEndpointsProtocol=https;AccountName=evil;AccountKey=abc+/==;EndpointSuffix=core.windows.net",
            "x --connection-string DefaultEndpointsProtocol=https;AccountName=evil;AccountKey=[redacted];EndpointSuffix=core.windows.net",
        ),
        (
            "X=Endpoint=sb://evil.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey=abc=",
            "X=Endpoint=sb://evil.servicebus.windows.net/;SharedAccessKeyName=root;SharedAccessKey=[redacted]",
        ),
        ("az login -p abc1Q~¦abcdefghijklmnopqrstuvwxyz0123456", "az login -p [redacted]"),
        (
            "az storage blob upload --account-name e --account-key abc",
            "az storage blob upload --account-name e --account-key [redacted]",
        ),
    ]);
}

#[test]
fn code_hosts_and_registries() {
    check(&[
        (
            "git push https://ghp_¦abcdefghijklmnopqrstuvwx@github.com/a/b",
            "git push https://[redacted]@github.com/a/b",
        ),
        ("x github_pat_¦11ABCDEFG0abcdefghijkl_mnopqrstuvwxyz", "x [redacted]"),
        ("x glpat-¦abcDEF123456ghiJKL78", "x [redacted]"),
        ("x npm_¦abcdefghijklmnopqrstuvwxyz0123456789", "x [redacted]"),
        ("x //npm.example.com/:_authToken=abc", "x //npm.example.com/:_authToken=[redacted]"),
        ("twine upload -p pypi-¦AgEIcHlwaS5vcmcCJDAwMDAwMDAwMDAwMDAw", "twine upload -p [redacted]"),
    ]);
}

#[test]
fn messengers() {
    check(&[
        ("x xoxb-¦123456789012-1234567890123-abcdefghijklmnopqrstuvwx", "x [redacted]"),
        (
            "curl https://hooks.slack.com/services/T00000000/B00000000/XXXX¦XXXXXXXX",
            "curl https://hooks.slack.com/services/T00000000/B00000000/[redacted]",
        ),
        (
            "curl https://discord.com/api/webhooks/123/s3cr3t?wait=true",
            "curl https://discord.com/api/webhooks/123/[redacted]?wait=true",
        ),
        ("x MTk4NjIyNDgzNDcxOTI1MjQ4.¦Cl2FMQ.ZnCjm1XVW7vRze4b7Cq4se7kKWs", "x [redacted]"),
        (
            "curl https://api.telegram.org/bot1:AAE/sendDocument",
            "curl https://api.telegram.org/bot[redacted]/sendDocument",
        ),
        ("x 123456789:¦AAabcdefghijklmnopqrstuvwxyz0123456", "x [redacted]"),
    ]);
}

#[test]
fn services_by_the_look_of_their_keys() {
    check(&[
        ("x sk_live_¦abcdefghijklmnop1234", "x [redacted]"),
        ("x rk_test_¦abcdefghijklmnop1234", "x [redacted]"),
        ("x sk-¦proj-abcdefghijklmnopqrstuvwx-yz0123", "x [redacted]"),
        ("x sl.¦Babcdefghijklmnopqrstuvwxyz0123456", "x [redacted]"),
        ("x dop_v1_¦0123456789abcdef0123456789abcdef", "x [redacted]"),
        ("x SG.¦abcdefghijklmnopqrstuv.abcdefghijklmnopqrstuvwxyz", "x [redacted]"),
        ("x SK¦0123456789abcdef0123456789abcdef", "x [redacted]"),
        ("x eyJ¦hbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmNHl0w5N", "x [redacted]"),
        (
            "curl -u AC0123456789abcdef:0a1b https://api.twilio.test/x",
            "curl -u [redacted] https://api.twilio.test/x",
        ),
    ]);
}

#[test]
fn passwords_in_arguments() {
    check(&[
        ("curl -u bob:hunter2 https://x.test/", "curl -u [redacted] https://x.test/"),
        ("curl -ubob:hunter2 https://x.test/", "curl -u[redacted] https://x.test/"),
        ("curl -sSu bob:hunter2 https://x.test/", "curl -sSu [redacted] https://x.test/"),
        ("curl --user=bob:hunter2 https://x.test/", "curl --user=[redacted] https://x.test/"),
        ("curl https://bob:hunter2@x.test/a?b=c", "curl https://[redacted]@x.test/a?b=c"),
        ("curl -d token=abc&file=x https://x.test/", "curl -d token=[redacted]&file=x https://x.test/"),
        ("x --token abc --region eu", "x --token [redacted] --region eu"),
        ("mysql -u root -pSECRET db", "mysql -u root -p[redacted] db"),
        ("/usr/local/bin/mysqldump -p db", "/usr/local/bin/mysqldump -p db"),
        ("sshpass -p hunter2 scp -P 22 a host:b", "sshpass -p [redacted] scp -P 22 a host:b"),
        ("sudo sshpass -phunter2 ssh -p 22 host", "sudo sshpass -p[redacted] ssh -p 22 host"),
        ("zip -P hunter2 -r a.zip /Users/a/Documents", "zip -P [redacted] -r a.zip /Users/a/Documents"),
        ("7z a -phunter2 a.7z b", "7z a -p[redacted] a.7z b"),
        ("openssl enc -pass pass:hunter2 -in a", "openssl enc -pass pass:[redacted] -in a"),
        ("smbclient //h/s -U bob%hunter2", "smbclient //h/s -U [redacted]"),
        ("PGPASSWORD=a=b psql", "PGPASSWORD=[redacted] psql"),
        ("rclone obscure hunter2", "rclone obscure [redacted]"),
    ]);
}

/// The same letter is a password for one program and a port for another, or for the same behind another verb.
#[test]
fn passwords_by_program() {
    check(&[
        ("az login --service-principal -u x -p hunter2", "az login --service-principal -u x -p [redacted]"),
        ("az sql db export -u x -p hunter2 -n db", "az sql db export -u x -p [redacted] -n db"),
        ("docker login -u bob -p hunter2 r.test", "docker login -u bob -p [redacted] r.test"),
        ("megaput -u bob -p hunter2 /Users/a/x", "megaput -u bob -p [redacted] /Users/a/x"),
        (
            "/opt/homebrew/bin/mega-login bob@x.test hunter2",
            "/opt/homebrew/bin/mega-login bob@x.test [redacted]",
        ),
        ("mega-exec login bob@x.test hunter2", "mega-exec login bob@x.test [redacted]"),
        ("x --pat hunter2 --org o", "x --pat [redacted] --org o"),
        ("x --pat=hunter2", "x --pat=[redacted]"),
        ("AZURE_DEVOPS_EXT_PAT=hunter2 az repos list", "AZURE_DEVOPS_EXT_PAT=[redacted] az repos list"),
        ("http -a bob:hunter2 https://x.test/", "http -a [redacted] https://x.test/"),
        ("http -abob:hunter2 https://x.test/", "http -a[redacted] https://x.test/"),
        ("http --auth=bob:hunter2 https://x.test/", "http --auth=[redacted] https://x.test/"),
        ("tool.exe /user:bob /token:hunter2", "tool.exe /user:bob /token:[redacted]"),
    ]);
    check_args(&[
        (
            &["rclone", "--password-command", "echo hunter2", "copy", "a", "b:"],
            &["rclone", "--password-command", "echo [redacted]", "copy", "a", "b:"],
        ),
        (
            &["rclone", "--password-command=echo hunter2", "copy", "a", "b:"],
            &["rclone", "--password-command=echo [redacted]", "copy", "a", "b:"],
        ),
        (
            &["sh", "-c", "rclone --password-command 'echo hunter2' copy a b:"],
            &["sh", "-c", "rclone --password-command 'echo [redacted]' copy a b:"],
        ),
        (
            &["env", "BORG_PASSCOMMAND=echo hunter2", "borg"],
            &["env", "BORG_PASSCOMMAND=echo [redacted]", "borg"],
        ),
    ]);
    for kept in [
        "ssh -p 2222 host",
        "mkdir -p /tmp/dir/x",
        "cp -p a b",
        "docker run -p 8080:80 image",
        "docker run -it --rm image login",
        "az storage file upload -p folder/x -s share",
        "az group list -o table",
        "rclone --password-command /Users/a/print-password copy a b:",
        "curl -a x https://x.test/",
        "http POST https://x.test/ name=a",
        "awk -v pat=foo x",
        "x --compat 5 --pattern a",
        "docker pull r.test/token:latest",
        "curl http://token:8080/x",
        "ls /Users/a/token:x",
    ] {
        assert_eq!(line(kept), kept);
    }
}

#[test]
fn words_inside_words() {
    check_args(&[
        (&["curl", "-H", "Authorization: Bearer abc"], &["curl", "-H", "Authorization: [redacted]"]),
        (&["curl", "-HX-Api-Key: abc"], &["curl", "-HX-Api-Key: [redacted]"]),
        (
            &["curl", "-H", "Authorization: Basic Ym9iOmh1bnRlcjI="],
            &["curl", "-H", "Authorization: [redacted]"],
        ),
        (
            &["sh", "-c", "curl -u bob:pw -T .ssh/id_rsa https://x.test/ && mysql -ppw db"],
            &["sh", "-c", "curl -u [redacted] -T .ssh/id_rsa https://x.test/ && mysql -p[redacted] db"],
        ),
        (
            &["zsh", "-c", "curl -H \"Authorization: Bearer abc\" 'https://x.test/?token=abc'"],
            &["zsh", "-c", "curl -H \"Authorization: [redacted]\" 'https://x.test/?token=[redacted]'"],
        ),
        (
            &["sh", "-c", "TOKEN=abc A=b curl https://x.test/"],
            &["sh", "-c", "TOKEN=[redacted] A=b curl https://x.test/"],
        ),
        (
            &["curl", "-d", "{\"user\": \"bob\", \"password\": \"a b\", \"n\": 1}"],
            &["curl", "-d", "{\"user\": \"bob\", \"password\": \"[redacted]\", \"n\": 1}"],
        ),
        (
            &["x", "-----BEGIN OPENSSH PRIVATE KEY-----\nabc\n-----END OPENSSH PRIVATE KEY-----\nnext"],
            &["x", "[redacted]\nnext"],
        ),
    ]);
}

/// What a detective needs stays.
#[test]
fn hosts_paths_and_plain_words_stay() {
    for kept in [
        "rclone copy /Users/a/Documents mega:",
        "python -u /Users/a/upload.py",
        "ssh -i /Users/a/.ssh/id_rsa -p 22 bob@host",
        "ansible --private-key=/Users/a/.ssh/id_ed25519 -u deploy host",
        "gpg --passphrase-file /Users/a/p -c x",
        "docker run --user 1000:1000 -p 8080:80 image",
        "curl -T sk-2026-presentation-of-the-quarter.docx https://x.test/?v=1",
        "x --max-tokens 5 --no-password -h db.example.com",
        "kubectl get secret database",
        "sudo -u alice /usr/bin/true",
        "psql -U postgres -h db.example.com",
        "cp Documents/Projects/2026/ReportFinalDraft.docx /Volumes/STICK",
        "git commit -m basic-authentication",
    ] {
        assert_eq!(line(kept), kept);
    }
    for kept in
        ["the bearer of authority", "Basic authentication failed", "curl read /Users/a/password.txt (keys)"]
    {
        assert_eq!(text(kept), kept);
    }
}

/// In sentences and paths, where no option announces them.
#[test]
fn sentences_and_paths() {
    let said = "curl read /tmp/https://u:p@h.test/?sig=1 and Bearer ¦abcDEF123 (x)".replace('¦', "");
    assert_eq!(
        text(&said),
        "curl read /tmp/https://[redacted]@h.test/?sig=[redacted] and Bearer [redacted] (x)"
    );
    let dir = "/Users/a/backup-AKIA¦IOSFODNN7EXAMPLE/token=abc/report.docx".replace('¦', "");
    assert_eq!(text::path(&dir), "/Users/a/backup-[redacted]/token=[redacted]/report.docx");
    let plain = FilePath::new(b"/Users/a/\xff\xfe.docx");
    assert_eq!(path(&plain), plain);
}

/// Any bytes at all: no panic, and nothing to hide means nothing changed.
#[test]
fn odd_texts_survive() {
    for odd in [
        "",
        "=",
        ":",
        "?=",
        "://",
        "://@",
        "'",
        "\"",
        "-",
        "--",
        "-u",
        "¦",
        "é=ü:ß",
        "a=é",
        "\u{202e}=x",
        "Bearer ",
        "pass:",
        "-----BEGIN ",
    ] {
        assert_eq!(text(odd), odd);
        assert_eq!(args(&[odd.into()]), [odd]);
    }
    let long = "x=".repeat(20_000);
    assert_eq!(text(&long).len(), long.len());
    for hostile in [
        "=",
        "a=",
        ":",
        "--a=",
        "' ",
        "-----BEGIN ",
        "a_b-",
        "sl.",
        "+/",
        "-",
        "M-",
        "Bearer A1234567 ",
        "x://a@",
        "token=a&",
        "'=",
        "a:\"",
        "eyJ.",
    ] {
        let long = hostile.repeat(20_000 / hostile.len());
        assert!(!text(&long).is_empty());
        assert_eq!(args(&[long.into()]).len(), 1);
    }
}

#[test]
fn what_a_first_pass_brings_together_goes_in_the_second() {
    let split = "-----BEGIN  ?sig=passwordBearer passwordpass:?sigPRIVATE KEY-----";
    assert_eq!(text(split), REDACTED);
}

proptest! {
    /// Pieces that mean something, in any order: no panic, and what is clean stays as it is.
    #[test]
    fn any_mixture_is_read_and_read_again_the_same(
        pieces in prop::collection::vec(prop::sample::select(vec![
            "curl", " ", "-u", "-p", "--token", "=", ":", "\"", "'", "\\", "password", "://", "@", "?sig", "&", ";", "é",
            "\u{202e}", "Bearer ", "abcDEF12345678", "/Users/a", "AKIA", "IOSFODNN7EXAMPLE", "-----BEGIN ", "PRIVATE KEY-----",
            "hooks.slack.com/services/", "a", "\n", "|", "[redacted]", "pass:", "mysql", "eyJ", ".", "mc", "set",
        ]), 0..24)
    ) {
        let whole = pieces.concat();
        let once = text(&whole);
        prop_assert_eq!(text(&once), once.as_ref(), "{}", whole);
        let words: Vec<Box<str>> = pieces.iter().map(|piece| Box::from(*piece)).collect();
        prop_assert_eq!(args(&words).len(), words.len());
        let _ = args(&[whole.into()]);
    }
}

#[test]
fn passwords_for_standard_input() {
    check_args(&[
        (&["zsh", "-c", "echo 'pw 1' | sudo -S cat x"], &["zsh", "-c", "echo '[redacted]' | sudo -S cat x"]),
        (&["zsh", "-c", "echo pw|sudo -kS true"], &["zsh", "-c", "echo [redacted]|sudo -kS true"]),
        (
            &["sh", "-c", "cd /x; printf '%s' pw | sudo -S -k true; echo done | cat"],
            &["sh", "-c", "cd /x; printf '%s' [redacted] | sudo -S -k true; echo done | cat"],
        ),
        (&["sh", "-c", "sudo -S true <<< pw"], &["sh", "-c", "sudo -S true <<< [redacted]"]),
        (&["sh", "-c", "sudo -S true <<<pw"], &["sh", "-c", "sudo -S true <<<[redacted]"]),
        (
            &["sh", "-c", "echo -n pw | hdiutil attach -stdinpass x.dmg"],
            &["sh", "-c", "echo -n [redacted] | hdiutil attach -stdinpass x.dmg"],
        ),
        (
            &["sh", "-c", "echo pw | docker login -u me --password-stdin r.test"],
            &["sh", "-c", "echo [redacted] | docker login -u me --password-stdin r.test"],
        ),
        (
            &["sh", "-c", "echo pw | gh auth login --with-token"],
            &["sh", "-c", "echo [redacted] | gh auth login --with-token"],
        ),
        (
            &["sh", "-c", "echo pw | gpg --batch --passphrase-fd 0 -c x"],
            &["sh", "-c", "echo [redacted] | gpg --batch --passphrase-fd 0 -c x"],
        ),
        (
            &["sh", "-c", "echo pw | openssl enc -aes256 -pass stdin"],
            &["sh", "-c", "echo [redacted] | openssl enc -aes256 -pass [redacted]"],
        ),
        (&["sh", "-c", "echo pw | kinit a@B"], &["sh", "-c", "echo [redacted] | kinit a@B"]),
        (&["sh", "-c", "echo pw | op signin"], &["sh", "-c", "echo [redacted] | op signin"]),
        // Nobody asks for one here, or a variable holds it.
        (&["sh", "-c", "echo plan | sudo tee x"], &["sh", "-c", "echo plan | sudo tee x"]),
        (&["sh", "-c", "echo a || sudo -S b"], &["sh", "-c", "echo a || sudo -S b"]),
        (&["sh", "-c", "echo \"$PW\" | sudo -S b"], &["sh", "-c", "echo \"$PW\" | sudo -S b"]),
        (&["sh", "-c", "cat <<< plan; sudo -S b"], &["sh", "-c", "cat <<< plan; sudo -S b"]),
    ]);
}

#[test]
fn passwords_of_a_mac() {
    check(&[
        ("dscl . -authonly alice pw", "dscl . -authonly alice [redacted]"),
        ("dscl /Local/Default authonly alice pw", "dscl /Local/Default authonly alice [redacted]"),
        ("dscl . -passwd /Users/alice old new", "dscl . -passwd /Users/alice [redacted] [redacted]"),
        ("dscl . -read /Users/alice", "dscl . -read /Users/alice"),
        (
            "security set-keychain-password -o old -p new login.keychain",
            "security set-keychain-password -o [redacted] -p [redacted] login.keychain",
        ),
        ("security add-generic-password -X 7077", "security add-generic-password -X [redacted]"),
        ("security export -k login.keychain -o out.p12", "security export -k login.keychain -o out.p12"),
        ("mount_smbfs //alice:pw@nas/x /mnt", "mount_smbfs //[redacted]@nas/x /mnt"),
        ("mount_smbfs //alice@nas/x /mnt", "mount_smbfs //alice@nas/x /mnt"),
        ("cat a//b:c@d", "cat a//b:c@d"),
    ]);
    check_args(&[(
        &[
            "osascript",
            "-e",
            "do shell script \"x\" user name \"a\" password \"pw\" with administrator privileges",
        ],
        &[
            "osascript",
            "-e",
            "do shell script \"x\" user name \"a\" password \"[redacted]\" with administrator privileges",
        ],
    )]);
}

#[test]
fn certificates_and_quotes_of_curl() {
    check(&[
        ("curl -E cert.pem:pw https://a.test", "curl -E cert.pem:[redacted] https://a.test"),
        (
            "curl --cert /Users/a/c.pem:pw https://a.test",
            "curl --cert /Users/a/c.pem:[redacted] https://a.test",
        ),
        ("curl --cert /Users/a/c.pem https://a.test", "curl --cert /Users/a/c.pem https://a.test"),
        ("pass show aws/prod", "pass show aws/prod"),
        ("curl --proxy-cert c.pem:pw", "curl --proxy-cert c.pem:[redacted]"),
        (
            "curl https://a.test/login?next=https%3A%2F%2Fb.test%3Faccess_token%3Dabc%26x%3D1",
            "curl https://a.test/login?next=https%3A%2F%2Fb.test%3Faccess_token%3D[redacted]%26x%3D1",
        ),
        (
            "curl https://x.webhook.office.com/webhookb2/a@b/IncomingWebhook/c/d",
            "curl https://x.webhook.office.com/webhookb2/[redacted]",
        ),
        (
            "curl https://hooks.zapier.com/hooks/catch/123/abc/",
            "curl https://hooks.zapier.com/hooks/catch/123/[redacted]",
        ),
    ]);
    check_args(&[(
        &["curl", "-Q", "PASS pw", "ftp://a.test"],
        &["curl", "-Q", "PASS [redacted]", "ftp://a.test"],
    )]);
}
