//! One client and one resolver: what was asked, and messages put together from TCP segments.

use std::collections::VecDeque;
use std::ops::Range;

use super::Question;

/// Questions of one flow that an answer may still come to, 24 bytes each.
const MAX_ASKED: usize = 128;
/// A DNS message over TCP has a 16-bit length before it (RFC 1035, section 4.2.2).
const MAX_MESSAGE: usize = 2 + u16::MAX as usize;
/// Segments of one direction that wait for an earlier one.
const MAX_HELD: usize = 32;

/// What is known of a flow to or from port 53.
#[derive(Debug, Default)]
pub(in crate::net) struct Conversation {
    /// Most flows ask once, and that has its place in the flow itself: to go and look for it elsewhere would cost each of
    /// them more than all the rest of it.
    first: Option<Asked>,
    more: Option<Box<More>>,
}

/// What few of these flows have.
#[derive(Debug, Default)]
struct More {
    asked: VecDeque<Asked>,
    /// The client's and the server's bytes, over TCP.
    sides: [Messages; 2],
}

#[derive(Clone, Copy, Debug)]
struct Asked {
    question: Question,
    is_answered: bool,
}

/// How an answer stands to what was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::net) enum Fit {
    Asked,
    /// The capture has no question of this flow: it may have begun later.
    NothingAsked,
    /// Questions were seen, but not this one: nobody waits for this answer.
    Unasked,
}

impl Conversation {
    pub(in crate::net) fn ask(&mut self, question: Question) {
        let asked = Asked { question, is_answered: false };
        if self.first.is_none() {
            self.first = Some(asked);
            return;
        }
        let later = &mut self.more.get_or_insert_default().asked;
        if later.len() + 1 >= MAX_ASKED {
            self.first = later.pop_front();
        }
        later.push_back(asked);
    }

    /// An answer came: to what?
    pub(in crate::net) fn answer(&mut self, question: Option<Question>) -> Fit {
        if self.first.is_none() {
            return Fit::NothingAsked;
        }
        let mut fit = Fit::Unasked;
        let later = self.more.iter_mut().flat_map(|more| &mut more.asked);
        for asked in self.first.iter_mut().chain(later) {
            if Some(asked.question) == question {
                asked.is_answered = true;
                fit = Fit::Asked;
            }
        }
        fit
    }

    /// Something was asked, and all of it was answered.
    pub(in crate::net) fn is_answered(&self) -> bool {
        let answered = |asked: &Asked| asked.is_answered;
        self.first.as_ref().is_some_and(answered)
            && self.more.as_ref().is_none_or(|more| more.asked.iter().all(answered))
    }

    /// The messages of one side, over TCP: the client's at 0, the server's at 1.
    pub(in crate::net) fn side(&mut self, side: usize) -> &mut Messages {
        &mut self.more.get_or_insert_default().sides[side]
    }
}

/// The messages in one direction of a TCP connection, in order however the segments come.
#[derive(Debug, Default)]
pub(in crate::net) struct Messages {
    /// Offset of the first byte that is not in `buffer`; none before the beginning is known.
    next: Option<i64>,
    buffer: Vec<u8>,
    held: Vec<(i64, Box<[u8]>)>,
    held_bytes: usize,
    /// Bytes are missing for good: where a message begins cannot be known any more.
    is_lost: bool,
}

impl Messages {
    /// Takes bytes that were not seen before: those at `piece`, as far as they were captured. `start`: where the stream
    /// begins, if known.
    pub(in crate::net) fn add(&mut self, start: Option<i64>, piece: &Range<i64>, bytes: &[u8]) {
        self.next = self.next.or(start);
        let is_whole = usize::try_from(piece.end - piece.start) == Ok(bytes.len());
        if self.is_lost || !is_whole {
            return self.lose();
        }
        if self.next == Some(piece.start) {
            self.append(bytes);
            while let Some(at) = self.held.iter().position(|(start, _)| self.next == Some(*start)) {
                let (_, bytes) = self.held.swap_remove(at);
                self.held_bytes -= bytes.len();
                self.append(&bytes);
            }
        } else {
            self.held.push((piece.start, bytes.into()));
            self.held_bytes += bytes.len();
        }
        if self.held.len() > MAX_HELD || self.held_bytes.max(self.buffer.len()) > 2 * MAX_MESSAGE {
            self.lose();
        }
    }

    fn append(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
        self.next = self.next.map(|next| next + bytes.len() as i64);
    }

    fn lose(&mut self) {
        *self = Self { is_lost: true, ..Self::default() };
    }

    /// Hands over the messages that are whole.
    pub(in crate::net) fn take(&mut self, mut each: impl FnMut(&[u8])) {
        let mut at = 0;
        while let Some((length, rest)) = self.buffer.get(at..).and_then(|rest| rest.split_first_chunk::<2>())
        {
            let length = usize::from(u16::from_be_bytes(*length));
            let Some(message) = rest.get(..length) else { break };
            each(message);
            at += 2 + length;
        }
        self.buffer.drain(..at);
    }
}
