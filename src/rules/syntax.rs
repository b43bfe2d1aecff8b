//! The TOML shape of a pattern file; shared by the build script and the reader of user files.

use serde::{Deserialize, Serialize, de::IgnoredAny};
use toml::Spanned;

/// One pattern file.
#[derive(Deserialize, Debug, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct PatternFile {
    /// Values for entries that do not set their own.
    #[serde(default)]
    pub defaults: Entry,
    /// Compact rows: a provider's word near a weak shape, one line each.
    #[serde(default)]
    pub context: Vec<Spanned<Entry>>,
    /// Full rules.
    #[serde(default)]
    pub rule: Vec<Spanned<Entry>>,
    /// What the judge of names and values reports; it has no pattern.
    #[serde(default)]
    pub judge: Vec<Spanned<Entry>>,
    /// What is told of containers; it has no pattern.
    #[serde(default)]
    pub asset: Vec<Spanned<Entry>>,
}

/// Words of which one must stand near a match.
#[derive(Deserialize, Serialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
pub struct Near {
    /// The words, in any case.
    pub words: Vec<String>,
    /// Bytes before and after the match in which to look.
    #[serde(default = "default_within")]
    pub within: usize,
}

fn default_within() -> usize {
    128
}

/// The other part of a credential in two parts.
#[derive(Deserialize, Serialize, Debug, Clone)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    /// Id of the rule that finds the other part.
    pub rule: String,
    /// Lines between the two, at most.
    #[serde(default = "default_lines")]
    pub lines: u32,
}

fn default_lines() -> u32 {
    10
}

/// One entry of any of the tables; which keys must be there depends on the table.
#[derive(Deserialize, Debug, Default, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Entry {
    /// Unique name, provider first, in kebab case.
    pub id: Option<String>,
    /// For people.
    pub name: Option<String>,
    /// Whose key it is.
    pub provider: Option<String>,
    /// vcs, cloud, payment …
    pub category: Option<String>,
    /// info, low, medium, high, critical.
    pub severity: Option<String>,
    /// secret, publishable, identifier, hashed, canary, info.
    pub kind: Option<String>,
    /// high, medium, low: the operating point from which it is shown.
    pub confidence: Option<String>,
    /// What to do.
    pub remediation: Option<String>,
    /// Names of documents.
    pub references: Option<Vec<String>>,
    /// Free words.
    pub tags: Option<Vec<String>>,
    /// OWASP API Security Top 10 (2023).
    pub owasp: Option<String>,
    /// CWE.
    pub cwe: Option<String>,
    /// Whether the pattern fits anybody's credential: where the match names a provider, it must have one of its formats.
    pub anybodys: Option<bool>,
    /// Literals of which one occurs in every match.
    pub keywords: Option<Vec<String>>,
    /// Whether keywords match in any case.
    pub caseless: Option<bool>,
    /// Words that name the provider, all of whose tokens stand on literals: what is named so and none of them is no token.
    pub names: Option<Vec<String>>,
    /// The regex.
    pub pattern: Option<String>,
    /// For unbounded patterns: bytes from the keyword that a match may reach.
    pub window: Option<usize>,
    /// Name of a structural test.
    pub checksum: Option<String>,
    /// Shannon entropy of the secret in bits per byte, at least.
    pub min_entropy: Option<f32>,
    /// Digits in the secret, at least.
    pub min_digits: Option<u32>,
    /// Literals in the secret, in any case, that reject it.
    pub stop: Option<Vec<String>>,
    /// Words of which one must stand near.
    pub near: Option<Near>,
    /// Globs of which one must match the path.
    pub paths: Option<Vec<String>>,
    /// The other part of the credential.
    pub partner: Option<Partner>,
    /// Rules of one family share fingerprints.
    pub family: Option<String>,
    /// Context rows: the provider's words.
    pub words: Option<Vec<String>>,
    /// Context rows: the same key must also hold one of these words.
    pub name_words: Option<Vec<String>>,
    /// Context rows: the shape of the value, a regex that must match it whole.
    pub value: Option<String>,
    /// Context rows: the value may lack a digit.
    pub digitless: Option<bool>,
    /// Rules that may report the same bytes where nothing but their order decides; a comment says why.
    pub twins: Option<Vec<String>>,
    /// Templates that match.
    pub examples: Option<Vec<String>>,
    /// Templates that do not.
    pub negative_examples: Option<Vec<String>>,
    /// How the provider is asked whether a secret is live; read by `revoke::provider`, for files of the command line only.
    #[expect(dead_code, reason = "the reader of rules only lets it pass")]
    pub verify: Option<IgnoredAny>,
    /// How the provider is told to revoke one.
    #[expect(dead_code, reason = "the reader of rules only lets it pass")]
    pub revoke: Option<IgnoredAny>,
}

impl Entry {
    /// Fills what the entry leaves open from the file's defaults.
    #[must_use]
    pub(crate) fn over(mut self, defaults: &Self) -> Self {
        macro_rules! fill {
            ($($field:ident)*) => { $( if self.$field.is_none() { self.$field.clone_from(&defaults.$field); } )* };
        }
        fill!(provider category severity kind confidence remediation references tags owasp cwe);
        self
    }
}

/// Line of a byte offset, from 1.
#[must_use]
pub fn line_of(text: &str, offset: usize) -> usize {
    text.as_bytes()[..offset.min(text.len())].iter().filter(|&&b| b == b'\n').count() + 1
}

/// Reads a pattern file's text; the error says the line.
pub(crate) fn parse(text: &str) -> Result<PatternFile, (usize, String)> {
    toml::from_str(text).map_err(|error| {
        let line = error.span().map_or(1, |span| line_of(text, span.start));
        (line, error.message().to_owned())
    })
}
