//! Puts our hooks where git looks for them, and takes them away again; nobody else's hook is ever lost.

use std::{
    fs,
    io::ErrorKind,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};

use super::{
    event::Event,
    script::{self, Program},
    site::{Keeper, Plan, Site, Way, git},
};

/// What a hook that is no shell script is renamed to, for ours to run after itself.
const ASIDE: &str = ".before-stanch";

/// Every hook that a directory shared by all repositories has to pass on: setting `core.hooksPath` turns off the
/// repositories' own.
const ALL_HOOKS: &[&str] = &[
    "applypatch-msg",
    "pre-applypatch",
    "post-applypatch",
    "pre-commit",
    "pre-merge-commit",
    "prepare-commit-msg",
    "commit-msg",
    "post-commit",
    "pre-rebase",
    "post-checkout",
    "post-merge",
    "pre-push",
    "post-rewrite",
    "push-to-checkout",
    "pre-auto-gc",
    "sendemail-validate",
    "post-index-change",
    "reference-transaction",
];

/// Whose configuration git is to change.
fn scope(global: bool) -> &'static str {
    if global { "--global" } else { "--local" }
}

/// Installs for one repository. Says what was done; `Err` says what cannot be, with the cure.
pub(crate) fn install(site: &Site, events: &[Event], way: Way) -> Result<Vec<String>> {
    match site.plan(way) {
        Plan::Config => {
            remove_files(site)?;
            set_config(events, false)
        }
        Plan::Files(directory, committed) => {
            remove_config(false)?;
            events.iter().map(|&event| add(&directory, event, committed)).collect()
        }
        Plan::Advise(keeper) => match lacking(&keeper, events)[..] {
            [] => Ok(vec![present(&keeper)]),
            ref events => bail!("{}", advice(&keeper, events)),
        },
        Plan::Refuse(why) => bail!("{why}"),
    }
}

/// Takes everything of ours out of one repository.
pub(crate) fn uninstall(site: &Site) -> Result<Vec<String>> {
    let mut done = remove_config(false)?;
    done.extend(remove_files(site)?);
    Ok(done)
}

/// Installs for all repositories of the user.
pub(crate) fn install_global(events: &[Event], version: Option<(u32, u32)>) -> Result<Vec<String>> {
    if version.is_some_and(|version| version >= super::site::CONFIG_HOOKS) {
        return set_config(events, true);
    }
    let configured = git(&["config", "--global", "--type=path", "core.hooksPath"]).ok().filter(|path| !path.is_empty());
    if let Some(path) = configured.as_ref().filter(|path| Path::new(path) != global_directory().unwrap_or_default()) {
        return events.iter().map(|&event| add(Path::new(path), event, false)).collect();
    }
    let directory = global_directory().context("neither XDG_CONFIG_HOME nor HOME is set")?;
    fs::create_dir_all(&directory).with_context(|| format!("cannot make {}", directory.display()))?;
    for name in ALL_HOOKS {
        let ours = events.iter().find(|event| event.name() == *name);
        let block = ours.map(|&event| script::block(event, &program(false).as_program())).unwrap_or_default();
        // `core.hooksPath` hides the repository's own hook, so it is run from here.
        let own = format!(
            "stanch_own=$(git rev-parse --git-common-dir)/hooks/{name}\n\
             if [ -x \"$stanch_own\" ]; then exec \"$stanch_own\" \"$@\"; fi\n"
        );
        write(&directory.join(name), &format!("#!/bin/sh\n{block}{own}"))?;
    }
    let text = directory.to_str().context("the path of the configuration directory is no text")?;
    git(&["config", "--global", "core.hooksPath", text])?;
    Ok(vec![format!("core.hooksPath of all your repositories is {text}; each repository's own hooks run after ours")])
}

/// Takes away what [`install_global`] did.
pub(crate) fn uninstall_global() -> Result<Vec<String>> {
    let mut done = remove_config(true)?;
    let configured = git(&["config", "--global", "--type=path", "core.hooksPath"]).unwrap_or_default();
    let Some(directory) = global_directory() else { return Ok(done) };
    if Path::new(&configured) == directory {
        git(&["config", "--global", "--unset", "core.hooksPath"])?;
        done.push("core.hooksPath of your git configuration is unset again".to_owned());
    } else if !configured.is_empty() {
        done.extend(remove_all(Path::new(&configured))?);
    }
    if directory.is_dir() {
        for name in ALL_HOOKS {
            remove_file(&directory.join(name))?;
        }
        // Left standing if somebody put something else there.
        let _ = fs::remove_dir(&directory);
    }
    Ok(done)
}

