//! Programs that run another one named on their own line: `env`, `sudo`, `nohup`, `sh -c`, `docker run`.

use crate::model::{ExecFacts, Lossy, Program};

use super::shell::{self, Call, Outside};
use super::{container, runners};

/// Commands taken from one line at most.
const MAX_COMMANDS: usize = 64;

/// Wrappers within each other that are looked through.
const MAX_WRAPPERS: u8 = 4;

/// Wrappers, and their options that have a value.
const WRAPPERS: [(&str, &[&str]); 28] = [
    ("arch", &["-arch", "-e"]),
    ("builtin", &[]),
    ("caffeinate", &["-t", "-w"]),
    ("chronic", &[]),
    ("command", &[]),
    ("doas", &["-u", "-C"]),
    ("env", &["-u", "-C", "-P", "-S"]),
    ("exec", &["-a"]),
    ("gtimeout", &["-s", "-k"]),
    ("ionice", &["-c", "-n"]),
    ("nice", &["-n"]),
    ("noglob", &[]),
    ("nohup", &[]),
    (
        "parallel",
        &[
            "-j",
            "--jobs",
            "-a",
            "--arg-file",
            "-I",
            "-n",
            "-N",
            "--joblog",
            "--results",
            "--delay",
            "--retries",
        ],
    ),
    ("script", &["-t"]),
    ("setsid", &[]),
    ("ssh-agent", &["-a", "-t", "-P", "-E"]),
    ("stdbuf", &["-i", "-o", "-e"]),
    ("sudo", &["-u", "-g", "-h", "-p", "-C", "-r", "-t", "-D"]),
    ("taskpolicy", &["-c", "-d", "-g", "-t", "-l"]),
    ("time", &[]),
    ("timeout", &["-s", "-k"]),
    ("torify", &[]),
    ("torsocks", &["-u", "-p", "-a", "-P"]),
    ("unbuffer", &[]),
    ("watch", &["-n", "--interval"]),
    ("xargs", &["-n", "-I", "-J", "-L", "-P", "-R", "-S", "-s", "-E", "-d", "-a"]),
    ("xcrun", &[]),
];

const SHELLS: [&str; 7] = ["bash", "dash", "fish", "ksh", "sh", "tcsh", "zsh"];

/// Does a program of this name run scripts?
pub(super) fn interprets(name: &str) -> bool {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    const LANGUAGES: [&str; 5] = ["python", "node", "ruby", "perl", "bun"];
    SHELLS.contains(&stem) || LANGUAGES.iter().any(|language| stem.eq_ignore_ascii_case(language))
}

/// The commands that the line of a wrapper or shell holds.
pub(super) fn commands(program: &Program, facts: &ExecFacts) -> Vec<Call> {
    let name = Lossy(program.path.file_name()).to_string();
    let words = std::iter::once(name.into_boxed_str()).chain(facts.args.iter().skip(1).cloned());
    let whole = Call { words: words.collect(), ..Call::default() };
    let outside =
        |name: &str| facts.env.iter().find(|(key, _)| **key == *name).map(|(_, value)| value.to_string());
    within(&whole, &outside, MAX_WRAPPERS)
}

/// The same of one line, down to so many wrappers within each other.
fn within(line: &Call, outside: Outside<'_>, depth: u8) -> Vec<Call> {
    let commands = one_down(line, outside);
    let Some(less) = depth.checked_sub(1) else { return commands };
    let unwrapped = commands.into_iter().flat_map(|call| {
        let deeper = within(&call, outside, less);
        if deeper.is_empty() { vec![call] } else { deeper }
    });
    unwrapped.take(MAX_COMMANDS).collect()
}

fn one_down(line: &Call, outside: Outside<'_>) -> Vec<Call> {
    let Some((name, args)) = line.words.split_first() else { return Vec::new() };
    let name = super::base(name);
    if let Some((_, valued)) = WRAPPERS.iter().find(|(wrapper, _)| *wrapper == name) {
        return inner(name, valued, args).map(|call| call.below(line)).into_iter().collect();
    }
    let set =
        |key: &str| line.env.iter().find(|(name, _)| **name == *key).map(|(_, value)| value.to_string());
    let calls = match name {
        "find" | "gfind" => found(args),
        "eval" => shell::commands(&args.join(" "), &|name| set(name).or_else(|| outside(name))),
        _ if SHELLS.contains(&name) => script(args).map_or_else(Vec::new, |(script, more)| {
            let given = |name: &str| {
                name.parse::<usize>().ok().map(|at| more.get(at).map_or("", |arg| arg).to_owned())
            };
            shell::commands(script, &|name| given(name).or_else(|| set(name)).or_else(|| outside(name)))
        }),
        _ => runners::command(name, args).or_else(|| container::command(name, args)).into_iter().collect(),
    };
    calls.into_iter().map(|call| call.below(line)).collect()
}

/// The script of `sh -c`, and what `$0`, `$1`… are in it.
fn script(args: &[Box<str>]) -> Option<(&str, &[Box<str>])> {
    let (mut at, mut asked) = (0, false);
    while let Some(letters) = args.get(at)?.strip_prefix(['-', '+']) {
        let short = letters.bytes().all(|b| b.is_ascii_alphabetic());
        asked |= short && letters.contains('c');
        // `-eo pipefail`
        at += 1 + usize::from(short && letters.ends_with(['o', 'O']));
    }
    asked.then(|| (&*args[at], &args[at + 1..]))
}

