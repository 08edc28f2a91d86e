//! Programs that run another one named on their own line: `env`, `sudo`, `nohup`, `sh -c`.

use crate::model::{ExecFacts, Lossy, Program};

/// Simple commands taken from one script at most.
const MAX_COMMANDS: usize = 16;

/// Wrappers within each other that are looked through.
const MAX_WRAPPERS: u8 = 4;

/// Wrappers, and their options that have a value.
const WRAPPERS: [(&str, &[&str]); 16] = [
    ("arch", &["-arch", "-e"]),
    ("caffeinate", &["-t", "-w"]),
    ("doas", &["-u", "-C"]),
    ("env", &["-u", "-C", "-P", "-S"]),
    ("exec", &["-a"]),
    ("gtimeout", &["-s", "-k"]),
    ("ionice", &["-c", "-n"]),
    ("nice", &["-n"]),
    ("nohup", &[]),
    ("stdbuf", &["-i", "-o", "-e"]),
    ("sudo", &["-u", "-g", "-h", "-p", "-C", "-r", "-t", "-D"]),
    ("taskpolicy", &["-c", "-d", "-g", "-t", "-l"]),
    ("time", &[]),
    ("timeout", &["-s", "-k"]),
    ("xargs", &["-n", "-I", "-J", "-L", "-P", "-R", "-S", "-s", "-E", "-d", "-a"]),
    ("xcrun", &[]),
];

const SHELLS: [&str; 7] = ["bash", "dash", "fish", "ksh", "sh", "tcsh", "zsh"];

/// Does a program of this name run scripts?
pub(super) fn interprets(name: &str) -> bool {
    let stem = name.trim_end_matches(|c: char| c.is_ascii_digit() || c == '.');
    SHELLS.contains(&stem)
        || matches!(stem.to_ascii_lowercase().as_str(), "python" | "node" | "ruby" | "perl" | "bun")
}

/// The commands that the line of a wrapper or shell holds, each as its words.
pub(super) fn commands(program: &Program, facts: &ExecFacts) -> Vec<Vec<Box<str>>> {
    let name = Lossy(program.path.file_name()).to_string();
    within(&name, facts.args.get(1..).unwrap_or_default(), MAX_WRAPPERS)
}

/// The same of one line, down to so many wrappers within each other.
fn within(name: &str, args: &[Box<str>], depth: u8) -> Vec<Vec<Box<str>>> {
    let commands = one_down(name, args);
    let Some(less) = depth.checked_sub(1) else { return commands };
    let unwrapped = commands.into_iter().flat_map(|words| {
        let name = words.first().map_or("", |first| super::base(first)).to_owned();
        let deeper = within(&name, words.get(1..).unwrap_or_default(), less);
        if deeper.is_empty() { vec![words] } else { deeper }
    });
    unwrapped.take(MAX_COMMANDS).collect()
}

fn one_down(name: &str, args: &[Box<str>]) -> Vec<Vec<Box<str>>> {
    if let Some((_, valued)) = WRAPPERS.iter().find(|(wrapper, _)| *wrapper == name) {
        let inner = inner(name, valued, args);
        return if inner.is_empty() { Vec::new() } else { vec![inner.to_vec()] };
    }
    if !SHELLS.contains(&name) {
        return Vec::new();
    }
    let code =
        args.iter().position(|arg| arg.starts_with('-') && !arg.starts_with("--") && arg.ends_with('c'));
    code.and_then(|at| args.get(at + 1)).map(|script| simple_commands(script)).unwrap_or_default()
}

fn inner<'a>(wrapper: &str, valued: &[&str], args: &'a [Box<str>]) -> &'a [Box<str>] {
    let mut at = 0;
    while let Some(arg) = args.get(at) {
        if valued.contains(&&**arg) {
            at += 2;
        } else if arg.starts_with('-') || arg.contains('=') {
            at += 1;
        } else {
            break;
        }
    }
    // `timeout 60 command`
    at += usize::from(matches!(wrapper, "timeout" | "gtimeout"));
    args.get(at..).unwrap_or_default()
}

/// The simple commands of a shell script, split at `;`, `&`, `|` and line ends, with quoting but nothing expanded.
fn simple_commands(script: &str) -> Vec<Vec<Box<str>>> {
    let (mut all, mut words, mut word) = (Vec::new(), Vec::new(), None::<String>);
    let mut chars = script.chars();
    while let Some(c) = chars.next() {
        match c {
            '\'' => word.get_or_insert_default().extend(chars.by_ref().take_while(|c| *c != '\'')),
            '"' => quoted(&mut chars, word.get_or_insert_default()),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            ';' | '&' | '|' | '\n' | '(' | ')' => {
                words.extend(word.take().map(Box::from));
                finish(&mut words, &mut all);
            }
            c if c.is_whitespace() => words.extend(word.take().map(Box::from)),
            c => word.get_or_insert_default().push(c),
        }
        if all.len() >= MAX_COMMANDS {
            return all;
        }
    }
    words.extend(word.map(Box::from));
    finish(&mut words, &mut all);
    all
}

fn quoted(chars: &mut std::str::Chars<'_>, word: &mut String) {
    while let Some(c) = chars.next() {
        match c {
            '"' => return,
            '\\' => word.extend(chars.next()),
            c => word.push(c),
        }
    }
}

/// Assignments before the command are not its name.
fn finish(words: &mut Vec<Box<str>>, all: &mut Vec<Vec<Box<str>>>) {
    let words = std::mem::take(words);
    let command: Vec<Box<str>> = words.into_iter().skip_while(|word| word.contains('=')).collect();
    if !command.is_empty() {
        all.push(command);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_commands_of_a_script() {
        let script = "cd /tmp && A=1 aws s3 presign \"s3://b/k x\"; echo 'a;b' | cat";
        let found: Vec<String> = simple_commands(script).iter().map(|words| words.join("_")).collect();
        assert_eq!(found, ["cd_/tmp", "aws_s3_presign_s3://b/k x", "echo_a;b", "cat"]);
        assert!(simple_commands("'open").len() == 1 && simple_commands("").is_empty());
    }

    #[test]
    fn finds_what_a_wrapper_runs() {
        let args: Vec<Box<str>> = ["-u", "bob", "A=1", "aws", "s3"].map(Box::from).to_vec();
        assert_eq!(inner("sudo", &["-u"], &args), &args[3..]);
        let args: Vec<Box<str>> = ["60", "aws"].map(Box::from).to_vec();
        assert_eq!(inner("timeout", &["-s"], &args), &args[1..]);
    }
}
