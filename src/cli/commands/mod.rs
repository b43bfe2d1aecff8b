//! One file per command.

mod audit;
pub(crate) mod baseline;
pub(crate) mod ci;
pub(crate) mod completions;
pub(crate) mod doctor;
pub(crate) mod explain;
pub(crate) mod hook;
pub(crate) mod import;
pub(crate) mod report;
mod rules;
pub(crate) mod scan;
mod selftest;
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
        Command::Audit(args) => audit::run(&args),
        Command::Assets(args) => scan::run_as(&args, scan::Purpose::Shipped),
        Command::Revoke { scan: args, yes } => scan::run_as(&args, scan::Purpose::Revoke { really: yes }),
        Command::Verify(mut args) => {
            args.webhook.verify |= args.webhook.url.is_none();
            scan::run(&args)
        }
        Command::Webhook(command) => webhook::run(&command),
        Command::Rules(command) => rules::run(&command),
        Command::Hook(command) => hook::run(command),
        Command::Ci(args) => ci::run(args),
        Command::Baseline(command) => baseline::run(command),
        Command::Report(args) => report::run(&args),
        Command::Explain(args) => explain::run(&args),
        Command::Completions(args) => completions::completions(&args),
        Command::Man(args) => completions::man(&args),
        Command::Version(args) => completions::version(&args),
        Command::SelfTest => selftest::run(),
        Command::Doctor(args) => doctor::run(&args),
    }
}
