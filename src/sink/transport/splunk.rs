//! Splunk's HTTP Event Collector, with indexer acknowledgement where the token asks for it.
//!
//! Every request names a channel. A token with acknowledgement answers with an `ackId`; all that are open are asked for
//! together, on a connection of their own, until the indexers have the events, while more is sent. What is not
//! acknowledged in [`ACKNOWLEDGED`] is sent again. A token without answers without one, and then its 200 is all there is.

use std::collections::{BTreeMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep_until};

use crate::sink::output::Splunk as Options;

use super::client::{Answer, Client, secret_value};
use super::secret::Secret;
use super::{Failure, Message, Outcome};

const JSON: &str = "application/json";
const CHANNEL: HeaderName = HeaderName::from_static("x-splunk-request-channel");
/// Splunk's own advice: no answer in five minutes, send again.
const ACKNOWLEDGED: Duration = Duration::from_secs(300);
const FIRST_POLL: Duration = Duration::from_millis(200);
const LAST_POLL: Duration = Duration::from_secs(10);
/// Asked for with one question.
const ASKED: usize = 500;

#[derive(Debug)]
pub struct SplunkLink {
    options: Options,
    client: Client,
    channel: String,
    /// Taken by the collector, in their order.
    taken: VecDeque<Taken>,
    /// The question on its way. A yes is said once: whoever asked must hear it.
    asking: Option<JoinHandle<(Client, Result<Answer, Failure>)>>,
    /// Between two questions.
    asker: Option<Client>,
    /// When to ask next, and how long to wait after that.
    poll: (Instant, Duration),
}

/// A request that the collector took.
#[derive(Debug)]
struct Taken {
    /// Nothing more to wait for without one.
    ack: Option<u64>,
    /// The number behind its last record.
    next: u64,
    at: Instant,
}

#[derive(Deserialize)]
struct Acks {
    acks: BTreeMap<String, bool>,
}

/// What the collector says. `code` 0 is success.
#[derive(Deserialize, Default, Debug)]
struct Said {
    code: Option<u32>,
    #[serde(rename = "ackId")]
    ack: Option<u64>,
    #[serde(rename = "invalid-event-number")]
    invalid: Option<usize>,
}

impl SplunkLink {
    pub fn new(options: Options) -> Self {
        let client = Client::new(options.at.clone());
        let poll = (Instant::now(), FIRST_POLL);
        Self { options, client, channel: guid(), taken: VecDeque::new(), asking: None, asker: None, poll }
    }

    pub fn reset(&mut self) {
        self.client.reset();
        self.taken.clear();
        self.asker = None;
        if let Some(asking) = self.asking.take() {
            asking.abort();
        }
    }

    pub fn waits(&self) -> bool {
        !self.taken.is_empty()
    }

    pub async fn send(&mut self, batch: &[Message]) -> Outcome {
        let mut body = Vec::new();
        for message in batch {
            body.extend_from_slice(self.event(message).as_bytes());
            body.push(b'\n');
        }
        let answer = match self.post(body).await {
            Ok(answer) => answer,
            Err(failure) => return Outcome::failed(failure),
        };
        let said: Said = serde_json::from_slice(&answer.body).unwrap_or_default();
        if !answer.status.is_success() || said.code.is_some_and(|code| code != 0) {
            return self.refused(batch, &answer, &said);
        }
        self.took(batch.last(), said.ack);
        let more = if said.ack.is_some() { "; the indexers are asked for it" } else { "" };
        Outcome::all(batch, format!("{}{more}", answer.shown()))
    }

    /// The collector has everything up to this message.
    fn took(&mut self, last: Option<&Message>, ack: Option<u64>) {
        let Some(last) = last else { return };
        let at = Instant::now();
        if self.taken.is_empty() {
            self.poll = (at + FIRST_POLL, FIRST_POLL);
        }
        self.taken.push_back(Taken { ack, next: last.entry.seq + 1, at });
    }

    /// Codes 5, 6, 12, 13 and 15 are about an event, 27 about its size; everything else is about us or them.
    fn refused(&mut self, batch: &[Message], answer: &Answer, said: &Said) -> Outcome {
        let about_content =
            matches!(said.code, Some(5 | 6 | 12 | 13 | 15 | 27)) || answer.status.as_u16() == 413;
        let failure = answer.failure(&self.client.at().authority);
        match said.invalid.filter(|number| about_content && *number < batch.len()) {
            // The collector has taken those before it.
            Some(number) => {
                self.took(batch.get(number), None);
                Outcome {
                    taken: number + 1,
                    refused: vec![(number, answer.shown())],
                    failure: None,
                    answer: answer.shown(),
                }
            }
            None if about_content && batch.len() == 1 => {
                self.took(batch.last(), None);
                Outcome::refused_alone(answer.shown())
            }
            None => Outcome::failed(Failure { too_large: about_content, ..failure }),
        }
    }

