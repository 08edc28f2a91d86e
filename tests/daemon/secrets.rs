//! The daemon's own log, at its most talkative, tells no secret.

use serde_json::{Value, json};

use super::live::retimed;
use super::{CONFIG, ESLOGGER, Stage};

const SECRET: &str = "hunter2-AKIA-swordfish";

/// An exec of a recording, now, with the secret wherever one may stand.
fn exec() -> String {
    let (events, _) = retimed("curl-dropbox", 0);
    let line = events.lines().find(|line| line.contains(r#""exec":{"#)).unwrap();
    let mut line: Value = serde_json::from_str(line).unwrap();
    let exec = &mut line["event"]["exec"];
    exec["args"] = json!([
        "curl",
        "-u",
        format!("me:{SECRET}"),
        "-H",
        format!("Authorization: Bearer {SECRET}"),
        "-d",
        SECRET,
        format!("https://user:{SECRET}@content.dropboxapi.com/2/files/upload?token={SECRET}"),
    ]);
    exec["env"] = json!([
        format!("AWS_SECRET_ACCESS_KEY={SECRET}"),
        format!("AWS_PROFILE={SECRET}"),
        format!("HTTPS_PROXY=http://a:{SECRET}@proxy:80"),
        "HOME=/Users/a",
    ]);
    line.to_string()
}

#[test]
fn the_log_tells_no_secret_at_any_level() {
    let mut stage = Stage::set("secrets", "cat lines; exec sleep 600");
    let exec = exec();
    let (cut, _) = exec.split_at(exec.rfind(SECRET).unwrap() + SECRET.len());
    stage.write("lines", format!("{exec}\n{cut}\n{{\"{SECRET}\":1}}\n{SECRET}\n").as_bytes());
    stage.write("token", SECRET.as_bytes());
    let folder = stage.folder.display();
    let outputs = format!(
        "[spool]\npath = \"{folder}/spool\"\n[heartbeat]\nevery = \"1s\"\n[[output]]\nname = \"web\"\ntype = \"http\"\n\
         url = \"http://127.0.0.1:9/in\"\ntoken_file = \"{folder}/token\"\n"
    );
    stage.write("config.toml", format!("{CONFIG}{}{outputs}", stage.state()).as_bytes());
    stage.level = "trace";
    stage.start(&ESLOGGER);
    stage.wait_for("log", "Exec {");
    stage.wait_for("log", "was not understood");
    stage.wait_for("log", "web");
    stage.stop();
    let log = stage.read("log");
    let told: Vec<&str> = log.lines().filter(|line| line.contains(SECRET)).collect();
    assert!(told.is_empty(), "{told:#?}");
}
