//! `stanch rules import`: rules of another scanner as ours, on standard output; what is not the same, on standard error.

use std::{
    io::Write,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result, bail};
use clap::ValueEnum;
use stanch::{
    config::{Config, ConfigFile},
    report::redact::visible,
    rules::{
        RuleSet,
        import::{self, Imported},
    },
};

use crate::cli::{exit::Exit, message, settings::today};

/// Files that build upon one another, at most.
const DEEPEST: usize = 8;

/// Which part to print.
#[derive(ValueEnum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Part {
    /// A pattern file, for --rules
    Rules,
    /// [[allow]] entries, for stanch.toml
    Config,
}

// `stanch rules import`.
#[derive(clap::Args, Debug)]
pub(crate) struct ImportArgs {
    /// gitleaks or betterleaks TOML; Kingfisher or Nosey Parker YAML
    file: PathBuf,
    /// Which part to print
    #[arg(long, value_enum, default_value = "rules")]
    part: Part,
}

/// Runs the command.
pub(crate) fn run(args: &ImportArgs) -> Result<Exit> {
    let text = std::fs::read_to_string(&args.file).with_context(|| format!("cannot read {}", args.file.display()))?;
    let Some(found) = read(&args.file, &text, DEEPEST)? else {
        bail!("{} is no rule file of another scanner that is known here", args.file.display());
    };
    let mut out = std::io::stdout().lock();
    let part = if args.part == Part::Rules { &found.rules } else { &found.allow };
    out.write_all(part.trim_start().as_bytes()).and_then(|()| out.flush())?;
    for note in &found.notes {
        message::say(&visible(note.as_bytes()));
    }
    let entries = found.allow.matches("\n[[allow]]\n").count();
    message::say(&format!(
        "{} rules carried over, {entries} [[allow]] entries (--part config), {} notes",
        found.count,
        found.notes.len()
    ));
    Ok(Exit::Clean)
}

fn read(path: &Path, text: &str, deepest: usize) -> Result<Option<Imported>> {
    let builtin = std::cell::OnceCell::new();
    let taken = |id: &str| builtin.get_or_init(RuleSet::builtin).find(id).is_some();
    let found = import::import(text, &taken).map_err(|why| anyhow::anyhow!("{}: {why}", path.display()))?;
    let Some(mut found) = found else { return Ok(None) };
    for name in std::mem::take(&mut found.extends) {
        let below = path.parent().unwrap_or(Path::new("")).join(&name);
        if deepest == 0 || name.contains("://") {
            found.notes.push(format!("extend.path: {name} is not read"));
            continue;
        }
        let text = std::fs::read_to_string(&below).with_context(|| format!("cannot read {}", below.display()))?;
        if let Some(other) = read(&below, &text, deepest - 1)? {
            found.rules.push_str(&other.rules);
            found.allow.push_str(&other.allow);
            found.count += other.count;
            found.notes.extend(other.notes.into_iter().map(|note| format!("{name}: {note}")));
        }
    }
    Ok(Some(found))
}

/// A rule file for a scan: one of another scanner is carried over on the way, and its allow entries join `config`.
pub(crate) fn for_scan(name: &str, text: String, config: &mut Config) -> Result<(String, String)> {
    match read(Path::new(name), &text, DEEPEST)? {
        None => Ok((name.to_owned(), text)),
        Some(found) => {
            config.allow.extend(ConfigFile::parse(name, &found.allow, &today())?.allow);
            if !found.notes.is_empty() {
                message::say(&format!(
                    "stanch: {name}: {} notes on what is not the same here: stanch rules import {name}",
                    found.notes.len()
                ));
            }
            Ok((name.to_owned(), found.rules))
        }
    }
}
