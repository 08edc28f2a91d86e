//! DNS messages (RFC 1035, section 4), as far as they tell addresses.

use std::sync::Arc;

use crate::model::DomainName;
use crate::net::frame::Address;

const A: u16 = 1;
const CNAME: u16 = 5;
const AAAA: u16 = 28;
const SVCB: u16 = 64;
const HTTPS: u16 = 65;
const CLASS_IN: u16 = 1;
/// Keys of service parameters (RFC 9460, section 14.3.2).
const IPV4_HINT: u16 = 4;
const ECH: u16 = 5;
const IPV6_HINT: u16 = 6;
const ECH_VERSION: u16 = 0xfe0d;
/// Records of one message that are looked at; a UDP answer cannot hold more that matter.
const MAX_RECORDS: usize = 256;
/// Links of an alias chain that are followed; resolvers give up around here too.
const MAX_CHAIN: usize = 16;
/// RFC 1035, section 3.1.
const MAX_NAME: usize = 255;
/// A compression pointer to what stands behind the header.
const QUESTION: [u8; 2] = [0xc0, 12];
/// Compression pointers of one name. Each points backwards, so this is only a bound on time.
const MAX_POINTERS: usize = 32;

/// What an answer says. Reused from message to message.
#[derive(Debug, Default)]
pub(in crate::net) struct Answers {
    /// The name asked for.
    pub(in crate::net) asked: Option<DomainName>,
    /// The names that it is an alias of, one by one, if it is one.
    pub(in crate::net) aliases: Option<Arc<[DomainName]>>,
    /// Addresses, each with its time to live in seconds; hints of HTTPS and SVCB records among them.
    pub(in crate::net) addresses: Vec<(Address, u32)>,
    /// The name that an encrypted hello to this host will show instead (RFC 9848, section 4).
    pub(in crate::net) outer: Option<DomainName>,
    /// Which question was answered.
    pub(in crate::net) question: Option<Question>,
    /// The name asked for, and those that it is an alias of, one by one.
    chain: Vec<Name>,
}

/// A query that an answer must fit (RFC 5452, section 9.1): its number, and what was asked, as a hash.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(in crate::net) struct Question {
    id: u16,
    asked: u64,
}

impl Question {
    /// As FNV-1a does it, but eight bytes at a time: who asks could collide only with themself.
    fn new(id: u16, name: &Name, kind: u16) -> Self {
        let add = |hash: u64, word: u64| (hash ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
        // Behind its end, a name is zeros.
        let (words, _) = name.bytes.as_chunks::<8>();
        let words = words.iter().take(name.len.div_ceil(8)).map(|word| u64::from_le_bytes(*word));
        Self { id, asked: words.fold((name.len as u64) << 16 | u64::from(kind), add) }
    }

    /// Of a query; `None` for answers and what is no DNS message.
    pub(in crate::net) fn of_query(message: &[u8]) -> Option<Self> {
        let mut cursor = Cursor { message, at: 0 };
        let (id, flags, questions) = (cursor.u16()?, cursor.u16()?, cursor.u16()?);
        cursor.take(6)?;
        let asks = flags & 0xf800 == 0 && questions > 0;
        asks.then_some(())?;
        let name = cursor.name()?;
        Some(Self::new(id, &name, cursor.u16()?))
    }
}

/// A name as text bytes, lowered, without the final dot; behind them, zeros.
#[derive(Clone, Copy, Debug)]
struct Name {
    bytes: [u8; MAX_NAME.next_multiple_of(8)],
    len: usize,
}

impl Name {
    fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    fn push(&mut self, label: &[u8]) -> Option<()> {
        let start = if self.len == 0 { 0 } else { self.len + 1 };
        let end = start + label.len();
        if end > MAX_NAME {
            return None;
        }
        for (to, byte) in self.bytes.get_mut(start..end)?.iter_mut().zip(label) {
            // A dot within a label parts no labels, and no host's name has what stands in for it.
            *to = if *byte == b'.' { b'\\' } else { byte.to_ascii_lowercase() };
        }
        if start > 0 {
            self.bytes[self.len] = b'.';
        }
        self.len = end;
        Some(())
    }
}

/// A position in a message.
struct Cursor<'a> {
    message: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let taken = self.message.get(self.at..self.at.checked_add(count)?)?;
        self.at += count;
        Some(taken)
    }

    fn u16(&mut self) -> Option<u16> {
        self.take(2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]))
    }

    fn u32(&mut self) -> Option<u32> {
        self.take(4).map(|bytes| u32::from_be_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]))
    }

    /// A name, compression undone. Pointers must point before where they were found, so that they end.
    fn name(&mut self) -> Option<Name> {
        let mut name = Name { bytes: [0; _], len: 0 };
        let (mut at, mut after, mut before) = (self.at, None, self.at);
        let mut pointers = 0;
        loop {
            let length = *self.message.get(at)?;
            match length {
                0 => break,
                1..=63 => {
                    let end = at + 1 + usize::from(length);
                    name.push(self.message.get(at + 1..end)?)?;
                    at = end;
                }
                0xc0.. => {
                    after.get_or_insert(at + 2);
                    let target = usize::from(length & 0x3f) << 8 | usize::from(*self.message.get(at + 1)?);
                    pointers += 1;
                    if target >= before || pointers > MAX_POINTERS {
                        return None;
                    }
                    (at, before) = (target, target);
                }
                _ => return None,
            }
        }
        self.at = after.unwrap_or(at + 1);
        Some(name)
    }

    /// Steps over a pointer to the first question's name, which is what most answers are about.
    fn is_at_question(&mut self) -> bool {
        let is_pointer = self.message.get(self.at..).is_some_and(|rest| rest.starts_with(&QUESTION));
        self.at += if is_pointer { QUESTION.len() } else { 0 };
        is_pointer
    }

    /// Steps over a name without reading it.
    fn skip_name(&mut self) -> Option<()> {
        loop {
            match *self.message.get(self.at)? {
                0 => return self.take(1).map(drop),
                length @ 1..=63 => self.take(1 + usize::from(length)).map(drop)?,
                0xc0.. => return self.take(2).map(drop),
                _ => return None,
            }
        }
    }
}

