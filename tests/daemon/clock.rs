//! The wall clock is set while the daemon watches. Its own clock is: a library that is loaded before the system's adds to what
//! that says.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;

use cloudward::model::Timestamp;

use super::Stage;
use super::live::{alerts, retimed, time_of};

const RECORDING: &str = "curl-dropbox";

/// Adds the seconds that stand in the file `CLOCK` to the wall clock.
const LIBRARY: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

static volatile long *set;
static int (*asked)(clockid_t, struct timespec *);

__attribute__((constructor)) static void begin(void) {
    void *mapped = mmap(0, sizeof *set, PROT_READ, MAP_SHARED, open(getenv("CLOCK"), O_RDONLY), 0);
    if (mapped == MAP_FAILED) abort();
    set = mapped;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    if (!asked) asked = dlsym(RTLD_NEXT, "clock_gettime");
    int status = asked(clock, time);
    if (!status && clock == CLOCK_REALTIME && set) time->tv_sec += *set;
    return status;
}
"#;

fn library(stage: &Stage) -> PathBuf {
    let (source, library) = (stage.folder.join("clock.c"), stage.folder.join("clock.so"));
    fs::write(&source, LIBRARY).unwrap();
    let compiled =
        Command::new("cc").args(["-shared", "-fPIC", "-o"]).args([&library, &source]).arg("-ldl").status();
    assert!(compiled.unwrap().success());
    library
}

/// All events before the first packet, or those after it.
fn half(events: &str, first: Timestamp, before: bool) -> String {
    events
        .lines()
        .filter(|line| (time_of(line).1 < first) == before)
        .map(|line| format!("{line}\n"))
        .collect()
}

fn first_packet(capture: &[u8]) -> Timestamp {
    let word = |at: usize| i64::from(u32::from_le_bytes(capture[at..at + 4].try_into().unwrap()));
    Timestamp::from_nanos(word(24) * 1_000_000_000 + word(28) * 1000)
}

/// What is said where the key is read, the clock is set by so many seconds, and then the key is uploaded.
fn told(step: i64) -> String {
    let script = "cat before; echo > printed; until [ -e go ]; do sleep 0.1; done; cat after; echo > gone; exec sleep 600";
    let mut stage = Stage::set(&format!("clock{step}"), script);
    let (packets, source) = stage.tap();
    stage.write("config.toml", format!("[engine]\nhold = \"10s\"\n{source}{}", stage.state()).as_bytes());
    stage.write("clock", &0i64.to_ne_bytes());
    stage.set_environment("LD_PRELOAD", library(&stage));
    stage.set_environment("CLOCK", stage.folder.join("clock"));
    let (events, capture) = retimed(RECORDING, -1);
    stage.write("before", half(&events, first_packet(&capture), true).as_bytes());
    stage.start(&["--sensor", "eslogger"]);
    stage.wait_for("printed", "\n");
    stage.write("clock", &step.to_ne_bytes());
    stage.wait_for("records", "the wall clock was set");
    let (events, capture) = retimed(RECORDING, step - 1);
    stage.write("after", half(&events, first_packet(&capture), false).as_bytes());
    stage.write("go", b"");
    stage.wait_for("gone", "\n");
    fs::OpenOptions::new().write(true).open(packets).unwrap().write_all(&capture).unwrap();
    stage.wait_for("log", "its writer ended");
    stage.stop();
    stage.read("records")
}

#[test]
fn an_upload_after_the_clock_was_set_is_one_of_what_was_read_before() {
    for step in [-3600, 7200, -60] {
        let records = told(step);
        assert_eq!(alerts(&records).len(), 1, "{step}: {records}");
        assert!(!records.contains("late-event"), "{records}");
    }
}
