//! Parts of macOS and of Xcode that read what others may not: known by where they lie, or by what their signatures say.

use super::world::*;

const LOGIN: &str = "/Users/alice/Library/Keychains/login.keychain-db";
const KEY: &str = "/Users/alice/.ssh/id_rsa";
const PACKAGE: &str = "/Users/alice/build/app.pkg";
const NOTARY: &str = "notary-submissions-prod.s3-accelerate.amazonaws.com";
const XCODE_TOOL: &str = "/Applications/Xcode.app/Contents/Developer/usr/bin/notarytool";
const UNHEARD_OF: &str = "com.apple.unheard-of";

/// `builder` makes a package of what it reads, `submitter` hands it to Apple, `aws` puts it into the company's bucket.
fn publishes(builder: Program, reads: &[&str], submitter: Program) -> Told {
    let mut w = World::new();
    let shell = w.launch(0.0, apple("/bin/zsh", "com.apple.zsh"), &["zsh", "release.sh"]);
    let pkgbuild = w.spawn(1.0, &shell, builder, &["pkgbuild", "--sign", "Developer ID Installer: Corp"]);
    for (index, file) in reads.iter().enumerate() {
        w.open(1.1 + index as f64 * 0.1, &pkgbuild, file);
    }
    w.write_inode(2.0, &pkgbuild, PACKAGE, 88_001);
    w.exit(2.1, &pkgbuild);
    let notarytool = w.spawn(3.0, &shell, submitter, &["notarytool", "submit", PACKAGE, "--wait"]);
    w.open(3.1, &notarytool, LOGIN);
    w.open_inode(3.2, &notarytool, PACKAGE, 88_001);
    w.upload(3.5, &notarytool, NOTARY, 900_000);
    w.exit(20.0, &notarytool);
    let aws = vendor("/usr/local/aws-cli/aws", "com.amazon.aws.cli2", "94KV3E626L");
    let aws = w.spawn(21.0, &shell, aws, &["aws", "s3", "cp", PACKAGE, "s3://corp-munki/pkgs/"]);
    w.open_inode(21.1, &aws, PACKAGE, 88_001);
    w.upload(21.5, &aws, "corp-munki.s3.eu-central-1.amazonaws.com", 900_000);
    w.tell()
}

/// Administrators do this daily.
#[test]
fn a_package_is_signed_notarised_and_published() {
    let payload = "/Users/alice/build/root/Applications/App.app/Contents/MacOS/App";
    let notarytool = vendor(XCODE_TOOL, "com.apple.gke.notary.tool", "59GAB85EFG");
    for builder in [
        apple("/usr/bin/pkgbuild", "com.apple.pkgbuild"),
        apple("/usr/bin/productbuild", UNHEARD_OF),
        apple("/usr/bin/productsign", UNHEARD_OF),
        apple("/usr/bin/codesign", "com.apple.security.codesign"),
    ] {
        publishes(builder, &[LOGIN, payload], notarytool).none();
    }
    // Where only the command line tools are installed.
    let notarytool =
        apple("/Library/Developer/CommandLineTools/usr/bin/notarytool", "com.apple.gke.notary.tool");
    publishes(apple("/usr/bin/pkgbuild", "com.apple.pkgbuild"), &[LOGIN, payload], notarytool).none();
}

/// The certificate is one thing, a package of all keychains another; and whoever calls himself so is not yet.
#[test]
fn a_package_of_keychains_is_no_signature() {
    let pkgbuild = apple("/usr/bin/pkgbuild", "com.apple.pkgbuild");
    let notarytool = vendor(XCODE_TOOL, "com.apple.gke.notary.tool", "59GAB85EFG");
    let another = "/Users/alice/Library/Keychains/0A1B2C3D-0000-1111-2222-333344445555/keychain-2.db";
    let told = publishes(pkgbuild, &[LOGIN, another], notarytool);
    assert!(!told.alerts().is_empty());
    let told = publishes(pkgbuild, &[KEY], notarytool);
    assert!(!told.alerts().is_empty());
    let told = publishes(pkgbuild, &[LOGIN], adhoc(XCODE_TOOL, "com.apple.gke.notary.tool"));
    assert_eq!(told.alert().tenant.as_deref(), Some("notary-submissions-prod"));
    let told = publishes(adhoc("/usr/bin/pkgbuild", "com.apple.pkgbuild"), &[LOGIN], notarytool);
    assert!(!told.alerts().is_empty());
}

