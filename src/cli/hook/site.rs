//! `Site`: what a repository already does about hooks, and so which way in is open for ours.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use stanch::source::git::Repo;

/// From this version on git runs hooks that its configuration names, beside the files and whatever manages them.
pub(crate) const CONFIG_HOOKS: (u32, u32) = (2, 54);

/// How a hook gets where git looks.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    /// As git's configuration, where git is new enough; else lines in the hook files
    Auto,
    /// As git's configuration (git 2.54 and later)
    Config,
    /// Lines in the hook files
    File,
}

/// A program that owns the hook files of a repository.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Keeper {
    /// husky: `core.hooksPath` is its own; the files to edit are here.
    Husky(PathBuf),
    /// lefthook, with its configuration file: it rewrites hook files, so lines in them would be lost.
    Lefthook(PathBuf),
    /// The pre-commit framework, with its configuration file.
    PreCommit(PathBuf),
}

/// A repository, or the user's account, as far as hooks go.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Site {
    /// git's version; `None` if there is no git.
    pub(crate) git: Option<(u32, u32)>,
    /// Top of the work tree.
    pub(crate) top: Option<PathBuf>,
    /// Where git looks for hook files when nobody says otherwise.
    pub(crate) own_hooks: PathBuf,
    /// `core.hooksPath`, and whether it is the user's or the system's rather than the repository's.
    pub(crate) hooks_path: Option<(PathBuf, bool)>,
    /// Who owns the hook files.
    pub(crate) keeper: Option<Keeper>,
}

/// What to do to install.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Plan {
    /// Set git's configuration.
    Config,
    /// Lines in the files of this directory; whether the files are committed.
    Files(PathBuf, bool),
    /// Only say what to write where.
    Advise(Keeper),
    /// Nothing can be done, and why.
    Refuse(String),
}

impl Site {
    /// Looks at a repository.
    pub(crate) fn of(repo: &Repo) -> Result<Self> {
        let layout = repo.layout();
        let top = layout.work_dir.clone();
        let base = top.clone().unwrap_or_else(|| layout.git_dir.clone());
        let config = repo.git().config().context("cannot read git's configuration")?;
        let hooks_path = config.get_entry("core.hooksPath").ok().and_then(|entry| {
            let shared =
                matches!(entry.level(), git2::ConfigLevel::Global | git2::ConfigLevel::XDG | git2::ConfigLevel::System);
            let path = config.get_path("core.hooksPath").ok()?;
            Some((base.join(path), shared))
        });
        let keeper = top.as_deref().and_then(|top| keeper(top, hooks_path.as_ref().map(|(path, _)| path.as_path())));
        Ok(Self { git: git_version(), top, own_hooks: layout.common_dir.join("hooks"), hooks_path, keeper })
    }

    /// Where git looks for hook files.
    pub(crate) fn hooks(&self) -> &Path {
        self.hooks_path.as_ref().map_or(&self.own_hooks, |(path, _)| path)
    }

    /// Whether git runs hooks that its configuration names.
    pub(crate) fn has_config_hooks(&self) -> bool {
        self.git.is_some_and(|version| version >= CONFIG_HOOKS)
    }

    /// How to install here.
    pub(crate) fn plan(&self, way: Way) -> Plan {
        match way {
            Way::Auto | Way::Config if self.has_config_hooks() => return Plan::Config,
            Way::Config => {
                return Plan::Refuse("this git is older than 2.54 and runs no hooks from its configuration".to_owned());
            }
            Way::File => return self.files(),
            Way::Auto => {}
        }
        match &self.keeper {
            Some(Keeper::Husky(directory)) => Plan::Files(directory.clone(), true),
            Some(keeper) => Plan::Advise(keeper.clone()),
            None => self.files(),
        }
    }

