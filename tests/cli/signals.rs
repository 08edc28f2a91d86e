//! A replay of pipes that stay open, told to end.

use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Output, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Long enough for a program that only waits, and much less than it would wait.
const PATIENCE: Duration = Duration::from_secs(20);

/// By then it reads, and would hear of a signal.
const STARTED: Duration = Duration::from_secs(2);

fn unpacked(name: &str) -> Vec<u8> {
    let path = super::directory().join("../recordings/curl-dropbox").join(name);
    let mut bytes = Vec::new();
    flate2::read::GzDecoder::new(std::fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
    bytes
}

fn replaying(arguments: &[&str]) -> Child {
    started(Command::new(env!("CARGO_BIN_EXE_cloudward")).arg("replay").args(arguments))
}

/// The same as a script starts it in the background: it is not to hear of the Ctrl-C that ends what stands in front.
fn replaying_in_background(arguments: &[&str]) -> Child {
    let deaf = "trap '' INT; exec \"$0\" replay \"$@\"";
    started(Command::new("sh").args(["-c", deaf, env!("CARGO_BIN_EXE_cloudward")]).args(arguments))
}

/// In the folder of a recording, with all three ends in our hands.
fn started(command: &mut Command) -> Child {
    let ends = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    ends.current_dir(super::directory().join("../recordings/curl-dropbox")).spawn().unwrap()
}

fn signal(child: &Child, name: &str) {
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
}

/// What it says until it ends, which must not take long.
fn ended(mut child: Child) -> Output {
    let since = Instant::now();
    while child.try_wait().unwrap().is_none() {
        if since.elapsed() > PATIENCE {
            child.kill().unwrap();
            panic!("it goes on");
        }
        sleep(Duration::from_millis(10));
    }
    child.wait_with_output().unwrap()
}

/// What it is given, then nothing more while its input stays open, then the signal.
fn told_to_end(arguments: &[&str], given: &[u8], name: &str) -> (String, String, Option<i32>) {
    let mut child = replaying(arguments);
    let mut input = child.stdin.take().unwrap();
    input.write_all(given).unwrap();
    sleep(STARTED);
    assert!(child.try_wait().unwrap().is_none(), "its input is open");
    signal(&child, name);
    let output = ended(child);
    drop(input);
    let text = |bytes| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

#[test]
fn a_pipe_that_is_told_to_end_is_judged_as_if_it_had() {
    let events = unpacked("events.ndjson.gz");
    let whole = super::cloudward(&[
        "replay",
        "--events",
        "../../recordings/curl-dropbox/events.ndjson.gz",
        "--capture",
        "../../recordings/curl-dropbox/capture.pcap.gz",
    ]);
    assert!(whole.0.contains("ALERT"), "{}", whole.0);
    let summary =
        |said: &str| said.lines().find(|line| line.contains(" sensitive reads ")).map(str::to_owned);
    for name in ["INT", "TERM"] {
        let (out, err, status) =
            told_to_end(&["--events", "-", "--capture", "capture.pcap.gz"], &events, name);
        assert_eq!((&out, status), (&whole.0, Some(0)), "{err}");
        assert_eq!(summary(&err), summary(&whole.1), "{err}");
        assert!(summary(&err).is_some() && err.contains("stopped by a signal"), "{err}");
    }
    // Packets that come by a pipe.
    let packets = unpacked("capture.pcap.gz");
    let arguments = ["--events", "events.ndjson.gz", "--capture", "-"];
    let (out, err, status) = told_to_end(&arguments, &packets, "INT");
    assert_eq!((out, status), (whole.0, Some(0)), "{err}");
}

/// A line whose end never came is told of, and nothing else.
#[test]
fn what_stands_behind_the_last_line_is_left_out() {
    let mut events = unpacked("events.ndjson.gz");
    events.truncate(events.len() - 100);
    let (_, err, status) = told_to_end(&["--events", "-"], &events, "INT");
    assert!(err.contains("the last line is cut off") && status == Some(0), "{err}");
}

/// The writer of packets is often ended by the same Ctrl-C, within whatever record it was writing.
#[test]
fn what_stands_behind_the_last_packet_is_left_out() {
    let mut packets = unpacked("capture.pcap.gz");
    packets.truncate(packets.len() - 10);
    let arguments = ["--events", "events.ndjson.gz", "--capture", "-"];
    // It may be gone by the time that the signal comes here.
    for gone in [false, true] {
        let mut child = replaying(&arguments);
        let mut input = child.stdin.take().unwrap();
        input.write_all(&packets).unwrap();
        sleep(STARTED);
        let left = (!gone).then_some(input);
        sleep(Duration::from_millis(50));
        signal(&child, "INT");
        let output = ended(child);
        drop(left);
        let (out, err) = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).unwrap()).into();
        assert!(err.contains("stopped within a record") && out.contains("ALERT"), "{err}");
        assert_eq!(output.status.code(), Some(0), "{err}");
    }
    // A writer that ends so by itself has failed, and so has a file that is cut.
    let mut child = replaying(&arguments);
    child.stdin.take().unwrap().write_all(&packets).unwrap();
    let output = ended(child);
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(err.contains("cut off at byte") && output.status.code() == Some(1), "{err}");
}

#[test]
fn a_signal_that_was_ignored_from_the_start_stays_so() {
    let events = unpacked("events.ndjson.gz");
    let mut child = replaying_in_background(&["--events", "-"]);
    let mut input = child.stdin.take().unwrap();
    input.write_all(&events).unwrap();
    sleep(STARTED);
    signal(&child, "INT");
    sleep(STARTED);
    assert!(child.try_wait().unwrap().is_none(), "it was to hear nothing of it");
    signal(&child, "TERM");
    let output = ended(child);
    drop(input);
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.code() == Some(0) && err.contains("stopped by a signal"), "{err}");
}

/// Whoever writes on and on keeps it no longer than whoever writes nothing.
#[test]
fn a_pipe_that_never_rests_ends_too() {
    let mut child = replaying(&["--events", "-"]);
    let mut input = child.stdin.take().unwrap();
    let events = unpacked("events.ndjson.gz");
    let writing = std::thread::spawn(move || while input.write_all(&events).is_ok() {});
    let mut out = (child.stdout.take().unwrap(), child.stderr.take().unwrap());
    let hearing = std::thread::spawn(move || std::io::copy(&mut out.0, &mut std::io::sink()));
    let telling = std::thread::spawn(move || std::io::read_to_string(&mut out.1));
    sleep(STARTED);
    signal(&child, "INT");
    assert_eq!(ended(child).status.code(), Some(0));
    writing.join().unwrap();
    _ = hearing.join().unwrap();
    assert!(telling.join().unwrap().unwrap().contains(" sensitive reads "));
}

/// Nobody ever opens the other end of this one, so that it cannot even begin.
#[test]
fn the_second_signal_waits_for_nothing() {
    let path = std::env::temp_dir().join(format!("cloudward-cli-{}-fifo", std::process::id()));
    assert!(Command::new("mkfifo").arg(&path).status().unwrap().success());
    let mut child = replaying(&["--events", path.to_str().unwrap()]);
    sleep(STARTED);
    signal(&child, "INT");
    sleep(Duration::from_millis(500));
    assert!(child.try_wait().unwrap().is_none(), "it may still be opened");
    signal(&child, "INT");
    assert_eq!(ended(child).status.code(), Some(130));
    std::fs::remove_file(path).unwrap();
}
