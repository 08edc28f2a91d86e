//! Elasticsearch and OpenSearch, by the bulk API.
//!
//! Each record is a `create` under a name of its own (`event.id`, with the revision if it is a later one), which data
//! streams and indexes take alike: a record that comes twice is answered with 409 and is there once.

use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::sink::output::{Elastic as Options, Login};

use super::client::{Answer, Client, secret_value};
use super::http::base64;
use super::secret::Secret;
use super::{Failure, Message, Outcome};

const TYPE: &str = "application/x-ndjson";
/// What of an item's error is shown to a person.
const SHOWN: usize = 200;

#[derive(Debug)]
pub struct ElasticLink {
    options: Options,
    client: Client,
}

#[derive(Deserialize)]
struct Bulk {
    items: Vec<Item>,
}

/// One action's result, under the name of the action.
#[derive(Deserialize)]
struct Item {
    create: ItemResult,
}

#[derive(Deserialize)]
struct ItemResult {
    status: u16,
    error: Option<Value>,
}

impl ElasticLink {
    pub fn new(options: Options) -> Self {
        let client = Client::new(options.at.clone());
        Self { options, client }
    }

    pub fn reset(&mut self) {
        self.client.reset();
    }

    pub async fn send(&mut self, batch: &[Message]) -> Outcome {
        let mut body = Vec::new();
        for message in batch {
            let action = json!({ "create": { "_index": self.options.index, "_id": message.entry.name() } });
            body.extend_from_slice(format!("{action}\n{}\n", document(message)).as_bytes());
        }
        let answer = match self.login() {
            Ok(headers) => self.client.post(None, TYPE, headers, body).await,
            Err(failure) => Err(failure),
        };
        match answer {
            Ok(answer) if answer.status.is_success() => self.judge(batch, &answer),
            Ok(answer) => {
                let failure = answer.failure(&self.client.at().authority);
                if failure.too_large && batch.len() == 1 {
                    return Outcome::refused_alone(answer.shown());
                }
                Outcome::failed(failure)
            }
            Err(failure) => Outcome::failed(failure),
        }
    }

    /// Item by item: 409 is there already, 429 and 5xx come again with all that follow, the rest is refused for good.
    fn judge(&self, batch: &[Message], answer: &Answer) -> Outcome {
        let who = &self.client.at().authority;
        let bulk: Option<Bulk> = serde_json::from_slice(&answer.body).ok();
        let Some(bulk) = bulk.filter(|bulk| bulk.items.len() == batch.len()) else {
            return Outcome::failed(Failure::new(format!("{who}: no bulk answer: {}", answer.shown())));
        };
        let text = format!("{}; {} created or there already", answer.status, batch.len());
        let mut outcome = Outcome { answer: text, ..Outcome::default() };
        for item in bulk.items {
            let error = || {
                let error = item.create.error.as_ref().map(ToString::to_string).unwrap_or_default();
                format!("{} {}", item.create.status, error.chars().take(SHOWN).collect::<String>())
            };
            match item.create.status {
                200..=299 | 409 => {}
                // A missing index or right is mended by a person, and so is not the record's fault.
                401 | 403 | 404 | 429 | 500.. => {
                    outcome.failure = Some(Failure::new(format!("{who}: {}", error())));
                    return outcome;
                }
                _ => {
                    outcome.refused.push((outcome.taken, error()));
                    outcome.answer = error();
                }
            }
            outcome.taken += 1;
        }
        outcome
    }

    fn login(&self) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
        let value = match &self.options.login {
            Login::Nobody => return Ok(Vec::new()),
            Login::ApiKey(file) => format!("ApiKey {}", Secret::read(file)?.expose()),
            Login::Basic { username, password_file } => {
                let pair = format!("{username}:{}", Secret::read(password_file)?.expose());
                format!("Basic {}", base64::encode(pair.as_bytes()))
            }
        };
        Ok(vec![(AUTHORIZATION, secret_value(&value)?)])
    }
}

/// JSON formats are documents; another is a document with the text and the time.
fn document(message: &Message) -> String {
    let text = message.text.trim_end_matches('\n');
    if text.starts_with('{') {
        return text.to_owned();
    }
    json!({ "@timestamp": message.entry.head.time.to_string(), "message": text }).to_string()
}
