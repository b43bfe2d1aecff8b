//! `stanch scan`: files, directories, standard input.

use std::{
    fs::File,
    io::{BufWriter, IsTerminal, Read, Write},
    path::{Path, PathBuf},
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use anyhow::{Context, Result};
use stanch::{
    config::Config,
    model::{Exposure, Outcome},
    report::{self, Format, RunInfo, Style},
    scan::Target,
    source::git::changes::range::RangeQuery,
};

use crate::cli::{
    args::{OutputArgs, ReportArg, ScanArgs},
    exit::Exit,
    run::{self, Run},
    settings::Resolved,
    verification::{self, Scanned},
};

/// What a scan is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Purpose {
    /// To see what is there.
    Look,
    /// To see what everybody gets.
    Shipped,
    /// To have it revoked, or to see what would be sent for that.
    Revoke {
        /// Whether to send it.
        really: bool,
    },
}

/// Runs the scan.
pub(crate) fn run(args: &ScanArgs) -> Result<Exit> {
    run_as(args, Purpose::Look)
}

/// Runs the scan for a purpose.
pub(crate) fn run_as(args: &ScanArgs, purpose: Purpose) -> Result<Exit> {
    let root = args.paths.iter().find(|path| path.as_os_str() != "-").map_or(Path::new("."), |path| path);
    let mut resolved = Resolved::new(args, root)?;
    if purpose == Purpose::Shipped {
        // What git leaves out is shipped all the same.
        resolved.settings.exposure = Exposure::Shipped;
        resolved.settings.tree.ignore_files = false;
    }
    let targets = targets(args)?;
    let reports = reports(&args.output, &resolved)?;
    let whole = is_whole(&targets, &resolved.config);
    let Run { mut outcome, digest } = run::scan(resolved, &targets, args.output.quiet, whole);
    let scanned = Scanned { paths: &args.paths, rules: &args.rules, digest: &digest };
    let asked = match purpose {
        Purpose::Revoke { really } => verification::revoke(&args.webhook, &scanned, really, &mut outcome)?,
        Purpose::Look | Purpose::Shipped => verification::run(&args.webhook, &scanned, &mut outcome)?,
    };
    let mut style = style(&args.output, &digest);
    style.run.verification = asked.count;
    write_reports(&outcome, &reports, &style)?;
    let exit = Exit::of(&outcome, args.output.exit_code);
    // Who requires answers has findings to ask about: those must not hide that the answers are missing.
    Ok(if asked.missing { Exit::Incomplete } else { exit })
}

/// Whether all is scanned that a project's allow entries and baseline may be about, so that what they name and is not found
/// is stale: the directory with the project's file, or the history.
pub(crate) fn is_whole(targets: &[Target], config: &Config) -> bool {
    let top = config.project.as_deref().and_then(Path::parent);
    let top = top.map(|top| if top.as_os_str().is_empty() { Path::new(".") } else { top });
    let covers = |root: &PathBuf| match top {
        Some(top) => {
            top.canonicalize().ok().zip(root.canonicalize().ok()).is_some_and(|(top, root)| top.starts_with(root))
        }
        None => root.is_dir(),
    };
    targets.iter().any(|target| match target {
        Target::History(_) => true,
        Target::Tree(roots) => roots.iter().any(covers),
        Target::Staged(..) | Target::Range(..) | Target::Objects(_) | Target::Bytes(_) => false,
    })
}

/// What the flags ask for.
pub(crate) fn targets(args: &ScanArgs) -> Result<Vec<Target>> {
    let (stdin, paths): (Vec<_>, Vec<_>) = args.paths.iter().cloned().partition(|path| path.as_os_str() == "-");
    let mut targets = Vec::new();
    if let Some(query) = query(args)? {
        targets.extend(repositories(&paths).into_iter().map(|path| Target::Range(path, query.clone())));
    } else if args.staged {
        targets.extend(repositories(&paths).into_iter().map(|path| Target::Staged(path, args.whole_file)));
    } else if args.history {
        targets.extend(paths.into_iter().map(Target::History));
    } else if !paths.is_empty() {
        targets.push(Target::Tree(paths));
    }
    if !stdin.is_empty() {
        let mut bytes = Vec::new();
        std::io::stdin().lock().read_to_end(&mut bytes).context("cannot read standard input")?;
        targets.push(Target::Bytes(bytes));
    }
    Ok(targets)
}

