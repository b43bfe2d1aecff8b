//! `stanch hook`: install, uninstall, run.

use anyhow::Result;
use clap::Subcommand;
use stanch::source::git::Repo;

use crate::cli::{
    exit::Exit,
    hook::{
        event::Event,
        install,
        run::{self, HookRunArgs},
        site::{Site, Way, git_version},
    },
    message,
};

// `stanch hook`.
#[derive(Subcommand, Debug)]
pub(crate) enum HookCommand {
    /// Make git run stanch; whatever else runs already goes on running
    Install {
        /// At which moments [default: pre-commit pre-merge-commit commit-msg pre-push; in a bare repository pre-receive]
        events: Vec<Event>,
        /// For all your repositories
        #[arg(long)]
        global: bool,
        /// How to get where git looks
        #[arg(long, value_enum, default_value = "auto")]
        way: Way,
    },
    /// Take out what `install` put in, and nothing else
    Uninstall {
        /// For all your repositories
        #[arg(long)]
        global: bool,
    },
    /// Be a hook: git runs this
    Run(Box<HookRunArgs>),
}

/// Runs the command.
pub(crate) fn run(command: HookCommand) -> Result<Exit> {
    let done = match command {
        HookCommand::Run(args) => return run::run(*args),
        HookCommand::Install { events, global: true, .. } => {
            install::install_global(&chosen(events, &Event::CLIENT), git_version())?
        }
        HookCommand::Install { events, global: false, way } => {
            let site = Site::of(&Repo::from_env()?)?;
            let usual: &[Event] = if site.top.is_some() { &Event::CLIENT } else { &Event::SERVER };
            install::install(&site, &chosen(events, usual), way)?
        }
        HookCommand::Uninstall { global: true } => install::uninstall_global()?,
        HookCommand::Uninstall { global: false } => install::uninstall(&Site::of(&Repo::from_env()?)?)?,
    };
    done.iter().for_each(|line| message::say(line));
    if done.is_empty() {
        message::say("nothing of ours was there");
    }
    Ok(Exit::Clean)
}

fn chosen(mut events: Vec<Event>, usual: &[Event]) -> Vec<Event> {
    events.sort();
    events.dedup();
    if events.is_empty() { usual.to_vec() } else { events }
}
