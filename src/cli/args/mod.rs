//! Every flag, and nothing but the flags.

mod audit;
pub(crate) mod webhook;

use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use stanch::{
    model::Confidence,
    report::{Format, UnknownFormat},
};

pub(crate) use audit::{AuditArgs, AuditCommand, InputArgs, ProgressArg, RunArgs, ShownArgs, VisibilityArg};

/// Finds leaked secrets in working trees, git history and what you ship to clients.
#[derive(Parser, Debug)]
#[command(name = "stanch", version, max_term_width = 100, arg_required_else_help = true)]
#[command(
    after_help = "Exit codes: 0 nothing found, 1 findings, 2 wrong usage, 3 incomplete: something asked for was not read."
)]
pub(crate) struct Args {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands. Their flags are made when they are called; a doc comment on the structure of those would then take the
/// place of what is said here.
#[derive(Subcommand, Debug)]
#[command(defer = true)]
pub(crate) enum Command {
    /// Scan files, directories, or standard input (-)
    Scan(ScanArgs),
    /// Scan what you ship to clients: bundles, app packages, extensions; every secret there is everybody's
    Assets(ScanArgs),
    /// Scan, then have what was found revoked, by a webhook if one is named, else by the providers; needs --yes
    Revoke {
        #[command(flatten)]
        scan: ScanArgs,
        /// Really revoke; without it, print what would be sent
        #[arg(long)]
        yes: bool,
    },
    /// Scan, then ask a webhook, or else the providers, which secrets are live
    Verify(ScanArgs),
    /// Test a receiver, or ask what an earlier run could not
    #[command(subcommand)]
    Webhook(webhook::WebhookCommand),
    /// List, show or check the rules
    #[command(subcommand)]
    Rules(RulesCommand),
    /// Audit many repositories: an organisation, a directory of clones, a list
    Audit(Box<AuditArgs>),
    /// Install, remove or be a git hook
    #[command(subcommand)]
    Hook(super::commands::hook::HookCommand),
    /// Scan what this CI job is about: the commits of the pull request, the push or the merge group
    Ci(super::commands::ci::CiArgs),
    /// Keep a list of findings that are known
    #[command(subcommand)]
    Baseline(super::commands::baseline::BaselineCommand),
    /// Write a JSON report in another format
    Report(super::commands::report::ReportArgs),
    /// Tell about a rule, or a finding of a report
    Explain(super::commands::explain::ExplainArgs),
    /// Print completions for a shell
    Completions(super::commands::completions::CompletionsArgs),
    /// Print the manual page
    Man(super::commands::completions::ManArgs),
    /// Say which program this is
    Version(super::commands::completions::VersionArgs),
    /// Scan samples made in memory, and say that this program works
    SelfTest,
    /// Say whether the hooks really run here, and what is in their way
    Doctor(super::commands::doctor::DoctorArgs),
}

/// How sure we must be before something is shown.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub(crate) enum ConfidenceArg {
    /// Precision first: for hooks
    High,
    /// For pull requests
    Medium,
    /// Recall first: for audits
    Low,
}

impl From<ConfidenceArg> for Confidence {
    fn from(arg: ConfidenceArg) -> Self {
        match arg {
            ConfidenceArg::High => Self::High,
            ConfidenceArg::Medium => Self::Medium,
            ConfidenceArg::Low => Self::Low,
        }
    }
}

/// A report to write: `FORMAT`, or `FORMAT=FILE`; `-` is standard output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ReportArg {
    pub(crate) format: Format,
    pub(crate) file: Option<PathBuf>,
}

impl std::str::FromStr for ReportArg {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, UnknownFormat> {
        let (format, file) = text.split_once('=').unwrap_or((text, "-"));
        Ok(Self { format: format.parse()?, file: (file != "-").then(|| file.into()) })
    }
}

// Which rules to use.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct RuleArgs {
    /// Use the rules of this file as well (may be given again)
    #[arg(long = "rules", value_name = "FILE")]
    pub(crate) files: Vec<PathBuf>,
    /// Use only these rules: an id, provider, category or tag (may be given again)
    #[arg(long = "rule", value_name = "WORD")]
    pub(crate) enable: Vec<String>,
    /// Leave these rules out: an id, provider, category or tag (may be given again)
    #[arg(long = "disable-rule", value_name = "WORD")]
    pub(crate) disable: Vec<String>,
    /// Leave the built-in rules out
    #[arg(long)]
    pub(crate) no_builtin_rules: bool,
}

// Where the configuration comes from.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct ConfigArgs {
    /// Use this file instead of the stanch.toml found upward from what is scanned
    #[arg(long, value_name = "FILE", env = "STANCH_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Read no configuration file at all
    #[arg(long, conflicts_with = "config")]
    pub(crate) no_config: bool,
}

