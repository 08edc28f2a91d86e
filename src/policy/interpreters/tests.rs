//! Lines and variables of every interpreter, each with its harmless twin.

use super::*;
use crate::model::CodeSigning;

fn program(path: &str, signing_id: &str) -> Program {
    Program {
        path: path.into(),
        path_truncated: false,
        signing_id: (!signing_id.is_empty()).then(|| signing_id.into()),
        team_id: None,
        cdhash: None,
        platform: false,
        flags: CodeSigning(CodeSigning::VALID | CodeSigning::SIGNED),
    }
}

fn facts(line: &[&str], env: &[&str]) -> ExecFacts {
    let variable = |text: &&str| text.split_once('=').map(|(name, value)| (name.into(), value.into()));
    ExecFacts {
        args: line.iter().map(|word| Box::from(*word)).collect(),
        env: env.iter().filter_map(variable).collect(),
        cwd: Some("/Users/a".into()),
        ..ExecFacts::default()
    }
}

/// A line as a shell would split it, behind variables.
fn run(line: &str) -> Told {
    let words: Vec<&str> = line.split(' ').collect();
    let first = words.iter().position(|word| !word.contains('=') || word.starts_with('-')).unwrap_or(0);
    let (env, words) = words.split_at(first);
    told(&program(&format!("/opt/x/bin/{}", words[0]), ""), &facts(words, env)).unwrap_or_default()
}

const REPORT: &str = "/opt/corp/bin/report";

/// Where Python looks for a module is settled only in isolated mode.
#[test]
fn a_module_of_the_interpreters_own_folders_stands_for_a_script() {
    let module = |name: &str| Told { script: Some(name.into()), other: false };
    for line in [
        "python3 -Im azure.cli vm list",
        "python3.12 -B -I -m azure.cli",
        "PYTHONPATH=/tmp python3 -I -mazure.cli -c x",
    ] {
        assert_eq!(run(line), module("-m azure.cli"), "{line}");
    }
    let other = Told { script: None, other: true };
    for line in [
        "python3 -m azure.cli",
        "python3 -E -m azure.cli",
        "python3 -m azure.cli -I",
        "python3 -s -m azure.cli",
    ] {
        assert_eq!(run(line), other, "{line}");
    }
    assert!(run("python3 -i -I -m azure.cli").other);
}

#[test]
fn the_script_alone_runs() {
    let lines = [
        "python3 R --flag -e x -c y -m z",
        "python3 -u -B -Wignore -X dev -E R",
        "python3 -I R",
        "python3.12 --check-hash-based-pycs always R",
        "PYTHONPATH=/opt/corp/lib:/opt/x/lib python3 R",
        "PYTHONPATH=/tmp/evil python3 -I R",
        "PYTHONSTARTUP=/Users/a/.pythonrc python3 R",
        "PYTHONUNBUFFERED=1 NODE_OPTIONS=--require=/tmp/x.js python3 R --inspect",
        "perl -w -T R -e x",
        "perl -I/opt/corp/lib -I /opt/corp/lib/perl5 R",
        "perl -i.bak -p -0777 R",
        "PERL5OPT=-w PERL5LIB=/opt/corp/lib perl R",
        "ruby -w -W0 -Eutf-8 R -r x",
        "RUBYOPT=-W0 ruby --encoding utf-8 R",
        "php -q -d memory_limit=1G -dshort_open_tag=0 R -r x",
        "php -f R -- -r x",
        "node --max-old-space-size=4096 --no-warnings R --require x --inspect",
        "node -C dev --title x --trace-warnings R",
        "NODE_OPTIONS=--max-old-space-size=4096 ELECTRON_RUN_AS_NODE=1 node R",
        "bun run R -e x",
        "bun --smol R",
        "deno run -A --allow-net=x.test -L info R --preload x",
        "java -Xmx1g -Dx=y -jar R -javaagent:x",
        "bash -e -x -o pipefail R -c x",
        "bash -eo pipefail R",
        "bash +e -O extglob R",
        "BASH_ENV=/tmp/evil bash -p R",
        "ENV=production sh R",
        "zsh -f R",
        "fish --profile /tmp/p R",
        "tcsh -f R",
        "pwsh -NoProfile -ExecutionPolicy Bypass -File R -Command x",
        "osascript -l JavaScript R -e x",
        "awk -F : -f R -v x",
        "lua R -e x",
        "expect -f R -c",
        "tclsh -encoding utf-8 R",
    ];
    for line in lines {
        let told = run(&line.replace('R', REPORT).replace(&format!("E{REPORT}"), "ER"));
        assert_eq!(told, Told { script: Some(REPORT.into()), other: false }, "{line}");
    }
}

