//! `stanch audit`: many repositories, one report.

mod inputs;
mod output;

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use indicatif::{HumanBytes, ProgressBar};
use stanch::{
    audit::{self, AuditError, AuditReport, Auditor, Cloner, Event, NetworkResult, Origin, Plan, Ran, Store, shard},
    config::Config,
    detect::Detector,
    report::{json::Run, plural},
    scan::Observer,
};

use self::output::{finish, hex};
use super::scan::stop_on_interrupt;
use crate::cli::{
    args::{AuditArgs, AuditCommand, ProgressArg, RunArgs, ShownArgs},
    exit::Exit,
    message,
    settings::{Resolved, bytes},
    verification,
};

/// One repository may take so long to be cloned.
const PATIENCE: Duration = Duration::from_secs(4 * 3600);

/// Runs the command.
pub(crate) fn run(args: &AuditArgs) -> Result<Exit> {
    match dispatch(args) {
        // Nobody used it wrongly: the forge did not say all.
        Err(error) if matches!(error.downcast_ref(), Some(AuditError::Listing { .. })) => {
            message::error(&error);
            Ok(Exit::Incomplete)
        }
        done => done,
    }
}

fn dispatch(args: &AuditArgs) -> Result<Exit> {
    match &args.command {
        None => audit(args),
        Some(AuditCommand::Plan { inputs, out }) => {
            let listed = inputs::plan(inputs, &mut Store::in_memory()?)?;
            let failed = || format!("cannot write {}", out.display());
            let mut file = BufWriter::new(File::create(out).with_context(failed)?);
            listed.plan.write(&mut file).and_then(|()| file.flush()).with_context(failed)?;
            let (units, networks) = (listed.plan.units.len() as u64, listed.plan.networks().len() as u64);
            let networks = plural(networks, "network", "networks");
            message::say(&format!("{} in {networks}", plural(units, "repository", "repositories")));
            Ok(Exit::Clean)
        }
        Some(AuditCommand::Merge { dirs, plan, shown }) => merge(dirs, plan.as_deref(), shown),
    }
}

fn merge(dirs: &[PathBuf], plan: Option<&Path>, shown: &ShownArgs) -> Result<Exit> {
    let beside = dirs[0].join("plan.jsonl");
    let plan = plan.map(Path::to_owned).or_else(|| beside.is_file().then_some(beside));
    let plan = plan.map(|file| Plan::read(&file)).transpose()?;
    let gathered = shard::read(dirs, plan.as_ref())?;
    let run = described(gathered.rules_digest);
    reported(&gathered.title, run, gathered.results, &gathered.missing, shown, |_| Ok(()))
}

/// Asks about what was found, if a service is named, makes the report and shows it.
fn reported(
    title: &str,
    run: Run,
    mut results: Vec<NetworkResult>,
    missing: &[String],
    shown: &ShownArgs,
    keep: impl FnOnce(&AuditReport) -> Result<()>,
) -> Result<Exit> {
    let rules = run.rules_digest.clone().unwrap_or_default();
    let asked = verification::audit(&shown.webhook, rules, &mut results)?;
    let mut report = audit::report(title, run, results, missing);
    report.report.verification = asked.count;
    keep(&report)?;
    let exit = finish(report, shown)?;
    Ok(if asked.missing { Exit::Incomplete } else { exit })
}

/// What every report of these rules says of its making: nothing that differs between runs.
fn described(rules_digest: String) -> Run {
    Run {
        tool: "stanch".to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        rules_digest: Some(rules_digest),
        ..Run::default()
    }
}

fn audit(args: &AuditArgs) -> Result<Exit> {
    if args.run.out.is_some() && args.shown.webhook.url.is_some() {
        // So that no secret is asked about twice.
        message::say("a shard asks nobody: give --webhook to `stanch audit merge`");
    }
    let mut store = match &args.run.store {
        Some(file) => Store::open(file)?,
        None => Store::in_memory()?,
    };
    let listed = match &args.run.plan {
        Some(file) => inputs::Listed { plan: Plan::read(file)?, ..inputs::credentials(&args.inputs)? },
        None => inputs::plan(&args.inputs, &mut store)?,
    };
    let plan = &listed.plan;
    // Configuration is ours, never that of an audited repository.
    let resolved = Resolved::new(&args.run.scan(), Path::new("."))?;
    let rules_digest = hex(&resolved.rules.digest());
    // Git runs in it, so a relative path would mean another place there.
    let scratch = std::path::absolute(args.run.scratch.clone().unwrap_or_else(std::env::temp_dir))?;
    audit::sweep(&scratch);
    let meter = Meter::default();
    let auditor = Auditor {
        detector: Arc::new(Detector::new(Arc::new(resolved.rules), resolved.settings.detect)),
        allowlist: &resolved.allowlist,
        allowed: allowed(&resolved.config),
        settings: &resolved.settings,
        observer: &meter,
        stop: stop_on_interrupt(),
        scratch: scratch.clone(),
    };
    let cloner = Cloner {
        scratch,
        credential: listed.credential,
        mirror: args.run.mirror,
        disk_budget: args.run.disk_budget.as_ref().map_or(Ok(0), |text| bytes(text))? / (args.run.clones as u64 + 1),
        jobs: args.run.clones,
        patience: PATIENCE,
    };
    let chosen = chosen(&args.run)?;
    let networks = match chosen {
        Some((at, of)) => plan.shard(at, of),
        None => plan.networks().into_keys().collect(),
    };
    let total = networks.len() as u64;
    let progress = Shown::new(&args.run, args.shown.output.quiet, plan.units.len().max(total as usize) as u64, &meter);
    let has_remotes = plan.units.iter().any(|unit| matches!(unit.origin, Origin::Url(_)));
    let ran = audit::run(&auditor, plan, &networks, &mut store, has_remotes.then_some(&cloner), &progress)?;
    progress.bar.finish_and_clear();
    match (&args.run.out, chosen) {
        (Some(dir), Some((at, of))) => write_shard(dir, &auditor, plan, (at, of), rules_digest, &ran),
        _ => reported(&plan.title, described(rules_digest), ran.results, &ran.missing, &args.shown, |report| {
            let now = jiff::Timestamp::now().as_second();
            let (score, leaks) = (report.grade.whole.score, report.report.summary.leaks);
            Ok(store.end(&plan.title, &auditor.context(), now, report.complete, score, leaks)?)
        }),
    }
}

