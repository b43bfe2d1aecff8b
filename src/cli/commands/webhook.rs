//! `stanch webhook`: test a receiver, ask what an earlier run could not.

use std::io::Write;

use anyhow::Result;
use stanch::revoke::{self, Silent};

use crate::cli::{args::webhook::WebhookCommand, exit::Exit, message, verification};

/// Runs the command.
pub(crate) fn run(command: &WebhookCommand) -> Result<Exit> {
    match command {
        WebhookCommand::Test { webhook } => {
            let rows = revoke::conformance(&verification::settings(webhook, &[])?)?;
            let mut out = std::io::stdout().lock();
            for row in &rows {
                let mark = if row.pass { "pass" } else { "FAIL" };
                writeln!(out, "{mark}  {:44} expected {}; got {}", row.check, row.expected, row.got)?;
            }
            Ok(if rows.iter().all(|row| row.pass) { Exit::Clean } else { Exit::Findings(1) })
        }
        WebhookCommand::Flush { spool, webhook } => {
            let flushed = revoke::flush(spool, &verification::settings(webhook, &[])?, &Silent)?;
            let report = &flushed.report;
            message::say(&format!("asked about {}: {} answered, {} not", report.asked, report.answered, report.failed));
            let mut out = std::io::stdout().lock();
            for ((rule, name), verdict) in &flushed.verdicts {
                writeln!(out, "{:9} {rule} {name}", verdict.name())?;
            }
            Ok(if report.is_complete() { Exit::Clean } else { Exit::Incomplete })
        }
    }
}
