//! Splunk's HTTP Event Collector, with indexer acknowledgement where the token asks for it.
//!
//! Every request names a channel. A token with acknowledgement answers with an `ackId`, which is asked for until the
//! indexers have the events; what is not acknowledged in [`ACKNOWLEDGED`] is sent again. A token without answers without
//! one, and then its 200 is all there is.

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

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

#[derive(Debug)]
pub struct SplunkLink {
    options: Options,
    client: Client,
    channel: String,
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
        Self { options, client, channel: guid() }
    }

    pub fn reset(&mut self) {
        self.client.reset();
    }

    pub async fn send(&mut self, batch: &[Message]) -> Outcome {
        let mut body = Vec::new();
        for message in batch {
            body.extend_from_slice(self.event(message).as_bytes());
            body.push(b'\n');
        }
        let answer = match self.post(None, body).await {
            Ok(answer) => answer,
            Err(failure) => return Outcome::failed(failure),
        };
        let said: Said = serde_json::from_slice(&answer.body).unwrap_or_default();
        if !answer.status.is_success() || said.code.is_some_and(|code| code != 0) {
            return self.refused(batch, &answer, &said);
        }
        match said.ack {
            Some(ack) => match self.acknowledged(ack).await {
                Ok(()) => Outcome::all(batch, format!("{}; acknowledged by the indexers", answer.shown())),
                Err(failure) => Outcome::failed(failure),
            },
            None => Outcome::all(batch, answer.shown()),
        }
    }

    /// Codes 5, 6, 12, 13 and 15 are about an event, 27 about its size; everything else is about us or them.
    fn refused(&self, batch: &[Message], answer: &Answer, said: &Said) -> Outcome {
        let about_content =
            matches!(said.code, Some(5 | 6 | 12 | 13 | 15 | 27)) || answer.status.as_u16() == 413;
        let failure = answer.failure(&self.client.at().authority);
        match said.invalid.filter(|number| about_content && *number < batch.len()) {
            // The collector has taken those before it.
            Some(number) => Outcome {
                taken: number + 1,
                refused: vec![(number, answer.shown())],
                failure: None,
                answer: answer.shown(),
            },
            None if about_content && batch.len() == 1 => {
                Outcome { taken: 1, refused: vec![(0, answer.shown())], ..Outcome::default() }
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

    async fn post(&mut self, path: Option<&str>, body: Vec<u8>) -> Result<Answer, Failure> {
        let token = Secret::read(&self.options.token_file)?;
        let channel =
            HeaderValue::from_str(&self.channel).map_err(|error| Failure::new(error.to_string()))?;
        let token = secret_value(&format!("Splunk {}", token.expose()))?;
        let headers = vec![(AUTHORIZATION, token), (CHANNEL, channel)];
        self.client.post(path, JSON, headers, body).await
    }

    /// Asks until the indexers have it. A yes is said once.
    async fn acknowledged(&mut self, ack: u64) -> Result<(), Failure> {
        #[derive(Deserialize)]
        struct Acks {
            acks: std::collections::BTreeMap<String, bool>,
        }
        let path = format!("/services/collector/ack?channel={}", self.channel);
        let (start, mut wait) = (Instant::now(), FIRST_POLL);
        while start.elapsed() < ACKNOWLEDGED {
            sleep(wait).await;
            wait = (wait * 2).min(LAST_POLL);
            let answer = self.post(Some(&path), json!({ "acks": [ack] }).to_string().into_bytes()).await?;
            if !answer.status.is_success() {
                return Err(answer.failure(&self.client.at().authority));
            }
            let acks: Option<Acks> = serde_json::from_slice(&answer.body).ok();
            if acks.is_some_and(|acks| acks.acks.get(&ack.to_string()) == Some(&true)) {
                return Ok(());
            }
        }
        Err(Failure::new(format!(
            "{}: not acknowledged by the indexers in {ACKNOWLEDGED:?}; sent again",
            self.client.at().authority
        )))
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
