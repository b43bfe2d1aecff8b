//! What a hook does when git runs it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    sync::atomic::Ordering,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::ValueEnum;
use stanch::{
    model::{Confidence, Outcome, SkipReason},
    report::redact::visible,
    scan::Target,
    source::git::{Repo, changes::range::RangeQuery},
};

use super::{
    blocked,
    event::Event,
    message_file,
    pushed::{self, Pushed},
};
use crate::cli::{
    args::{ConfigArgs, ReportArg, RuleArgs, ScanArgs},
    commands::scan::{stop_on_interrupt, style, write_reports},
    exit::Exit,
    message,
    run::{self, Run},
    settings::Resolved,
};

/// After the deadline itself: a walk of commits is not interrupted, so the program ends itself.
const GRACE: Duration = Duration::from_millis(400);

/// What happens to a push when time is up.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum OnDeadline {
    /// It is taken, and what was not scanned is said
    Allow,
    /// It is stopped
    #[default]
    Deny,
}

// `stanch hook run`.
#[derive(clap::Args, Debug)]
pub(crate) struct HookRunArgs {
    /// Which hook this is
    pub(crate) event: Event,
    /// What git tells the hook
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    pub(crate) arguments: Vec<OsString>,
    /// Time for the scan, for instance 4s or 800ms
    #[arg(long, value_name = "TIME", value_parser = time, env = "STANCH_DEADLINE")]
    pub(crate) deadline: Option<Duration>,
    /// What happens when that time is up
    #[arg(long, value_enum, default_value_t, env = "STANCH_ON_DEADLINE")]
    pub(crate) on_deadline: OnDeadline,
    /// A push option (git push -o WORD) that lets a push through, which is then logged
    #[arg(long, value_name = "WORD", env = "STANCH_BYPASS_PUSH_OPTION")]
    pub(crate) bypass_push_option: Option<String>,
    /// Stop, too, where something could not be scanned
    #[arg(long)]
    pub(crate) strict: bool,
    /// Also write a report: FORMAT=FILE (may be given again)
    #[arg(long, value_name = "FORMAT=FILE")]
    pub(crate) report: Vec<ReportArg>,
    /// Do not report what this file lists as known
    #[arg(long, value_name = "FILE")]
    pub(crate) baseline: Vec<PathBuf>,
    #[command(flatten)]
    pub(crate) rules: RuleArgs,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

fn time(text: &str) -> Result<Duration, String> {
    let digits = text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let number: u64 = text[..digits].parse().map_err(|_| "a time is a number with ms, s or m".to_owned())?;
    match &text[digits..] {
        "ms" => Ok(Duration::from_millis(number)),
        "s" | "" => Ok(Duration::from_secs(number)),
        "m" => Ok(Duration::from_secs(number.saturating_mul(60))),
        unit => Err(format!("`{unit}` is no unit of time; write ms, s or m")),
    }
}

/// Runs the hook.
pub(crate) fn run(args: HookRunArgs) -> Result<Exit> {
    let started = Instant::now();
    let repo = Repo::from_env()?;
    log_push_options();
    watch(&args);
    let Some(targets) = work(&args, &repo)? else { return Ok(Exit::Clean) };
    let pushes = ["PRE_COMMIT_REMOTE_NAME", "PRE_COMMIT_FROM_REF"].iter().any(|name| std::env::var_os(name).is_some());
    let event = if pushes { Event::PrePush } else { args.event };
    let (reports, strict) = (args.report.clone(), args.strict);
    let (policy, bypass, deadline) = (args.on_deadline, args.bypass_push_option.clone(), args.deadline);
    let (resolved, scan) = resolve(args, &repo)?;
    let Run { outcome, digest } = run::scan(resolved, &targets, true, false);
    write_reports(&outcome, &reports, &style(&scan.output, &digest))?;
    if outcome.has_leaks() {
        say_all(&blocked::lines(event, &outcome));
        if bypass.is_some_and(|word| push_options().contains(&word)) {
            say_all(&["stanch: let through by push option, which is logged".to_owned()]);
            return Ok(Exit::Clean);
        }
        return Ok(Exit::Findings(1));
    }
    Ok(settle(&outcome, deadline.filter(|limit| started.elapsed() >= *limit), policy, strict))
}

/// Nothing was found; was everything looked at?
fn settle(outcome: &Outcome, over: Option<Duration>, policy: OnDeadline, strict: bool) -> Exit {
    if outcome.is_complete() {
        return Exit::Clean;
    }
    let stopped = outcome.skipped.iter().any(|skipped| skipped.reason == SkipReason::Interrupted);
    if let Some(limit) = over.filter(|_| stopped) {
        return time_is_up(limit, policy, outcome.coverage.items, &outcome.coverage.asked);
    }
    let mut shown = 0;
    for skipped in outcome.skipped.iter().filter(|skipped| skipped.is_incomplete()).take(4) {
        message::say(&format!(
            "stanch: not scanned: {}: {}",
            visible(&skipped.what),
            visible(skipped.reason.to_string().as_bytes())
        ));
        shown += 1;
    }
    let all = outcome.skipped.iter().filter(|skipped| skipped.is_incomplete()).count();
    if all > shown {
        message::say(&format!("stanch: and {} more", all - shown));
    }
    // An object that is not there, or a range that cannot be told, is no mere detail.
    let asked =
        outcome.skipped.iter().any(|skipped| skipped.asked && !matches!(skipped.reason, SkipReason::TooLarge { .. }));
    if strict || asked { Exit::Incomplete } else { Exit::Clean }
}

fn time_is_up(limit: Duration, policy: OnDeadline, items: u64, asked: &[String]) -> Exit {
    let verdict = if policy == OnDeadline::Allow { "let through" } else { "stopped" };
    let of = if asked.is_empty() { "the push".to_owned() } else { asked.join(", ") };
    say_all(&[format!("stanch: time is up after {limit:?}: {items} objects scanned of {of}; {verdict} unread")]);
    if policy == OnDeadline::Allow { Exit::Clean } else { Exit::Incomplete }
}

/// Ends the scan when its time is up, and a little later the program.
fn watch(args: &HookRunArgs) {
    let Some(limit) = args.deadline else { return };
    let (policy, asked) = (args.on_deadline, args.event.subject());
    let stop = stop_on_interrupt();
    // No time at all is no time on a busy machine either.
    stop.store(limit.is_zero(), Ordering::Relaxed);
    std::thread::spawn(move || {
        std::thread::sleep(limit);
        stop.store(true, Ordering::Relaxed);
        std::thread::sleep(GRACE);
        let exit = time_is_up(limit, policy, 0, &[asked.to_owned()]);
        #[expect(
            clippy::exit,
            reason = "whoever runs the hook kills it, and with it every other hook, if it takes longer"
        )]
        std::process::exit(if exit == Exit::Clean { 0 } else { 3 });
    });
}

