//! Records for a log that takes short texts only.

use std::borrow::Cow;

/// The unified log cuts a message off somewhat above 1,000 bytes, without saying so.
pub const LONGEST: usize = 1_000;

/// The text, or as much of its beginning as fits beside the mark that says what is missing and where the rest is: the
/// other outputs know the record by its id.
pub fn shortened<'t>(text: &'t str, id: &str) -> Cow<'t, str> {
    if text.len() <= LONGEST {
        return Cow::Borrowed(text);
    }
    // The id is ours: some tens of bytes.
    let mark = |kept: usize| format!(" [cut: {kept} of {} bytes; event.id {id}]", text.len());
    let room = LONGEST.saturating_sub(mark(text.len()).len());
    let kept = (0..=room).rev().find(|at| text.is_char_boundary(*at)).unwrap_or_default();
    Cow::Owned(format!("{}{}", &text[..kept], mark(kept)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fits_is_whole() {
        let text = "x".repeat(LONGEST);
        assert_eq!(shortened(&text, "id"), text);
    }

    #[test]
    fn what_does_not_says_so_within_the_limit() {
        for text in ["x".repeat(LONGEST + 1), "é€🦀".repeat(9_000)] {
            let short = shortened(&text, "0123-4567");
            assert!(short.len() <= LONGEST && short.len() > LONGEST - 8, "{}", short.len());
            let (kept, mark) = short.split_once(" [cut: ").unwrap();
            assert!(text.starts_with(kept));
            assert_eq!(mark, format!("{} of {} bytes; event.id 0123-4567]", kept.len(), text.len()));
        }
    }
}
