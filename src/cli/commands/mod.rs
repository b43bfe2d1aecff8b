//! One file per command.

mod rules;
mod scan;
mod webhook;

use anyhow::Result;

use super::{
    args::{Args, Command},
    exit::Exit,
};

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<Exit> {
    match args.command {
        Command::Scan(args) => scan::run(&args),
        Command::Verify(mut args) => {
            args.webhook.verify |= args.webhook.url.is_none();
            scan::run(&args)
        }
        Command::Webhook(command) => webhook::run(&command),
        Command::Rules(command) => rules::run(&command),
    }
}