#[test]
fn other_code_beside_the_script_is_seen() {
    let lines = [
        "python3 -cevil() R",
        "python3 -Bc evil() R",
        "python3 -mevil R",
        "python3 -i R",
        "python3 - R",
        "PYTHONPATH=/tmp/evil python3 R",
        "PYTHONPATH=/opt/corp/lib:/tmp/evil python3 R",
        "PYTHONPATH=/opt/corp/../../tmp/evil python3 R",
        "PYTHONPATH=/opt/corporate python3 R",
        "PYTHONPATH=: python3 R",
        "PYTHONHOME=/tmp/evil python3 R",
        "PYTHONUSERBASE=/tmp/evil python3 R",
        "PYTHONINSPECT=1 python3 R",
        "PYTHONSTARTUP=/tmp/evil.py python3",
        "perl -eevil() R",
        "perl -wne evil() R",
        "perl -pi.bak -e evil() R",
        "perl -0777ne evil() R",
        "perl -CSDe evil() R",
        "perl -Mevil R",
        "perl -I/tmp R",
        "perl -d:Evil R",
        "PERL5OPT=-Mevil perl R",
        "PERL5OPT=Mevil perl R",
        "PERL5LIB=/tmp perl R",
        "ruby -eevil() R",
        "ruby -r/tmp/evil.rb R",
        "ruby -r /tmp/evil.rb R",
        "ruby -I /tmp R",
        "RUBYOPT=-r/tmp/evil.rb ruby R",
        "RUBYOPT=rfoo ruby R",
        "RUBYLIB=/tmp ruby R",
        "php -revil(); R",
        "php -B evil(); R",
        "php -dauto_prepend_file=/tmp/evil.php R",
        "php -d auto_prepend_file=/tmp/evil.php R",
        "php --define=extension=/tmp/evil.so R",
        "php -c /tmp/evil.ini R",
        "php -- R",
        "PHPRC=/tmp php R",
        "node --require /tmp/evil.js R",
        "node --require=/tmp/evil.js R",
        "node -r /tmp/evil.js R",
        "node --import=/tmp/evil.mjs R",
        "node --experimental-loader /tmp/evil.mjs R",
        "node -pe evil() R",
        "node --inspect-brk R",
        "NODE_OPTIONS=--require=/tmp/evil.js node R",
        "NODE_OPTIONS=--no-warnings|--import=/tmp/evil.mjs node R",
        "NODE_PATH=/tmp node R",
        "bun --preload /tmp/evil.ts R",
        "bun x evil R",
        "deno eval evil() R",
        "deno run --import-map=/tmp/x.json R",
        "java -cp /tmp/evil.jar Main R",
        "java -javaagent:/tmp/evil.jar -jar R",
        "java @/tmp/options -jar R",
        "java Main R",
        "JAVA_TOOL_OPTIONS=-javaagent:/tmp/evil.jar java -jar R",
        "bash -c evil R",
        "bash -lc evil R",
        "bash -s R",
        "bash --rcfile /tmp/evil.sh -i R",
        "BASH_ENV=/tmp/evil.sh bash R",
        "ENV=/tmp/evil.sh sh R",
        "fish -C evil R",
        "tcsh -c evil R",
        "pwsh -Command evil R",
        "pwsh -enc ZXZpbA== R",
        "osascript -e evil R",
        "awk evil() R",
        "awk -f R -f /tmp/evil.awk",
        "lua -l evil R",
        "LUA_INIT=@/tmp/evil.lua lua R",
        "expect -c evil R",
        "swift -e evil R",
    ];
    for line in lines {
        let words = line.replace(" R", &format!(" {REPORT}"));
        let told = match words.split_once('|') {
            // A blank inside a variable.
            Some((front, rest)) => {
                let (value, rest) = rest.split_once(' ').unwrap();
                let words: Vec<&str> = rest.split(' ').collect();
                told(&program("/opt/x/node", ""), &facts(&words, &[&format!("{front} {value}")])).unwrap()
            }
            None => run(&words),
        };
        assert!(told.other, "{line}: {told:?}");
    }
}

