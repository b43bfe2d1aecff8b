//! The shape of `stanch.toml`. An unknown key is an error with file, line and the nearest valid name. Nothing here can name
//! a network destination: a scanned tree must not decide where secrets are sent.

use std::{
    fs,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use toml::Spanned;

use crate::{
    filter::{AllowEntry, is_date},
    model::Confidence,
    rules::syntax::line_of,
};

/// A configuration file that cannot be used.
#[derive(thiserror::Error, Debug)]
pub enum ConfigError {
    /// It cannot be read.
    #[error("{file}: {source}")]
    Unreadable {
        /// The file.
        file: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// Something is wrong in it.
    #[error("{file}:{line}: {why}")]
    Bad {
        /// The file.
        file: String,
        /// Its line, from 1.
        line: usize,
        /// What is wrong, and the cure.
        why: String,
    },
}

/// `[scan]`.
#[derive(Deserialize, Debug, Default, Clone)]
#[serde(deny_unknown_fields)]
pub struct ScanSection {
    /// high, medium or low.
    pub confidence: Option<Confidence>,
    /// Bytes, or a number with KiB, MiB, GiB.
    pub max_file_size: Option<String>,
    /// Whether ignore files are honoured.
    pub ignore_files: Option<bool>,
    /// Threads.
    pub threads: Option<usize>,
    /// A file with the fingerprint key.
    pub fingerprint_key_file: Option<PathBuf>,
    /// The baseline file.
    pub baseline: Option<PathBuf>,
}

impl ScanSection {
    /// What this one leaves open is taken from `below`.
    #[must_use]
    pub fn over(self, below: &Self) -> Self {
        Self {
            confidence: self.confidence.or(below.confidence),
            max_file_size: self.max_file_size.or_else(|| below.max_file_size.clone()),
            ignore_files: self.ignore_files.or(below.ignore_files),
            threads: self.threads.or(below.threads),
            fingerprint_key_file: self.fingerprint_key_file.or_else(|| below.fingerprint_key_file.clone()),
            baseline: self.baseline.or_else(|| below.baseline.clone()),
        }
    }
}

/// `[rules]`.
#[derive(Deserialize, Debug, Default, Clone)]
#[serde(deny_unknown_fields, default)]
pub struct RulesSection {
    /// Pattern files, relative to the file that names them.
    pub files: Vec<PathBuf>,
    /// Only these.
    pub enable: Vec<String>,
    /// Not these.
    pub disable: Vec<String>,
    /// Without the built-in rules.
    pub no_builtin: bool,
}

/// `[report]`.
#[derive(Deserialize, Debug, Default, Clone)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSection {
    /// `FORMAT=FILE` or `FORMAT`.
    pub report: Option<Vec<String>>,
}

impl ReportSection {
    /// What this one leaves open is taken from `below`.
    #[must_use]
    pub fn over(self, below: &Self) -> Self {
        Self { report: self.report.or_else(|| below.report.clone()) }
    }
}

#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Allow {
    #[serde(default)]
    paths: Vec<String>,
    #[serde(default)]
    rules: Vec<String>,
    value: Option<String>,
    #[serde(default)]
    fingerprints: Vec<String>,
    #[serde(default)]
    reason: String,
    expires: Option<String>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields, default)]
struct Raw {
    scan: ScanSection,
    rules: RulesSection,
    report: ReportSection,
    allow: Vec<Spanned<Allow>>,
}

/// One file as read.
#[derive(Debug, Default)]
pub struct ConfigFile {
    /// `[scan]`.
    pub scan: ScanSection,
    /// `[rules]`.
    pub rules: RulesSection,
    /// `[report]`.
    pub report: ReportSection,
    /// `[[allow]]`.
    pub allow: Vec<AllowEntry>,
}

impl ConfigFile {
    /// Reads a file. `today` is a date as `YYYY-MM-DD`, by which entries expire.
    pub fn read(path: &Path, today: &str) -> Result<Self, ConfigError> {
        let name = path.display().to_string();
        let text = fs::read_to_string(path).map_err(|source| ConfigError::Unreadable { file: name.clone(), source })?;
        Self::parse(&name, &text, today)
    }