/// What a hook has to scan; `None` if there is nothing.
fn work(args: &HookRunArgs, repo: &Repo) -> Result<Option<Vec<Target>>> {
    match args.event {
        Event::PreCommit | Event::PreMergeCommit => Ok(Some(vec![commit(repo)?])),
        Event::CommitMsg => {
            let file =
                args.arguments.first().context("git tells this hook the file with the message; there is none")?;
            let text = std::fs::read(file).with_context(|| format!("cannot read {}", Path::new(file).display()))?;
            let config = repo.git().config()?.snapshot()?;
            let comment = config.get_str("core.commentString").or_else(|_| config.get_str("core.commentChar"));
            let kept = message_file::kept(&text, config.get_str("commit.cleanup").ok(), comment.ok());
            Ok(Some(vec![Target::Bytes(kept)]))
        }
        Event::PrePush => {
            let updates = pushed::pre_push(&pushed::read_input()?)?;
            let remote = args.arguments.first().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            Ok(of_push(pushed::to_remote(repo, &updates, &remote)))
        }
        Event::PreReceive => {
            let updates = pushed::pre_receive(&pushed::read_input()?)?;
            Ok(of_push(pushed::received(repo, &updates)?))
        }
        Event::Update => {
            let words: Vec<String> = args.arguments.iter().map(|word| word.to_string_lossy().into_owned()).collect();
            let [name, old, new] = &words[..] else { anyhow::bail!("git tells this hook a ref and two ids") };
            let updates = pushed::pre_receive(&format!("{old} {new} {name}\n"))?;
            Ok(of_push(pushed::received(repo, &updates)?))
        }
    }
}

