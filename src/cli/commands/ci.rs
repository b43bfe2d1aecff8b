//! `stanch ci`: scans what a CI job is about, judged by the configuration of the base.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use stanch::{
    model::{BlobId, Outcome, Suppression, Timestamp},
    report::{self, Format, Style, plural, redact::visible},
    scan::Target,
    source::git::{
        Repo,
        changes::range::{Range, RangeQuery},
    },
};

use super::scan::{style, write_reports};
use crate::cli::{
    args::{ConfidenceArg, OutputArgs, ReportArg, RuleArgs, ScanArgs},
    ci::{
        deepen::{self, Checked},
        resolve::{Job, System, Variables, get, resolve},
        trust::Commit,
    },
    exit::Exit,
    message,
    run::{self, Run},
    settings::{Resolved, fingerprint_key, user_file},
};

/// GitHub drops a job summary of more bytes than this as a whole.
const SUMMARY_LIMIT: u64 = 1024 * 1024;
/// The name under which GitLab's templates look for the report.
const GITLAB_REPORT: &str = "gl-secret-detection-report.json";

// `stanch ci`.
#[derive(clap::Args, Debug)]
pub(crate) struct CiArgs {
    /// What the commits are to go to, instead of what the job says
    #[arg(long, value_name = "REV", env = "STANCH_BASE")]
    base: Option<String>,
    /// The last of the commits, instead of what the job says
    #[arg(long, value_name = "REV", env = "STANCH_HEAD")]
    head: Option<String>,
    /// Fetch from origin what the range lacks: a shallow clone is made deeper, step by step
    #[arg(long, env = "STANCH_DEEPEN")]
    deepen: bool,
    /// Let the commits of a pull request bring their own configuration, rules and baseline
    #[arg(long)]
    trust_head: bool,
    /// Only say what would be scanned
    #[arg(long)]
    dry_run: bool,
    /// How sure we must be before something is shown [default: medium]
    #[arg(long, env = "STANCH_CONFIDENCE")]
    confidence: Option<ConfidenceArg>,
    /// Do not report what this file lists as known (may be given again)
    #[arg(long, value_name = "FILE", env = "STANCH_BASELINE")]
    baseline: Vec<PathBuf>,
    #[command(flatten)]
    rules: RuleArgs,
    #[command(flatten)]
    output: OutputArgs,
}

/// Runs the command.
pub(crate) fn run(args: CiArgs) -> Result<Exit> {
    let variables: Variables = std::env::vars_os()
        .filter_map(|(name, value)| Some((name.into_string().ok()?, value.into_string().ok()?)))
        .collect();
    let system = System::of(&variables);
    let event = get(&variables, "GITHUB_EVENT_PATH").and_then(|path| std::fs::read_to_string(path).ok());
    let job = resolve(&variables, event.as_deref(), args.base.as_deref(), args.head.as_deref());
    let found = match &job {
        Job::Empty(why) => {
            message::say(&format!("stanch: nothing to scan: {why}"));
            return Ok(Exit::Clean);
        }
        Job::Whole(why) => whole(why, args.deepen),
        Job::Range(range) => deepen::check(range, args.deepen).map(|checked| {
            let (base, head) = (short(&checked.base), short(&checked.head));
            let brought = brought(&checked.commits);
            message::say(&format!("range {base}..{head}, {brought}, source={}", range.source));
            (checked, range.proposed)
        }),
    };
    let (checked, proposed) = match found {
        Ok(found) => found,
        Err(error) => {
            let text = match system {
                System::Other => format!("cannot tell which commits to scan: {error}"),
                system => format!("cannot tell what this job of {} is about: {error}", system.name()),
            };
            if system == System::GitHub {
                message::say(&format!("::error title=stanch::{}", visible(text.as_bytes()).replace('%', "%25")));
            }
            message::error(&anyhow::anyhow!(text));
            return Ok(Exit::Incomplete);
        }
    };
    if args.dry_run {
        return Ok(Exit::Clean);
    }
    scan(args, &variables, system, &checked, proposed)
}

/// All that HEAD comes from.
fn whole(why: &str, fetch: bool) -> Result<(Checked, bool)> {
    let query = RangeQuery::parse("HEAD");
    let commits = deepen::walk(&query, fetch)?;
    message::say(&format!("all of HEAD ({why}), {}", brought(&commits)));
    Ok((Checked { base: "HEAD".to_owned(), head: "HEAD".to_owned(), query, commits }, false))
}

/// How much a range brings.
fn brought(range: &Range) -> String {
    let (commits, blobs) = (range.commits.len() as u64, range.blobs.len() as u64);
    format!("{}, {}", plural(commits, "commit", "commits"), plural(blobs, "blob", "blobs"))
}

fn short(id: &str) -> &str {
    id.get(..10).unwrap_or(id)
}

