//! What is made of the command line's own description: completions for shells, pages for `man`.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::CommandFactory as _;
use clap_complete::Shell;

use super::print::print;

/// Completions for a shell, on standard output
#[derive(clap::Args, Debug)]
#[command(after_help = COMPLETIONS)]
pub struct CompletionsArgs {
    #[arg(value_enum)]
    shell: Shell,
}

const COMPLETIONS: &str = "\
Examples:
  cloudward completions zsh > ~/.zfunc/_cloudward      # with fpath+=~/.zfunc before compinit
  cloudward completions bash > /opt/homebrew/etc/bash_completion.d/cloudward
  cloudward completions fish > ~/.config/fish/completions/cloudward.fish";

/// The manual, for `man`
#[derive(clap::Args, Debug)]
#[command(after_help = MAN)]
pub struct ManArgs {
    /// Write a page for the program and one for each verb into this folder
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

const MAN: &str = "\
Examples:
  cloudward man | mandoc -a                       # read it here
  cloudward man --dir /usr/local/share/man/man1   # for `man cloudward`, `man cloudward-explain`";

pub fn completions(args: &CompletionsArgs) -> ExitCode {
    let mut text = Vec::new();
    clap_complete::generate(args.shell, &mut super::Command::command(), "cloudward", &mut text);
    print(&text, 0)
}

pub fn man(args: &ManArgs) -> ExitCode {
    let mut text = Vec::new();
    let written = match &args.dir {
        Some(folder) => clap_mangen::generate_to(super::Command::command(), folder),
        None => clap_mangen::Man::new(super::Command::command()).render(&mut text),
    };
    if let Err(error) = written {
        let place = args.dir.as_ref().map(|folder| format!("{}: ", folder.display())).unwrap_or_default();
        complain!("cloudward: {place}cannot be written: {error}");
        return ExitCode::from(1);
    }
    print(&text, 0)
}
