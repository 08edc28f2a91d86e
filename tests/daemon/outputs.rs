//! Outputs that come, change and go while the daemon runs. Heartbeats are numbered: whoever misses one has lost one.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};

use serde_json::Value;

use super::*;

/// What a receiver was sent, a record each.
type Heard = Arc<Mutex<Vec<Value>>>;

/// A receiver of `http` outputs; its address, and what it heard.
fn receiver() -> (String, Heard) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (heard, write) = {
        let heard = Heard::default();
        (Arc::clone(&heard), heard)
    };
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let write = Arc::clone(&write);
            thread::spawn(move || serve(BufReader::new(stream), &write));
        }
    });
    (address, heard)
}

/// Answers every request of a connection with yes. The end of the connection is the only end.
fn serve(mut reader: BufReader<std::net::TcpStream>, heard: &Heard) -> Option<()> {
    loop {
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
            match line.trim_end().to_ascii_lowercase().split_once(':') {
                Some(("content-length", value)) => length = value.trim().parse().unwrap(),
                Some(_) => {}
                None if line.trim_end().is_empty() => break,
                None => {}
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let records = body.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        heard.lock().unwrap().extend(records.map(|line| serde_json::from_slice::<Value>(line).unwrap()));
        reader.get_mut().write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").ok()?;
    }
}

fn records(text: &str) -> Vec<Value> {
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// The numbers of the heartbeats among records.
fn beats(records: &[Value]) -> Vec<u64> {
    records.iter().filter_map(|record| record["event"]["sequence"].as_u64()).collect()
}

fn in_a_row(beats: &[u64]) -> bool {
    !beats.is_empty() && beats.windows(2).all(|pair| pair[1] == pair[0] + 1)
}

struct Outputs {
    stage: Stage,
}

impl Outputs {
    /// A daemon with these outputs that is heard to run.
    fn new(name: &str, outputs: &str) -> Self {
        let stage = Stage::set(name, "echo > printed; exec sleep 600");
        let mut all = Self { stage };
        all.write(outputs);
        all.stage.start(&ESLOGGER);
        all.stage.wait_for("printed", "\n");
        all
    }

    fn write(&self, outputs: &str) {
        let spool = self.stage.folder.join("spool");
        let text = format!(
            "{CONFIG}{}[heartbeat]\nevery = \"1s\"\n[spool]\npath = \"{}\"\n{outputs}",
            self.stage.state(),
            spool.display()
        );
        self.stage.write("config.toml", text.as_bytes());
    }

    fn file(&self, name: &str) -> String {
        let path = self.stage.folder.join(name);
        format!("[[output]]\nname = \"{name}\"\ntype = \"file\"\npath = \"{}\"\n", path.display())
    }

    /// Takes other outputs over; `said` is what the log says then.
    #[track_caller]
    fn reload(&self, outputs: &str, said: &str) {
        self.write(outputs);
        let before = self.stage.read("log").matches(said).count();
        self.stage.signal("HUP");
        until(|| self.stage.read("log").matches(said).count() > before, &self.stage);
    }

    fn heard_in(&self, name: &str) -> Vec<Value> {
        records(&self.stage.read(name))
    }
}

#[track_caller]
fn until(wanted: impl Fn() -> bool, stage: &Stage) {
    let start = Instant::now();
    while !wanted() {
        assert!(start.elapsed() < PATIENCE, "{}", stage.read("log"));
        thread::sleep(Duration::from_millis(20));
    }
}

fn http(name: &str, address: &str) -> String {
    format!("[[output]]\nname = \"{name}\"\ntype = \"http\"\nurl = \"http://{address}/in\"\n")
}

const TAKEN: &str = "the configuration was read again and is in force";
const REFUSED: &str = "the configuration cannot be used, the last good one stays";

#[test]
fn outputs_come_and_go_and_who_stays_misses_nothing() {
    let ((first, heard_first), (second, heard_second)) = (receiver(), receiver());
    let mut all = Outputs::new("outputs-change", "");
    let kept = all.file("kept");
    // From standard output to outputs.
    all.reload(&format!("{kept}{}", http("siem", &first)), TAKEN);
    until(|| !beats(&heard_first.lock().unwrap()).is_empty(), &all.stage);
    // The same name at another place: what is not confirmed goes there, and from now on everything.
    all.reload(&format!("{kept}{}{}", http("siem", &second), all.file("new")), TAKEN);
    until(|| !beats(&heard_second.lock().unwrap()).is_empty(), &all.stage);
    until(|| !beats(&all.heard_in("new")).is_empty(), &all.stage);
    // A mistake changes nothing, and is told everywhere.
    all.reload(&format!("{kept}[[output]]\ntype = \"fax\"\n"), REFUSED);
    let told = |record: &Value| record["cloudward"]["coverage"]["kind"] == "config-rejected";
    until(
        || heard_second.lock().unwrap().iter().any(told) && all.heard_in("new").iter().any(told),
        &all.stage,
    );
    // One goes, and one that was gone comes back.
    all.reload(&format!("{kept}{}", http("siem", &first)), TAKEN);
    let so_far = heard_first.lock().unwrap().len();
    until(|| heard_first.lock().unwrap().len() > so_far, &all.stage);
    all.stage.stop();

    let kept = beats(&all.heard_in("kept"));
    assert!(in_a_row(&kept) && kept[0] == 1, "{kept:?}");
    assert_eq!(all.heard_in("kept").last().unwrap()["event"]["action"], "stop");
    let gone = beats(&all.heard_in("new"));
    assert!(in_a_row(&gone) && gone.last() < kept.last(), "{gone:?} {kept:?}");
    // Whoever was "siem" at the time: together they have all, some perhaps twice.
    let mut both = beats(&heard_first.lock().unwrap());
    both.extend(beats(&heard_second.lock().unwrap()));
    both.sort_unstable();
    both.dedup();
    assert_eq!(both, kept);
}

/// Without outputs records are on standard output again, and the heartbeats rest.
#[test]
fn the_last_output_may_go() {
    let mut all = Outputs::new("outputs-none", "");
    let file = all.file("alone");
    all.reload(&file, TAKEN);
    until(|| !beats(&all.heard_in("alone")).is_empty(), &all.stage);
    all.reload("", TAKEN);
    all.reload("[[output]]\ntype = \"fax\"\n", REFUSED);
    all.stage.wait_for("records", "config-rejected");
    all.stage.stop();
    assert!(!all.stage.read("alone").contains("config-rejected"));
}

/// A spool that cannot be made is a reason to keep what there is.
#[test]
fn a_spool_that_cannot_be_is_no_configuration() {
    let mut all = Outputs::new("outputs-spool", "");
    all.stage.write("spool", b"in the way");
    all.reload(&all.file("never"), REFUSED);
    all.stage.wait_for("records", "config-rejected");
    assert!(all.stage.read("log").contains("[spool] path names another folder"), "{}", all.stage.read("log"));
    all.stage.stop();
}