    /// Reads a text.
    pub fn parse(name: &str, text: &str, today: &str) -> Result<Self, ConfigError> {
        let raw: Raw = toml::from_str(text).map_err(|error| ConfigError::Bad {
            file: name.to_owned(),
            line: error.span().map_or(1, |span| line_of(text, span.start)),
            why: with_nearest(error.message()),
        })?;
        let mut allow = Vec::new();
        for entry in raw.allow {
            let line = line_of(text, entry.span().start);
            allow.push(allow_entry(entry.into_inner(), name, line, today)?);
        }
        Ok(Self { scan: raw.scan, rules: raw.rules, report: raw.report, allow })
    }
}

fn allow_entry(entry: Allow, name: &str, line: usize, today: &str) -> Result<AllowEntry, ConfigError> {
    if let Some(date) = &entry.expires
        && !is_date(date)
    {
        let why = format!("`expires` is a date as YYYY-MM-DD, not `{date}`");
        return Err(ConfigError::Bad { file: name.to_owned(), line, why });
    }
    let expired = entry.expires.as_deref().is_some_and(|date| date < today);
    Ok(AllowEntry {
        paths: entry.paths,
        rules: entry.rules,
        value: entry.value,
        fingerprints: entry.fingerprints,
        reason: entry.reason,
        expires: entry.expires,
        expired,
        origin: format!("{name}:{line}"),
    })
}

/// The reader lists all valid names; the one nearest to what was written helps more.
fn with_nearest(message: &str) -> String {
    let mut quoted = message.split('`').skip(1).step_by(2);
    let Some(written) = quoted.next().filter(|_| message.starts_with("unknown field")) else {
        return message.to_owned();
    };
    let nearest = quoted.max_by(|a, b| strsim::jaro_winkler(written, a).total_cmp(&strsim::jaro_winkler(written, b)));
    match nearest {
        Some(nearest) if strsim::jaro_winkler(written, nearest) > 0.7 => {
            format!("unknown key `{written}`; did you mean `{nearest}`?")
        }
        _ => format!("unknown key `{written}`"),
    }
}

#[cfg(test)]
mod tests {
    use super::ConfigFile;

    fn error(text: &str) -> String {
        ConfigFile::parse("stanch.toml", text, "2026-01-01").unwrap_err().to_string()
    }

    #[test]
    fn reads_all_sections() {
        let text = "[scan]\nconfidence = \"low\"\nmax_file_size = \"1 MiB\"\n[rules]\ndisable = [\"jwt\"]\n\n\
                    [[allow]]\npaths = [\"tests/**\"]\nreason = \"made up\"\nexpires = \"2025-12-31\"\n";
        let file = ConfigFile::parse("stanch.toml", text, "2026-01-01").unwrap();
        assert_eq!(file.rules.disable, ["jwt"]);
        assert!(file.allow[0].expired);
        assert_eq!(file.allow[0].origin, "stanch.toml:7");
    }

    #[test]
    fn an_unknown_key_names_file_line_and_the_nearest() {
        assert_eq!(
            error("[scan]\n\nconfidnce = 'low'\n"),
            "stanch.toml:3: unknown key `confidnce`; did you mean `confidence`?"
        );
        assert_eq!(error("[[allow]]\npath = ['x']\n"), "stanch.toml:2: unknown key `path`; did you mean `paths`?");
        assert!(error("[webhook]\nurl = 'https://x'\n").starts_with("stanch.toml:1: unknown key `webhook`"));
        assert!(
            error("[[allow]]\nrules = ['x']\nreason = 'y'\nexpires = 'soon'").starts_with("stanch.toml:1: `expires`")
        );
        assert!(error("[[allow]]\nrules = ['x']\nreason = 'y'\nexpires = '2027-02-29'").contains("not `2027-02-29`"));
    }
}