fn global_directory() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME").filter(|path| !path.is_empty()).map(PathBuf::from);
    let base = base.or_else(|| std::env::var_os("HOME").map(|home| Path::new(&home).join(".config")))?;
    Some(base.join("stanch").join("hooks"))
}

/// Where this program is, for a hook file.
struct Here {
    path: Option<String>,
    committed: bool,
}

impl Here {
    fn as_program(&self) -> Program<'_> {
        Program { fallback: self.path.as_deref().filter(|_| !self.committed), required: !self.committed }
    }
}

fn program(committed: bool) -> Here {
    let path = std::env::current_exe().ok().and_then(|path| path.to_str().map(str::to_owned));
    Here { path, committed }
}

fn set_config(events: &[Event], global: bool) -> Result<Vec<String>> {
    remove_config(global)?;
    let here = program(false);
    let program = here.path.as_deref().unwrap_or("stanch");
    for event in events {
        let (name, section) = (event.name(), format!("hook.stanch-{}", event.name()));
        // A hook's command is run by a shell, so a path with spaces is quoted for it.
        let command = format!("{} hook run {name}", script::quoted(program));
        git(&["config", scope(global), &format!("{section}.command"), &command])?;
        git(&["config", scope(global), &format!("{section}.event"), name])?;
    }
    let names: Vec<&str> = events.iter().map(|event| event.name()).collect();
    Ok(vec![format!("git's configuration ({}) runs stanch at {}", &scope(global)[2..], names.join(", "))])
}

fn remove_config(global: bool) -> Result<Vec<String>> {
    let mut done = Vec::new();
    for event in Event::ALL {
        let section = format!("hook.stanch-{}", event.name());
        let is_there = git(&["config", scope(global), &format!("{section}.command")]).is_ok();
        if is_there {
            git(&["config", scope(global), "--remove-section", &section])?;
            done.push(format!("git's configuration no longer has {section}"));
        }
    }
    Ok(done)
}

/// Adds our lines to the file of an event.
fn add(directory: &Path, event: Event, committed: bool) -> Result<String> {
    fs::create_dir_all(directory).with_context(|| format!("cannot make {}", directory.display()))?;
    let file = directory.join(event.name());
    let block = script::block(event, &program(committed).as_program());
    let link = fs::symlink_metadata(&file).is_ok_and(|found| found.is_symlink());
    let old = match fs::read(&file) {
        Ok(bytes) => Some(bytes),
        Err(error) if error.kind() == ErrorKind::NotFound && !link => None,
        Err(error) => return Err(error).with_context(|| format!("cannot read {}", file.display())),
    };
    let shown = file.display();
    let Some(bytes) = old else {
        // husky's files have no first line of their own; git's do.
        write(&file, &script::insert(None, &block))?;
        return Ok(format!("{shown}: written"));
    };
    if !link && script::is_shell(&bytes) {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let new = script::insert(Some(&text), &block);
        if new == text {
            return Ok(format!("{shown}: is as it should be"));
        }
        write(&file, &new)?;
        return Ok(format!("{shown}: our lines are in it, before its own"));
    }
    let aside = aside_of(&file);
    if aside.exists() {
        bail!("{shown} is no shell script and {} is taken; move one of them away", aside.display());
    }
    fs::rename(&file, &aside).with_context(|| format!("cannot rename {shown}"))?;
    let rest = format!("exec \"$(dirname \"$0\")/{}{ASIDE}\" \"$@\"\n", event.name());
    write(&file, &format!("#!/bin/sh\n{block}{rest}"))?;
    Ok(format!("{shown}: written; what was there is run after it, as {}", aside.display()))
}

fn aside_of(file: &Path) -> PathBuf {
    let mut name = file.as_os_str().to_owned();
    name.push(ASIDE);
    PathBuf::from(name)
}