/// Reads a response into `answers`; false if it is none, failed, or answers nothing. Records cut off at the end leave
/// those before them standing. `multicast`: without a question, the owner of the records is what was asked for.
pub(in crate::net) fn read(message: &[u8], multicast: bool, answers: &mut Answers) -> bool {
    answers.asked = None;
    answers.aliases = None;
    answers.addresses.clear();
    answers.outer = None;
    answers.question = None;
    answers.chain.clear();
    let read = read_header(message);
    let Some((mut cursor, questions, records)) = read else { return false };
    if questions > 0 {
        let Some((name, kind)) = question(&mut cursor, questions) else { return false };
        let id = message.first_chunk().map_or(0, |id| u16::from_be_bytes(*id));
        answers.question = Some(Question::new(id, &name, kind));
        answers.chain.push(name);
    }
    let mut chain = std::mem::take(&mut answers.chain);
    let records_at = cursor.at;
    loop {
        let (links, mut strangers) = (chain.len(), 0);
        answers.addresses.clear();
        cursor.at = records_at;
        for _ in 0..records.min(MAX_RECORDS) {
            match record(&mut cursor, multicast, &mut chain, answers) {
                Some(is_known) => strangers += usize::from(!is_known),
                None => break,
            }
        }
        // Aliases may stand in any order: a name passed over may have turned out to be one.
        if strangers == 0 || chain.len() == links {
            break;
        }
    }
    answers.asked = chain.first().and_then(|first| DomainName::from_wire(first.as_bytes()));
    // A link that is no host's name leads on all the same.
    let links = chain.iter().skip(1).filter_map(|link| DomainName::from_wire(link.as_bytes()));
    let links: Vec<_> = links.collect();
    answers.aliases = (!links.is_empty()).then(|| links.into());
    answers.chain = chain;
    answers.asked.is_some()
}

/// A response without error: where it goes on, how many questions and answers it has.
fn read_header(message: &[u8]) -> Option<(Cursor<'_>, u16, usize)> {
    let mut cursor = Cursor { message, at: 2 };
    let flags = cursor.u16()?;
    let (questions, records) = (cursor.u16()?, cursor.u16()?);
    cursor.take(4)?;
    let answered = flags & 0x8000 != 0 && flags & 0x780f == 0;
    answered.then_some((cursor, questions, usize::from(records)))
}

