//! Who fetches something from the service that he sends to hides nothing by it, and who only fetches has sent nothing.

use super::world::*;

const X: Program = adhoc("/private/tmp/x", "x");
const PLAN: &str = "/Users/alice/Documents/corp/plan.docx";
const DROPBOX: &str = "content.dropboxapi.com";
const BOT: &str = "api.telegram.org";

/// A program that has read a plan.
fn having_read() -> (World, Proc) {
    let mut w = World::new();
    let p = w.launch(0.0, X, &["x"]);
    w.open(1.0, &p, PLAN);
    (w, p)
}

/// What goes out and comes in over a connection of its own, out first.
fn exchange(w: &mut World, at: f64, who: &Proc, out: usize, into: usize) {
    let mut flow = w.connect(at, who, DROPBOX, true);
    let asked = w.send(at + 0.1, &mut flow, out);
    let answered = w.receive(asked, &mut flow, into);
    w.close(answered + 0.1, &mut flow);
}

#[test]
fn a_download_before_an_upload_hides_nothing() {
    let (mut w, p) = having_read();
    exchange(&mut w, 5.0, &p, 2000, 3_000_000);
    exchange(&mut w, 60.0, &p, 40_000, 1000);
    let told = w.tell();
    let alert = told.alert();
    assert!(alert.bytes_out >= 42_000 && alert.bytes_in >= 3_001_000, "what came in is told as well");
    assert!(alert.time >= moment(60.0));
}

/// Not even where both go on at once.
#[test]
fn a_download_beside_an_upload_hides_nothing() {
    let (mut w, p) = having_read();
    let mut down = w.connect(5.0, &p, DROPBOX, true);
    let mut up = w.connect(5.2, &p, DROPBOX, true);
    w.send(5.4, &mut down, 1000);
    for turn in 0..20 {
        let at = 6.0 + f64::from(turn);
        w.receive(at, &mut down, 100_000);
        w.send(at + 0.5, &mut up, 5000);
    }
    w.close(30.0, &mut down);
    w.close(30.1, &mut up);
    w.tell().alert();
}

/// Over one connection a pause parts what was fetched from what is sent; without one it is one exchange.
#[test]
fn a_pause_parts_a_download_from_an_upload() {
    let story = |pause: f64| {
        let (mut w, p) = having_read();
        let mut flow = w.connect(5.0, &p, DROPBOX, true);
        w.send(5.2, &mut flow, 2000);
        let end = w.receive(5.3, &mut flow, 900_000);
        let end = w.send(end + pause, &mut flow, 40_000);
        w.close(end + 0.1, &mut flow);
        w.tell()
    };
    story(0.5).none();
    story(4.0).alert();
}

/// An upload that is clearly one is told while it goes on, whatever was fetched before.
#[test]
fn a_big_upload_is_told_at_once() {
    let (mut w, p) = having_read();
    exchange(&mut w, 5.0, &p, 2000, 3_000_000);
    let mut flow = w.connect(60.0, &p, DROPBOX, true);
    w.send(60.2, &mut flow, 2_000_000);
    let told = w.tell();
    assert!(told.alerts()[0].bytes_out < 100_000, "{}", told.alerts()[0].bytes_out);
}

#[test]
fn whoever_only_fetches_has_sent_nothing() {
    let (mut w, p) = having_read();
    // Each asks for more than a floor's worth.
    (0..6).for_each(|turn| exchange(&mut w, 5.0 + 10.0 * f64::from(turn), &p, 9000, 400_000));
    w.tell().none();
    // What else it says is less than the floor, or less than it hears.
    exchange(&mut w, 80.0, &p, 2000, 200);
    w.tell().none();
    let (mut w, p) = having_read();
    exchange(&mut w, 5.0, &p, 9000, 400_000);
    (0..6).for_each(|turn| exchange(&mut w, 20.0 + 10.0 * f64::from(turn), &p, 3000, 30_000));
    w.tell().none();
}

#[test]
fn what_children_fetch_hides_nothing() {
    let (mut w, p) = having_read();
    let child = w.spawn(2.0, &p, X, &["fetch"]);
    exchange(&mut w, 5.0, &child, 2000, 3_000_000);
    exchange(&mut w, 60.0, &p, 40_000, 1000);
    w.tell().alert();
    let (mut w, p) = having_read();
    exchange(&mut w, 5.0, &p, 2000, 3_000_000);
    let child = w.spawn(50.0, &p, X, &["send"]);
    exchange(&mut w, 60.0, &child, 40_000, 1000);
    w.tell().alert();
}

/// A worm goes on reading while it fetches its tool.
#[test]
fn reads_amid_a_download_are_told_apart_from_it() {
    let (mut w, p) = having_read();
    let mut down = w.connect(5.0, &p, BOT, true);
    w.send(5.2, &mut down, 1000);
    for turn in 0..10 {
        let at = 6.0 + f64::from(turn);
        w.receive(at, &mut down, 50_000);
        w.open(at + 0.5, &p, &format!("/Users/alice/Documents/corp/plan-{turn}.pdf"));
    }
    w.close(17.0, &mut down);
    w.upload(60.0, &p, BOT, 30_000);
    assert_eq!(w.tell().alert().reads.len(), 11);
}

/// The floor that requests alone have reached begins no upload that outlasts its window.
#[test]
fn a_download_inside_the_window_holds_it_open_for_nothing() {
    let story = |at: f64| {
        let (mut w, p) = having_read();
        exchange(&mut w, 5.0, &p, 9000, 400_000);
        exchange(&mut w, at, &p, 40_000, 1000);
        w.tell()
    };
    story(600.0).alert();
    story(16.0 * 60.0).none();
}

/// All of it counts where no ratio is asked for, and where no more came in than went out.
#[test]
fn the_sum_counts_where_it_is_an_upload() {
    let story = |ratio: &str, second: usize| {
        let (mut w, p) = having_read();
        w.policy = w.policy.replace("min_ratio = 1.0", &format!("min_ratio = {ratio}"));
        exchange(&mut w, 5.0, &p, 60_000, 70_000);
        exchange(&mut w, 20.0, &p, second, 100);
        w.tell()
    };
    story("1.0", 3000).none();
    story("1.0", 30_000).alert();
    story("0", 3000).alert();
}
