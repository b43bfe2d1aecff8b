//! Findings become bytes in one of the formats.
//!
//! An [`Outcome`] first becomes a [`Document`] (`document.rs`), the only step that sees secrets; each format then only
//! lays out what the document holds. `stanch report FILE.json` starts from a document that was read back.

use std::{
    fmt,
    io::{self, Write},
    str::FromStr,
};

use crate::model::{BlobId, Outcome, Timestamp};

mod brief;
mod codequality;
mod csv;
mod document;
mod github;
mod gitlab;
pub mod grade;
pub mod html;
pub mod json;
mod jsonl;
mod junit;
mod markdown;
pub mod redact;
#[cfg(test)]
mod sample;
mod sarif;
#[cfg(test)]
mod tests;
mod text;
mod uri;

pub use json::{Document, ReadError, read as read_json};
pub use text::plural;

/// What a report is written as.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Format {
    /// For people, on a terminal.
    Text,
    /// One document, [`json::SCHEMA`].
    Json,
    /// A record per line.
    Jsonl,
    /// SARIF 2.1.0, as GitHub code scanning takes it.
    Sarif,
    /// GitHub workflow commands that annotate lines.
    Github,
    /// GitLab's secret detection report, schema 15.2.1.
    Gitlab,
    /// JUnit XML.
    Junit,
    /// A line per place, RFC 4180.
    Csv,
    /// A job summary.
    Markdown,
    /// GitLab's Code Quality report.
    CodeQuality,
    /// One self-contained page.
    Html,
}

impl Format {
    /// Every format.
    pub const ALL: &[Self] = &[
        Self::Text,
        Self::Json,
        Self::Jsonl,
        Self::Sarif,
        Self::Github,
        Self::Gitlab,
        Self::Junit,
        Self::Csv,
        Self::Markdown,
        Self::CodeQuality,
        Self::Html,
    ];

    /// The name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Json => "json",
            Self::Jsonl => "jsonl",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Gitlab => "gitlab",
            Self::Junit => "junit",
            Self::Csv => "csv",
            Self::Markdown => "markdown",
            Self::CodeQuality => "codequality",
            Self::Html => "html",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name that is no format, with the nearest that is.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("there is no report format {given:?}; did you mean {nearest:?}?")]
pub struct UnknownFormat {
    /// What was asked for.
    pub given: String,
    /// The nearest valid name.
    pub nearest: &'static str,
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(name: &str) -> Result<Self, UnknownFormat> {
        let exact = Self::ALL.iter().copied().find(|format| format.name() == name);
        exact.ok_or_else(|| {
            let distance = |format: &&Self| strsim::damerau_levenshtein(format.name(), name);
            let nearest = Self::ALL.iter().min_by_key(distance).map_or("text", |format| format.name());
            UnknownFormat { given: name.to_owned(), nearest }
        })
    }
}

/// What the caller knows of the run. All that changes from run to run is optional: left out, equal scans give equal bytes.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RunInfo {
    /// Version of the program.
    pub tool_version: String,
    /// Digest of the rule set.
    pub rules_digest: Option<String>,
    /// When the scan began.
    pub started: Option<Timestamp>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// The command line, without secrets.
    pub arguments: Vec<String>,
    /// Tells apart several SARIF reports of one repository; `secrets` where absent.
    pub category: Option<String>,
    /// The commit that was checked out or scanned up to.
    pub commit: Option<BlobId>,
    /// How many secrets were asked about, where any were.
    pub verification: Option<json::Verification>,
}

/// How a report is to look.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Style {
    /// Colours (text only).
    pub color: bool,
    /// Secrets in clear, in every format.
    pub show_secrets: bool,
    /// Say why each finding was kept, list what was suppressed (text only).
    pub explain: bool,
    /// Columns of the terminal (text only); 0 for no limit.
    pub width: usize,
    /// Write suppressed results too (SARIF only). GitHub ignores `suppressions` and shows them as open alerts
    /// (github/codeql-action issue 1230), so this is off unless another reader wants them.
    pub suppressed: bool,
    /// What the caller knows of the run.
    pub run: RunInfo,
}

impl Default for Style {
    fn default() -> Self {
        Self {
            color: false,
            show_secrets: false,
            explain: false,
            width: 100,
            suppressed: false,
            run: RunInfo::default(),
        }
    }
}

/// Writes an outcome.
///
/// # Errors
/// Only those of `out`.
pub fn write(format: Format, outcome: &Outcome, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    write_document(format, &document(outcome, style), style, out)
}

/// Ten lines at most, for a hook that blocks: the worst leaks, how to fix them, how to allow one. `what` begins the first
/// line, for instance `commit blocked`.
///
/// # Errors
/// Only those of `out`.
pub fn write_brief(what: &str, outcome: &Outcome, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut out = io::BufWriter::new(out);
    brief::write(what, &document(outcome, style), style, &mut out)?;
    out.flush()
}

/// The document of an outcome: for a caller that writes several formats.
#[must_use]
pub fn document(outcome: &Outcome, style: &Style) -> Document {
    document::document(outcome, style)
}

/// Writes a document, one made here or one read by [`read_json`]. `style.run` and `style.show_secrets` are not used:
/// the document says.
///
/// # Errors
/// Only those of `out`.
pub fn write_document(format: Format, document: &Document, style: &Style, out: &mut dyn Write) -> io::Result<()> {
    let mut out = io::BufWriter::with_capacity(64 * 1024, out);
    match format {
        Format::Text => text::write(document, style, &mut out)?,
        Format::Json => json::write(document, &mut out)?,
        Format::Jsonl => jsonl::write(document, &mut out)?,
        Format::Sarif => sarif::write(document, style, &mut out)?,
        Format::Github => github::write(document, &mut out)?,
        Format::Gitlab => gitlab::write(document, &mut out)?,
        Format::Junit => junit::write(document, &mut out)?,
        Format::Csv => csv::write(document, &mut out)?,
        Format::Markdown => markdown::write(document, &mut out)?,
        Format::CodeQuality => codequality::write(document, &mut out)?,
        Format::Html => html::write(document, None, &mut out)?,
    }
    out.flush()
}