/// What `find` runs on what it finds.
fn found(args: &[Box<str>]) -> Vec<Call> {
    let runs = |arg: &str| matches!(arg, "-exec" | "-execdir" | "-ok" | "-okdir");
    let begins = args.iter().enumerate().filter(|(_, arg)| runs(arg)).map(|(at, _)| at + 1);
    let calls = begins.map(|at| {
        let words = args[at..].iter().take_while(|arg| !matches!(&***arg, ";" | "+"));
        Call { words: words.cloned().collect(), ..Call::default() }
    });
    calls.filter(|call| !call.words.is_empty()).take(MAX_COMMANDS).collect()
}

impl Call {
    /// It sees what is set for the line that runs it.
    fn below(mut self, line: &Self) -> Self {
        self.env.extend(line.env.iter().cloned());
        self.input = self.input.or_else(|| line.input.clone());
        self
    }
}

fn inner(wrapper: &str, valued: &[&str], args: &[Box<str>]) -> Option<Call> {
    let mut at = 0;
    let mut env = Vec::new();
    while let Some(arg) = args.get(at) {
        if valued.contains(&&**arg) {
            at += 2;
        } else if arg.starts_with('-') || arg.contains('=') {
            env.extend(
                arg.split_once('=')
                    .filter(|_| !arg.starts_with('-'))
                    .map(|(name, value)| (name.into(), value.into())),
            );
            at += 1;
        } else {
            break;
        }
    }
    // `timeout 60 command`, `script file command`
    at += usize::from(matches!(wrapper, "timeout" | "gtimeout" | "script"));
    let words = args.get(at..).filter(|words| !words.is_empty())?.to_vec();
    Some(Call { env, words, input: None })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(words: &[&str]) -> Call {
        Call { words: words.iter().map(|word| Box::from(*word)).collect(), ..Call::default() }
    }

    fn told(words: &[&str]) -> Vec<String> {
        let calls = within(&line(words), &|_| None, MAX_WRAPPERS);
        let spelled = |call: &Call| {
            let env = call.env.iter().map(|(name, value)| format!("{name}={value}"));
            env.chain(call.words.iter().map(ToString::to_string)).collect::<Vec<_>>().join(" ")
        };
        calls.iter().map(spelled).collect()
    }

    #[test]
    fn finds_what_a_wrapper_runs() {
        let table: [(&[&str], &[&str]); 26] = [
            (&["sudo", "-u", "bob", "A=1", "aws", "s3"], &["A=1 aws s3"]),
            (&["sudo", "-E", "--", "aws", "s3"], &["aws s3"]),
            (&["script", "-q", "/dev/null", "aws"], &["aws"]),
            (&["aws-vault", "--debug", "exec", "-d", "1h", "prod", "--", "env", "A=1", "aws"], &["A=1 aws"]),
            (&["aws-vault", "exec", "prod", "aws", "s3"], &["aws s3"]),
            (&["aws-vault", "exec", "prod"], &[]),
            (&["aws-vault", "list", "--", "aws"], &[]),
            (&["op", "run", "--env-file=.env", "--", "sh", "-c", "x; y"], &["x", "y"]),
            (&["op", "item", "get", "aws"], &[]),
            (&["kubectl", "exec", "-n", "a", "pod", "-it", "--", "aws"], &["aws"]),
            (&["kubectl", "exec", "pod", "aws"], &[]),
            (&["docker", "compose", "-f", "x.yml", "run", "--rm", "-e", "A=1", "tools", "aws"], &["aws"]),
            (&["uvx", "--from", "awscli", "aws", "s3"], &["aws s3"]),
            (&["timeout", "60", "aws"], &["aws"]),
            (&["env", "A=1", "sh", "-c", "B=2 x $A; y"], &["B=2 A=1 x 1", "A=1 y"]),
            (&["bash", "-lc", "cp \"$1\" $2", "_", "a", "b"], &["cp a b"]),
            (&["bash", "-ce", "x"], &["x"]),
            (
                &["find", ".", "-name", "*.pem", "-exec", "cp", "{}", "x", ";", "-exec", "y", "+"],
                &["cp {} x", "y"],
            ),
            (&["sh", "-c", "eval 'x y'; command z"], &["x y", "z"]),
            (&["bash", "-euo", "pipefail", "-c", "x; y"], &["x", "y"]),
            (&["sh", "script.sh", "-c", "x"], &[]),
            (
                &["docker", "run", "-itv", "a:b", "-eA=1", "rclone/rclone:1", "copy", "a:", "b:"],
                &["A=1 rclone copy a: b:"],
            ),
            (&["docker", "exec", "-w", "/x", "box", "sh", "-c", "x; y"], &["x", "y"]),
            (&["docker", "run", "-d", "--entrypoint=aws", "any", "s3"], &["aws s3"]),
            (&["docker", "compose", "up"], &[]),
            (&["env"], &[]),
        ];
        for (words, expected) in table {
            assert_eq!(told(words), expected, "{words:?}");
        }
    }
}
