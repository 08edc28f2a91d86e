//! Writes HTML and SVG so that no text can become markup: markup is known when the program is compiled, everything else
//! is escaped.

use std::fmt::{Display, Write};

use crate::sink::format::words::is_trick;

/// Names longer than this many characters are folded: beginning and end stay in sight.
const LONG: usize = 180;
/// Characters kept of each end of a folded name.
const HEAD: usize = 96;
const TAIL: usize = 48;
/// Characters shown of one text at all. A path can have 1,024 bytes on macOS, an argument a megabyte.
const MOST: usize = 8_192;

/// A page, or a part of one, being written.
#[derive(Debug, Default)]
pub struct Html(String);

/// The attributes of an element: names are ours, values are escaped.
pub type Attributes<'a> = &'a [(&'static str, &'a str)];

impl Html {
    pub fn into_string(self) -> String {
        self.0
    }

    /// Markup of ours.
    pub fn raw(&mut self, markup: &'static str) -> &mut Self {
        self.0.push_str(markup);
        self
    }

    /// Text of anybody. What would draw, break lines or turn the text around is shown as a code, and looks like one.
    pub fn text(&mut self, text: &str) -> &mut Self {
        for (index, c) in text.chars().enumerate() {
            if index == MOST {
                let more = text.chars().count() - MOST;
                _ = write!(self.0, "<i class=\"cut\">[{more} more characters]</i>");
                break;
            }
            match c {
                '\u{fffd}' => {
                    self.0.push_str("<i class=\"odd\" title=\"a byte that is not UTF-8\">\u{fffd}</i>");
                }
                c if is_odd(c) => _ = write!(self.0, "<i class=\"odd\">{}</i>", code(c)),
                c => self.character(c),
            }
        }
        self
    }

    /// Text where elements are not allowed: titles and the texts of drawings. Odd characters are shown as codes.
    pub fn text_only(&mut self, text: &str) -> &mut Self {
        text.chars().take(MOST).for_each(|c| self.attribute(c));
        self
    }

    /// A number, or another thing of ours that prints as plain words.
    pub fn show(&mut self, value: impl Display) -> &mut Self {
        self.text(&value.to_string())
    }

    /// A name that somebody else chose: its direction cannot leak out.
    pub fn name(&mut self, name: &str) -> &mut Self {
        self.tag("bdi", &[], |html| _ = html.text(&shortened(name)))
    }

    /// A name that the sentence is about.
    pub fn strong(&mut self, name: &str) -> &mut Self {
        self.raw("<strong>").name(name).raw("</strong>")
    }

    /// A path: the file's own name stands out.
    pub fn path(&mut self, path: &str) -> &mut Self {
        let short = shortened(path);
        let (folder, file) = short.rsplit_once('/').map_or(("", &*short), |(folder, file)| (folder, file));
        self.tag("bdi", &[("class", "path"), ("dir", "ltr")], |html| {
            if folder.len() + file.len() < short.len() {
                html.tag("span", &[("class", "dir")], |html| _ = html.text(folder).raw("/"));
            }
            html.text(file);
        })
    }

    /// Like [`Html::name`] where there is room for a fold: the whole of a long text is one key away.
    pub fn whole(&mut self, text: &str) -> &mut Self {
        let count = text.chars().count();
        if count <= LONG {
            return self.tag("bdi", &[("class", "all")], |html| _ = html.text(text));
        }
        self.tag("details", &[("class", "long")], |html| {
            html.raw("<summary>")
                .name(text)
                .raw(" <small>all ")
                .show(count)
                .raw(" characters</small></summary>");
            html.tag("bdi", &[("class", "all")], |html| _ = html.text(text));
        })
    }

    /// An element with its end.
    pub fn tag(
        &mut self,
        name: &'static str,
        attributes: Attributes<'_>,
        inside: impl FnOnce(&mut Self),
    ) -> &mut Self {
        self.open(name, attributes).0.push('>');
        inside(self);
        self.0.push_str("</");
        self.0.push_str(name);
        self.0.push('>');
        self
    }

    /// An SVG element without content.
    pub fn shape(&mut self, name: &'static str, attributes: Attributes<'_>) -> &mut Self {
        self.open(name, attributes).0.push_str("/>");
        self
    }

    fn open(&mut self, name: &'static str, attributes: Attributes<'_>) -> &mut Self {
        self.0.push('<');
        self.0.push_str(name);
        for (key, value) in attributes {
            self.0.push(' ');
            self.0.push_str(key);
            self.0.push_str("=\"");
            value.chars().take(MOST).for_each(|c| self.attribute(c));
            self.0.push('"');
        }
        self
    }

    fn attribute(&mut self, c: char) {
        if is_odd(c) { self.0.push_str(&code(c)) } else { self.character(c) }
    }

    fn character(&mut self, c: char) {
        match c {
            '&' => self.0.push_str("&amp;"),
            '<' => self.0.push_str("&lt;"),
            '>' => self.0.push_str("&gt;"),
            '"' => self.0.push_str("&quot;"),
            '\'' => self.0.push_str("&#39;"),
            c => self.0.push(c),
        }
    }
}

