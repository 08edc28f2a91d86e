//! The program as people meet it: what they type, what they get.
//!
//! A session under `tests/cli/sessions` is a text: lines that begin with `$ ` are typed in `tests/cli/files`, the lines
//! below are what comes on standard output, then with `! ` in front what comes on standard error, then `? N` if the
//! status is not 0. `CLOUDWARD_BLESS=1 cargo test cli` writes the answers anew.

#[path = "cli/signals.rs"]
mod signals;
#[path = "cli/suites.rs"]
mod suites;

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cli")
}

/// Runs `cloudward` with these arguments in `tests/cli/files`: standard output, standard error, status.
fn cloudward(arguments: &[&str]) -> (String, String, i32) {
    cloudward_onto(arguments, Stdio::piped())
}

fn cloudward_onto(arguments: &[&str], out: Stdio) -> (String, String, i32) {
    let output = Command::new(env!("CARGO_BIN_EXE_cloudward"))
        .args(arguments)
        .current_dir(directory().join("files"))
        .env_remove("CLOUDWARD_LOG")
        .env_remove("COLUMNS")
        .stdin(Stdio::null())
        .stdout(out)
        .output()
        .unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code().unwrap_or(-1))
}

#[test]
fn sessions_go_as_written() {
    let mut paths: Vec<PathBuf> =
        std::fs::read_dir(directory().join("sessions")).unwrap().map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    assert!(!paths.is_empty());
    for path in paths {
        let written = std::fs::read_to_string(&path).unwrap();
        let mut played = String::new();
        for line in written.lines().take_while(|line| !line.starts_with("$ ")) {
            _ = writeln!(played, "{line}");
        }
        for command in written.lines().filter_map(|line| line.strip_prefix("$ cloudward")) {
            let (out, err, status) = cloudward(&words(command));
            _ = write!(played, "$ cloudward{command}\n{}", without_lines(&out));
            err.lines().for_each(|line| _ = writeln!(played, "! {line}"));
            if status != 0 {
                _ = writeln!(played, "? {status}");
            }
            played.push('\n');
        }
        let played = played.trim_end().to_owned() + "\n";
        if std::env::var_os("CLOUDWARD_BLESS").is_some() {
            std::fs::write(&path, &played).unwrap();
        }
        let said = "as CLOUDWARD_BLESS=1 cargo test cli would write it";
        assert_eq!(played, std::fs::read_to_string(&path).unwrap(), "{} {said}", path.display());
    }
}

/// A file that is always full.
#[cfg(target_os = "linux")]
#[test]
fn what_cannot_be_written_is_an_error() {
    let explain = "explain --process /bin/cat --path ~/.ssh/id_rsa --to content.dropboxapi.com";
    let json = &format!("{explain} --format json");
    let cases = [
        ("replay", 1),
        ("replay --format ecs", 1),
        ("flows ../../recordings/demo/capture.pcap.gz", 1),
        ("check", 1),
        ("check --config mistyped.toml", 2),
        (explain, 1),
        (json, 1),
        ("explain alert.ndjson", 1),
        ("learn --alerts alert.ndjson", 1),
        ("test failing.toml", 1),
        ("test ../../../config/tests/shipped.toml", 1),
        ("profile manifest", 1),
        ("report alert.ndjson -o -", 1),
        ("man", 1),
        ("completions zsh", 1),
        ("--help", 1),
        ("check --help", 1),
        ("--version", 1),
    ];
    for (command, expected) in cases {
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let (_, err, status) = cloudward_onto(&words(command), full.into());
        assert_eq!(status, expected, "{command}: {err}");
        let last = err.lines().last().unwrap_or_default();
        assert!(last.contains("cannot") && last.contains("No space left on device"), "{command}: {err}");
    }
}

#[test]
fn a_closed_pipe_ends_it_quietly() {
    for (command, expected) in [("replay", 0), ("check", 0), ("check --config mistyped.toml", 2), ("man", 0)]
    {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let (_, err, status) = cloudward_onto(&words(command), writer.into());
        assert!(status == expected && !err.contains("write"), "{command}: {status}: {err}");
    }
}

/// What is said on the side may go nowhere: `2>&1 | head -1`, a terminal that is gone, a log on a full disk. The work and
/// its exit status stand.
#[cfg(target_os = "linux")]
#[test]
fn a_standard_error_that_takes_nothing_changes_no_status() {
    let alert = Temporary::new("unheard.html", b"");
    let report = format!("report alert.ndjson -o {}", alert.path());
    for (command, expected) in [
        ("replay", 0),
        ("replay --events nowhere", 1),
        ("replay --config mistyped.toml", 2),
        ("learn --events nowhere", 1),
        ("explain nowhere.json", 1),
        ("flows nowhere", 1),
        ("profile", 2),
        ("output test", 2),
        ("status --socket /nowhere", 1),
        (&report, 0),
        ("run --config mistyped.toml", 2),
        ("nonsense", 2),
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        for (err, what) in [(Stdio::from(writer), "closed"), (full.into(), "full")] {
            let ended = Command::new(env!("CARGO_BIN_EXE_cloudward"))
                .args(words(command))
                .current_dir(directory().join("files"))
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(err)
                .status()
                .unwrap();
            assert_eq!(ended.code(), Some(expected), "{command}, {what}");
        }
    }
}