fn scan(args: CiArgs, variables: &Variables, system: System, checked: &Checked, proposed: bool) -> Result<Exit> {
    let mut scan = run::scan_args()?;
    (scan.rules, scan.output, scan.baseline) = (args.rules, args.output, args.baseline);
    scan.confidence = args.confidence.or(scan.confidence);
    let repo = Repo::from_env()?;
    let resolved = if proposed && !args.trust_head {
        of_base(&scan, &repo, checked)?
    } else {
        Resolved::new(&scan, Path::new("."))?
    };
    let reports = reports(&scan.output, &resolved, system)?;
    let Run { outcome, digest } = run::scan(resolved, &[Target::Range(None, checked.query.clone())], true, false);
    if proposed {
        let is_inline = |why: &Suppression| matches!(why, Suppression::Inline { .. });
        let inline = outcome.suppressed.iter().filter(|suppressed| is_inline(&suppressed.why)).count();
        if inline > 0 {
            let findings = plural(inline as u64, "finding is", "findings are");
            message::say(&format!("notice: {findings} allowed by comments that these commits bring"));
        }
    }
    let mut style = style(&scan.output, &digest);
    style.run.commit =
        repo.git().revparse_single(&checked.head).ok().and_then(|head| BlobId::from_raw(head.id().as_bytes()));
    if system == System::GitLab {
        // GitLab shows both. Elsewhere nothing says when, so that the same scan gives the same bytes.
        style.run.started = get(variables, "CI_JOB_STARTED_AT").and_then(|at| at.parse().ok()).map(moment);
        style.run.ended = style.run.started.map(|_| moment(jiff::Timestamp::now()));
    }
    write_reports(&outcome, &reports, &style)?;
    if system == System::GitHub {
        github_files(variables, &outcome, &style)?;
    }
    Ok(Exit::of(&outcome, scan.output.exit_code))
}

fn moment(at: jiff::Timestamp) -> Timestamp {
    Timestamp { seconds: at.as_second(), offset_minutes: 0 }
}

/// What the base says decides; what the proposed commits change of it is said.
fn of_base(scan: &ScanArgs, repo: &Repo, checked: &Checked) -> Result<Resolved> {
    let base = Commit::new(repo, &checked.base)?;
    let user = user_file();
    let word =
        base.word(user.as_deref(), &scan.rules.files, &scan.baseline, &|config| fingerprint_key(scan, config))?;
    let changed = base.differing(&Commit::new(repo, &checked.head)?, &word.files);
    if !changed.is_empty() {
        message::say(&format!(
            "notice: these commits change how they would be judged ({}); they were judged as {} says",
            visible(changed.join(", ").as_bytes()),
            short(&checked.base)
        ));
    }
    Resolved::of(scan, word.config, word.rules, word.key, word.baselines)
}

/// The reports that were asked for; else what the system takes.
fn reports(output: &OutputArgs, resolved: &Resolved, system: System) -> Result<Vec<ReportArg>> {
    let configured = resolved.config.report.report.iter().flatten().map(|text| Ok(text.parse()?));
    let configured = configured.collect::<Result<Vec<ReportArg>>>()?;
    let mut reports = if output.report.is_empty() { configured } else { output.report.clone() };
    let prints = reports.iter().any(|report| report.file.is_none());
    if !prints {
        reports.push(ReportArg { format: Format::Text, file: None });
        if system == System::GitHub {
            reports.push(ReportArg { format: Format::Github, file: None });
        }
    }
    if system == System::GitLab
        && let Ok(format) = "gitlab".parse::<Format>()
        && !reports.iter().any(|report| report.format == format)
    {
        reports.push(ReportArg { format, file: Some(GITLAB_REPORT.into()) });
    }
    Ok(reports)
}

/// The job's summary and outputs.
fn github_files(variables: &Variables, outcome: &Outcome, style: &Style) -> Result<()> {
    let document = report::document(outcome, style);
    if let (Some(file), Ok(format)) = (get(variables, "GITHUB_STEP_SUMMARY"), "markdown".parse::<Format>()) {
        let mut text = Vec::new();
        report::write_document(format, &document, &Style { color: false, ..style.clone() }, &mut text)?;
        let there = std::fs::metadata(file).map_or(0, |found| found.len());
        if there + text.len() as u64 > SUMMARY_LIMIT {
            text = format!("stanch: {} leaks; too many for a job summary, see the report.\n", document.summary.leaks)
                .into_bytes();
        }
        append(file, &text)?;
    }
    if let Some(file) = get(variables, "GITHUB_OUTPUT") {
        append(file, format!("leaks={}\ncomplete={}\n", document.summary.leaks, document.complete).as_bytes())?;
    }
    Ok(())
}

fn append(file: &str, bytes: &[u8]) -> Result<()> {
    let failed = || format!("cannot write {file}");
    let mut out = std::fs::OpenOptions::new().create(true).append(true).open(file).with_context(failed)?;
    out.write_all(bytes).with_context(failed)
}
