//! Whether our hooks really run: what git would run at each moment, and what shadows it.

use std::{fs, path::Path};

use serde::Serialize;
use stanch::{report::redact::visible, source::git::Repo};

use super::{
    event::Event,
    script::{self, mentions},
    site::{Keeper, Site},
};

/// How a check ended.
#[derive(Serialize, Clone, Copy, PartialEq, Eq, Debug)]
#[serde(rename_all = "lowercase")]
pub(crate) enum State {
    /// As it should be.
    Good,
    /// Works, but mind it.
    Mind,
    /// Does not work.
    Bad,
}

impl State {
    /// For people.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Mind => "mind",
            Self::Bad => "bad",
        }
    }
}

/// One thing that was looked at.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Check {
    /// Short and stable.
    pub(crate) name: String,
    /// How it ended.
    pub(crate) state: State,
    /// What was seen.
    pub(crate) detail: String,
    /// What to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) cure: Option<String>,
}

/// All of them.
#[derive(Serialize, Clone, PartialEq, Eq, Debug)]
pub(crate) struct Report {
    /// The program's version.
    pub(crate) version: &'static str,
    /// Whether a secret is stopped on its way into a commit or (on a server) into the repository.
    pub(crate) protected: bool,
    /// In a fixed order.
    pub(crate) checks: Vec<Check>,
}

fn check(name: &str, state: State, detail: impl Into<String>, cure: Option<&str>) -> Check {
    let detail = visible(detail.into().as_bytes()).into_owned();
    Check { name: name.to_owned(), state, detail, cure: cure.map(str::to_owned) }
}

/// How a hook of ours comes to run.
enum Runs {
    Config(String),
    File(String),
    Through(&'static str, String),
    Shadowed(String),
    NotExecutable(String),
    No,
}

/// Looks at everything.
pub(crate) fn examine(site: &Site, repo: &Repo) -> Report {
    let mut checks = vec![git_check(site), program_check()];
    checks.extend(hooks_path_check(site));
    let events: &[Event] = if site.top.is_some() { &Event::CLIENT } else { &Event::SERVER };
    let mut protected = false;
    for &event in events {
        let runs = runs(site, repo, event);
        let essential = matches!(event, Event::PreCommit | Event::PreReceive);
        protected |= essential && matches!(runs, Runs::Config(_) | Runs::File(_) | Runs::Through(..));
        checks.push(event_check(event, &runs, essential));
    }
    checks.extend(keeper_check(site));
    if std::env::var("HUSKY").is_ok_and(|value| value == "0") && matches!(site.keeper, Some(Keeper::Husky(_))) {
        checks.push(check(
            "husky",
            State::Bad,
            "HUSKY=0 is set in this environment: husky runs no hook",
            Some("unset HUSKY"),
        ));
        protected = false;
    }
    protected &= site.git.is_some();
    Report { version: env!("CARGO_PKG_VERSION"), protected, checks }
}

fn git_check(site: &Site) -> Check {
    match site.git {
        None => check("git", State::Bad, "git is not on the PATH", Some("install git")),
        Some((major, minor)) => {
            let ways = if site.has_config_hooks() { "runs hooks of its configuration" } else { "runs hook files only" };
            check("git", State::Good, format!("version {major}.{minor}, {ways}"), None)
        }
    }
}

fn program_check() -> Check {
    let here = std::env::current_exe().map(|path| path.display().to_string()).unwrap_or_default();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|directory| directory.join("stanch")).find(|file| is_executable(file));
    match found {
        Some(file) => check("program", State::Good, format!("{} on the PATH", file.display()), None),
        None => check(
            "program",
            State::Mind,
            format!("{here}, which is not on the PATH"),
            Some("put its directory on the PATH; hook files fall back on the path they were installed with"),
        ),
    }
}

fn hooks_path_check(site: &Site) -> Option<Check> {
    let (path, shared) = site.hooks_path.as_ref()?;
    let whose = if *shared { "your own configuration" } else { "this repository's configuration" };
    let detail =
        format!("core.hooksPath is {} ({whose}); hooks in {} do not run", path.display(), site.own_hooks.display());
    Some(check("core.hooksPath", if path.is_dir() { State::Good } else { State::Mind }, detail, None))
}

