//! `stanch rules`: list, show, check.

use std::io::Write;

use anyhow::{Context, Result};
use stanch::{config::Config, detect::check, rules::RuleSet};

use crate::cli::{args::RulesCommand, exit::Exit, message, settings};

/// Runs the command.
pub(crate) fn run(command: &RulesCommand) -> Result<Exit> {
    match command {
        RulesCommand::Import(args) => super::import::run(args),
        RulesCommand::List { rules, json } => list(&settings::rules(rules, &Config::default())?, *json),
        RulesCommand::Show { id, rules } => show(&settings::rules(rules, &Config::default())?, id),
        RulesCommand::Check { rules } => check_all(settings::rules(rules, &Config::default())?),
    }
}

fn list(rules: &RuleSet, json: bool) -> Result<Exit> {
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    if json {
        let infos: Vec<_> = rules.iter().map(|(_, loaded)| &*loaded.info).collect();
        serde_json::to_writer_pretty(&mut out, &infos)?;
        writeln!(out)?;
    } else {
        for (_, loaded) in rules.iter() {
            let info = &loaded.info;
            writeln!(out, "{:44} {:9} {:12} {}", info.id, info.severity.name(), info.kind.name(), info.name)?;
        }
    }
    out.flush()?;
    Ok(Exit::Clean)
}

fn show(rules: &RuleSet, id: &str) -> Result<Exit> {
    let index =
        rules.find(id).with_context(|| format!("there is no rule `{id}`; `stanch rules list` names them all"))?;
    let loaded = rules.get(index);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    let shown = serde_json::json!({ "info": &*loaded.info, "rule": &loaded.rule });
    serde_json::to_writer_pretty(&mut out, &shown)?;
    writeln!(out)?;
    out.flush()?;
    Ok(Exit::Clean)
}

fn check_all(rules: RuleSet) -> Result<Exit> {
    let total = rules.iter().count();
    let faults = check::check(rules);
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    for fault in &faults {
        writeln!(out, "{fault}")?;
    }
    out.flush()?;
    message::say(&format!("{total} rules, {} faults", faults.len()));
    Ok(if faults.is_empty() { Exit::Clean } else { Exit::Findings(1) })
}