    fn files(&self) -> Plan {
        match &self.hooks_path {
            Some((path, true)) => Plan::Refuse(format!(
                "core.hooksPath of your own git configuration is {}, which all your repositories share, so the hooks of this one \
                 never run; install for all with `stanch hook install --global`, or `git config core.hooksPath .git/hooks` here first",
                path.display()
            )),
            Some((path, false)) => {
                let committed =
                    self.top.as_ref().is_some_and(|top| path.starts_with(top) && !path.starts_with(&self.own_hooks));
                Plan::Files(path.clone(), committed)
            }
            None => Plan::Files(self.own_hooks.clone(), false),
        }
    }
}

fn keeper(top: &Path, hooks_path: Option<&Path>) -> Option<Keeper> {
    // husky 9 sets `.husky/_`, which holds its shims; older ones `.husky` itself.
    let husky = top.join(".husky");
    if hooks_path.is_some_and(|path| path.starts_with(&husky)) {
        return Some(Keeper::Husky(husky));
    }
    let names = [
        "lefthook.yml",
        ".lefthook.yml",
        "lefthook.yaml",
        ".lefthook.yaml",
        "lefthook.toml",
        ".lefthook.toml",
        "lefthook.json",
    ];
    let first = |names: &[&str]| names.iter().map(|name| top.join(name)).find(|path| path.is_file());
    let lefthook = first(&names).map(Keeper::Lefthook);
    lefthook.or_else(|| first(&[".pre-commit-config.yaml"]).map(Keeper::PreCommit))
}

/// git's version, by asking it.
pub(crate) fn git_version() -> Option<(u32, u32)> {
    let output = Command::new("git").arg("--version").output().ok()?;
    parse_version(&String::from_utf8_lossy(&output.stdout))
}

fn parse_version(text: &str) -> Option<(u32, u32)> {
    let mut numbers = text.strip_prefix("git version ")?.split('.');
    Some((numbers.next()?.parse().ok()?, numbers.next()?.trim().parse().ok()?))
}

/// Runs git to change its own configuration, and gives what it printed.
pub(crate) fn git(arguments: &[&str]) -> Result<String> {
    let output = Command::new("git").args(arguments).output().context("cannot run git")?;
    if !output.status.success() {
        bail!("git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site() -> Site {
        Site { git: Some((2, 39)), top: Some("/r".into()), own_hooks: "/r/.git/hooks".into(), ..Site::default() }
    }

    #[test]
    fn versions() {
        assert_eq!(parse_version("git version 2.39.5\n"), Some((2, 39)));
        assert_eq!(parse_version("git version 2.54.0.windows.1"), Some((2, 54)));
        assert_eq!(parse_version("git version 3.1"), Some((3, 1)));
        assert_eq!(parse_version("hub"), None);
    }

    #[test]
    fn a_new_git_takes_its_configuration_and_an_old_one_files() {
        let new = Site { git: Some((2, 54)), keeper: Some(Keeper::Lefthook("/r/lefthook.yml".into())), ..site() };
        assert_eq!(new.plan(Way::Auto), Plan::Config);
        assert_eq!(new.plan(Way::File), Plan::Files("/r/.git/hooks".into(), false));
        assert_eq!(site().plan(Way::Auto), Plan::Files("/r/.git/hooks".into(), false));
        assert!(matches!(site().plan(Way::Config), Plan::Refuse(_)));
    }

    #[test]
    fn what_others_keep_is_left_to_them() {
        let husky = Site {
            hooks_path: Some(("/r/.husky/_".into(), false)),
            keeper: Some(Keeper::Husky("/r/.husky".into())),
            ..site()
        };
        assert_eq!(husky.plan(Way::Auto), Plan::Files("/r/.husky".into(), true));
        let framework = Site { keeper: Some(Keeper::PreCommit("/r/.pre-commit-config.yaml".into())), ..site() };
        assert!(matches!(framework.plan(Way::Auto), Plan::Advise(Keeper::PreCommit(_))));
        let committed = Site { hooks_path: Some(("/r/.githooks".into(), false)), ..site() };
        assert_eq!(committed.plan(Way::Auto), Plan::Files("/r/.githooks".into(), true));
        let shared = Site { hooks_path: Some(("/home/u/hooks".into(), true)), ..site() };
        assert!(matches!(shared.plan(Way::Auto), Plan::Refuse(why) if why.contains("--global")));
    }
}
