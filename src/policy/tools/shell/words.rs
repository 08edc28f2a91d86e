//! Words as they are written, and the command that they make.

/// A piece of a word.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Text(String),
    Variable(String),
    Unknown,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Word {
    pub(super) parts: Vec<Part>,
    pub(super) quoted: bool,
}

impl Word {
    pub(super) fn push(&mut self, c: char) {
        match self.parts.last_mut() {
            Some(Part::Text(text)) => text.push(c),
            _ => self.parts.push(Part::Text(c.to_string())),
        }
    }

    /// As written, if nothing in it is to be filled in.
    pub(super) fn plain(&self) -> Option<&str> {
        match &self.parts[..] {
            [Part::Text(text)] => Some(text),
            [] => Some(""),
            _ => None,
        }
    }

    /// An unquoted word of the shell itself.
    pub(super) fn keyword(&self) -> Option<&str> {
        self.plain().filter(|_| !self.quoted)
    }

    /// `NAME=value`
    pub(super) fn assignment(&self) -> Option<(&str, Self)> {
        let Some(Part::Text(first)) = self.parts.first() else { return None };
        let (name, rest) = first.split_once('=')?;
        let named = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
            && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        let front = (!rest.is_empty()).then(|| Part::Text(rest.to_owned()));
        let parts = front.into_iter().chain(self.parts[1..].iter().cloned()).collect();
        named.then_some((name, Self { parts, quoted: self.quoted }))
    }
}

/// What the next word is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Word,
    Target,
    HereString,
    HereDocument,
}

/// A command that is being read.
#[derive(Default)]
pub(super) struct Open {
    pub(super) words: Vec<Word>,
    pub(super) word: Option<Word>,
    pub(super) next: Option<Next>,
    pub(super) input: Option<Word>,
    /// Ends of here-documents whose text follows the line, and whether this command reads it.
    pub(super) documents: Vec<(String, bool)>,
}

impl Open {
    pub(super) fn word(&mut self) -> &mut Word {
        self.word.get_or_insert_default()
    }

    /// The word is over.
    pub(super) fn cut(&mut self) {
        let Some(word) = self.word.take() else { return };
        match self.next.take().unwrap_or(Next::Word) {
            Next::Word => self.words.push(word),
            Next::Target => {}
            Next::HereString => self.input = Some(word),
            Next::HereDocument => {
                self.documents.extend(word.plain().map(|end| (end.to_owned(), true)));
            }
        }
    }
}
