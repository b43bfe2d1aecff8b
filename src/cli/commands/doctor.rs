//! `stanch doctor`: do the hooks really run here?

use std::io::Write;

use anyhow::Result;
use stanch::source::git::Repo;

use crate::cli::{
    exit::Exit,
    hook::{doctor, site::Site},
};

// `stanch doctor`.
#[derive(clap::Args, Debug)]
pub(crate) struct DoctorArgs {
    /// As JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command: exit code 0 if a secret would be stopped before it is committed or pushed, else 1.
pub(crate) fn run(args: &DoctorArgs) -> Result<Exit> {
    let repo = Repo::from_env()?;
    let report = doctor::examine(&Site::of(&repo)?, &repo);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if args.json {
        serde_json::to_writer_pretty(&mut out, &report)?;
        writeln!(out)?;
    } else {
        for check in &report.checks {
            writeln!(out, "{:7} {:18} {}", check.state.name(), check.name, check.detail)?;
            if let Some(cure) = &check.cure {
                writeln!(out, "{:26} → {cure}", "")?;
            }
        }
        let verdict = if report.protected { "stanch runs here" } else { "stanch does not run here" };
        writeln!(out, "{verdict}")?;
    }
    out.flush()?;
    Ok(if report.protected { Exit::Clean } else { Exit::Findings(1) })
}
