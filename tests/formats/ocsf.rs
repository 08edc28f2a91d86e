//! OCSF findings, held against the schema: required attributes, known attributes, enums, at-least-one rules.

use cloudward::model::Record;
use cloudward::sink::format;
use serde_json::Value;

use super::records;

/// One object of the schema: required attributes, other attributes that may stand there, and of which one must.
struct Object {
    name: &'static str,
    required: &'static str,
    known: &'static str,
    at_least_one: &'static str,
}

/// From `events/findings/detection_finding.json`, `events/findings/finding.json`, `events/base_event.json`, the profile
/// `security_control` and `objects/*.json` of version 1.5.0.
const SCHEMA: [Object; 24] = [
    Object {
        name: "detection_finding",
        required: "activity_id category_uid class_uid type_uid time severity_id metadata finding_info",
        known: "activity_name category_name class_name type_name severity status_id status message start_time end_time \
            is_alert confidence_id confidence risk_score evidences observables unmapped action_id action disposition_id \
            disposition",
        at_least_one: "",
    },
    Object {
        name: "metadata",
        required: "product version",
        known: "uid log_name event_code correlation_uid profiles sequence",
        at_least_one: "",
    },
    Object { name: "product", required: "", known: "name vendor_name version uid", at_least_one: "name uid" },
    Object {
        name: "finding_info",
        required: "uid",
        known: "title desc types first_seen_time last_seen_time modified_time created_time data_sources attacks analytic \
            related_analytics related_events_count",
        at_least_one: "",
    },
    Object {
        name: "analytic",
        required: "type_id",
        known: "type uid name version",
        at_least_one: "uid name",
    },
    Object {
        name: "attack",
        required: "",
        known: "version tactic technique sub_technique",
        at_least_one: "tactic technique sub_technique",
    },
    Object { name: "tactic", required: "", known: "uid name src_url", at_least_one: "uid name" },
    Object { name: "technique", required: "", known: "uid name src_url", at_least_one: "uid name" },
    Object { name: "sub_technique", required: "", known: "uid name src_url", at_least_one: "uid name" },
    Object {
        name: "evidences",
        required: "",
        known: "name process file dst_endpoint src_endpoint connection_info tls ja4_fingerprint_list actor api data",
        at_least_one: "process file dst_endpoint src_endpoint connection_info actor api data",
    },
    Object { name: "actor", required: "", known: "user", at_least_one: "user" },
    Object { name: "api", required: "operation", known: "service", at_least_one: "" },
    Object { name: "service", required: "", known: "name uid", at_least_one: "name uid" },
    Object { name: "account", required: "", known: "name uid", at_least_one: "name uid" },
    Object {
        name: "process",
        required: "",
        known: "pid uid name path cmd_line created_time file user parent_process",
        at_least_one: "pid uid",
    },
    Object {
        name: "file",
        required: "name type_id",
        known: "path type signature accessed_time",
        at_least_one: "",
    },
    Object {
        name: "signature",
        required: "algorithm_id",
        known: "algorithm state_id state developer_uid digest",
        at_least_one: "",
    },
    Object { name: "digest", required: "algorithm_id value", known: "algorithm", at_least_one: "" },
    Object { name: "user", required: "", known: "uid name email_addr account", at_least_one: "uid name" },
    Object {
        name: "dst_endpoint",
        required: "",
        known: "ip port hostname svc_name",
        at_least_one: "ip hostname svc_name",
    },
    Object { name: "src_endpoint", required: "", known: "ip port", at_least_one: "ip" },
    Object {
        name: "connection_info",
        required: "direction_id",
        known: "direction protocol_name protocol_num protocol_ver_id",
        at_least_one: "",
    },
    Object { name: "tls", required: "version", known: "sni", at_least_one: "" },
    Object { name: "ja4_fingerprint_list", required: "type_id value", known: "type", at_least_one: "" },
];

const OBSERVABLE: Object =
    Object { name: "observables", required: "name type_id", known: "type value", at_least_one: "" };

/// Enums: attribute and what it may be.
const ENUMS: [(&str, &[i64]); 14] = [
    ("severity_id", &[0, 1, 2, 3, 4, 5, 6, 99]),
    ("status_id", &[0, 1, 2, 3, 4, 5, 6, 99]),
    ("action_id", &[0, 1, 2, 99]),
    ("disposition_id", &[0, 1, 2, 15, 17, 19, 99]),
    ("confidence_id", &[0, 1, 2, 3, 99]),
    ("activity_id", &[1, 2, 3]),
    ("class_uid", &[2004]),
    ("category_uid", &[2]),
    ("type_uid", &[200_401, 200_402, 200_403]),
    ("direction_id", &[0, 1, 2, 3, 4, 99]),
    ("protocol_ver_id", &[0, 4, 6, 99]),
    ("algorithm_id", &[0, 1, 2, 3, 4, 99]),
    ("state_id", &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10]),
    ("protocol_num", &[6, 17]),
];