fn question(cursor: &mut Cursor<'_>, questions: u16) -> Option<(Name, u16)> {
    let name = cursor.name()?;
    let kind = cursor.u16()?;
    cursor.take(2)?;
    for _ in 1..questions {
        cursor.skip_name()?;
        cursor.take(4)?;
    }
    Some((name, kind))
}

/// One record. Addresses count if their owner is the name asked for or one that it is an alias of; says whether it is.
fn record(
    cursor: &mut Cursor<'_>,
    multicast: bool,
    chain: &mut Vec<Name>,
    answers: &mut Answers,
) -> Option<bool> {
    let at_question = answers.question.is_some() && cursor.is_at_question();
    let owner = if at_question { None } else { Some(cursor.name()?) };
    let (kind, class) = (cursor.u16()?, cursor.u16()?);
    let (ttl, length) = (cursor.u32()?, usize::from(cursor.u16()?));
    let data_at = cursor.at;
    let data = cursor.take(length)?;
    if class & 0x7fff != CLASS_IN {
        return Some(true);
    }
    if let (true, true, A | AAAA, Some(owner)) = (multicast, chain.is_empty(), kind, owner) {
        chain.push(owner);
    }
    let known = match &owner {
        Some(owner) => chain.iter().any(|name| name.as_bytes() == owner.as_bytes()),
        None => !chain.is_empty(),
    };
    let at = |skip: usize| Cursor { message: cursor.message, at: data_at + skip }.name();
    match (kind, data) {
        (A, [a, b, c, d]) if known => answers.addresses.push((Address::v4([*a, *b, *c, *d]), ttl)),
        (AAAA, data) if known => {
            if let Ok(octets) = <[u8; 16]>::try_from(data) {
                answers.addresses.push((Address::v6(octets), ttl));
            }
        }
        (CNAME, _) if known => follow(chain, at(0)?),
        (SVCB | HTTPS, [high, low, ..]) if known => {
            let mut service = Cursor { message: cursor.message.get(..data_at + length)?, at: data_at + 2 };
            let target = service.name()?;
            match (high, low) {
                // The alias form has priority zero.
                (0, 0) => follow(chain, target),
                _ => {
                    parameters(&mut service, ttl, answers);
                    // Addresses of the target are addresses of the name asked for.
                    follow(chain, target);
                }
            }
        }
        _ => {}
    }
    Some(known)
}

/// The names so far are aliases of this one. The root stands for the name itself.
fn follow(chain: &mut Vec<Name>, target: Name) {
    let is_new = chain.iter().all(|name| name.as_bytes() != target.as_bytes());
    if is_new && target.len > 0 && chain.len() < MAX_CHAIN {
        chain.push(target);
    }
}

/// Parameters of the service form (RFC 9460, section 2.2), as far as they are sound: address hints and ECH.
fn parameters(cursor: &mut Cursor<'_>, ttl: u32, answers: &mut Answers) -> Option<()> {
    while let (Some(key), Some(length)) = (cursor.u16(), cursor.u16()) {
        let value = cursor.take(usize::from(length))?;
        match key {
            IPV4_HINT => {
                let hints = value.as_chunks::<4>().0.iter();
                answers.addresses.extend(hints.map(|hint| (Address::v4(*hint), ttl)));
            }
            IPV6_HINT => {
                let hints = value.as_chunks::<16>().0.iter();
                answers.addresses.extend(hints.map(|hint| (Address::v6(*hint), ttl)));
            }
            ECH if answers.outer.is_none() => answers.outer = public_name(value),
            _ => {}
        }
    }
    Some(())
}

/// The public name in a list of ECH configurations (RFC 9849, section 4): of the first whose version is known.
fn public_name(list: &[u8]) -> Option<DomainName> {
    let mut cursor = Cursor { message: list, at: 2 };
    loop {
        let (version, length) = (cursor.u16()?, cursor.u16()?);
        let config = cursor.take(usize::from(length))?;
        if version != ECH_VERSION {
            continue;
        }
        // Its number and key algorithm, then the key, the cipher suites, the longest name.
        let mut inner = Cursor { message: config, at: 3 };
        for _ in ["key", "suites"] {
            let length = inner.u16()?;
            inner.take(usize::from(length))?;
        }
        let [_, length] = inner.take(2)? else { return None };
        return DomainName::from_wire(inner.take(usize::from(*length))?);
    }
}
