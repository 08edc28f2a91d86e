//! What is run in a container: `docker run image command`, `docker exec container command`, `kubectl run pod --image=image --
//! command`. The system that runs there is another one, of which this Mac sees no more than this line.

use super::shell::Call;

const RUNTIMES: [&str; 5] = ["container", "docker", "finch", "nerdctl", "podman"];

/// Options of the runtime itself that have a value.
const VALUED: [&str; 9] =
    ["-H", "--host", "-c", "--context", "-l", "--log-level", "--config", "-n", "--namespace"];

/// Options of `run` and `exec` without one; the other long ones have a value.
const FLAGS: [&str; 18] = [
    "--detach",
    "--disable-content-trust",
    "--env-host",
    "--init",
    "--interactive",
    "--no-healthcheck",
    "--no-hosts",
    "--oom-kill-disable",
    "--privileged",
    "--publish-all",
    "--quiet",
    "--read-only",
    "--replace",
    "--rm",
    "--rmi",
    "--sig-proxy",
    "--tty",
    "--use-api-socket",
];
/// Short ones with a value.
const LETTERS: &str = "acehlmpuvw";

/// Images that begin with a tool of their own: what follows is for it. In others the command follows.
const IMAGES: [(&str, &str); 8] = [
    ("amazon/aws-cli", "aws"),
    ("aws-cli/aws-cli", "aws"),
    ("minio/mc", "mc"),
    ("peakcom/s5cmd", "s5cmd"),
    ("peak/s5cmd", "s5cmd"),
    ("rclone/rclone", "rclone"),
    ("restic/restic", "restic"),
    ("cloudflare/cloudflared", "cloudflared"),
];

/// The command that this line runs in a container.
pub(super) fn command(name: &str, args: &[Box<str>]) -> Option<Call> {
    if matches!(name, "kubectl" | "oc" | "kubecolor") {
        return in_pod(args);
    }
    let mut rest = RUNTIMES.contains(&name).then_some(args)?;
    while let Some(option) = rest.first().filter(|arg| arg.starts_with('-')) {
        let taken = 1 + usize::from(VALUED.contains(&&**option));
        rest = rest.get(taken..)?;
    }
    if rest.first().is_some_and(|word| &**word == "container") {
        rest = &rest[1..];
    }
    let (verb, rest) = rest.split_first()?;
    let runs = match &**verb {
        "run" | "create" => true,
        "exec" => false,
        _ => return None,
    };
    let options = Options::read(rest)?;
    let (place, words) = options.rest.split_first()?;
    let first = match options.entry {
        Some(entry) => Some(entry),
        None if runs => tool_of(place),
        None => None,
    };
    let words: Vec<Box<str>> = first.map(Box::from).into_iter().chain(words.iter().cloned()).collect();
    (!words.is_empty()).then_some(Call { env: options.env, words, input: None })
}

/// `run NAME --image=IMAGE [--command] -- …`, `create job NAME --image=IMAGE -- …`: without the word that says so, what follows is
/// for the image's own tool if it has one.
fn in_pod(args: &[Box<str>]) -> Option<Call> {
    let mark = args.iter().position(|arg| &**arg == "--")?;
    let (line, words) = (&args[..mark], &args[mark + 1..]);
    let says = |word: &str| line.iter().any(|arg| &**arg == word);
    let creates = says("create") && (says("job") || says("cronjob"));
    let image = line.iter().enumerate().find_map(|(at, arg)| match arg.strip_prefix("--image") {
        Some("") => line.get(at + 1).map(|image| &**image),
        Some(image) => image.strip_prefix('='),
        None => None,
    })?;
    // A job's words take the place of the tool.
    let own = creates || says("--command") || says("--command=true");
    let first = tool_of(image).filter(|_| !own);
    let words: Vec<Box<str>> = first.map(Box::from).into_iter().chain(words.iter().cloned()).collect();
    (says("run") || creates).then_some(Call { words, ..Call::default() })
}

/// What stands before the image or container.
struct Options<'a> {
    env: Vec<(Box<str>, Box<str>)>,
    entry: Option<&'a str>,
    rest: &'a [Box<str>],
}

impl<'a> Options<'a> {
    fn read(mut rest: &'a [Box<str>]) -> Option<Self> {
        let (mut env, mut entry) = (Vec::new(), None);
        while let Some((option, more)) = rest.split_first().filter(|(word, _)| word.starts_with('-')) {
            rest = more;
            let Some((name, attached)) = value_of(option) else { continue };
            let value = match attached {
                Some(value) => value,
                None => {
                    let (value, more) = rest.split_first()?;
                    rest = more;
                    value
                }
            };
            match name {
                "-e" | "--env" => {
                    env.extend(value.split_once('=').map(|(name, value)| (name.into(), value.into())));
                }
                "--entrypoint" => entry = Some(value).filter(|entry| !entry.is_empty()),
                _ => {}
            }
        }
        Some(Self { env, entry, rest })
    }
}

/// The name of an option that has a value, with it if it is attached.
fn value_of(option: &str) -> Option<(&str, Option<&str>)> {
    if option.starts_with("--") {
        return match option.split_once('=') {
            Some((name, value)) => Some((name, Some(value))),
            None => (!FLAGS.contains(&option)).then_some((option, None)),
        };
    }
    let at = option.find(|letter| LETTERS.contains(letter))?;
    let attached = option.get(at + 1..).filter(|rest| !rest.is_empty());
    let name = if &option[at..=at] == "e" { "-e" } else { "" };
    Some((name, attached.map(|value| value.strip_prefix('=').unwrap_or(value))))
}

/// The tool that an image begins with, whatever registry, tag or digest names it.
fn tool_of(image: &str) -> Option<&'static str> {
    let image = image.split('@').next().unwrap_or(image);
    let slash = image.rfind('/').unwrap_or(0);
    let image = image[slash..].find(':').map_or(image, |tag| &image[..slash + tag]);
    let is =
        |known: &str| image.strip_suffix(known).is_some_and(|host| host.is_empty() || host.ends_with('/'));
    IMAGES.iter().find(|(known, _)| is(known)).map(|(_, tool)| *tool)
}
