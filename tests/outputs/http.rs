//! Webhook, Splunk and Elasticsearch, each by its own documentation.

use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::receiver::{Request, http};
use super::{Folder, deliver, ids, output};

fn lines(request: &Request) -> Vec<Value> {
    assert!(request.body.ends_with('\n'), "the last line too");
    request.body.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn all_ids(requests: impl Iterator<Item = Request>) -> Vec<String> {
    let id = |line: Value| line["event"]["id"].as_str().unwrap().to_owned();
    requests.flat_map(|request| lines(&request)).map(id).collect()
}

/// Standard Webhooks, signature scheme v1: base64 of HMAC-SHA256 over `id.timestamp.body`.
#[test]
fn a_webhook_is_signed_and_comes_again_under_the_same_name() {
    let folder = Folder::new();
    let (secret, token) = (folder.write("secret", "a plain key\n"), folder.write("token", "tok-123\n"));
    let (address, requests) = http(|number, _| match number {
        0 => (503, "Retry-After: 1\r\n\r\nbusy".to_owned()),
        1 => (429, "slow down".to_owned()),
        _ => (200, "fine".to_owned()),
    });
    let text = format!(
        "type = \"http\"\nurl = \"http://{address}/in?a=b\"\nsecret_file = \"{secret}\"\ntoken_file = \"{token}\""
    );
    let look = deliver(&output(&text), 40);
    assert_eq!((look.acked, look.failures), (40, 2));
    assert!(look.last_error.is_some_and(|error| error.contains("429") && !error.contains("tok-123")));
    let requests: Vec<Request> = requests.try_iter().collect();
    for request in &requests {
        assert_eq!((request.path.as_str(), request.header("host")), ("/in?a=b", address.as_str()));
        assert_eq!(request.header("content-type"), "application/x-ndjson");
        assert_eq!(request.header("authorization"), "Bearer tok-123");
        let (id, time) = (request.header("webhook-id"), request.header("webhook-timestamp"));
        assert_eq!(id, requests[0].header("webhook-id"));
        let mut mac = Hmac::<Sha256>::new_from_slice(b"a plain key").unwrap();
        mac.update(format!("{id}.{time}.{}", request.body).as_bytes());
        let (version, signature) = request.header("webhook-signature").split_once(',').unwrap();
        assert_eq!((version, signature.len()), ("v1", 44));
        assert_eq!(decode(signature), mac.finalize().into_bytes().to_vec());
    }
    assert_eq!(requests.len(), 3);
    assert_eq!(all_ids(requests.into_iter().skip(2)), ids(0..40));
}

/// The tests' own reading of RFC 4648.
fn decode(text: &str) -> Vec<u8> {
    const DIGITS: &str = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let bits: String =
        text.trim_end_matches('=').chars().map(|c| format!("{:06b}", DIGITS.find(c).unwrap())).collect();
    bits.as_bytes()
        .chunks_exact(8)
        .map(|byte| u8::from_str_radix(std::str::from_utf8(byte).unwrap(), 2).unwrap())
        .collect()
}

#[test]
fn a_record_that_is_refused_is_found_and_the_others_arrive() {
    let (address, requests) = http(|_, request| {
        if request.body.contains("\"id-13\"") { (400, "bad id".to_owned()) } else { (204, String::new()) }
    });
    let look = deliver(&output(&format!("type = \"http\"\nurl = \"http://{address}/\"")), 30);
    assert_eq!((look.refused, look.acked), (1, 29));
    let mut arrived: Vec<String> = requests
        .try_iter()
        .filter(|request| !request.body.contains("\"id-13\""))
        .flat_map(|request| all_ids(std::iter::once(request)))
        .collect();
    arrived.dedup();
    assert_eq!(arrived, [ids(0..13), ids(14..30)].concat(), "in order");
}

#[test]
fn too_large_a_batch_is_halved() {
    let (address, requests) =
        http(
            |_, request| {
                if request.body.len() > 2000 { (413, String::new()) } else { (200, String::new()) }
            },
        );
    deliver(&output(&format!("type = \"http\"\nurl = \"http://{address}/\"")), 100);
    let taken = requests.try_iter().filter(|request| request.body.len() <= 2000);
    assert_eq!(all_ids(taken), ids(0..100));
}

/// While the indexers think more is sent, and all that are open are asked for together.
#[test]
fn splunk_is_asked_for_many_at_once() {
    let folder = Folder::new();
    let token = folder.write("token", "11111111-2222-3333-4444-555555555555");
    // Nothing is acknowledged before the third question; the answer to the first is not yet there when more is sent.
    let counts = std::sync::Mutex::new((0u64, 0));
    let (address, requests) = http(move |_, request| {
        let mut counts = counts.lock().unwrap();
        if request.path == "/services/collector/event" {
            counts.0 += 1;
            return (200, json!({ "text": "Success", "code": 0, "ackId": counts.0 }).to_string());
        }
        counts.1 += 1;
        let body: Value = serde_json::from_str(&request.body).unwrap();
        let known = |ack: &Value| (ack.to_string(), json!(counts.1 >= 3));
        let acks: serde_json::Map<String, Value> =
            body["acks"].as_array().unwrap().iter().map(known).collect();
        (200, json!({ "acks": acks }).to_string())
    });
    let text = format!("type = \"splunk-hec\"\nurl = \"http://{address}\"\ntoken_file = \"{token}\"");
    let look = deliver(&output(&text), 2000);
    assert_eq!((look.sent, look.acked, look.failures), (2000, 2000, 0));
    let requests: Vec<Request> = requests.try_iter().collect();
    let (events, questions): (Vec<_>, Vec<_>) =
        requests.iter().partition(|request| request.path == "/services/collector/event");
    assert!(events.len() >= 4 && questions.len() <= 5, "{} {}", events.len(), questions.len());
    let most = questions.iter().map(|question| {
        let body: Value = serde_json::from_str(&question.body).unwrap();
        body["acks"].as_array().unwrap().len()
    });
    assert_eq!(most.max(), Some(events.len()));
}

/// HEC: events one after another, `Authorization: Splunk`, a channel, acknowledgements asked for by id until they are true.
#[test]
fn splunk_waits_for_the_indexers() {
    let folder = Folder::new();
    let token = folder.write("token", "11111111-2222-3333-4444-555555555555");
    let (address, requests) = http(|number, request| match request.path.as_str() {
        "/services/collector/event" => (200, json!({ "text": "Success", "code": 0, "ackId": 5 }).to_string()),
        _ => (200, json!({ "acks": { "5": number >= 3 } }).to_string()),
    });
    let text = format!(
        "type = \"splunk-hec\"\nurl = \"http://{address}\"\ntoken_file = \"{token}\"\nindex = \"edr\""
    );
    let look = deliver(&output(&text), 3);
    assert_eq!((look.sent, look.failures), (3, 0));
    let requests: Vec<Request> = requests.try_iter().collect();
    let channel = requests[0].header("x-splunk-request-channel");
    assert_eq!(channel.split('-').map(str::len).collect::<Vec<_>>(), [8, 4, 4, 4, 12]);
    for request in &requests {
        assert_eq!(request.header("authorization"), "Splunk 11111111-2222-3333-4444-555555555555");
        assert_eq!(request.header("x-splunk-request-channel"), channel);
    }
    let events: Vec<Value> =
        serde_json::Deserializer::from_str(&requests[0].body).into_iter().map(Result::unwrap).collect();
    for (number, event) in events.iter().enumerate() {
        assert_eq!(event["event"]["event"]["id"], format!("id-{number}"));
        assert_eq!((&event["time"], &event["index"]), (&json!(1_700_000_000.123), &json!("edr")));
        assert_eq!(event["fields"]["event_id"], format!("id-{number}"));
    }
    for question in &requests[1..] {
        assert_eq!(question.path, format!("/services/collector/ack?channel={channel}"));
        assert_eq!(serde_json::from_str::<Value>(&question.body).unwrap(), json!({ "acks": [5] }));
    }
    assert_eq!((events.len(), requests.len()), (3, 4));
}

#[test]
fn splunk_without_acknowledgement_and_with_a_busy_or_refusing_collector() {
    let folder = Folder::new();
    let token = folder.write("token", "t");
    let (address, _requests) = http(|number, request| match number {
        0 => (503, json!({ "text": "Server is busy", "code": 9 }).to_string()),
        _ if request.body.contains("\"id-2\"") => {
            // Those before the invalid one are in.
            let place = request.body.lines().position(|line| line.contains("\"id-2\"")).unwrap();
            let said = json!({ "text": "Invalid data format", "code": 6, "invalid-event-number": place });
            (400, said.to_string())
        }
        _ => (200, json!({ "text": "Success", "code": 0 }).to_string()),
    });
    let text = format!("type = \"splunk-hec\"\nurl = \"http://{address}\"\ntoken_file = \"{token}\"");
    let look = deliver(&output(&text), 5);
    assert_eq!((look.acked, look.refused, look.failures), (4, 1, 1));
}

/// Bulk: pairs of `create` and document; each item has its own fate.
#[test]
fn elasticsearch_is_judged_item_by_item() {
    let folder = Folder::new();
    let password = folder.write("password", "secret");
    let (address, requests) = http(|number, request| {
        let actions =
            request.body.lines().step_by(2).map(|line| serde_json::from_str::<Value>(line).unwrap());
        let item = |action: Value| {
            let id = action["create"]["_id"].as_str().unwrap().to_owned();
            let status = match (number, id.as_str()) {
                (0, "id-3") => 429,
                (0, "id-0") => 409,
                (_, "id-4") => 400,
                _ => 201,
            };
            json!({ "create": { "_id": id, "status": status, "error": { "type": "mapper_parsing_exception" } } })
        };
        let items: Vec<Value> = actions.map(item).collect();
        (200, json!({ "took": 1, "errors": true, "items": items }).to_string())
    });
    let text = format!(
        "type = \"elasticsearch\"\nurl = \"http://{address}\"\nusername = \"u\"\npassword_file = \"{password}\""
    );
    let look = deliver(&output(&text), 6);
    assert_eq!((look.acked, look.refused, look.failures), (5, 1, 1));
    let requests: Vec<Request> = requests.try_iter().collect();
    assert_eq!(requests.len(), 2);
    for request in &requests {
        assert_eq!(
            (request.path.as_str(), request.header("content-type")),
            ("/_bulk", "application/x-ndjson")
        );
        assert_eq!(request.header("authorization"), "Basic dTpzZWNyZXQ=");
        for pair in lines(request).chunks(2) {
            let action = pair[0]["create"].as_object().unwrap();
            assert_eq!(action["_index"], "logs-cloudward.alert-default");
            assert_eq!(action["_id"], pair[1]["event"]["id"]);
        }
    }
    let first = |request: &Request| lines(request)[0]["create"]["_id"].clone();
    assert_eq!(
        (first(&requests[0]), first(&requests[1])),
        (json!("id-0"), json!("id-3")),
        "the rest comes again"
    );
}
