//! How a path came to its one spelling, step by step, for those who ask why a pattern matches.

use super::{
    Scratch, Volumes, compose, copy_collapsed, fold, map_text, strip_aliases, strip_named_fork, under,
};

/// One thing that [`Volumes::canonical`] does to a path.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Spelling {
    /// Empty, `.` and `..` components and a trailing slash went.
    Tidied,
    /// Letters were composed (Unicode NFC).
    Composed,
    /// A named fork of the file is the file.
    NamedFork,
    /// This much at the front says only by which way the file was reached: `/private`, a firmlink, a snapshot.
    Alias(Box<[u8]>),
    /// The volume does not tell case: letters were folded.
    CaseFolded,
    /// The volume with this mount point tells case: letters were kept.
    CaseKept(Box<[u8]>),
}

impl Volumes {
    /// What [`canonical`](Self::canonical) does to this path, in its order.
    pub fn why(&self, raw: &[u8]) -> Vec<Spelling> {
        let (mut bytes, mut spare) = (Vec::new(), Vec::new());
        let mut steps = Vec::new();
        copy_collapsed(raw, &mut bytes);
        steps.extend((bytes != raw).then_some(Spelling::Tidied));
        let before = bytes.clone();
        map_text(&mut bytes, &mut spare, compose);
        steps.extend((bytes != before).then_some(Spelling::Composed));
        steps.extend(strip_named_fork(&mut bytes).then_some(Spelling::NamedFork));
        let before = bytes.clone();
        let start = strip_aliases(&mut bytes);
        let proper = bytes.get(start..).unwrap_or_default().to_vec();
        if proper != before {
            let cut = before.len().saturating_sub(proper.len());
            steps.push(Spelling::Alias(before[..cut].into()));
        }
        let volume =
            self.case_sensitive.iter().find(|volume| proper.starts_with(b"/") && under(&proper, volume));
        if let Some(volume) = volume {
            steps.push(Spelling::CaseKept(volume.clone()));
            return steps;
        }
        let mut folded = proper.to_ascii_lowercase();
        map_text(&mut folded, &mut spare, fold);
        steps.extend((folded != proper).then_some(Spelling::CaseFolded));
        steps
    }

    /// Says the spelling and the steps to it at once.
    pub fn canonical_and_why(&self, raw: &[u8]) -> (Vec<u8>, Vec<Spelling>) {
        let mut scratch = Scratch::new();
        (self.canonical(raw, &mut scratch).bytes().to_vec(), self.why(raw))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_told_exactly_where_the_spelling_changes() {
        let volumes = Volumes::new(["/Volumes/Code"]);
        let alias = |text: &str| Spelling::Alias(text.as_bytes().into());
        let table: [(&str, &str, &[Spelling]); 8] = [
            ("/users/a/x", "/users/a/x", &[]),
            ("/Users/a/X", "/users/a/x", &[Spelling::CaseFolded]),
            ("/users/a/./x/", "/users/a/x", &[Spelling::Tidied]),
            ("/private/var/root/x", "/var/root/x", &[alias("/private")]),
            (
                "/System/Volumes/Data/Users/a",
                "/users/a",
                &[alias("/System/Volumes/Data"), Spelling::CaseFolded],
            ),
            ("/users/a/x/..namedfork/rsrc", "/users/a/x", &[Spelling::NamedFork]),
            ("/users/a/u\u{308}", "/users/a/ü", &[Spelling::Composed]),
            ("/Volumes/Code/X", "/Volumes/Code/X", &[Spelling::CaseKept(b"/Volumes/Code".as_slice().into())]),
        ];
        for (raw, canonical, steps) in table {
            let (spelled, why) = volumes.canonical_and_why(raw.as_bytes());
            assert_eq!(String::from_utf8_lossy(&spelled), canonical, "{raw}");
            assert_eq!(why, steps, "{raw}");
        }
    }
}
