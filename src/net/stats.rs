//! What was counted, and what that says of blind spots.

use super::frame::Unread;
use crate::model::{Coverage, CoverageKind, Span, Timestamp, counted};

/// How often packets that could not be read are told of at most: where a link layer is not known, they never cease.
const EVERY: Span = Span::from_secs(60);

/// Counters of a tap.
#[derive(Clone, Debug, Default)]
pub struct Stats {
    pub packets: u64,
    /// On the wire, headers included.
    pub bytes: u64,
    pub flows: u64,
    pub hellos: u64,
    pub dns_answers: u64,
    /// Packets that gave no segment, by kind.
    unread: [u64; Unread::ALL.len()],
    /// Segments whose sequence number cannot belong to their connection.
    pub out_of_window: u64,
    /// Segments sent again after their connection was over.
    pub stragglers: u64,
    /// Payload bytes that passed without being captured.
    pub lost_bytes: u64,
    /// Hellos that were given up because too many were incomplete at once.
    pub hellos_given_up: u64,
    /// Open flows that were pushed out of the full table.
    pub evicted: u64,
    /// Names of addresses that gave way to newer ones before they ran out.
    pub names_evicted: u64,
    /// DNS answers to questions that nobody asked.
    pub dns_unasked: u64,
    /// Conversations with resolvers that cannot be read.
    pub encrypted_dns: u64,
    /// Those of them that may have carried something, since they were last told of.
    unseen: [Blind; Unread::ALL.len()],
    /// They are not told of again before this.
    unseen_due: Timestamp,
    losses: Blind,
    drops: Blind,
    evictions: Blind,
    forgotten: Blind,
    given_up: Blind,
    resolvers: Blind,
}

/// How often and when, since it was last told.
#[derive(Clone, Copy, Debug, Default)]
struct Blind {
    count: u64,
    start: Timestamp,
    end: Timestamp,
}

impl Blind {
    fn note(&mut self, time: Timestamp) {
        if self.count == 0 {
            (self.start, self.end) = (time, time);
        }
        self.count += 1;
        self.start = self.start.min(time);
        self.end = self.end.max(time);
    }

    fn told(&mut self, kind: CoverageKind, text: impl FnOnce(u64) -> String) -> Option<Coverage> {
        let Self { count, start, end } = std::mem::take(self);
        (count > 0).then(|| Coverage { kind, start, end, count, text: text(count) })
    }
}

impl Stats {
    /// How many packets gave no segment for this reason.
    pub fn unread(&self, why: Unread) -> u64 {
        self.unread[why as usize]
    }

    /// Packets whose bytes contradict themselves.
    pub fn malformed(&self) -> u64 {
        Unread::ALL.into_iter().filter(|why| why.is_malformed()).map(|why| self.unread(why)).sum()
    }

    pub(super) fn note_unread(&mut self, why: Unread, time: Timestamp) {
        self.unread[why as usize] += 1;
        match why {
            Unread::DropRecord => self.drops.note(time),
            _ if why.is_ordinary() => {}
            _ => self.unseen[why as usize].note(time),
        }
    }

    pub(super) fn note_loss(&mut self, time: Timestamp) {
        self.losses.note(time);
    }

    pub(super) fn note_hello_given_up(&mut self, time: Timestamp) {
        self.hellos_given_up += 1;
        self.given_up.note(time);
    }

    pub(super) fn note_encrypted_dns(&mut self, time: Timestamp) {
        self.encrypted_dns += 1;
        self.resolvers.note(time);
    }

    pub(super) fn note_names_evicted(&mut self, count: u64, time: Timestamp) {
        self.names_evicted += count;
        (0..count).for_each(|_| self.forgotten.note(time));
    }

    pub(super) fn note_eviction(&mut self, last: Timestamp, now: Timestamp) {
        self.evictions.note(last);
        self.evictions.end = self.evictions.end.max(now);
    }

    /// Nothing comes any more: what is owed is told when it is next asked for.
    pub(super) fn finish(&mut self) {
        self.unseen_due = Timestamp::MIN;
    }

    /// What could not be seen since this was last asked; `now` is the time of the packets.
    pub(super) fn coverage(&mut self, now: Timestamp) -> Vec<Coverage> {
        let losses = self.losses.told(CoverageKind::CaptureLoss, |count| {
            format!("the capture missed payload in {count} places of TCP connections")
        });
        let drops = self.drops.told(CoverageKind::CaptureDropRecord, |count| {
            format!("{count} records are about packets that the kernel dropped")
        });
        let evictions = self.evictions.told(CoverageKind::TableFull, |count| {
            format!("{count} open flows were pushed out of the full flow table")
        });
        let forgotten = self.forgotten.told(CoverageKind::TableFull, |count| {
            format!("{count} names of addresses gave way to newer ones before they ran out")
        });
        let given_up = self.given_up.told(CoverageKind::NameHidden, |count| {
            format!("{count} hellos were given up: too many were incomplete at once")
        });
        let resolvers = self.resolvers.told(CoverageKind::NameHidden, |count| {
            format!("{count} connections asked DNS over TLS, HTTPS or QUIC: for which names cannot be seen")
        });
        let others = [losses, drops, evictions, forgotten, given_up, resolvers];
        others.into_iter().flatten().chain(self.unseen(now)).collect()
    }

    fn unseen(&mut self, now: Timestamp) -> Vec<Coverage> {
        if now < self.unseen_due {
            return Vec::new();
        }
        let told = Unread::ALL.into_iter().filter_map(|why| {
            let unseen = &mut self.unseen[why as usize];
            if why.is_tunnel() {
                return unseen.told(CoverageKind::NameHidden, |count| {
                    format!("{count} packets of a tunnel that cannot be looked into: {}", why.as_str())
                });
            }
            unseen.told(CoverageKind::CaptureLoss, |count| {
                format!("{count} packets could not be read, nor what they carried: {}", why.as_str())
            })
        });
        let told: Vec<_> = told.collect();
        if !told.is_empty() {
            self.unseen_due = now.plus(EVERY);
        }
        told
    }

    /// What was not understood, each a sentence for people; of packets, those whose kind is `of_interest`. None if there is
    /// nothing to say.
    pub fn notes(&self, of_interest: impl Fn(Unread) -> bool) -> Vec<String> {
        let mut notes = Vec::new();
        for why in Unread::ALL.into_iter().filter(|why| of_interest(*why)) {
            match self.unread(why) {
                0 => {}
                count => notes.push(format!("{} not read: {}", counted(count, "packet"), why.as_str())),
            }
        }
        if self.lost_bytes > 0 {
            let lost = counted(self.lost_bytes, "byte");
            notes.push(format!("{lost} of payload passed without being captured"));
        }
        if self.evicted > 0 {
            let were = if self.evicted == 1 { "was" } else { "were" };
            let flows = counted(self.evicted, "open flow");
            notes.push(format!("{flows} {were} pushed out of the full table"));
        }
        notes
    }
}
