//! What launchd appends to is begun anew by the daemon: nobody else can.

use std::fs;
use std::io::Write;
use std::path::PathBuf;

use super::Stage;

const RECORDS: u64 = 64 << 20;
const LOG: u64 = 8 << 20;
/// From then on it stops in order.
const READS: &str = "reading the system's eslogger";

/// The stage's records and log, under the names that launchd's have.
fn stage(name: &str) -> (Stage, String, [PathBuf; 2]) {
    let stage = Stage::set(name, "cat line; exec sleep 600");
    let folder = stage.folder.display().to_string();
    let files = ["alerts.ndjson", "daemon.log"].map(|name| stage.folder.join(name));
    for (file, name) in files.iter().zip(["records", "log"]) {
        stage.write(name, b"");
        fs::hard_link(stage.folder.join(name), file).unwrap();
    }
    (stage, folder, files)
}

/// A line, and nothing behind it up to this length.
fn lengthen(file: &PathBuf, line: &str, length: u64) {
    let mut file = fs::File::options().append(true).open(file).unwrap();
    file.write_all(line.as_bytes()).unwrap();
    file.set_len(length).unwrap();
}

fn begins_with(path: &str, line: &str) -> bool {
    fs::read(path).is_ok_and(|bytes| bytes.starts_with(line.as_bytes()))
}

#[test]
fn files_that_launchd_appends_to_are_begun_anew() {
    let (mut stage, folder, [records, log]) = stage("logs");
    stage.appends = true;
    lengthen(&records, "{\"old\":1}\n", RECORDS);
    lengthen(&log, "old\n", LOG);
    stage.start(&["--sensor", "eslogger", "--log-folder", &folder]);
    stage.wait_for("log", READS);
    for (file, line, length) in [(&records, "{\"old\":1}\n", RECORDS), (&log, "old\n", LOG)] {
        let first = format!("{}.1", file.display());
        assert!(begins_with(&first, line), "{first}");
        assert_eq!(fs::metadata(&first).unwrap().len(), length + 1);
        assert!(fs::metadata(file).unwrap().len() < 100_000, "{}", file.display());
    }
    assert!(stage.read("log").starts_with(['2', '\u{1b}']), "no hole: {}", stage.read("log"));
    assert!(
        fs::read(format!("{}.1", records.display())).unwrap().ends_with(b"\0\n"),
        "a torn line has its end"
    );

    // And while it runs.
    let said = stage.read("log");
    lengthen(&log, "", LOG);
    let second = format!("{}.2", log.display());
    let since = std::time::Instant::now();
    while !fs::exists(&second).unwrap() {
        assert!(since.elapsed() < super::PATIENCE);
        std::thread::sleep(std::time::Duration::from_millis(50));
    }
    assert!(begins_with(&second, "old\n") && begins_with(&format!("{}.1", log.display()), &said));
    assert_eq!(fs::metadata(&records).unwrap().len(), stage.read("records").len() as u64);
    assert!(fs::metadata(&log).unwrap().len() < 100_000);
    assert!(!fs::exists(format!("{}.new", log.display())).unwrap());

    // What somebody laid in its place is his own, and what is written stays where it is.
    fs::remove_file(&records).unwrap();
    fs::write(&records, b"mine").unwrap();
    lengthen(&stage.folder.join("records"), "", RECORDS);
    stage.wait_for("log", "stays long, it cannot be begun anew: another file has its name now");
    assert_eq!(fs::read(&records).unwrap(), b"mine");
    assert_eq!(fs::metadata(stage.folder.join("records")).unwrap().len(), RECORDS);
    stage.stop();
}

/// Whoever does not append would go on behind a hole; and a file elsewhere is somebody's own.
#[test]
fn other_files_are_left_alone() {
    let (mut stage, folder, [records, _]) = stage("logs-other");
    stage.start(&["--sensor", "eslogger", "--log-folder", &folder]);
    stage.wait_for("log", "alerts.ndjson is not what is appended to");
    stage.wait_for("log", "daemon.log is not what is appended to");
    stage.wait_for("log", READS);
    stage.stop();
    stage.appends = true;
    fs::remove_file(&records).unwrap();
    stage.write("log", b"");
    stage.start(&["--sensor", "eslogger", "--log-folder", &folder]);
    stage.wait_for("log", "alerts.ndjson: No such file");
    stage.wait_for("log", READS);
    stage.stop();
}

/// Standard output is a file of a disk that is full.
#[test]
#[cfg(target_os = "linux")]
fn a_full_disk_does_not_end_it() {
    let mut stage = Stage::set("logs-full", "cat line; exec sleep 600");
    std::os::unix::fs::symlink("/dev/full", stage.folder.join("records")).unwrap();
    stage.start(&["--sensor", "eslogger"]);
    stage.wait_for("log", READS);
    stage.wait_for("log", "records wait in memory: standard output takes none");
    stage.stop();
    stage.wait_for("log", "records are lost: standard output took none until the end");
}