/// Of few parts of macOS is the identifier public knowledge; where they lie is, and nobody writes there.
#[test]
fn parts_of_macos_are_known_by_where_they_lie() {
    let metadata = "/System/Library/Frameworks/CoreServices.framework/Versions/A/Frameworks/Metadata.framework/Versions/A/Support";
    let spotlight =
        ["mds", "mds_stores", "mdworker_shared", "corespotlightd"].map(|name| format!("{metadata}/{name}"));
    let readers = [
        "/System/Library/Frameworks/CoreSpotlight.framework/spotlightknowledged",
        "/System/Library/PrivateFrameworks/MediaAnalysis.framework/Versions/A/mediaanalysisd",
        "/System/Library/PrivateFrameworks/PhotoAnalysis.framework/Support/photoanalysisd",
        "/System/Library/Frameworks/QuickLookThumbnailing.framework/Support/com.apple.quicklook.ThumbnailsAgent",
        "/System/Library/CoreServices/backupd.bundle/Contents/Resources/backupd",
        "/System/Library/PrivateFrameworks/SystemMigration.framework/Versions/A/Resources/systemmigrationd",
        "/System/Library/PrivateFrameworks/XprotectFramework.framework/Versions/A/XPCServices/XprotectService.xpc/Contents/MacOS/XprotectService",
        "/System/Library/PrivateFrameworks/TCC.framework/Versions/A/Resources/tccd",
        "/usr/libexec/syspolicyd",
    ];
    for path in spotlight.iter().map(String::as_str).chain(readers) {
        let told = |program| works(program, &["x"], &[KEY, LOGIN], "content.dropboxapi.com", 90_000);
        told(apple(path.to_owned().leak(), UNHEARD_OF)).none();
        told(adhoc(path.to_owned().leak(), UNHEARD_OF)).alert();
        let elsewhere = format!("/private/tmp/{}", path.rsplit('/').next().unwrap());
        told(apple(elsewhere.leak(), UNHEARD_OF)).alert();
    }
    for path in [
        "/usr/sbin/securityd",
        "/usr/libexec/secd",
        "/System/Library/Frameworks/Security.framework/Versions/A/XPCServices/authd.xpc/Contents/MacOS/authd",
        "/System/Library/PrivateFrameworks/AuthKit.framework/Versions/A/Support/akd",
        "/usr/libexec/mdmclient",
    ] {
        let told = |file| works(apple(path, UNHEARD_OF), &["x"], &[file], "p42-content.icloud.com", 90_000);
        told(LOGIN).none();
        told(KEY).alert();
    }
}

/// The user's own iCloud, by the daemons that keep it.
#[test]
fn daemons_of_icloud_are_known_by_where_they_lie() {
    for path in [
        "/System/Library/PrivateFrameworks/CloudDocsDaemon.framework/Versions/A/Support/bird",
        "/System/Library/PrivateFrameworks/CloudKitDaemon.framework/Support/cloudd",
        "/System/Library/Frameworks/FileProvider.framework/Support/fileproviderd",
        "/System/Library/PrivateFrameworks/PhotoLibraryServices.framework/Versions/A/Support/photolibraryd",
    ] {
        let told = |file, host| works(apple(path, UNHEARD_OF), &["x"], &[file], host, 90_000);
        told("/Users/alice/Documents/plan.pages", "p42-content.icloud.com").none();
        told(KEY, "p42-content.icloud.com").alert();
        told("/Users/alice/Documents/plan.pages", "content.dropboxapi.com").alert();
    }
}

/// What a folder's own client writes there came from the cloud, or is a copy that it keeps in step.
#[test]
fn clients_of_synchronised_folders_are_known_by_where_they_lie() {
    let fileproviderd = "/System/Library/Frameworks/FileProvider.framework/Support/fileproviderd";
    let bird = "/System/Library/PrivateFrameworks/CloudDocsDaemon.framework/Versions/A/Support/bird";
    let told = |program, folder| {
        let mut w = World::new();
        let client = w.launch(0.0, program, &["x"]);
        w.open(1.0, &client, "/Users/alice/Documents/corp/plan.docx");
        w.write(2.0, &client, &format!("/Users/alice/Library/{folder}/plan.docx"));
        w.tell()
    };
    for (path, folder) in [
        (fileproviderd, "CloudStorage/GoogleDrive-eve@gmail.com/My Drive"),
        (fileproviderd, "CloudStorage/Dropbox"),
        (bird, "Mobile Documents/com~apple~CloudDocs"),
    ] {
        told(apple(path, UNHEARD_OF), folder).none();
        assert!(!told(adhoc(path, UNHEARD_OF), folder).alerts().is_empty(), "{path}");
    }
}

/// Keys that tools of Apple's, of containers and of `sops` use, and what becomes of them in other hands.
#[test]
fn keys_are_there_to_be_used_by_their_own_tools() {
    let notarytool = vendor(XCODE_TOOL, "com.apple.gke.notary.tool", "59GAB85EFG");
    let brewed = |name: &str| adhoc(format!("/opt/homebrew/bin/{name}").leak(), "a.out");
    for (tool, file) in [
        (notarytool, "/Users/alice/.appstoreconnect/private_keys/AuthKey_2X9R4HXF34.p8"),
        (notarytool, "/Users/alice/private_keys/AuthKey_2X9R4HXF34.p8"),
        (notarytool, "/Users/alice/.private_keys/AuthKey_2X9R4HXF34.p8"),
        (brewed("podman"), "/Users/alice/.config/containers/auth.json"),
        (brewed("skopeo"), "/Users/alice/.config/containers/auth.json"),
        (brewed("helm"), "/Users/alice/Library/Preferences/helm/registry/config.json"),
        (brewed("sops"), "/Users/alice/Library/Application Support/sops/age/keys.txt"),
    ] {
        works(tool, &["x"], &[file], NOTARY, 90_000).none();
        works(brewed("rclone"), &["x"], &[file], "evil.s3.amazonaws.com", 90_000).alert();
    }
    let wallet = "/Users/alice/Library/Application Support/Binance/app-store.json";
    works(brewed("rclone"), &["x"], &[wallet], "evil.s3.amazonaws.com", 90_000).alert();
}
