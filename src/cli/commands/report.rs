//! `stanch report`: a report that was written as JSON, in another format.

use std::{
    io::{BufWriter, Read, Write},
    path::PathBuf,
};

use anyhow::{Context, Result};
use stanch::report::{self, Document, Format};

use super::scan::style;
use crate::cli::{
    args::{OutputArgs, ReportArg},
    exit::Exit,
};

// `stanch report`.
#[derive(clap::Args, Debug)]
pub(crate) struct ReportArgs {
    /// A report that `--report json` wrote; - for standard input
    file: PathBuf,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command. The exit code is that of the scan which the report is of.
pub(crate) fn run(args: &ReportArgs) -> Result<Exit> {
    let document = read(&args.file)?;
    let style = style(&args.output, &[]);
    let default = [ReportArg { format: Format::Text, file: None }];
    let wanted = if args.output.report.is_empty() { &default[..] } else { &args.output.report };
    for report in wanted {
        let mut bytes = Vec::new();
        let color = style.color && report.file.is_none();
        report::write_document(report.format, &document, &report::Style { color, ..style.clone() }, &mut bytes)?;
        match &report.file {
            Some(file) => std::fs::write(file, bytes).with_context(|| format!("cannot write {}", file.display()))?,
            None => {
                let mut out = BufWriter::new(std::io::stdout().lock());
                out.write_all(&bytes).and_then(|()| out.flush())?;
            }
        }
    }
    Ok(match (document.summary.leaks, document.complete) {
        (0, true) => Exit::Clean,
        (0, false) => Exit::Incomplete,
        _ => Exit::Findings(args.output.exit_code),
    })
}

/// Reads a report.
pub(crate) fn read(file: &std::path::Path) -> Result<Document> {
    let failed = || format!("cannot read {}", file.display());
    let mut bytes = Vec::new();
    if file.as_os_str() == "-" {
        std::io::stdin().lock().read_to_end(&mut bytes).with_context(failed)?;
    } else {
        bytes = std::fs::read(file).with_context(failed)?;
    }
    Ok(report::read_json(&bytes)?)
}