/// What of the configuration decides what is allowed, whatever file it stood in.
fn allowed(config: &Config) -> String {
    let entries = config.allow.iter().map(|entry| {
        let mut entry = entry.clone();
        entry.origin.clear();
        format!("{entry:?}")
    });
    entries.collect::<Vec<_>>().join("\n")
}

/// The shard to be written, if results are to be written as one.
fn chosen(args: &RunArgs) -> Result<Option<(u32, u32)>> {
    if args.out.is_none() {
        return Ok(None);
    }
    if let Some(text) = &args.shard {
        return Ok(Some(audit::parse_shard(text)?));
    }
    let environment = |name: &str| std::env::var(name).ok();
    Ok(Some(audit::shard_from_env(&environment, args.shards)?.unwrap_or((0, 1))))
}

fn write_shard(
    dir: &Path,
    auditor: &Auditor<'_>,
    plan: &Plan,
    (at, of): (u32, u32),
    rules_digest: String,
    ran: &Ran,
) -> Result<Exit> {
    if !ran.missing.is_empty() {
        let left = plural(ran.missing.len() as u64, "repository was", "repositories were");
        message::say(&format!("stopped before {left} read; the shard is not written"));
        return Ok(Exit::Incomplete);
    }
    let done = shard::Done {
        schema: shard::SCHEMA.to_owned(),
        tool: env!("CARGO_PKG_VERSION").to_owned(),
        title: plan.title.clone(),
        rules_digest,
        config_digest: auditor.context(),
        plan_digest: plan.digest(),
        shard: at,
        of,
        results_sha256: String::new(),
        units: Vec::new(),
    };
    shard::write(dir, done, &ran.results)?;
    let bad = ran.results.iter().flat_map(|result| &result.members).filter(|member| member.status != audit::Status::Ok);
    let mut complete = true;
    for member in bad {
        complete = false;
        message::say(&format!("{}: {}: {}", member.status.name(), member.name, member.reason.as_deref().unwrap_or("")));
    }
    // Findings are the merged report's affair: a scheduler must not try a shard again because of them.
    Ok(if complete { Exit::Clean } else { Exit::Incomplete })
}

/// Counts what is read.
#[derive(Default)]
struct Meter {
    items: AtomicU64,
    bytes: AtomicU64,
}

impl Observer for Meter {
    fn scanned(&self, items: u64, bytes: u64) {
        self.items.fetch_add(items, Ordering::Relaxed);
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Shows how far the audit is.
struct Shown<'a> {
    bar: ProgressBar,
    json: bool,
    meter: &'a Meter,
    leaks: AtomicU64,
    started: Instant,
}

impl<'a> Shown<'a> {
    fn new(args: &RunArgs, quiet: bool, total: u64, meter: &'a Meter) -> Self {
        let bar = message::steps(quiet || args.progress != ProgressArg::Bar, total);
        let json = args.progress == ProgressArg::Json;
        Self { bar, json, meter, leaks: AtomicU64::new(0), started: Instant::now() }
    }
}

impl audit::Progress for Shown<'_> {
    fn done(&self, event: &Event<'_>) {
        let found =
            event.results.iter().flat_map(|result| &result.leaks).filter(|leak| leak.finding.kind.is_leak()).count()
                as u64;
        let leaks = self.leaks.fetch_add(found, Ordering::Relaxed) + found;
        let items = self.meter.items.load(Ordering::Relaxed);
        self.bar.set_length(event.total as u64);
        self.bar.set_position(event.done as u64);
        let bytes = self.meter.bytes.load(Ordering::Relaxed);
        let rate = HumanBytes((bytes as f64 / self.started.elapsed().as_secs_f64().max(0.001)) as u64);
        self.bar.set_message(format!("{items} objects, {rate}/s, {leaks} leaks"));
        if self.json {
            let seconds = self.started.elapsed().as_secs_f64();
            let members = event.results.iter().flat_map(|result| &result.members);
            let names: Vec<_> =
                members.map(|m| serde_json::json!({"name": m.name, "status": m.status, "reason": m.reason})).collect();
            let left = seconds / event.done.max(1) as f64 * (event.total - event.done) as f64;
            let line = serde_json::json!({
                "event": "repositories", "done": event.done, "total": event.total, "reused": event.reused, "leaks": leaks,
                "objects": items, "bytes": bytes, "seconds": seconds, "seconds_left": left, "repositories": names,
            });
            message::say(&line.to_string());
        }
    }
}