fn runs(site: &Site, repo: &Repo, event: Event) -> Runs {
    let name = event.name();
    let configured =
        repo.git().config().ok().and_then(|config| config.get_string(&format!("hook.stanch-{name}.command")).ok());
    if let Some(command) = configured.filter(|_| site.has_config_hooks()) {
        return Runs::Config(command);
    }
    let file = site.hooks().join(name);
    let text = fs::read(&file).map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).unwrap_or_default();
    let shown = file.display().to_string();
    if script::has(&text) || mentions(&text, event) {
        return if is_executable(&file) { Runs::File(shown) } else { Runs::NotExecutable(shown) };
    }
    match &site.keeper {
        Some(Keeper::Husky(directory)) => {
            let own = directory.join(name);
            let ours = fs::read_to_string(&own).is_ok_and(|text| script::has(&text) || mentions(&text, event));
            // The shims are what git runs; without them husky's files are only files.
            if ours && is_executable(&file) {
                return Runs::Through("husky", own.display().to_string());
            }
            if ours {
                return Runs::Shadowed(format!("{} has it, but {shown} is not there: run `npx husky`", own.display()));
            }
        }
        Some(Keeper::Lefthook(config))
            if text.contains("lefthook") && fs::read_to_string(config).is_ok_and(|config| mentions(&config, event)) =>
        {
            return Runs::Through("lefthook", config.display().to_string());
        }
        Some(Keeper::PreCommit(config))
            if (text.contains("pre-commit") || text.contains("pre_commit"))
                && fs::read_to_string(config).is_ok_and(|config| config.contains("stanch")) =>
        {
            return Runs::Through("the pre-commit framework", config.display().to_string());
        }
        _ => {}
    }
    let own = site.own_hooks.join(name);
    if own != file && fs::read_to_string(&own).is_ok_and(|text| script::has(&text)) {
        return Runs::Shadowed(format!("{} has it, but core.hooksPath hides that file", own.display()));
    }
    Runs::No
}

fn event_check(event: Event, runs: &Runs, essential: bool) -> Check {
    let cure = Some("stanch hook install");
    let name = event.name();
    match runs {
        Runs::Config(command) => check(name, State::Good, format!("git's configuration runs: {command}"), None),
        Runs::File(file) => check(name, State::Good, format!("in {file}"), None),
        Runs::Through(keeper, file) => check(name, State::Good, format!("through {keeper}, in {file}"), None),
        Runs::Shadowed(why) => check(name, State::Bad, why.clone(), cure),
        Runs::NotExecutable(file) => {
            check(name, State::Bad, format!("{file} may not be executed, so git ignores it"), Some("chmod +x the file"))
        }
        Runs::No => check(name, if essential { State::Bad } else { State::Mind }, "not installed", cure),
    }
}

fn keeper_check(site: &Site) -> Option<Check> {
    match site.keeper.as_ref()? {
        Keeper::Husky(directory) => {
            Some(check("husky", State::Good, format!("keeps the hooks, in {}", directory.display()), None))
        }
        Keeper::Lefthook(file) => {
            let detail = format!("lefthook, with {}, rewrites hook files when it is installed", file.display());
            let has_ours = fs::read_to_string(file).is_ok_and(|text| mentions(&text, Event::PreCommit));
            let (state, cure) =
                if has_ours { (State::Good, None) } else { (State::Mind, Some("keep ours in its configuration")) };
            Some(check("lefthook", state, detail, cure))
        }
        Keeper::PreCommit(file) => {
            let detail =
                format!("the pre-commit framework, with {}, hands over only the first ref of a push", file.display());
            Some(check(
                "framework",
                State::Mind,
                detail,
                Some(
                    "`pre-commit install -t pre-commit -t pre-merge-commit`, and `stanch hook install pre-push --way file`",
                ),
            ))
        }
    }
}

/// Whether git would run a file.
fn is_executable(file: &Path) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::metadata(file).is_ok_and(|found| found.is_file() && found.permissions().mode() & 0o111 != 0)
    }
    #[cfg(not(unix))]
    {
        file.is_file()
    }
}
