//! A webhook: records as lines in the body of a POST, signed by the Standard Webhooks scheme.
//!
//! `webhook-id` names the batch and is the same when it is sent again, `webhook-timestamp` is the time of sending in
//! seconds, `webhook-signature` is `v1,` and the base64 of the HMAC-SHA256 over `id.timestamp.body`. The key is the
//! secret's text, or what it encodes if it begins with `whsec_`.

use std::time::{SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use hyper::header::{AUTHORIZATION, HeaderName, HeaderValue};
use sha2::{Digest, Sha256};

use crate::sink::output::Http as Options;

use super::client::{Client, secret_value};
use super::secret::Secret;
use super::{Failure, Message, Outcome};

const TYPE: &str = "application/x-ndjson";
const ID: HeaderName = HeaderName::from_static("webhook-id");
const TIMESTAMP: HeaderName = HeaderName::from_static("webhook-timestamp");
const SIGNATURE: HeaderName = HeaderName::from_static("webhook-signature");

#[derive(Debug)]
pub struct HttpLink {
    options: Options,
    client: Client,
}

impl HttpLink {
    pub fn new(options: Options) -> Self {
        let client = Client::new(options.at.clone());
        Self { options, client }
    }

    pub fn reset(&mut self) {
        self.client.reset();
    }

    pub async fn send(&mut self, batch: &[Message]) -> Outcome {
        let body: String = batch.iter().map(|message| message.text.as_str()).collect();
        let seconds = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
        let answer = match self.headers(&name(batch), seconds, body.as_bytes()) {
            Ok(headers) => self.client.post(None, TYPE, headers, body.into_bytes()).await,
            Err(failure) => Err(failure),
        };
        match answer {
            Ok(answer) if answer.status.is_success() => Outcome::all(batch, answer.shown()),
            Ok(answer) if answer.refuses_content() && batch.len() == 1 => {
                Outcome::refused_alone(answer.shown())
            }
            // One record in a larger batch may be the cause: alone it is found.
            Ok(answer) => {
                let failure = answer.failure(&self.client.at().authority);
                Outcome::failed(Failure { too_large: answer.refuses_content(), ..failure })
            }
            Err(failure) => Outcome::failed(failure),
        }
    }

    fn headers(
        &self,
        id: &str,
        seconds: u64,
        body: &[u8],
    ) -> Result<Vec<(HeaderName, HeaderValue)>, Failure> {
        let text = |text: &str| HeaderValue::from_str(text).map_err(|error| Failure::new(error.to_string()));
        let mut headers = vec![(ID, text(id)?), (TIMESTAMP, seconds.into())];
        if let Some(path) = &self.options.secret_file {
            let key = Secret::read(path)?;
            let signature = sign(&key_of(&key)?, id, seconds, body);
            headers.push((SIGNATURE, text(&format!("v1,{signature}"))?));
        }
        if let Some(path) = &self.options.token_file {
            let token = Secret::read(path)?;
            headers.push((AUTHORIZATION, secret_value(&format!("Bearer {}", token.expose()))?));
        }
        Ok(headers)
    }
}

/// The same batch has the same name.
fn name(batch: &[Message]) -> String {
    let mut hash = Sha256::new();
    for message in batch {
        hash.update(message.entry.name().as_bytes());
        hash.update(b"\n");
    }
    let digest = hash.finalize();
    let digits: String = digest[..16].iter().map(|byte| format!("{byte:02x}")).collect();
    format!("msg_{digits}")
}

fn key_of(secret: &Secret) -> Result<Vec<u8>, Failure> {
    match secret.expose().strip_prefix("whsec_") {
        Some(encoded) => base64::decode(encoded)
            .ok_or_else(|| Failure::new("the secret begins with whsec_, but no base64 follows")),
        None => Ok(secret.expose().as_bytes().to_vec()),
    }
}

fn sign(key: &[u8], id: &str, seconds: u64, body: &[u8]) -> String {
    // HMAC takes a key of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return String::new() };
    mac.update(format!("{id}.{seconds}.").as_bytes());
    mac.update(body);
    base64::encode(&mac.finalize().into_bytes())
}

/// RFC 4648, section 4.
pub(super) mod base64 {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

    pub fn encode(bytes: &[u8]) -> String {
        let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
        for chunk in bytes.chunks(3) {
            let group = chunk.iter().fold(0u32, |group, byte| group << 8 | u32::from(*byte))
                << (8 * (3 - chunk.len()));
            for digit in 0..4 {
                let index = (group >> (18 - 6 * digit)) as usize & 63;
                text.push(if digit <= chunk.len() { char::from(DIGITS[index]) } else { '=' });
            }
        }
        text
    }

    pub fn decode(text: &str) -> Option<Vec<u8>> {
        let digits = text.trim_end_matches('=');
        let (mut bytes, mut group, mut bits) = (Vec::new(), 0u32, 0);
        for digit in digits.bytes() {
            let value = DIGITS.iter().position(|known| *known == digit)?;
            group = group << 6 | value as u32;
            bits += 6;
            if bits >= 8 {
                bits -= 8;
                bytes.push((group >> bits) as u8);
                group &= (1 << bits) - 1;
            }
        }
        (digits.len() % 4 != 1 && text.len() - digits.len() <= 2).then_some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 4648, section 10.
    #[test]
    fn base64_is_the_standard_one() {
        for (plain, encoded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64::encode(plain.as_bytes()), encoded);
            assert_eq!(base64::decode(encoded).as_deref(), Some(plain.as_bytes()));
        }
        assert_eq!(base64::decode("Zg=="), base64::decode("Zg"));
        for wrong in ["Z", "Z*==", "Zg===", "Zm 9"] {
            assert_eq!(base64::decode(wrong), None, "{wrong}");
        }
    }

    /// The example of the Standard Webhooks libraries' own tests.
    #[test]
    fn signatures_are_those_of_standard_webhooks() {
        let key = base64::decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        let signature = sign(&key, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}");
        assert_eq!(signature, "g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }
}
