//! The configuration: what ships, what is good, what is bad and what is said about it.

#[test]
fn smoke() {
    let start = std::time::Instant::now();
    let (settings, diagnostics) = cloudward::config::load(&[]);
    for d in &diagnostics {
        println!("{d}");
    }
    println!(
        "{:?} sets {} rules {}",
        start.elapsed(),
        settings.policy.sets.len(),
        settings.policy.rules.len()
    );
    assert!(diagnostics.is_empty());
}
