//! `stanch baseline`: write down what is known, keep it up to date, show it.

use std::{
    io::{ErrorKind, Write},
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use sha2::{Digest, Sha256};
use stanch::{
    config::Config,
    filter::{Baseline, Baselines},
    model::{Finding, FingerprintKey, Outcome, Suppression},
    report::redact::visible,
};

use super::scan::{is_whole, targets};
use crate::cli::{
    args::ScanArgs,
    exit::Exit,
    message,
    run::{self, Run},
    settings::{Resolved, config, fingerprint_key, today},
};

/// Where a baseline is when nobody says.
const FILE: &str = "stanch.baseline.toml";

// `stanch baseline`.
#[derive(Subcommand, Debug)]
pub(crate) enum BaselineCommand {
    /// Scan, and write all findings down as known
    Create {
        /// Replace a file that is there, with all that people wrote into it
        #[arg(long)]
        force: bool,
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Scan, and add what is new to the file
    Update {
        #[command(flatten)]
        write: WriteArgs,
    },
    /// Scan, and take out of the file what is no longer found
    Prune {
        #[command(flatten)]
        write: WriteArgs,
    },
    /// List what the file holds
    Show {
        /// The file [default: that of the configuration, else stanch.baseline.toml]
        file: Option<PathBuf>,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

// What the writing commands share. `--baseline` names files that are applied before: a peer's, when moving over, whose
// findings are then taken over as known.
#[derive(clap::Args, Debug)]
pub(crate) struct WriteArgs {
    /// The file to write [default: that of the configuration, else stanch.baseline.toml]
    #[arg(long, short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,
    /// Why these findings are known
    #[arg(long, value_name = "TEXT", default_value = "")]
    reason: String,
    /// Who looks after them
    #[arg(long, value_name = "NAME", default_value = "")]
    owner: String,
    /// Only what a peer's list (--baseline) suppresses
    #[arg(long, requires = "baseline")]
    only_listed: bool,
    #[command(flatten)]
    scan: ScanArgs,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Create,
    Update,
    Prune,
}

/// Runs the command.
pub(crate) fn run(command: BaselineCommand) -> Result<Exit> {
    match command {
        BaselineCommand::Create { force, write } => {
            let file = file_of(write.out.clone(), &config(&write.scan.config, root(&write.scan))?);
            if !force && file.exists() {
                bail!(
                    "{} is there already: `stanch baseline update` keeps what people wrote into it; --force replaces it",
                    file.display()
                );
            }
            change(write, Mode::Create)
        }
        BaselineCommand::Update { write } => change(write, Mode::Update),
        BaselineCommand::Prune { write } => change(write, Mode::Prune),
        BaselineCommand::Show { file, json } => show(file, json),
    }
}

fn root(scan: &ScanArgs) -> &Path {
    scan.paths.iter().find(|path| path.as_os_str() != "-").map_or(Path::new("."), |path| path)
}

fn file_of(given: Option<PathBuf>, config: &Config) -> PathBuf {
    let base = config.project.as_deref().and_then(Path::parent).unwrap_or(Path::new("")).to_owned();
    given.or_else(|| config.scan.baseline.as_ref().map(|path| base.join(path))).unwrap_or_else(|| FILE.into())
}

fn change(args: WriteArgs, mode: Mode) -> Result<Exit> {
    let scan = args.scan;
    let mut resolved = Resolved::new(&scan, root(&scan))?;
    let file = file_of(args.out, &resolved.config);
    let name = file.display().to_string();
    let key = fingerprint_key(&scan, &resolved.config)?;
    let mut baseline = match (mode, std::fs::read_to_string(&file)) {
        (Mode::Create, _) => fresh(&name, &key, &scan, &resolved.config),
        (_, Ok(text)) => Baseline::parse(&name, &text, &key, &today())?,
        (Mode::Update, Err(error)) if error.kind() == ErrorKind::NotFound => {
            fresh(&name, &key, &scan, &resolved.config)
        }
        (_, Err(error)) => return Err(error).with_context(|| unreadable(&name)),
    };
    if scan.baseline.is_empty() {
        // The file itself must not hide what it is to be compared with.
        resolved.baselines = Baselines::default();
    }
    let targets = targets(&scan)?;
    let whole = is_whole(&targets, &resolved.config);
    if mode == Mode::Prune && !whole {
        bail!("only a scan of the whole project tells what is no longer found: name the directory that {name} is for");
    }
    let Run { outcome, .. } = run::scan(resolved, &targets, scan.output.quiet, whole);
    if !outcome.is_complete() {
        for skipped in outcome.skipped.iter().filter(|skipped| skipped.is_incomplete()).take(10) {
            message::say(&format!("not scanned: {}: {}", visible(&skipped.what), skipped.reason));
        }
        if mode == Mode::Prune {
            bail!(
                "the scan was not complete, so what is no longer found may only not have been read; nothing was changed"
            );
        }
    }
    let before = baseline.known.len();
    let found: Vec<&Finding> = known(&outcome, args.only_listed).collect();
    if mode == Mode::Prune {
        let ids: std::collections::BTreeSet<_> = found.iter().map(|finding| baseline.id(finding.fingerprint)).collect();
        baseline.known.retain(|id, _| ids.contains(id));
    } else {
        for finding in found {
            let is_new = !baseline.known.contains_key(&baseline.id(finding.fingerprint));
            baseline.learn(finding);
            if let Some(known) = baseline.known.get_mut(&baseline.id(finding.fingerprint)).filter(|_| is_new) {
                known.reason.clone_from(&args.reason);
                known.owner.clone_from(&args.owner);
            }
        }
    }
    write_whole(&file, &baseline.to_text())?;
    message::say(&format!("{name}: {} known, {before} before", baseline.known.len()));
    Ok(if outcome.is_complete() { Exit::Clean } else { Exit::Incomplete })
}

fn unreadable(name: &str) -> String {
    format!("cannot read {name}; `stanch baseline create` makes one")
}

/// What goes into the file: leaks that are open, and those that another list suppresses.
fn known(outcome: &Outcome, only_listed: bool) -> impl Iterator<Item = &Finding> {
    let listed = outcome.suppressed.iter().filter(|suppressed| matches!(suppressed.why, Suppression::Baseline { .. }));
    let open = outcome.findings.iter().filter(move |_| !only_listed);
    open.chain(listed.map(|suppressed| &suppressed.finding)).filter(|finding| finding.rule.kind.is_leak())
}

/// A new one: salted, unless there is a key of the user's own.
fn fresh(name: &str, key: &FingerprintKey, scan: &ScanArgs, config: &Config) -> Baseline {
    let keyed = scan.fingerprint_key_file.is_some()
        || config.scan.fingerprint_key_file.is_some()
        || std::env::var_os("STANCH_FINGERPRINT_KEY").is_some();
    Baseline::new(name, (!keyed).then(random), key, &today())
}

/// Random bytes, from the seeds that the system gives the standard library for its hash tables.
fn random() -> [u8; 16] {
    use std::hash::{BuildHasher, Hasher};
    let mut hasher = Sha256::new();
    for _ in 0..4 {
        hasher.update(std::hash::RandomState::new().build_hasher().finish().to_le_bytes());
    }
    hasher.update(jiff::Timestamp::now().as_nanosecond().to_le_bytes());
    hasher.update(std::process::id().to_le_bytes());
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hasher.finalize()[..16]);
    bytes
}

/// Writes beside and renames, so that nobody ever reads half a file.
fn write_whole(file: &Path, text: &str) -> Result<()> {
    let failed = || format!("cannot write {}", file.display());
    let mut beside = file.as_os_str().to_owned();
    beside.push(".new");
    let mut out = std::fs::File::create(&beside).with_context(failed)?;
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).with_context(failed)?;
    std::fs::rename(&beside, file).with_context(failed)
}

fn show(file: Option<PathBuf>, json: bool) -> Result<Exit> {
    let scan = run::scan_args()?;
    let config = config(&scan.config, Path::new("."))?;
    let key = fingerprint_key(&scan, &config)?;
    let file = file_of(file, &config);
    let name = file.display().to_string();
    let text = std::fs::read_to_string(&file).with_context(|| unreadable(&name))?;
    let baseline = Baseline::parse(&name, &text, &key, &today())?;
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if json {
        let entry = |(id, known): (&stanch::model::Fingerprint, &stanch::filter::Known)| {
            serde_json::json!({
                "id": id.to_string(), "rule": known.rule, "paths": known.paths, "reason": known.reason, "owner": known.owner,
                "expires": known.expires, "expired": baseline.is_expired(known), "line": known.line,
            })
        };
        let entries: Vec<_> = baseline.known.iter().map(entry).collect();
        serde_json::to_writer_pretty(&mut out, &entries)?;
        writeln!(out)?;
    } else {
        let mut sorted: Vec<_> = baseline.known.values().collect();
        sorted.sort_by_key(|known| known.line);
        for known in sorted {
            let first = known.paths.first().map_or("", String::as_str);
            let more =
                if known.paths.len() > 1 { format!(" and {} more", known.paths.len() - 1) } else { String::new() };
            let expires = known.expires.as_deref().map_or(String::new(), |day| {
                format!("  {} {day}", if baseline.is_expired(known) { "expired on" } else { "until" })
            });
            let line = format!("{}  {first}{more}{expires}  {}  {}", known.rule, known.owner, known.reason);
            writeln!(out, "{}", visible(line.trim_end().as_bytes()))?;
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}
