//! One file per command.

mod audit;
mod rules;
mod scan;

use anyhow::Result;

use super::{
    args::{Args, Command},
    exit::Exit,
};

/// Runs the command.
pub(crate) fn run(args: Args) -> Result<Exit> {
    match args.command {
        Command::Scan(args) => scan::run(&args),
        Command::Audit(args) => audit::run(&args),
        Command::Rules(command) => rules::run(&command),
    }
}
