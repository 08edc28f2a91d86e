//! Programs that fetch credentials or set up a place to work in, and then run the command that their line ends with.

use super::shell::Call;

/// One way to call such a program.
struct Runner {
    name: &'static str,
    /// The words that call it.
    words: &'static [&'static str],
    /// Its options that have a value.
    valued: &'static [&'static str],
    /// How many operands of its own stand before the command; with `--` any number may.
    own: usize,
}

/// The command begins after `--` only.
const MARKED: usize = usize::MAX;

const fn runner(
    name: &'static str,
    words: &'static [&'static str],
    valued: &'static [&'static str],
    own: usize,
) -> Runner {
    Runner { name, words, valued, own }
}

const AWS_VAULT: &[&str] = &["-d", "--duration", "-t", "--mfa-token", "--region", "--prompt", "--backend"];
const COMPOSE: &[&str] = &[
    "-f",
    "--file",
    "-p",
    "--project-name",
    "--profile",
    "--env-file",
    "-e",
    "--env",
    "-v",
    "-u",
    "-w",
    "--name",
];
const UV: &[&str] =
    &["--from", "--with", "-p", "--python", "--env-file", "--project", "--directory", "--extra", "--group"];

const RUNNERS: [Runner; 26] = [
    runner("aws-okta", &["exec"], &["-t", "-a"], 1),
    runner("aws-sso", &["exec"], &[], MARKED),
    runner("aws-vault", &["exec"], AWS_VAULT, 1),
    runner("chamber", &["exec"], &[], MARKED),
    runner("direnv", &["exec"], &[], 1),
    runner("docker", &["compose", "exec"], COMPOSE, 1),
    runner("docker", &["compose", "run"], COMPOSE, 1),
    runner("docker-compose", &["exec"], COMPOSE, 1),
    runner("docker-compose", &["run"], COMPOSE, 1),
    runner("doppler", &["run"], &["-p", "--project", "-c", "--config"], 0),
    runner("dotenvx", &["run"], &[], MARKED),
    runner("envchain", &[], &[], 1),
    runner("infisical", &["run"], &[], MARKED),
    runner("kubectl", &["exec"], &[], MARKED),
    runner("launchctl", &["asuser"], &[], 1),
    runner("launchctl", &["submit"], &[], MARKED),
    runner("mise", &["exec"], &[], MARKED),
    runner("op", &["plugin", "run"], &[], 0),
    runner("op", &["run"], &["--env-file", "--account"], 0),
    runner("pipenv", &["run"], &[], 0),
    runner("pipx", &["run"], &["--spec", "--python"], 0),
    runner("poetry", &["run"], &["-C", "--directory", "-P", "--project"], 0),
    runner("saml2aws", &["exec"], &["-a", "--idp-account", "-p", "--profile", "--exec-profile"], 0),
    runner("uv", &["run"], UV, 0),
    runner("uv", &["tool", "run"], UV, 0),
    runner("uvx", &[], UV, 0),
];

/// The command that the line of such a program ends with.
pub(super) fn command(name: &str, args: &[Box<str>]) -> Option<Call> {
    let known = RUNNERS.iter().filter(|runner| runner.name == name);
    let words = known.filter_map(|runner| Some(runner.run(args)?.to_vec())).next()?;
    Some(Call { words, ..Call::default() })
}

impl Runner {
    fn run<'a>(&self, args: &'a [Box<str>]) -> Option<&'a [Box<str>]> {
        let mut rest = args;
        for word in self.words {
            rest = self.beyond_options(rest);
            rest = rest.split_first().filter(|(first, _)| ***first == **word)?.1;
        }
        if let Some(mark) = rest.iter().position(|arg| &**arg == "--") {
            rest = &rest[mark + 1..];
        } else {
            for _ in 0..self.own {
                rest = self.beyond_options(rest).get(1..)?;
            }
            rest = self.beyond_options(rest);
        }
        Some(rest).filter(|words| !words.is_empty())
    }

    fn beyond_options<'a>(&self, mut rest: &'a [Box<str>]) -> &'a [Box<str>] {
        while let Some(option) = rest.first().filter(|arg| arg.starts_with('-')) {
            let taken = 1 + usize::from(self.valued.contains(&&**option));
            rest = rest.get(taken..).unwrap_or_default();
        }
        rest
    }
}
