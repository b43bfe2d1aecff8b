//! `stanch explain`: what a rule looks for, or why a finding was reported, and what to do about it.

use std::{io::Write, path::PathBuf};

use anyhow::{Context, Result, bail};
use stanch::{
    config::Config,
    model::RuleInfo,
    report::json::{Document, Finding},
};

use crate::cli::{args::RuleArgs, exit::Exit, settings};

// `stanch explain`.
#[derive(clap::Args, Debug)]
pub(crate) struct ExplainArgs {
    /// The id of a rule, or the fingerprint of a finding (its first digits do)
    what: String,
    /// The JSON report that the finding is in
    #[arg(long = "in", value_name = "REPORT")]
    report: Option<PathBuf>,
    #[command(flatten)]
    rules: RuleArgs,
}

/// Runs the command.
pub(crate) fn run(args: &ExplainArgs) -> Result<Exit> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let rules = settings::rules(&args.rules, &Config::default())?;
    let document = args.report.as_deref().map(super::report::read).transpose()?;
    if let Some(index) = rules.find(&args.what) {
        let loaded = rules.get(index);
        rule(&mut out, &loaded.info)?;
        if !loaded.rule.keywords.is_empty() {
            let words: Vec<&str> = loaded.rule.keywords.iter().map(|word| word.text.as_str()).take(12).collect();
            writeln!(out, "looks for   {}", words.join(", "))?;
        }
        writeln!(out, "shown from  confidence {}", loaded.rule.confidence)?;
    } else {
        let found = document.as_ref().and_then(|document| finding(document, &args.what));
        let Some((found, why)) = found else {
            if document.is_none() && args.what.len() >= 6 && args.what.bytes().all(|byte| byte.is_ascii_hexdigit()) {
                bail!("a fingerprint is explained with the report that it is in: --in REPORT.json");
            }
            bail!("there is no rule and no finding `{}`; `stanch rules list` names all rules", args.what);
        };
        explain(&mut out, found, why)?;
        if let Some(index) = rules.find(&found.rule) {
            writeln!(out)?;
            rule(&mut out, &rules.get(index).info)?;
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}

/// A finding by the first digits of its fingerprint, and why it is suppressed where it is.
fn finding<'d>(document: &'d Document, prefix: &str) -> Option<(&'d Finding, Option<String>)> {
    let prefix = prefix.to_ascii_lowercase();
    let open = document.findings.iter().map(|finding| (finding, None));
    let hidden = document
        .suppressed
        .iter()
        .map(|hidden| (&hidden.finding, Some(format!("{} ({}) {}", hidden.by, hidden.origin, hidden.reason))));
    open.chain(hidden).find(|(finding, _)| prefix.len() >= 6 && finding.fingerprint.starts_with(&prefix))
}

fn rule(out: &mut dyn Write, info: &RuleInfo) -> Result<()> {
    writeln!(out, "{} ({})", info.name, info.id)?;
    let facts = [
        info.severity.name(),
        info.kind.name(),
        info.provider.as_str(),
        info.category.as_str(),
        info.owasp.as_str(),
        info.cwe.as_str(),
    ];
    writeln!(out, "is          {}", facts.join(", "))?;
    writeln!(out, "do          {}", info.remediation)?;
    for reference in &info.references {
        writeln!(out, "see         {reference}")?;
    }
    if !info.kind.is_leak() {
        writeln!(out, "note        reported for information: it does not fail a scan")?;
    }
    Ok(())
}

fn explain(out: &mut dyn Write, finding: &Finding, hidden: Option<String>) -> Result<()> {
    writeln!(out, "{}  {}", finding.fingerprint, finding.secret)?;
    let judged = finding.probability.map_or(String::new(), |judged| format!(", judged {judged} likely"));
    writeln!(
        out,
        "is          {}, confidence {}{judged}, verdict {}",
        finding.severity.name(),
        finding.confidence.name(),
        finding.verdict
    )?;
    for note in &finding.notes {
        writeln!(out, "because     {note}")?;
    }
    if let Some(hidden) = hidden {
        writeln!(out, "suppressed  {hidden}")?;
    }
    for at in &finding.occurrences {
        let commit = at.place.commit.as_ref().map_or(String::new(), |commit| {
            format!("  commit {} of {} by {}", commit.id.get(..10).unwrap_or(&commit.id), commit.date, commit.author)
        });
        writeln!(out, "at          {}:{}:{}{commit}", at.place.shown(), at.line, at.column)?;
    }
    let first = finding.occurrences.first().context("a finding without any place")?;
    writeln!(out, "allow       {}:{}: a comment `stanch:allow {} WHY`", first.place.shown(), first.line, finding.rule)?;
    Ok(())
}