/// The repositories at the paths; for the default path the one that git's environment names, as a hook needs it.
fn repositories(paths: &[PathBuf]) -> Vec<Option<PathBuf>> {
    paths.iter().map(|path| (path.as_os_str() != ".").then(|| path.clone())).collect()
}

/// The range that the flags ask for.
fn query(args: &ScanArgs) -> Result<Option<RangeQuery>> {
    let mut query = match (&args.range, &args.since_commit, &args.branch) {
        (Some(range), ..) => RangeQuery::parse(range),
        (_, Some(commit), _) => RangeQuery::since_commit(commit),
        (.., Some(branch)) => RangeQuery::branch(branch),
        _ if args.max_count.is_some() || args.since.is_some() => RangeQuery::parse("HEAD"),
        _ => return Ok(None),
    };
    query.max_count = args.max_count;
    if let Some(day) = &args.since {
        let date: jiff::civil::Date = day.parse().with_context(|| format!("`{day}` is no date; write YYYY-MM-DD"))?;
        query.since = Some(date.to_zoned(jiff::tz::TimeZone::UTC)?.timestamp().as_second());
    }
    Ok(Some(query))
}

/// Ctrl-C ends the scan, and what was found so far is reported; a second one ends the program.
pub(crate) fn stop_on_interrupt() -> &'static AtomicBool {
    static STOP: OnceLock<AtomicBool> = OnceLock::new();
    let stop = STOP.get_or_init(|| AtomicBool::new(false));
    // Without a handler the first Ctrl-C ends the program, as it would without us.
    let _ = ctrlc::set_handler(|| {
        if STOP.get().is_some_and(|stop| stop.swap(true, Ordering::Relaxed)) {
            #[expect(clippy::exit, reason = "the user asked twice; nothing is left to be written")]
            std::process::exit(130);
        }
    });
    stop
}

/// The reports that flags, else the configuration, ask for; text where nothing does.
fn reports(output: &OutputArgs, resolved: &Resolved) -> Result<Vec<ReportArg>> {
    if !output.report.is_empty() {
        return Ok(output.report.clone());
    }
    let configured = resolved.config.report.report.iter().flatten().map(|text| Ok(text.parse()?));
    let configured = configured.collect::<Result<Vec<ReportArg>>>()?;
    Ok(if configured.is_empty() { vec![ReportArg { format: Format::Text, file: None }] } else { configured })
}

/// How reports look here.
pub(crate) fn style(output: &OutputArgs, rules_digest: &[u8]) -> Style {
    let choice = anstream::AutoStream::choice(&std::io::stdout());
    let terminal = std::io::stdout().is_terminal();
    Style {
        color: choice != anstream::ColorChoice::Never && (terminal || choice == anstream::ColorChoice::AlwaysAnsi),
        show_secrets: output.show_secrets,
        explain: output.explain,
        run: RunInfo {
            tool_version: env!("CARGO_PKG_VERSION").to_owned(),
            rules_digest: Some(rules_digest.iter().map(|byte| format!("{byte:02x}")).collect()),
            ..RunInfo::default()
        },
        ..Style::default()
    }
}

/// Writes every report; standard output last, so that a closed pipe loses no file.
pub(crate) fn write_reports(outcome: &Outcome, reports: &[ReportArg], style: &Style) -> Result<()> {
    let plain = Style { color: false, ..style.clone() };
    for (argument, file) in reports.iter().filter_map(|report| Some((report, report.file.as_ref()?))) {
        let failed = || format!("cannot write {}", file.display());
        let mut out = BufWriter::new(File::create(file).with_context(failed)?);
        report::write(argument.format, outcome, &plain, &mut out).and_then(|()| out.flush()).with_context(failed)?;
    }
    for argument in reports.iter().filter(|report| report.file.is_none()) {
        let mut out = BufWriter::new(std::io::stdout().lock());
        report::write(argument.format, outcome, style, &mut out).and_then(|()| out.flush())?;
    }
    Ok(())
}