fn of_push(pushed: Pushed) -> Option<Vec<Target>> {
    let objects = (!pushed.objects.is_empty()).then_some(Target::Objects(pushed.objects));
    let targets: Vec<Target> =
        pushed.query.map(|query| Target::Range(None, query)).into_iter().chain(objects).collect();
    (!targets.is_empty()).then_some(targets)
}

/// What is staged; under the pre-commit framework also a range (its pre-push) or all tracked files (its --all-files).
fn commit(repo: &Repo) -> Result<Target> {
    if std::env::var_os("PRE_COMMIT").is_none() {
        return Ok(Target::Staged(None, false));
    }
    let variable = |name: &str| std::env::var(name).ok().filter(|value| !value.is_empty());
    let (from, to) = (variable("PRE_COMMIT_FROM_REF"), variable("PRE_COMMIT_TO_REF"));
    if let (Some(remote), Some(tip)) =
        (variable("PRE_COMMIT_REMOTE_NAME"), to.clone().or_else(|| variable("PRE_COMMIT_LOCAL_BRANCH")))
    {
        // On the first push of all the framework names no range, but the branch.
        return Ok(Target::Range(None, RangeQuery::pushed(vec![tip], from.into_iter().collect(), &remote)));
    }
    if let (Some(from), Some(to)) = (from, to) {
        return Ok(Target::Range(None, RangeQuery { tips: vec![to], without: vec![from], ..RangeQuery::default() }));
    }
    // A merge may well bring nothing of its own; that is not the framework asking for all files.
    if repo.next_parents()?.len() > 1 || !repo.staged()?.files.is_empty() {
        return Ok(Target::Staged(None, false));
    }
    let mut paths = Vec::new();
    for entry in repo.git().index()?.iter() {
        // Neither submodules nor what is gone from the work tree.
        if let Ok(path) = bstr::ByteSlice::to_path(&entry.path[..])
            && path.is_file()
        {
            paths.push(path.to_owned());
        }
    }
    Ok(Target::Tree(paths))
}

fn resolve(args: HookRunArgs, repo: &Repo) -> Result<(Resolved, ScanArgs)> {
    let mut scan = run::scan_args()?;
    scan.rules = args.rules;
    scan.config = args.config;
    scan.baseline = args.baseline;
    scan.output.quiet = true;
    let root = repo.layout().work_dir.clone().unwrap_or_else(|| PathBuf::from("."));
    let mut resolved = Resolved::new(&scan, &root)?;
    if scan.confidence.is_none() && resolved.config.scan.confidence.is_none() {
        // In a hook a false alarm costs more than a miss that the pull request's check finds.
        resolved.settings.detect.confidence = Confidence::High;
    }
    Ok((resolved, scan))
}

fn push_options() -> Vec<String> {
    let count = std::env::var("GIT_PUSH_OPTION_COUNT").ok().and_then(|count| count.parse::<usize>().ok()).unwrap_or(0);
    (0..count.min(1000)).filter_map(|at| std::env::var(format!("GIT_PUSH_OPTION_{at}")).ok()).collect()
}

fn log_push_options() {
    for option in push_options() {
        say_all(&[format!("stanch: push option: {}", visible(option.as_bytes()))]);
    }
}

/// GitLab shows lines of a hook in its pages only when they begin so.
fn say_all(lines: &[String]) {
    let prefix = if std::env::var_os("GL_PROTOCOL").is_some() { "GL-HOOK-ERR: " } else { "" };
    for line in lines {
        message::say(&format!("{prefix}{line}"));
    }
}

#[cfg(test)]
mod tests {
    use super::time;
    use std::time::Duration;

    #[test]
    fn times() {
        assert_eq!(time("4s"), Ok(Duration::from_secs(4)));
        assert_eq!(time("800ms"), Ok(Duration::from_millis(800)));
        assert_eq!(time("2"), Ok(Duration::from_secs(2)));
        assert!(time("soon").is_err() && time("4h").is_err());
    }
}
