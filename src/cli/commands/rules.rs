//! `stanch rules`: list, show, check.

use std::io::Write;

use anyhow::{Context, Result};
use stanch::{
    config::Config,
    detect::check,
    rules::{LoadedRule, RuleSet, rule::Gate},
};

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
    let mut out = std::io::BufWriter::new(std::io::stdout().lock());
    out.write_all(describe(rules.get(index)).as_bytes())?;
    out.flush()?;
    Ok(Exit::Clean)
}

/// All that is to be said of a rule, a line each; what it lacks is left out.
fn describe(loaded: &LoadedRule) -> String {
    let (info, rule) = (&*loaded.info, &loaded.rule);
    let words: Vec<&str> = rule.keywords.iter().map(|keyword| keyword.text.as_str()).collect();
    let found = match rule.gate {
        Gate::Keyword => "by its own literal",
        Gate::Context => "by a word of its provider near a value of its shape",
        Gate::Judge => "by the judge of names and values",
        Gate::Asset => "by what is unpacked",
    };
    let tests = [
        (!rule.checksum.is_empty()).then(|| format!("the structure `{}`", rule.checksum)),
        (rule.min_entropy > 0.0).then(|| format!("more than {:.1} bits per byte", rule.min_entropy)),
        (rule.min_digits > 0).then(|| format!("{} or more decimal digits", rule.min_digits)),
    ];
    let near = rule.near.as_ref().map(|near| format!("{} (within {} bytes)", near.words.join(", "), near.within));
    let partner = rule.partner.as_ref().map(|partner| format!("{} (within {} lines)", partner.rule, partner.lines));
    let lines = [
        ("name", info.name.clone()),
        ("provider", info.provider.clone()),
        ("category", info.category.clone()),
        ("kind", info.kind.name().to_owned()),
        ("severity", info.severity.name().to_owned()),
        ("shown from", format!("confidence {}", rule.confidence)),
        ("what to do", info.remediation.clone()),
        ("documents", info.references.join("; ")),
        ("class", format!("OWASP {}, {}", info.owasp, info.cwe)),
        ("found", found.to_owned()),
        ("words", words.join(", ")),
        ("and one of", rule.name_words.join(", ")),
        ("pattern", rule.pattern.clone()),
        ("near", near.unwrap_or_default()),
        ("must have", tests.into_iter().flatten().collect::<Vec<_>>().join(", ")),
        ("other part", partner.unwrap_or_default()),
        ("only in", rule.paths.join(", ")),
        ("written in", rule.origin.clone()),
    ];
    let shown = lines.iter().filter(|(_, value)| !value.is_empty());
    let shown: String = shown.map(|(name, value)| format!("  {name:11} {value}\n")).collect();
    format!("{}\n{shown}", info.id)
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
