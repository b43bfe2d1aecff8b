//! The flags of `stanch audit`.

use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

use super::{ConfidenceArg, ConfigArgs, OutputArgs, RuleArgs, ScanArgs, webhook::WebhookArgs};

// `stanch audit`.
#[derive(Args, Debug)]
#[command(args_conflicts_with_subcommands = true)]
#[command(
    after_help = "Exit codes: 0 nothing found, 1 findings, 2 wrong usage, 3 a repository could not be read whole (it is named)."
)]
pub(crate) struct AuditArgs {
    #[command(subcommand)]
    pub(crate) command: Option<AuditCommand>,
    #[command(flatten)]
    pub(crate) inputs: InputArgs,
    #[command(flatten)]
    pub(crate) run: RunArgs,
    #[command(flatten)]
    pub(crate) shown: ShownArgs,
}

// What besides running an audit.
#[derive(Subcommand, Debug)]
pub(crate) enum AuditCommand {
    /// List what an audit would read, for shards
    Plan {
        #[command(flatten)]
        inputs: InputArgs,
        /// Where to write the plan
        #[arg(long, short = 'o', value_name = "FILE")]
        out: PathBuf,
    },
    /// Make one report of the shards in some directories
    Merge {
        /// Directories that shards were written to
        #[arg(value_name = "DIR", required = true)]
        dirs: Vec<PathBuf>,
        /// The plan of the shards, to name what is missing [default: plan.jsonl in the first directory, if it is there]
        #[arg(long, value_name = "FILE")]
        plan: Option<PathBuf>,
        #[command(flatten)]
        shown: Box<ShownArgs>,
    },
}

// Which repositories.
#[derive(Args, Debug, Default)]
pub(crate) struct InputArgs {
    /// github:ORG, gitlab:GROUP, gitea:ORG, bitbucket:WORKSPACE, a directory of clones or mirrors, a file of URLs and paths, or - for such a list on standard input
    #[arg(value_name = "INPUT")]
    pub(crate) inputs: Vec<String>,
    /// The forge's address, for one of your own (https; http to this machine only)
    #[arg(long, value_name = "URL")]
    pub(crate) base_url: Option<String>,
    /// A file that holds the forge's token and that only you can read [default: GITHUB_TOKEN, GITLAB_TOKEN, GITEA_TOKEN or BITBUCKET_TOKEN]
    #[arg(long, value_name = "FILE")]
    pub(crate) token_file: Option<PathBuf>,
    /// With --plan: whose token is used for cloning: github, gitlab, gitea or bitbucket
    #[arg(long, value_name = "NAME")]
    pub(crate) forge: Option<String>,
    /// Leave archived repositories of a forge out
    #[arg(long)]
    pub(crate) no_archived: bool,
    /// Leave forks at a forge out
    #[arg(long)]
    pub(crate) no_forks: bool,
    /// Only public, or only private repositories of a forge (internal ones count as private)
    #[arg(long, value_name = "WHICH")]
    pub(crate) visibility: Option<VisibilityArg>,
    /// Only repositories whose name matches this glob (may be given again)
    #[arg(long = "include", value_name = "GLOB")]
    pub(crate) include: Vec<String>,
    /// No repositories whose name matches this glob (may be given again)
    #[arg(long = "exclude", value_name = "GLOB")]
    pub(crate) exclude: Vec<String>,
    /// What the report is called
    #[arg(long, value_name = "TEXT")]
    pub(crate) title: Option<String>,
}

/// Who can read a repository.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum VisibilityArg {
    /// Everybody
    Public,
    /// Members
    Private,
}

// How to read them.
#[derive(Args, Debug, Default)]
pub(crate) struct RunArgs {
    /// Read what this plan lists instead of inputs
    #[arg(long, value_name = "FILE", conflicts_with = "inputs")]
    pub(crate) plan: Option<PathBuf>,
    /// Keep results here: an audit that was stopped goes on, and what has not changed is not read again
    #[arg(long, value_name = "FILE", env = "STANCH_AUDIT_STORE")]
    pub(crate) store: Option<PathBuf>,
    /// Read only shard I of N, counted from 0
    #[arg(long, value_name = "I/N", requires = "out")]
    pub(crate) shard: Option<String>,
    /// How many shards there are, where the scheduler tells only which one this is
    #[arg(long, value_name = "N", conflicts_with = "shard", requires = "out")]
    pub(crate) shards: Option<u32>,
    /// Write the shard's results to this directory; the shard is --shard, else what the scheduler's variables say, else 0/1
    #[arg(long, value_name = "DIR")]
    pub(crate) out: Option<PathBuf>,
    /// Clone all refs, those of pull requests as well, not only branches and tags
    #[arg(long)]
    pub(crate) mirror: bool,
    /// So many clones may be under way or wait to be scanned [default: 2]
    #[arg(long, value_name = "N", default_value_t = 2)]
    pub(crate) clones: usize,
    /// All clones together may take so many bytes on the disk; KiB, MiB, GiB may follow [default: any]
    #[arg(long, value_name = "BYTES")]
    pub(crate) disk_budget: Option<String>,
    /// Where clones and other temporary files go [default: the system's directory for them]
    #[arg(long, value_name = "DIR")]
    pub(crate) scratch: Option<PathBuf>,
    /// How sure we must be before something is shown [default: medium]
    #[arg(long, env = "STANCH_CONFIDENCE")]
    pub(crate) confidence: Option<ConfidenceArg>,
    /// Threads [default: one per core]
    #[arg(long, short = 'j', value_name = "N", env = "STANCH_THREADS")]
    pub(crate) threads: Option<usize>,
    /// Bytes of objects that may be held at a time; KiB, MiB, GiB may follow [default: 1 GiB]
    #[arg(long, value_name = "BYTES")]
    pub(crate) memory: Option<String>,
    /// A file whose bytes are the key of the fingerprints
    #[arg(long, value_name = "FILE", env = "STANCH_FINGERPRINT_KEY_FILE")]
    pub(crate) fingerprint_key_file: Option<PathBuf>,
    /// Progress on standard error: a bar, lines of JSON, or none
    #[arg(long, value_name = "HOW", default_value = "bar")]
    pub(crate) progress: ProgressArg,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// How progress is shown.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum ProgressArg {
    /// A bar, on a terminal
    #[default]
    Bar,
    /// A JSON object a line
    Json,
    /// Nothing
    None,
}

// How the result is shown.
#[derive(Args, Debug, Default)]
pub(crate) struct ShownArgs {
    /// Compare with the JSON report of an audit before
    #[arg(long, value_name = "FILE")]
    pub(crate) trend: Option<PathBuf>,
    #[command(flatten)]
    pub(crate) output: OutputArgs,
    #[command(flatten)]
    pub(crate) webhook: WebhookArgs,
}

impl RunArgs {
    /// The same as flags of a history scan.
    pub(crate) fn scan(&self) -> ScanArgs {
        ScanArgs {
            history: true,
            confidence: self.confidence,
            threads: self.threads,
            memory: self.memory.clone(),
            fingerprint_key_file: self.fingerprint_key_file.clone(),
            rules: self.rules.clone(),
            config: self.config.clone(),
            ..ScanArgs::default()
        }
    }
}
