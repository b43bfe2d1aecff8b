//! One scan from resolved settings, for the commands that are not `scan` itself.

use std::sync::Arc;

use anyhow::{Result, bail};
use clap::Parser;
use stanch::{
    model::Outcome,
    scan::{Scanner, Target},
};

use super::{
    args::{Args, Command, ScanArgs},
    commands::scan::stop_on_interrupt,
    message::{self, Progress},
    settings::Resolved,
};

/// What came of a scan.
pub(crate) struct Run {
    pub(crate) outcome: Outcome,
    /// Of the rules that were used.
    pub(crate) digest: [u8; 32],
}

/// The flags of `stanch scan` as they are when nobody gives any; the environment counts.
pub(crate) fn scan_args() -> Result<ScanArgs> {
    match Args::try_parse_from(["stanch", "scan"])?.command {
        Command::Scan(args) => Ok(args),
        _ => bail!("`scan` is another command"),
    }
}

/// Scans, and takes out what is known already. `whole` says that all that allow entries and baselines may name was looked
/// at, so that what they name and was not found is stale.
pub(crate) fn scan(resolved: Resolved, targets: &[Target], quiet: bool, whole: bool) -> Run {
    let digest = resolved.rules.digest();
    let progress = Progress::new(quiet);
    let rules = Arc::new(resolved.rules);
    let scanner =
        Scanner::new(Arc::clone(&rules), &resolved.allowlist, &resolved.settings, &progress, stop_on_interrupt());
    let mut outcome = scanner.scan(targets);
    progress.clear();
    outcome.unused_allows = resolved.allowlist.unused(whole, &|id| rules.find(id).is_some());
    for news in resolved.baselines.apply(&mut outcome, whole) {
        message::say(&format!("stanch: {news}"));
    }
    Run { outcome, digest }
}