/// Not to be shown as it is: controls, marks that turn text around or hide, and code points that HTML forbids.
fn is_odd(c: char) -> bool {
    let never = u32::from(c) & 0xfffe == 0xfffe || matches!(c, '\u{fdd0}'..='\u{fdef}');
    c.is_control() || is_trick(c) || never
}

fn code(c: char) -> String {
    match c {
        '\n' => "\\n".to_owned(),
        '\t' => "\\t".to_owned(),
        '\r' => "\\r".to_owned(),
        c => format!("\\u{{{:x}}}", u32::from(c)),
    }
}

/// Beginning and end of a long name.
pub fn shortened(name: &str) -> String {
    let count = name.chars().count();
    if count <= LONG {
        return name.to_owned();
    }
    let head: String = name.chars().take(HEAD).collect();
    let tail: String = name.chars().skip(count - TAIL).collect();
    format!("{head} … {tail}")
}

/// At most `columns` wide in a drawing, the end kept where the name is longer: extensions tell more than beginnings.
pub fn fitted(name: &str, columns: usize) -> String {
    let width = |text: &str| text.chars().map(wide).sum::<usize>();
    if width(name) <= columns {
        return name.to_owned();
    }
    let (mut head, mut tail, mut room) = (String::new(), Vec::new(), columns.saturating_sub(1));
    let (mut from_start, mut from_end) = (name.chars(), name.chars().rev());
    while let Some(c) = from_start.next().filter(|c| wide(*c) <= room) {
        (room, _) = (room - wide(c), head.push(c));
        let Some(c) = from_end.next().filter(|c| wide(*c) <= room) else { break };
        (room, _) = (room - wide(c), tail.push(c));
    }
    head.push('…');
    head.extend(tail.into_iter().rev());
    head
}

/// Columns that a character takes in a drawing, roughly: East Asian letters and pictures take two, a code more.
fn wide(c: char) -> usize {
    match c {
        c if is_odd(c) => code(c).len(),
        '\u{1100}'..='\u{115f}' | '\u{2e80}'.. => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(write: impl Fn(&mut Html)) -> String {
        let mut html = Html::default();
        write(&mut html);
        html.into_string()
    }

    /// What is left of markup when our own is taken out.
    fn without_own(html: &str) -> String {
        let own = [
            "<i class=\"odd\" title=\"a byte that is not UTF-8\">",
            "<i class=\"odd\">",
            "<i class=\"cut\">",
            "</i>",
            "<bdi class=\"path\" dir=\"ltr\">",
            "<span class=\"dir\">",
            "</span>",
            "<bdi>",
            "<bdi class=\"all\">",
            "</bdi>",
            "<details class=\"long\">",
            "<summary>",
            "<small>",
            "</small>",
            "</summary>",
            "</details>",
            "<p title=\"",
            "\"></p>",
        ];
        own.iter().fold(html.to_owned(), |html, part| html.replace(part, ""))
    }

    proptest! {
        #[test]
        fn no_text_becomes_markup(text in "(?s)([<>&\"'/=a-z\u{0}-\u{1f}\u{200b}-\u{202e}\u{fffd}-\u{ffff}]|.){0,300}") {
            for html in [
                written(|html| _ = html.text(&text)),
                written(|html| _ = html.name(&text)),
                written(|html| _ = html.path(&text)),
                written(|html| _ = html.whole(&text)),
                written(|html| _ = html.tag("p", &[("title", &text)], |_| ())),
            ] {
                let rest = without_own(&html);
                prop_assert!(!rest.contains(['<', '>', '"', '\'']), "{rest}");
                prop_assert!(!html.chars().any(is_odd), "{html:?}");
                let bare = rest.replace("&amp;", "").replace("&lt;", "").replace("&gt;", "");
                prop_assert!(!bare.replace("&quot;", "").replace("&#39;", "").contains('&'), "{bare}");
            }
        }

        #[test]
        fn what_is_fitted_fits(text in "\\PC{0,60}", columns in 4usize..40) {
            let fitted = fitted(&text, columns);
            let width: usize = fitted.chars().map(wide).sum();
            prop_assert!(width <= columns, "{fitted} {columns}");
        }
    }

    #[test]
    fn a_name_reads_back_as_it_was() {
        let html = written(|html| _ = html.text("a<b>&\"'\u{202e}\n\u{fffd}é"));
        assert_eq!(
            html,
            "a&lt;b&gt;&amp;&quot;&#39;<i class=\"odd\">\\u{202e}</i><i class=\"odd\">\\n</i>\
             <i class=\"odd\" title=\"a byte that is not UTF-8\">\u{fffd}</i>é"
        );
    }

    #[test]
    fn long_names_keep_both_ends_and_can_be_read_whole() {
        let name = format!("start{}end.txt", "x".repeat(4_000));
        let html = written(|html| _ = html.whole(&name));
        assert!(html.starts_with("<details class=\"long\"><summary><bdi>start"), "{html}");
        assert!(
            html.contains("end.txt</bdi> <small>all 4012 characters</small></summary>")
                && html.contains(&name)
        );
        assert_eq!(fitted("a-very-long-name-of-a-file.docx", 12), "a-very….docx");
    }
}
