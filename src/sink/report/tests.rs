use super::*;

const DEMO: &str = include_str!("../../../tests/report/demo.ecs");

fn page_of(lines: &[&str]) -> (Report, String) {
    let mut report = Report::default();
    for (index, line) in lines.iter().enumerate() {
        _ = report.line("in.ecs", index as u64 + 1, line.as_bytes());
    }
    let html = report.html();
    (report, html)
}

fn coverage(id: &str, kind: &str, text: &str) -> String {
    format!(
        r#"{{"@timestamp":"2026-11-22T13:50:00Z","event":{{"kind":"state","dataset":"cloudward.coverage","id":"{id}"}},
        "cloudward":{{"coverage":{{"kind":"{kind}","count":3,"start":"2026-11-22T13:40:00Z","end":"2026-11-22T13:50:00Z","text":"{text}"}}}}}}"#
    )
    .replace('\n', "")
}

#[test]
fn tells_the_story_of_the_demo() {
    let (_, html) = page_of(&[DEMO.trim_end()]);
    for said in [
        "<h1>curl sent 9.2 KiB to content.dropboxapi.com</h1>",
        "<strong><bdi>5 sensitive files</bdi></strong>",
        "invoice-viewer.sh",
        "part of macOS, com.apple.curl",
        "Authorization: [redacted]",
        "T1567.002",
        "5ca45413-5734-8a76-b9a2-4d9101084189",
        "No record in the input tells of anything that could not be seen.",
        "default-src &#39;none&#39;",
    ] {
        assert!(html.contains(said), "{said}");
    }
}

#[test]
fn the_latest_revision_is_told_whatever_the_order() {
    let later = DEMO
        .replace("\"revision\":1", "\"revision\":4")
        .replace("\"bytes_out\":9447", "\"bytes_out\":77447")
        .replace("\"@timestamp\":\"2026-11-22T13:45:27.", "\"@timestamp\":\"2026-11-22T13:49:27.");
    let (report, html) = page_of(&[DEMO, &later, DEMO]);
    assert_eq!(report.counts(), (1, 3, 0));
    assert!(html.contains("curl sent 75.6 KiB") && html.contains("revision 4, 2 records"));
    assert!(html.contains("Bytes sent, from 9.2 KiB at 22 Nov 2026, 13:45:27 UTC to 75.6 KiB"));
    assert_eq!(html, page_of(&[&later, DEMO, &later]).1);
}

#[test]
fn what_could_not_be_seen_is_told_and_counted_once() {
    let (one, other) = (coverage("a", "event-loss", "lost"), coverage("b", "event-loss", "lost"));
    let (report, html) = page_of(&[&one, &one, &other, &coverage("c", "name-hidden", "ECH")]);
    assert_eq!(report.counts(), (0, 4, 0));
    assert!(html.contains("<h1>no alerts, 3 blind spots</h1>"));
    assert!(html.contains("<td><bdi class=\"all\">lost</bdi></td><td class=\"num\">6</td>"), "{html}");
    assert!(html.contains("could be any service") && html.contains("<small>2 records</small>"));
}

#[test]
fn lines_that_are_no_records_are_listed_with_their_number() {
    let (report, html) = page_of(&["{\"a\":1}", DEMO, "</script><script>window.x=1</script>", "[]", "{"]);
    assert_eq!(report.counts(), (1, 1, 4));
    assert!(html.contains("Lines that are no records: 4") && html.contains("in.ecs</bdi>, line 3: not JSON"));
    assert_eq!(html.matches("<script>").count(), 1);
}

#[test]
fn nothing_at_all_is_a_page_too() {
    let (_, html) = page_of(&[]);
    assert!(html.contains("There is no record in the input.") && html.ends_with("</html>\n"));
}

/// Any JSON, in the place of any part of a record, makes a page.
#[test]
fn no_record_breaks_the_page() {
    let record: serde_json::Value = serde_json::from_str(DEMO).unwrap();
    let mut paths = Vec::new();
    walk(&record, String::new(), &mut paths);
    assert!(paths.len() > 200);
    let odd = ["null", "-1", "1e300", "[]", "{}", "\"\"", "[[[\"x\"]]]"];
    for (path, odd) in paths.iter().zip(odd.iter().cycle()) {
        for odd in [odd, "\"</script>\u{202e}\""] {
            let mut broken = record.clone();
            *broken.pointer_mut(path).unwrap() = serde_json::from_str(odd).unwrap();
            let (_, html) = page_of(&[&broken.to_string()]);
            assert_eq!(html.matches("</script>").count(), 1, "{path} {odd}");
            assert!(!html.contains('\u{202e}'), "{path} {odd}");
        }
    }
}

fn walk(value: &serde_json::Value, path: String, paths: &mut Vec<String>) {
    let children: Vec<(String, &serde_json::Value)> = match value {
        serde_json::Value::Object(map) => {
            map.iter().map(|(key, value)| (key.replace('~', "~0"), value)).collect()
        }
        serde_json::Value::Array(list) => {
            list.iter().enumerate().map(|(index, value)| (index.to_string(), value)).collect()
        }
        _ => Vec::new(),
    };
    for (key, value) in children {
        let path = format!("{path}/{key}");
        paths.push(path.clone());
        walk(value, path, paths);
    }
}

/// What is beyond the page is counted, not told.
#[test]
fn more_alerts_than_anybody_reads_are_counted() {
    let mut report = Report::default();
    for number in 0..MAX_ALERTS + 7 {
        let line = DEMO.replace("5ca45413-5734-8a76-b9a2-4d9101084189", &format!("id-{number}"));
        report.line("in", 1, line.as_bytes()).unwrap();
    }
    let html = report.html();
    assert_eq!(html.matches("<article ").count(), MAX_ALERTS);
    assert!(html.contains("7 more are only counted") && html.contains("<h1>1007 alerts: 1007 high</h1>"));
}