/// The shell has put the home of whoever asks in the place of `~`; on Linux that is none that a Mac has.
#[test]
fn explain_knows_the_home_that_the_shell_wrote() {
    for (home, of, verdict) in [
        ("/home/ann", "/home/ann", "ALERT"),
        ("/root", "/root", "ALERT"),
        ("/home/ann", "/home/anna", "NONE"),
        ("/Users/ann", "/home/ann", "NONE"),
        ("/", "/etc", "NONE"),
    ] {
        let path = &format!("{of}/.ssh/id_rsa");
        let told = Command::new(env!("CARGO_BIN_EXE_cloudward"))
            .args(["explain", "--process", "/usr/bin/curl", "--path", path, "--to", "content.dropboxapi.com"])
            .env("HOME", home)
            .output()
            .unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        assert!(told.contains(&format!("verdict   {verdict}")), "{home} {path}: {told}");
    }
}

/// A window or a step without length is the reason, not that no rule speaks of such uploads.
#[test]
fn explain_says_that_there_is_no_time() {
    const SET: &str = "[[sensitive]]\nname = 's'\nseverity = 'high'\npaths = ['~/S/**']\n";
    const ALONE: &str = "[builtin]\ndisable = ['cw.exfil.cloud-storage', 'cw.exfil.argv-upload']\n";
    const HASTY: &str = "[[rule]]\nid = 'a.b'\nname = 'x'\nseverity = 'high'\n\
        step = [{ on = 'read' }, { on = 'upload', within = '0s' }]\n";
    for (text, path, sentence, line) in [
        (format!("{SET}window = '0s'\n"), "S/x", "the window after the read has no length", ":5"),
        (
            "[window]\ndefault = '0s'\n".to_owned(),
            "Documents/x",
            "the window after the read has no length",
            ":2",
        ),
        (format!("{ALONE}{SET}{HASTY}"), "S/x", "gives a step no time after the one before", ":7"),
        (format!("{ALONE}{SET}"), "S/x", "no rule speaks of uploads", ""),
    ] {
        let file = Temporary::new("no-time.toml", text.as_bytes());
        let asked = format!("--path /Users/a/{path} --to content.dropboxapi.com --config {}", file.path());
        let (out, err, status) = cloudward(&words(&format!("explain --process /private/tmp/x {asked}")));
        assert_eq!(status, 0, "{err}");
        let verdict = out.split("verdict ").nth(1).unwrap_or(&out);
        assert!(
            verdict.contains(sentence) && verdict.contains(&format!("no-time.toml{line}")) != line.is_empty(),
            "{out}"
        );
    }
}

/// An unset variable of a shell is no question.
#[test]
fn explain_asks_for_paths_that_are_there() {
    for command in ["explain --process= --path /x --to a.com", "explain --process /x --path= --to a.com"] {
        let (out, err, status) = cloudward(&words(command));
        assert_eq!((out.as_str(), status), ("", 2), "{command}: {err}");
        assert!(err.contains("is no path"), "{command}: {err}");
    }
}

/// One of a kind is not several.
#[test]
fn what_is_counted_is_said_in_its_number() {
    let recording = |end: &str| format!("../../recordings/curl-dropbox/{end}");
    let (_, err, _) = cloudward(&words(&format!(
        "replay --events {} --capture {}",
        recording("events.ndjson.gz"),
        recording("capture.pcap.gz")
    )));
    assert!(err.contains("; 3 sensitive reads (0 more were allowed); 1 alert, "), "{err}");
    let one = Temporary::new("one.ndjson", include_bytes!("daemon/exit.ndjson"));
    let (_, err, _) = cloudward(&["replay", "--events", one.path()]);
    assert!(err.contains("cloudward: 1 line (0 rejected), 0 packets; 0 sensitive reads "), "{err}");
    let odd =
        Temporary::new("odd.ndjson", &[include_bytes!("daemon/exit.ndjson"), &*b"x\n".repeat(21)].concat());
    let (_, err, _) = cloudward(&["replay", "--events", odd.path()]);
    assert!(err.contains("cloudward: and 1 more line that could not be read"), "{err}");
    let (_, err, _) = cloudward(&["report", "alert.ndjson", "-o", "-"]);
    assert!(err.contains("cloudward: 1 record, 1 distinct alert, 0 lines that are no records"), "{err}");
    let mut bytes = capture(99);
    bytes.truncate(24 + 16 + 60);
    let lone = Temporary::new("lone.pcap", &bytes);
    let (_, err, _) = cloudward(&["flows", lone.path()]);
    assert!(err.contains("cloudward: 1 packet not read: "), "{err}");
}

/// A file for one test, with this end of its name; it goes with the value.
struct Temporary(PathBuf);

