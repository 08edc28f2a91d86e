//! `cloudward explain`: would this be seen, would it alert, and which line of which file decides.

mod alert;
mod answer;
mod codesign;
mod decide;
mod parts;
mod rules;
mod story;
mod text;
mod who;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use crate::policy::Sense;

use super::print::print;
use super::{paint, settings};

use who::{Question, WhoArgs};

/// Would this be seen, would it alert, and which line of which file decides
#[derive(clap::Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ExplainArgs {
    /// An alert to retell instead, as `--format ecs` writes it; `-` is standard input
    #[arg(value_name = "ALERT.json", conflicts_with_all = ["process", "path", "to"])]
    alert: Option<PathBuf>,
    #[command(flatten)]
    who: WhoArgs,
    /// The file that it reads; `~` is the user's home
    #[arg(
        long,
        value_name = "FILE",
        required_unless_present = "alert",
        default_value = "",
        hide_default_value = true
    )]
    path: String,
    /// Where it sends: a host name, an address, or a folder (begins with `/` or `~`) that it puts the file into
    #[arg(
        long,
        value_name = "HOST",
        required_unless_present = "alert",
        default_value = "",
        hide_default_value = true
    )]
    to: String,
    /// Configuration; the built-in one without it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The day on which it happens (entries expire); today without it
    #[arg(long, value_name = "DATE", value_parser = who::parse_day)]
    on: Option<who::Day>,
    /// What is watched: exec events, file events, packets, audit logs (`audit`)
    #[arg(long, value_name = "LIST", value_delimiter = ',', value_parser = rules::parse_sense, default_value = "exec,files,packets")]
    sensors: Vec<Sense>,
    /// `text` for people, `json` for programs
    #[arg(long, value_name = "text|json", default_value = "text")]
    format: AnswerFormat,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, clap::ValueEnum)]
enum AnswerFormat {
    Text,
    Json,
}

const EXAMPLES: &str = "\
Would this alert?
  cloudward explain --process /usr/bin/curl --platform --signing-id com.apple.curl \\
      --path '~/.ssh/id_rsa' --to content.dropboxapi.com
  cloudward explain --process /Applications/Arq.app/Contents/MacOS/arqagent --team-id 48ZCSDVL96 \\
      --signing-id com.haystacksoftware.arqagent --path ~/Documents/plan.pages --to evil.s3.amazonaws.com \\
      --config corp.toml
  cloudward explain --process /bin/cp --path ~/.ssh/id_rsa --to '~/Library/CloudStorage/GoogleDrive-me@gmail.com'

What happened in this alert, and which [[allow]] entry would silence exactly it?
  cloudward explain alert.json --config corp.toml
  cloudward replay --events e.ndjson --capture c.pcap --format ecs | cloudward explain -

On a Mac the signature of --process is asked of `codesign` unless flags say whose it is; elsewhere it is unsigned.

Exit status: 0 it is explained, whatever the verdict; 1 the alert cannot be read or the answer not written; 2 the command line or the configuration is wrong.";

pub fn run(args: &ExplainArgs) -> ExitCode {
    if let Some(file) = &args.alert {
        return retell(file, args);
    }
    let Some(settings) = settings::of(args.config.as_deref()) else { return ExitCode::from(2) };
    let question = match Question::ask(args) {
        Ok(question) => question,
        Err(why) => {
            complain!("cloudward: {why}");
            return ExitCode::from(2);
        }
    };
    let answer = answer::answer(&settings, &question);
    let text = match args.format {
        AnswerFormat::Text => text::write(&answer),
        AnswerFormat::Json => serde_json::to_string(&answer).unwrap_or_default() + "\n",
    };
    let colours = args.format == AnswerFormat::Text && paint::wanted();
    print(paint::paint(&text, colours).as_bytes(), 0)
}

/// An alert as a story, and the entry that would silence exactly it.
fn retell(file: &Path, args: &ExplainArgs) -> ExitCode {
    if settings::of(args.config.as_deref()).is_none() {
        return ExitCode::from(2);
    }
    match alert::explain(file, args.config.as_deref()) {
        Ok(text) => print(paint::paint(&text, paint::wanted()).as_bytes(), 0),
        Err(why) => {
            complain!("cloudward: {why}");
            ExitCode::from(1)
        }
    }
}