fn check(name: &str, value: &Value) {
    match (name, value) {
        // `json_t`: whatever there is.
        ("unmapped" | "data", _) => {}
        (_, Value::Array(list)) => list.iter().for_each(|item| check(name, item)),
        (_, Value::Object(map)) => {
            let object = object(name);
            let keys: Vec<&str> = map.keys().map(String::as_str).collect();
            for required in object.required.split_whitespace() {
                assert!(keys.contains(&required), "{name} has no {required}");
            }
            let mut known = object.required.split_whitespace().chain(object.known.split_whitespace());
            let known: Vec<&str> = known.by_ref().collect();
            let odd: Vec<_> = keys.iter().filter(|key| !known.contains(*key)).collect();
            assert!(odd.is_empty(), "{name} has no attributes {odd:?}");
            let mut one = object.at_least_one.split_whitespace().peekable();
            assert!(
                one.peek().is_none() || one.any(|name| keys.contains(&name)),
                "{name} lacks one of its attributes"
            );
            map.iter().for_each(|(key, value)| check(key, value));
        }
        (_, Value::Null) => panic!("{name} is null"),
        (_, value) => {
            if let Some((_, values)) = ENUMS.iter().find(|(attribute, _)| *attribute == name) {
                assert!(values.contains(&value.as_i64().unwrap()), "{name} is {value}");
            }
            if name.ends_with("_time") || name == "time" {
                assert!(
                    (1_600_000_000_000..4_000_000_000_000).contains(&value.as_i64().unwrap()),
                    "{name}: {value}"
                );
            }
        }
    }
}

fn object(name: &str) -> &'static Object {
    let name = match name {
        "parent_process" => "process",
        "attacks" => "attack",
        "related_analytics" => "analytic",
        "observables" => return &OBSERVABLE,
        other => other,
    };
    SCHEMA
        .iter()
        .find(|object| object.name == name)
        .unwrap_or_else(|| panic!("{name} is no object of the schema"))
}

#[test]
fn findings_fit_the_schema() {
    for record in records::all(b"x.docx") {
        let value: Value = serde_json::from_str(&format::ocsf(&record)).unwrap();
        check("detection_finding", &value);
        assert_eq!(
            value["type_uid"].as_u64().unwrap(),
            value["class_uid"].as_u64().unwrap() * 100 + value["activity_id"].as_u64().unwrap()
        );
        assert_eq!(value["metadata"]["version"], "1.5.0");
    }
}

/// `observables[].name` leads to the value it repeats.
#[test]
fn observables_point_at_their_values() {
    // The barest is of an unsigned program, whose hash stands in no signature.
    for (record, least) in records::all(b"x.docx").iter().zip([10, 3, 0, 0, 2]) {
        let value: Value = serde_json::from_str(&format::ocsf(record)).unwrap();
        let observables = value["observables"].as_array().map_or(&[][..], Vec::as_slice);
        assert!(observables.len() >= least, "{observables:?}");
        for observable in observables {
            let name = observable["name"].as_str().unwrap();
            let pointer = format!("/{}", name.replace(['.', '['], "/").replace(']', ""));
            assert_eq!(value.pointer(&pointer), Some(&observable["value"]), "{name}");
        }
    }
}

/// Nothing is said to come from packets where none took part.
#[test]
fn data_sources_are_those_that_took_part() {
    let mut alert = records::alert(b"x", 0);
    let mut sources = |flows: bool| {
        if !flows {
            alert.flows.clear();
        }
        let value: Value =
            serde_json::from_str(&format::ocsf(&Record::Alert(Box::new(alert.clone())))).unwrap();
        value["finding_info"]["data_sources"].clone()
    };
    assert_eq!(sources(true), serde_json::json!(["Endpoint Security", "Packet capture"]));
    assert_eq!(sources(false), serde_json::json!(["Endpoint Security"]));
}

#[test]
fn the_first_report_creates_and_the_next_update_one_finding() {
    let mut alert = records::alert(b"x", 0);
    let mut told = |revision| -> Value {
        alert.revision = revision;
        serde_json::from_str(&format::ocsf(&Record::Alert(Box::new(alert.clone())))).unwrap()
    };
    let (first, second) = (told(1), told(2));
    assert_eq!([&first["activity_id"], &first["type_uid"]], [&Value::from(1), &Value::from(200_401)]);
    assert_eq!([&second["activity_id"], &second["type_uid"]], [&Value::from(2), &Value::from(200_402)]);
    assert_eq!(first["finding_info"]["uid"], second["finding_info"]["uid"]);
    assert_ne!(first["metadata"]["uid"], second["metadata"]["uid"]);
    let blind: Value = serde_json::from_str(&format::ocsf(&records::all(b"x")[2])).unwrap();
    assert_eq!([&first["is_alert"], &blind["is_alert"]], [&Value::Bool(true), &Value::Bool(false)]);
}
