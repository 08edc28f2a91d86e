"""What every program of the comparison is asked: these paths, these names, this allow list, 60 seconds, 16 KiB."""

WINDOW = 60
FLOOR = 16384

GLOBS = """
/Users/*/.ssh/id_*
/Users/*/.aws/credentials
/Users/*/.aws/sso/cache/*.json
/Users/*/.kube/config
/Users/*/.gnupg/private-keys-v1.d/*
/Users/*/.config/gcloud/*.db
/Users/*/.config/gh/hosts.yml
/Users/*/.config/op/config
/Users/*/.azure/*.json
/Users/*/.docker/config.json
/Users/*/.npmrc
/Users/*/.netrc
/Users/*/.pgpass
/Users/*/.pypirc
/Users/*/.git-credentials
/Users/*/.terraform.d/credentials.tfrc.json
/Users/*/.vault-token
/Users/*/.cargo/credentials.toml
/Users/*/Library/Keychains/*.keychain-db
/Users/*/Library/Cookies/Cookies.binarycookies
/Users/*/Library/Messages/chat.db
/Users/*/Library/Safari/History.db
/Users/*/Library/Mail/V*/MailData/Envelope Index
/Users/*/Library/Group Containers/group.com.apple.notes/NoteStore.sqlite
/Users/*/Library/Application Support/Google/Chrome/*/Login Data
/Users/*/Library/Application Support/Google/Chrome/*/Cookies
/Users/*/Library/Application Support/Microsoft Edge/*/Login Data
/Users/*/Library/Application Support/BraveSoftware/Brave-Browser/*/Login Data
/Users/*/Library/Application Support/Firefox/Profiles/*/logins.json
/Users/*/Library/Application Support/Firefox/Profiles/*/key4.db
/Users/*/Library/Application Support/1Password/*.sqlite
/Users/*/Library/Application Support/Bitwarden/data.json
/Users/*/Library/Application Support/Exodus/*.seco
/Users/*/Library/Application Support/Electrum/wallets/*
/Users/*/Library/Application Support/Slack/Cookies
/Users/*/Documents/Confidential/*
/Users/*/Documents/Finance/*.xlsx
/private/etc/master.passwd
/private/var/db/dslocal/nodes/Default/users/*.plist
/Library/Keychains/System.keychain
""".split("\n")[1:-1]

# Paths beside those, which match none of them.
NEAR = ["/Users/%s/.ssh/known_hosts", "/Users/%s/.aws/config", "/Users/%s/.npmrc.bak", "/Users/%s/.kube/config.lock",
        "/Users/%s/Library/Messages/chat.db-wal", "/Users/%s/Library/Keychains/metadata.plist",
        "/Users/%s/Library/Application Support/Google/Chrome/Default/Login Data-journal",
        "/Users/%s/Library/Application Support/Firefox/Profiles/q1/places.sqlite", "/Users/%s/Documents/Finance/readme.txt"]

DOMAINS = """
dropbox.com dropboxapi.com dropboxusercontent.com drive.google.com storage.googleapis.com googleusercontent.com
s3.amazonaws.com s3.us-east-1.amazonaws.com s3.us-west-2.amazonaws.com s3.eu-west-1.amazonaws.com s3-accelerate.amazonaws.com
blob.core.windows.net file.core.windows.net onedrive.live.com storage.live.com 1drv.ms sharepoint.com box.com boxcloud.com
mega.nz mega.co.nz wetransfer.com transfer.sh file.io gofile.io pcloud.com mediafire.com icloud-content.com backblazeb2.com
wasabisys.com r2.cloudflarestorage.com digitaloceanspaces.com linodeobjects.com sync.com tresorit.com catbox.moe filebin.net
sendspace.com put.io 4shared.com disk.yandex.com terabox.com icedrive.net internxt.com jottacloud.com koofr.net hidrive.com
cloud.mail.ru uploadfiles.io filemail.com
""".split()

CLOUD = ["content.dropboxapi.com", "www.dropbox.com", "drive.google.com", "storage.googleapis.com", "lh3.googleusercontent.com",
         "backup-17.s3.amazonaws.com", "x9.s3.eu-west-1.amazonaws.com", "corpdata.blob.core.windows.net", "storage.live.com",
         "contoso.sharepoint.com", "upload.box.com", "g.api.mega.co.nz", "wetransfer.com", "transfer.sh", "store1.gofile.io",
         "api.pcloud.com", "f002.backblazeb2.com", "abcd1234.r2.cloudflarestorage.com", "nyc3.digitaloceanspaces.com"]
ELSEWHERE = ["www.apple.com", "gateway.icloud.com", "api.github.com", "www.google.com", "fonts.gstatic.com", "slack.com",
             "outlook.office365.com", "zoom.us", "ocsp2.apple.com", "sentry.io", "www.wikipedia.org", "cdn.jsdelivr.net"]
# Not services, however they look.
TRICKY = ["notdropbox.com", "s3.amazonaws.com.evil.example", "box.com.attacker.test", "drive.google.com.phish.test",
          "xfile.io", "amazonaws.com", "windows.net", "cloudmega.nz.example.org"]

TEAMS = ["G7HH3F8CAK", "EQHXZ8M8AV", "UBF8T346G9"]
PLATFORM = ["com.apple.bird", "com.apple.cloudd", "com.apple.backupd"]


def rules(globs=40, domains=50):
    """The same question with as many globs and domains, made up beyond the real ones."""
    shapes = ["/Users/*/Library/Application Support/%s/*.vault", "/Users/*/Library/Containers/com.%s.app/Data/secrets/*",
              "/Users/*/.%s/token.json", "/Library/Application Support/%s/keys/*.pem", "/Users/*/Library/Group Containers/*.%s/db.sqlite"]
    hosts = ["store%d.cloudhost-%d.net", "up%d.filedrop-%d.io", "cdn%d.objstore-%d.com", "vault%d.sharebox-%d.co.uk"]
    more = [shapes[index % 5] % ("maker%d" % index) for index in range(max(0, globs - len(GLOBS)))]
    names = [hosts[index % 4] % (index, index % 97) for index in range(max(0, domains - len(DOMAINS)))]
    return {"sensitive_globs": (GLOBS + more)[:globs], "cloud_domains": (DOMAINS + names)[:domains], "allow_teams": TEAMS,
            "allow_platform_ids": PLATFORM, "window_s": WINDOW, "min_bytes_out": FLOOR}