impl Temporary {
    fn new(name: &str, bytes: &[u8]) -> Self {
        let path = std::env::temp_dir().join(format!("cloudward-cli-{}-{name}", std::process::id()));
        std::fs::write(&path, bytes).unwrap();
        Self(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        _ = std::fs::remove_file(&self.0);
    }
}

/// A capture of 60 bytes of nothing, twice.
fn capture(link: u8) -> Vec<u8> {
    let mut bytes =
        vec![0xd4, 0xc3, 0xb2, 0xa1, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, link, 0, 0, 0];
    for second in [100, 200] {
        bytes.extend([second, 0, 0, 0, 0, 0, 0, 0, 60, 0, 0, 0, 60, 0, 0, 0]);
        bytes.extend([0; 60]);
    }
    bytes
}

#[test]
fn a_replay_says_what_it_could_not_read_of_a_capture() {
    // By link type: one that nobody knows, PKTAP, and Ethernet that carries no IP.
    for (link, why, coverage) in
        [(147, "unknown link layer", 1), (149, "malformed PKTAP header", 1), (1, "not IP", 0)]
    {
        let file = Temporary::new(&format!("{link}.pcap"), &capture(link));
        let (out, err, status) = cloudward(&["replay", "--format", "ecs", "--capture", file.path()]);
        assert_eq!((out.matches("\"capture-loss\"").count(), status), (coverage, 0), "{out}{err}");
        let note = format!("cloudward: 2 packets not read: {why}");
        assert_eq!(err.lines().filter(|line| *line == note).count(), coverage, "{err}");
        // Where no packet has a link layer that is known, what is of use is said.
        let (_, flows, status) = cloudward(&["flows", file.path()]);
        let advice = flows.strip_prefix(&(note + "\n")).unwrap_or_else(|| panic!("{flows}"));
        let of_no_use = why == "unknown link layer";
        assert_eq!(
            (advice.contains("tcpdump -i pktap"), status),
            (of_no_use, i32::from(of_no_use)),
            "{flows}"
        );
    }
}

#[test]
fn standard_input_is_for_one_reader() {
    for command in [
        "replay --events - --events -",
        "replay --events - --capture -",
        "replay --audit - --capture -",
        "learn --events - --alerts -",
        "flows - -",
        "report - - -o -",
    ] {
        let (out, err, status) = cloudward(&words(command));
        assert_eq!((out.as_str(), status), ("", 2), "{command}");
        let expected = "cloudward: `-`, standard input, is named 2 times, and can be read only once";
        assert!(err.starts_with(expected), "{command}: {err}");
    }
}

#[test]
fn compression_that_is_not_read_is_named() {
    for (name, bytes) in [("xz", &b"\xfd7zXZ\0\0\x04\n"[..]), ("bzip2", b"BZh91AY&SY\n")] {
        let file = Temporary::new(name, bytes);
        for verb in ["--events", "--capture"] {
            let (_, err, status) = cloudward(&["replay", verb, file.path()]);
            let told = format!("it is compressed with {name}, which is not read");
            assert!(err.contains(&told) && status == 1, "{verb}: {err}");
        }
    }
}

/// File systems of Macs take no such names, but those of others that are mounted there do.
#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_utf_8_are_opened() {
    use std::os::unix::ffi::OsStrExt as _;
    let copy = |from: &str, name: &[u8]| {
        let bytes = std::fs::read(directory().join("../recordings/demo").join(from)).unwrap();
        let folder = std::env::temp_dir();
        let path = folder.join(format!("cloudward-cli-{}-", std::process::id()));
        let path = PathBuf::from(std::ffi::OsStr::from_bytes(&[path.as_os_str().as_bytes(), name].concat()));
        std::fs::write(&path, bytes).unwrap();
        Temporary(path)
    };
    let (events, packets) = (copy("events.ndjson.gz", b"e\xff"), copy("capture.pcap.gz", b"c\xff"));
    let flags = [Path::new("--events"), &events.0, Path::new("--capture"), &packets.0];
    let cases: [(&str, &[&Path]); 2] = [("replay", &flags), ("flows", &[&packets.0])];
    for (verb, arguments) in cases {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cloudward"));
        let output = command.arg(verb).args(arguments).stdin(Stdio::null()).output().unwrap();
        assert!(output.status.success() && !output.stdout.is_empty(), "{verb}: {output:?}");
    }
}

/// Lines of built-in files change with every entry that is added there.
fn without_lines(text: &str) -> String {
    let mut parts = text.split("config/");
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str("config/");
        match part.split_once(".toml:") {
            Some((file, rest))
                if rest.trim_start_matches(|c: char| c.is_ascii_digit()).starts_with(" (built in)") =>
            {
                _ = write!(plain, "{file}.toml:N{}", rest.trim_start_matches(|c: char| c.is_ascii_digit()));
            }
            _ => plain.push_str(part),
        }
    }
    plain
}

/// Words between spaces; single quotes hold some together.
fn words(command: &str) -> Vec<&str> {
    let mut words = Vec::new();
    for (index, part) in command.split('\'').enumerate() {
        if index % 2 == 1 { words.push(part) } else { words.extend(part.split_whitespace()) }
    }
    words
}
