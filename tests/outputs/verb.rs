//! `cloudward output test`, as a person runs it.

use std::process::Command;

use super::Folder;
use super::receiver::http;

fn run(folder: &Folder, config: &str) -> (Option<i32>, String, String) {
    let config = folder.write("config.toml", config);
    let run =
        Command::new(env!("CARGO_BIN_EXE_cloudward")).args(["output", "test", "--config", &config]).output();
    let run = run.unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (run.status.code(), text(run.stdout), text(run.stderr))
}

#[test]
fn every_receiver_gets_one_record_and_its_word_is_shown() {
    let folder = Folder::new();
    let (good, requests) = http(|_, _| (200, "thank you".to_owned()));
    let (bad, _requests) = http(|_, _| (403, "who are you?".to_owned()));
    let file = folder.0.join("out.ndjson").display().to_string();
    let config = format!(
        "[[output]]\nname = \"good\"\ntype = \"http\"\nurl = \"http://{good}/\"\n\
         [[output]]\nname = \"bad\"\ntype = \"http\"\nurl = \"http://{bad}/\"\n\
         [[output]]\ntype = \"file\"\npath = \"{file}\"\n"
    );
    let (code, said, errors) = run(&folder, &config);
    assert_eq!(code, Some(1), "{said}{errors}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines[0], "good (http): ok: 200 OK thank you");
    assert!(lines[1].starts_with("bad (http): FAILED: ") && lines[1].ends_with("403 Forbidden who are you?"));
    assert_eq!(lines[2], "file (file): ok: written and synced");
    let record = std::fs::read_to_string(&file).unwrap();
    assert!(record.contains("\"action\":\"test\"") && record.contains("nothing happened"), "{record}");
    assert_eq!(requests.try_iter().next().unwrap().body.lines().count(), 1);
}

#[test]
fn no_output_and_a_wrong_one_are_told() {
    let folder = Folder::new();
    let (code, _, errors) = run(&folder, "");
    assert_eq!(code, Some(2));
    assert!(errors.contains("no [[output]]"), "{errors}");
    let (code, _, errors) = run(&folder, "[[output]]\ntype = \"http\"\n");
    assert_eq!(code, Some(2));
    assert!(errors.contains("has no `url`"), "{errors}");
}