    /// JSON formats go in as they are, others as text.
    fn event(&self, message: &Message) -> String {
        let text = message.text.trim_end_matches('\n');
        let event = if text.starts_with('{') { text.to_owned() } else { Value::from(text).to_string() };
        let nanos = message.entry.head.time.as_nanos();
        let mut envelope = json!({ "source": self.options.source, "sourcetype": self.options.sourcetype });
        if let Some(index) = &self.options.index {
            envelope["index"] = index.as_str().into();
        }
        envelope["fields"] = json!({ "event_id": message.entry.head.id });
        let rest = envelope.to_string();
        let rest = rest.trim_start_matches('{');
        let (seconds, millis) =
            (nanos.div_euclid(1_000_000_000), nanos.rem_euclid(1_000_000_000) / 1_000_000);
        format!("{{\"time\":{seconds}.{millis:03},\"event\":{event},{rest}")
    }

    async fn post(&mut self, body: Vec<u8>) -> Result<Answer, Failure> {
        let headers = self.headers()?;
        self.client.post(None, JSON, headers, body).await
    }

    fn headers(&self) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
        let token = Secret::read(&self.options.token_file)?;
        let channel =
            HeaderValue::from_str(&self.channel).map_err(|error| Failure::new(error.to_string()))?;
        let token = secret_value(&format!("Splunk {}", token.expose()))?;
        Ok(vec![(AUTHORIZATION, token), (CHANNEL, channel)])
    }

    /// See [`super::Link::progress`]. Questions are put only when `asking`; one that is on its way goes on.
    pub async fn progress(&mut self, asking: bool) -> Result<u64, Failure> {
        loop {
            if let Some(next) = self.settled() {
                return Ok(next);
            }
            let Some(oldest) = self.taken.front().map(|taken| taken.at) else {
                return std::future::pending().await;
            };
            if oldest.elapsed() > ACKNOWLEDGED {
                let at = &self.client.at().authority;
                let text = format!("{at}: not acknowledged by the indexers in {ACKNOWLEDGED:?}; sent again");
                return Err(Failure::new(text));
            }
            if self.asking.is_none() {
                if !asking {
                    return std::future::pending().await;
                }
                sleep_until(self.poll.0).await;
                self.ask()?;
            }
            if let Some(question) = &mut self.asking {
                let answered = question.await;
                self.asking = None;
                let (asker, answer) = answered.map_err(|error| Failure::new(error.to_string()))?;
                self.asker = Some(asker);
                self.heard(&answer?)?;
            }
        }
    }

    /// Everything before the number has arrived.
    fn settled(&mut self) -> Option<u64> {
        let mut next = None;
        while let Some(taken) = self.taken.front().filter(|taken| taken.ack.is_none()) {
            next = Some(taken.next);
            self.taken.pop_front();
        }
        next
    }

    fn ask(&mut self) -> Result<(), Failure> {
        let acks: Vec<u64> = self.taken.iter().filter_map(|taken| taken.ack).take(ASKED).collect();
        let path = format!("/services/collector/ack?channel={}", self.channel);
        let headers = self.headers()?;
        let mut asker = self.asker.take().unwrap_or_else(|| Client::new(self.options.at.clone()));
        let body = json!({ "acks": acks }).to_string().into_bytes();
        self.asking = Some(tokio::spawn(async move {
            let answer = asker.post(Some(&path), JSON, headers, body).await;
            (asker, answer)
        }));
        Ok(())
    }

    fn heard(&mut self, answer: &Answer) -> Result<(), Failure> {
        if !answer.status.is_success() {
            return Err(answer.failure(&self.client.at().authority));
        }
        let said: Option<Acks> = serde_json::from_slice(&answer.body).ok();
        let acks = said.map(|said| said.acks).unwrap_or_default();
        let mut any = false;
        for taken in &mut self.taken {
            if taken.ack.is_some_and(|ack| acks.get(&ack.to_string()) == Some(&true)) {
                taken.ack = None;
                any = true;
            }
        }
        let wait = if any { FIRST_POLL } else { (self.poll.1 * 2).min(LAST_POLL) };
        self.poll = (Instant::now() + wait, wait);
        Ok(())
    }
}

/// Any that nobody else has: a random one (RFC 9562, version 4).
fn guid() -> String {
    let chance = |salt: u8| RandomState::new().hash_one(salt);
    let (high, low) = (chance(0), chance(1));
    format!(
        "{:08x}-{:04x}-4{:03x}-{:04x}-{:012x}",
        high >> 32,
        high >> 16 & 0xffff,
        high & 0xfff,
        0x8000 | low >> 48 & 0x3fff,
        low & 0xffff_ffff_ffff
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_guids_and_differ() {
        let one = guid();
        assert_eq!((one.len(), one.as_bytes()[14]), (36, b'4'));
        assert!(one.split('-').map(str::len).eq([8, 4, 4, 4, 12]), "{one}");
        assert_ne!(one, guid());
    }
}
