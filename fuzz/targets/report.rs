//! Records, as `report` reads them back.

#![no_main]

use cloudward::sink::report::Report;

libfuzzer_sys::fuzz_target!(|data: &[u8]| {
    let mut report = Report::default();
    for (number, line) in (1..).zip(data.split(|byte| *byte == b'\n')) {
        let _ = report.line("fuzz", number, line);
    }
    let page = report.html();
    assert_eq!(page.matches("<script>").count(), 1, "what a record says became a script");
});
