//! What an audit shows at its end: reports, a table of repositories, the exit code.

use std::{
    fs::File,
    io::{self, BufWriter, Write},
    path::Path,
};

use anyhow::{Context, Result, bail};
use stanch::{
    audit::{AuditReport, Repository, Status, Trend},
    report::{self, Format, Style},
};

use crate::cli::{args::ShownArgs, exit::Exit, message};

/// Findings that the text report names.
const WORST: usize = 20;
/// Repositories that the text report lists.
const ROWS: usize = 1000;

/// Compares, writes the reports, and says how it ended.
pub(crate) fn finish(mut report: AuditReport, args: &ShownArgs) -> Result<Exit> {
    if args.output.show_secrets {
        bail!("an audit keeps no secret in clear, so it cannot show any");
    }
    if let Some(file) = &args.trend {
        let before = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let since = file.file_name().unwrap_or(file.as_os_str()).to_string_lossy();
        let trend = Trend::new(&report, &before, &since).map_err(anyhow::Error::msg);
        report.trend = Some(trend.with_context(|| format!("cannot compare with {}", file.display()))?);
    }
    for argument in args.output.report.iter().filter(|argument| argument.file.is_some()) {
        let file = argument.file.as_deref().unwrap_or(Path::new("-"));
        let failed = || format!("cannot write {}", file.display());
        let mut out = BufWriter::new(File::create(file).with_context(failed)?);
        write(&report, argument.format, &mut out).and_then(|()| out.flush()).with_context(failed)?;
    }
    let mut stdout: Vec<Format> = args.output.report.iter().filter(|a| a.file.is_none()).map(|a| a.format).collect();
    if args.output.report.is_empty() {
        stdout.push(Format::Text);
    }
    for format in stdout {
        let mut out = BufWriter::new(io::stdout().lock());
        write(&report, format, &mut out).and_then(|()| out.flush())?;
    }
    for repository in report.repositories.iter().filter(|repository| repository.status != Status::Ok) {
        let reason = repository.reason.as_deref().unwrap_or("unknown");
        message::say(&format!("{}: {}: {reason}", repository.status.name(), repository.name));
    }
    // Unlike a scan, an audit that did not see all of an organisation does not pass for one that did.
    Ok(if !report.complete {
        Exit::Incomplete
    } else if report.report.summary.leaks > 0 {
        Exit::Findings(args.output.exit_code)
    } else {
        Exit::Clean
    })
}

fn write(report: &AuditReport, format: Format, out: &mut dyn Write) -> io::Result<()> {
    match format {
        Format::Json => {
            serde_json::to_writer_pretty(&mut *out, report)?;
            out.write_all(b"\n")
        }
        Format::Html => report::html::write(&report.report, Some(&report.overview()), out),
        Format::Text => text(report, out),
        _ => report::write_document(format, &report.report, &Style::default(), out),
    }
}

fn text(report: &AuditReport, out: &mut dyn Write) -> io::Result<()> {
    let shown = |text: &str| report::redact::visible(text.as_bytes()).into_owned();
    let whole = &report.grade.whole;
    let (repositories, summary) = (&report.repositories, &report.report.summary);
    writeln!(
        out,
        "{}: grade {} ({}/100), {} leaks in {} repositories",
        shown(&report.title),
        whole.letter,
        whole.score,
        summary.leaks,
        repositories.len()
    )?;
    if let Some(trend) = &report.trend {
        let (new, fixed, rotated, still) = (trend.new.len(), trend.fixed.len(), trend.rotated.len(), trend.still.len());
        writeln!(
            out,
            "since {}: {new} new, {fixed} fixed, {rotated} rotated, {still} still there (score was {})",
            shown(&trend.since),
            trend.score_before
        )?;
    }
    for action in report.grade.actions.iter().take(5) {
        writeln!(out, "  revoke {} {} → {}/100", action.leaks, action.rule, action.score_after)?;
    }
    writeln!(out)?;
    for finding in report.report.findings.iter().filter(|finding| finding.kind.is_leak()).take(WORST) {
        let spread = &report.spread[&finding.fingerprint];
        let environments = spread.environments.join("+");
        let head = if spread.at_head.is_empty() {
            String::new()
        } else {
            format!(", still at HEAD of {}", spread.at_head.len())
        };
        writeln!(
            out,
            "{:<8} {} {} in {} repositories{head} {environments}",
            finding.severity.name(),
            finding.rule,
            finding.secret,
            spread.repositories.len()
        )?;
        if let Some(first) = &spread.first_leak {
            let commit = first.commit.get(..10).unwrap_or_default();
            writeln!(out, "         first {} in {} {commit}", first.date, shown(&first.repository))?;
        }
    }
    if summary.leaks > WORST as u64 {
        writeln!(out, "... and {} more; -f html=FILE or -f json=FILE has all", summary.leaks - WORST as u64)?;
    }
    table(repositories, out)
}

/// A line for each repository.
fn table(repositories: &[Repository], out: &mut dyn Write) -> io::Result<()> {
    let shown = |text: &str| report::redact::visible(text.as_bytes()).into_owned();
    writeln!(out, "\n{:<8} {:>5} {:>6} {:>9} {:>8}  repository", "status", "grade", "leaks", "objects", "MB")?;
    for repository in repositories.iter().take(ROWS) {
        let megabytes = repository.bytes as f64 / 1e6;
        let name = shown(&repository.name);
        writeln!(
            out,
            "{:<8} {:>2} {:>2} {:>6} {:>9} {:>8.1}  {name}",
            repository.status.name(),
            repository.letter,
            repository.score,
            repository.leaks,
            repository.objects,
            megabytes
        )?;
    }
    if repositories.len() > ROWS {
        writeln!(out, "... and {} more", repositories.len() - ROWS)?;
    }
    let count = |status| repositories.iter().filter(|repository| repository.status == status).count();
    writeln!(
        out,
        "{} complete, {} partial, {} failed",
        count(Status::Ok),
        count(Status::Partial),
        count(Status::Failed)
    )
}

/// Hexadecimal digits.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