// How findings are shown.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct OutputArgs {
    /// Write a report: text, json, jsonl, sarif, gitlab, junit, csv, github, markdown, codequality or html; FORMAT=FILE for a
    /// file (may be given again)
    #[arg(long, short = 'f', alias = "format", value_name = "FORMAT[=FILE]")]
    pub(crate) report: Vec<ReportArg>,
    /// Show secrets in clear
    #[arg(long)]
    pub(crate) show_secrets: bool,
    /// Say why each finding was kept, and list what was dropped
    #[arg(long)]
    pub(crate) explain: bool,
    /// The exit code for findings
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub(crate) exit_code: u8,
    /// No progress
    #[arg(long, short = 'q')]
    pub(crate) quiet: bool,
}

// `stanch scan`.
#[derive(clap::Args, Debug, Default)]
pub(crate) struct ScanArgs {
    /// Files and directories; - for standard input
    #[arg(value_name = "PATH", default_value = ".")]
    pub(crate) paths: Vec<PathBuf>,
    /// Scan the whole history of the repositories at the paths: every object, reachable or not
    #[arg(long, conflicts_with_all = ["staged", "range", "since_commit", "branch"])]
    pub(crate) history: bool,
    /// Scan what the next commit would bring: the index against HEAD
    #[arg(long, conflicts_with_all = ["range", "since_commit", "branch"])]
    pub(crate) staged: bool,
    /// With --staged: all that the changed files hold, not only what the change brings
    #[arg(long, requires = "staged")]
    pub(crate) whole_file: bool,
    /// Scan what the commits of a range bring: BASE..HEAD is what HEAD has and BASE has not
    #[arg(long, value_name = "BASE..HEAD", conflicts_with_all = ["since_commit", "branch"])]
    pub(crate) range: Option<String>,
    /// Scan what was committed on HEAD since this commit
    #[arg(long, value_name = "COMMIT", conflicts_with = "branch")]
    pub(crate) since_commit: Option<String>,
    /// Scan all commits of this branch
    #[arg(long, value_name = "NAME")]
    pub(crate) branch: Option<String>,
    /// With --range, --since-commit or --branch: only the newest so many commits
    #[arg(long, value_name = "N")]
    pub(crate) max_count: Option<usize>,
    /// With --range, --since-commit or --branch: only commits of this day (YYYY-MM-DD) or later
    #[arg(long, value_name = "DATE")]
    pub(crate) since: Option<String>,
    /// Scan every object plainly instead of inheriting what was found in the version it was made from
    #[arg(long, requires = "history")]
    pub(crate) no_inherit: bool,
    /// Bytes that a history scan may hold at a time; KiB, MiB, GiB may follow [default: 1 GiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) memory: Option<String>,
    /// How sure we must be before something is shown [default: medium]
    #[arg(long, env = "STANCH_CONFIDENCE")]
    pub(crate) confidence: Option<ConfidenceArg>,
    /// Scan what .gitignore and .ignore leave out, too
    #[arg(long, env = "STANCH_NO_IGNORE")]
    pub(crate) no_ignore: bool,
    /// Files with more bytes are listed, not read; KiB, MiB, GiB may follow [default: 256 MiB]
    #[arg(long, value_name = "BYTES", env = "STANCH_MAX_FILE_SIZE")]
    pub(crate) max_file_size: Option<String>,
    /// Threads [default: one per core]
    #[arg(long, short = 'j', value_name = "N", env = "STANCH_THREADS")]
    pub(crate) threads: Option<usize>,
    /// A file whose bytes are the key of the fingerprints
    #[arg(long, value_name = "FILE", env = "STANCH_FINGERPRINT_KEY_FILE")]
    pub(crate) fingerprint_key_file: Option<PathBuf>,
    /// Do not report what this file lists as known: our own, or a peer's (may be given again)
    #[arg(long, value_name = "FILE", env = "STANCH_BASELINE")]
    pub(crate) baseline: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) webhook: webhook::WebhookArgs,
}

// `stanch rules`.
#[derive(Subcommand, Debug)]
pub(crate) enum RulesCommand {
    /// Turn rules of another scanner into ours, and say what could not be carried over
    Import(super::commands::import::ImportArgs),
    /// One line a rule
    List {
        #[command(flatten)]
        rules: RuleArgs,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// All of one rule
    Show {
        /// Its id
        id: String,
        #[command(flatten)]
        rules: RuleArgs,
    },
    /// Run every rule's examples through the real detector
    Check {
        #[command(flatten)]
        rules: RuleArgs,
    },
}
