use super::*;

#[track_caller]
fn skips(json: &str) {
    let line = format!("{json},");
    let mut scanner = Scanner::new(line.as_bytes());
    assert_eq!(scanner.skip(), Ok(()), "{json}");
    assert_eq!(scanner.at(), json.len(), "{json}");
}

#[test]
fn steps_over_whole_values() {
    for json in [
        "1",
        "-2.5e9",
        "null",
        "true",
        r#""""#,
        r#""a\"b""#,
        r#""a\\""#,
        r#""}]{[""#,
        "{}",
        "[]",
        r#"{"a":{"b":[1,{"c":"}"}]},"d":"\\\"{"}"#,
        r#"{"a":"}"}"#,
        r#"[[[[]]],{"x":{}}]"#,
        r#"{"a":"\u0022}"}"#,
    ] {
        skips(json);
    }
}

#[test]
fn any_depth_is_stepped_over() {
    let deep = "{\"a\":".repeat(100_000) + "1" + &"}".repeat(100_000);
    skips(&deep);
}

#[test]
fn cut_values_end() {
    for json in ["", "\"abc", "\"abc\\\"", "{\"a\":1", "[1,2", "{\"a\":{}", "12", "nul"] {
        assert_eq!(Scanner::new(json.as_bytes()).skip(), Err(Fault::Ended), "{json}");
    }
}

#[test]
fn numbers_of_every_size() {
    for (json, value) in [
        ("0,", Some(0)),
        ("-2147483646}", Some(-2_147_483_646)),
        ("1152921500312525701,", Some(1_152_921_500_312_525_701)),
        ("18446744073709551615]", Some(18_446_744_073_709_551_615)),
        ("00000000000000000000000007,", Some(7)),
        ("1.5,", None),
        ("1e3,", None),
        ("-,", None),
        ("null,", None),
        ("\"7\",", None),
        ("{\"a\":1},", None),
        ("999999999999999999999999999999999999999999999999,", None),
    ] {
        let mut scanner = Scanner::new(json.as_bytes());
        assert_eq!(scanner.integer(), Ok(value), "{json}");
        assert_eq!(scanner.at(), json.len() - 1, "{json}");
        let mut scanner = Scanner::new(json.as_bytes());
        assert_eq!(scanner.number(), Ok(value.and_then(|value| i64::try_from(value).ok())), "{json}");
        assert_eq!(scanner.at(), json.len() - 1, "{json}");
    }
}

#[test]
fn walks_an_object_with_or_without_space() {
    for json in [r#"{"a":1,"b":[1,2]}"#, " { \"a\" : 1 ,\t\"b\" : [ 1 , 2 ] } "] {
        let mut scanner = Scanner::new(json.as_bytes());
        assert_eq!(scanner.enter_object(), Ok(true));
        assert_eq!(scanner.key(), Ok(Some(b"a".as_slice())));
        assert_eq!(scanner.number::<u32>(), Ok(Some(1)));
        assert_eq!(scanner.key(), Ok(Some(b"b".as_slice())));
        assert_eq!(scanner.enter_array(), Ok(true));
        let mut sum = 0;
        while scanner.item().unwrap() {
            sum += scanner.number::<u32>().unwrap().unwrap();
        }
        assert_eq!((sum, scanner.key()), (3, Ok(None)), "{json}");
    }
}
