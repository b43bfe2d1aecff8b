//! JSON Lines: a record per line, `run` first, `summary` last, so that a truncated stream shows.

use std::io::{self, Write};

use serde::Serialize;

use super::json::{
    Coverage, Document, Finding, Rule, Run, Skipped, Stats, Summary, Suppressed, UnusedAllow, Verification,
};

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Record<'a> {
    Run {
        schema: &'a str,
        #[serde(flatten)]
        run: &'a Run,
    },
    Rule(&'a Rule),
    Finding(&'a Finding),
    Suppressed(&'a Suppressed),
    Skipped(&'a Skipped),
    UnusedAllow(&'a UnusedAllow),
    Summary {
        complete: bool,
        #[serde(flatten)]
        summary: &'a Summary,
        coverage: &'a Coverage,
        stats: &'a Stats,
        #[serde(skip_serializing_if = "Option::is_none")]
        verification: Option<&'a Verification>,
    },
}

pub(super) fn write(document: &Document, out: &mut dyn Write) -> io::Result<()> {
    let mut put = |record: Record<'_>| -> io::Result<()> {
        serde_json::to_writer(&mut *out, &record)?;
        out.write_all(b"\n")
    };
    put(Record::Run { schema: &document.schema, run: &document.run })?;
    document.rules.iter().try_for_each(|rule| put(Record::Rule(rule)))?;
    document.findings.iter().try_for_each(|finding| put(Record::Finding(finding)))?;
    document.suppressed.iter().try_for_each(|suppressed| put(Record::Suppressed(suppressed)))?;
    document.skipped.iter().try_for_each(|skipped| put(Record::Skipped(skipped)))?;
    document.unused_allows.iter().try_for_each(|entry| put(Record::UnusedAllow(entry)))?;
    put(Record::Summary {
        complete: document.complete,
        summary: &document.summary,
        coverage: &document.coverage,
        stats: &document.stats,
        verification: document.verification.as_ref(),
    })
}