/// A value is not mistaken for the script: that would let another one pass for it.
#[test]
fn values_are_no_scripts() {
    for line in [
        "bash --rcfile R /tmp/evil",
        "bash -o R /tmp/evil",
        "python3 -W R /tmp/evil",
        "python3 +x R",
        "ruby -E R /tmp/evil",
        "php -t R /tmp/evil",
        "node --title R /tmp/evil",
        "node --diagnostic-dir R /tmp/evil",
        "osascript -l R /tmp/evil",
        "zsh --emulate R /tmp/evil",
        "deno run --seed R /tmp/evil",
        "bun --define R /tmp/evil",
        "fish --profile R /tmp/evil",
    ] {
        let told = run(&line.replace(" R", &format!(" {REPORT}")));
        assert!(told.script.is_some_and(|script| script != REPORT.into()), "{line}");
    }
}

/// `curl .. | python3`: with nothing to run, what comes through the pipe is run.
#[test]
fn a_script_that_comes_through_a_pipe_is_other_code() {
    for (line, fed, other) in [
        (&["python3"][..], 0, true),
        (&["python3", "-u"], 0, true),
        (&["bash"], 0, true),
        (&["node"], 0, true),
        (&["osascript"], 0, true),
        // A prompt, whose output somebody reads; a script that is fed; and no interpreter of what comes in.
        (&["python3"], 1, false),
        (&["python3", REPORT], 0, false),
        (&["java"], 0, false),
    ] {
        let mut told_of = facts(line, &[]);
        told_of.pipes.push(crate::model::PipeEnd { fd: fed, id: 7 });
        let told = told(&program(&format!("/opt/x/bin/{}", line[0]), ""), &told_of).unwrap();
        assert_eq!(told.other, other, "{line:?} {fed}");
    }
}

#[test]
fn interpreters_are_known_by_name_and_by_signer() {
    for (path, id, known) in [
        ("/private/tmp/foo", "node", true),
        ("/private/tmp/foo", "com.apple.python3", true),
        ("/private/tmp/foo", "org.python.python", true),
        ("/private/tmp/foo", "com.apple.perl5.30", true),
        ("/private/tmp/foo", "com.azul.zulu.java", true),
        ("/private/tmp/foo", "com.apple.expect", true),
        ("/private/tmp/foo", "com.acme.foo", false),
        ("/Applications/Node.app/Contents/MacOS/foo", "com.acme.node", false),
        ("/Applications/Wish.app/Contents/MacOS/foo", "com.acme.wish", false),
        ("/opt/homebrew/bin/python3.12", "com.acme.foo", true),
        ("/usr/bin/curl", "com.apple.curl", false),
    ] {
        assert_eq!(told(&program(path, id), &facts(&["x"], &[])).is_some(), known, "{path} {id}");
    }
    // The signer is right, whatever the file is called.
    let line = facts(&["bash", "--require", "/tmp/evil.js", REPORT], &[]);
    assert!(told(&program("/private/tmp/bash", "node"), &line).is_some_and(|told| told.other));
}

#[test]
fn what_a_first_line_says_is_the_script() {
    let mut line = facts(&["python3", "-m", "x", REPORT], &[]);
    line.script = Some(crate::model::Script { path: REPORT.into() });
    let python = program("/usr/bin/python3", "com.apple.python3");
    assert_eq!(told(&python, &line), Some(Told { script: Some(REPORT.into()), other: false }));
    line.env = vec![("PYTHONPATH".into(), "/tmp".into())];
    assert!(told(&python, &line).is_some_and(|told| told.other));
}