fn remove_files(site: &Site) -> Result<Vec<String>> {
    let mut directories = vec![site.own_hooks.clone(), site.hooks().to_owned()];
    directories.extend(site.top.as_ref().map(|top| top.join(".husky")));
    if let Some((_, true)) = site.hooks_path {
        // Shared by all repositories: only `uninstall --global` touches it.
        directories.remove(1);
    }
    directories.sort();
    directories.dedup();
    let mut done = Vec::new();
    for directory in directories {
        done.extend(remove_all(&directory)?);
    }
    Ok(done)
}

fn remove_all(directory: &Path) -> Result<Vec<String>> {
    let mut done = Vec::new();
    for event in Event::ALL {
        let file = directory.join(event.name());
        let Ok(text) = fs::read_to_string(&file) else { continue };
        let Some(rest) = script::remove(&text) else { continue };
        let aside = aside_of(&file);
        if aside.symlink_metadata().is_ok() {
            fs::rename(&aside, &file).with_context(|| format!("cannot rename {}", aside.display()))?;
            done.push(format!("{}: what was there is back", file.display()));
        } else if script::is_bare(&rest) {
            remove_file(&file)?;
            done.push(format!("{}: gone", file.display()));
        } else {
            write(&file, &rest)?;
            done.push(format!("{}: our lines are gone", file.display()));
        }
    }
    Ok(done)
}

fn remove_file(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", file.display()))
        }
        _ => Ok(()),
    }
}

/// Writes beside and renames, so that no half-written hook is ever run.
fn write(file: &Path, text: &str) -> Result<()> {
    let failed = || format!("cannot write {}", file.display());
    let mut beside = file.as_os_str().to_owned();
    beside.push(".stanch-new");
    fs::write(&beside, text).with_context(failed)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(file).map_or(0o755, |found| found.permissions().mode() | 0o111);
        fs::set_permissions(&beside, fs::Permissions::from_mode(mode)).with_context(failed)?;
    }
    fs::rename(&beside, file).with_context(failed)
}

/// The hooks that the configuration of a program which keeps the hooks itself does not have.
fn lacking(keeper: &Keeper, events: &[Event]) -> Vec<Event> {
    let (Keeper::Lefthook(file) | Keeper::PreCommit(file) | Keeper::Husky(file)) = keeper;
    let text = fs::read_to_string(file).unwrap_or_default();
    let has = |event: Event| match keeper {
        // One entry has stages, and its name may be any.
        Keeper::PreCommit(_) => text.contains("stanch"),
        _ => script::mentions(&text, event),
    };
    events.iter().copied().filter(|&event| !has(event)).collect()
}

/// What to do where nothing is lacking.
fn present(keeper: &Keeper) -> String {
    match keeper {
        Keeper::Lefthook(file) => format!("{} has it already; `lefthook install` makes git run it", file.display()),
        Keeper::PreCommit(file) => format!(
            "{} has it already; `pre-commit install -t pre-commit -t pre-merge-commit` makes git run it",
            file.display()
        ),
        Keeper::Husky(directory) => format!("{} has it already", directory.display()),
    }
}

/// What to write where, for a program that keeps the hooks itself.
pub(crate) fn advice(keeper: &Keeper, events: &[Event]) -> String {
    let mut text = String::new();
    match keeper {
        Keeper::Lefthook(file) => {
            text = format!("lefthook keeps the hooks of this repository; add to {}:\n", file.display());
            for event in events {
                let input = if event.reads_input() { "\n      use_stdin: true" } else { "" };
                let arguments = if matches!(event, Event::CommitMsg | Event::PrePush) { " {0}" } else { "" };
                let name = event.name();
                text.push_str(&format!(
                    "\n{name}:\n  commands:\n    stanch:\n      run: stanch hook run {name}{arguments}{input}\n"
                ));
            }
        }
        Keeper::PreCommit(file) => {
            text =
                format!("the pre-commit framework keeps the hooks of this repository; add to {}:\n\n", file.display());
            text.push_str(
                "  - repo: local\n    hooks:\n      - id: stanch\n        name: stanch\n        language: system\n        \
                 entry: stanch hook run pre-commit\n        pass_filenames: false\n        require_serial: true\n        \
                 stages: [pre-commit, pre-merge-commit, manual]\n",
            );
        }
        Keeper::Husky(directory) => {
            text.push_str(&format!("husky keeps the hooks of this repository, in {}", directory.display()))
        }
    }
    text.push_str("\n(`--way file` puts our lines into the hook files all the same)");
    text
}
