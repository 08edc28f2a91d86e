//! `cloudward status`: asks the running daemon how it is.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use crate::config::{self, Socket};
use crate::daemon::status::{DEFAULT_SOCKET, Status, ask, prometheus, text};

use super::print::ended;

/// Ask the running daemon: sensors, rates, tables against their limits, losses, outputs, last alerts, and the
/// configuration in force with the place of each value
#[derive(clap::Args, Debug)]
pub struct StatusArgs {
    /// One JSON object
    #[arg(long, conflicts_with_all = ["prometheus", "watch"])]
    json: bool,
    /// The text format of Prometheus, for a collector of text files
    #[arg(long, conflicts_with = "watch")]
    prometheus: bool,
    /// Draw it again every two seconds
    #[arg(long)]
    watch: bool,
    /// The daemon's socket; without it that of the configuration, /var/run/cloudward/control.sock if that says nothing
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// The configuration that names the socket
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

const EVERY: Duration = Duration::from_secs(2);

/// 1 if no daemon answers, or what it says cannot be written.
pub fn run(args: &StatusArgs) -> ExitCode {
    let socket = args.socket.clone().unwrap_or_else(|| configured(args));
    loop {
        let status = match ask(&socket) {
            Ok(status) => status,
            Err(error) => {
                complain!("cloudward: {error}");
                return ExitCode::from(1);
            }
        };
        let written = show(args, &status);
        if written.is_err() || !args.watch {
            return ended(written, 0);
        }
        thread::sleep(EVERY);
    }
}

fn configured(args: &StatusArgs) -> PathBuf {
    let file = args.config.clone().or_else(super::run::installed);
    match file.map(|file| config::load_file(&file).0.socket) {
        Some(Socket::At(path)) => path,
        _ => PathBuf::from(DEFAULT_SOCKET),
    }
}

fn show(args: &StatusArgs, status: &Status) -> io::Result<()> {
    let said = if args.json {
        serde_json::to_string_pretty(status)? + "\n"
    } else if args.prometheus {
        prometheus(status)
    } else {
        text(status)
    };
    let mut out = io::stdout().lock();
    if args.watch && out.is_terminal() {
        // Home, and from there to the end: no flicker.
        out.write_all(b"\x1b[H\x1b[2J")?;
    }
    out.write_all(said.as_bytes())?;
    out.flush()
}
