//! `stanch webhook`: test a receiver, ask what an earlier run could not.

use std::io::Write;

use anyhow::Result;
use stanch::revoke::{self, Silent};

use crate::cli::{args::webhook::WebhookCommand, exit::Exit, message, verification};

/// Runs the command.
pub(crate) fn run(command: &WebhookCommand) -> Result<Exit> {
    match command {
        WebhookCommand::Test { webhook } => {
            let rows = revoke::conformance(&verification::test_settings(webhook)?)?;
            let mut out = std::io::stdout().lock();
            for row in &rows {
                let mark = if row.pass { "pass" } else { "FAIL" };
                writeln!(out, "{mark}  {:44} expected {}; got {}", row.check, row.expected, row.got)?;
            }
            Ok(if rows.iter().all(|row| row.pass) { Exit::Clean } else { Exit::Findings(1) })
        }
        WebhookCommand::Flush { spool, webhook } => {
            let flushed = revoke::flush(spool, &verification::settings(webhook, &[])?, &Silent)?;
            message::say(&verification::words(&flushed.report));
            if flushed.elsewhere > 0 {
                message::say(&format!("{} messages are for another service, and stay", flushed.elsewhere));
            }
            let mut out = std::io::stdout().lock();
            for ((rule, name), verdict) in &flushed.verdicts {
                writeln!(out, "{:9} {rule} {name}", verdict.name())?;
            }
            Ok(if flushed.report.is_complete() { Exit::Clean } else { Exit::Incomplete })
        }
    }
}
