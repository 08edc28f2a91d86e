//! Text that would draw on the terminal of whoever checks it.

use super::*;

/// ESC, a line feed, a mark that turns the text around, and one that hides.
const MARKS: &str = "\\u001b[2J\\n\\u202e\\u200b";

/// However it comes to be said: as a name, a key, a word that is none, a pattern, a value.
#[test]
fn what_a_file_holds_is_shown_and_not_obeyed() {
    let texts = [
        format!("\"{MARKS}\" = 1\n"),
        format!("[\"{MARKS}\"]\nx = 1\n"),
        format!("[window]\ndefault = \"{MARKS}\"\n"),
        format!("[[sensitive]]\nname = \"{MARKS}\"\nseverity = \"{MARKS}\"\npaths = [\"{MARKS}\"]\n"),
        format!(
            "[[allow]]\nname = \"{MARKS}\"\nprocess = {{ team_id = \"{MARKS}\" }}\nservices = [\"{MARKS}\"]\n"
        ),
        format!("[[service]]\nname = \"x\"\ncategory = \"{MARKS}\"\ndomains = [\"{MARKS}\"]\n"),
        format!("[builtin]\ndisable = [\"{MARKS}\"]\n"),
    ];
    for text in texts {
        let source = Source::new(Origin::File, "odd\u{1b}[2J.toml", text.clone());
        let (settings, diagnostics) = config::load(&[source]);
        assert!(!diagnostics.is_empty(), "{text}");
        for said in &diagnostics {
            let shown = said.to_string();
            let hint = shown.lines().count() - 1;
            assert!(hint == usize::from(said.hint.is_some()), "{shown:?}");
            let obeyed = |c: char| c.is_control() && c != '\n' || ['\u{202e}', '\u{200b}'].contains(&c);
            assert!(!shown.contains(obeyed), "{shown:?}");
            assert!(shown.contains("odd\\u{1b}[2J.toml"), "{shown:?}");
        }
        let told: String = diagnostics.iter().map(ToString::to_string).collect();
        assert!(told.contains("\\u{1b}[2J\\u{a}") || told.contains("\\u{1b}[2J\\n"), "{text}: {told}");
        drop(settings);
    }
}
