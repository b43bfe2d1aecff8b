//! TOML with `[[rules]]` and allowlists, as gitleaks and its successors document it.

use toml::{Table, Value};

use super::{Imported, Rule, glob, id_of};

/// Reads a file.
pub(super) fn import(text: &str, taken: &dyn Fn(&str) -> bool) -> Result<Imported, String> {
    let mut file: Table = toml::from_str(text).map_err(|error| error.to_string())?;
    let mut out = Imported::default();
    extend(&mut file, &mut out);
    for value in tables(&mut file, "rules") {
        rule(value, &mut out, taken);
    }
    for value in tables(&mut file, "allowlist").into_iter().chain(tables(&mut file, "allowlists")) {
        allowlist(value, None, &mut out);
    }
    for known in ["title", "description", "minVersion"] {
        file.remove(known);
    }
    for unknown in file.keys() {
        out.notes.push(format!("`{unknown}` means nothing here"));
    }
    Ok(out)
}

fn extend(file: &mut Table, out: &mut Imported) {
    let mut section = match file.remove("extend") {
        Some(Value::Table(section)) => section,
        _ => Table::new(),
    };
    if section.remove("useDefault").and_then(|value| value.as_bool()) == Some(true) {
        out.notes
            .push("extend.useDefault: the built-in rules of stanch are used in the place of gitleaks' own".to_owned());
    } else {
        out.notes.push(
            "without extend.useDefault gitleaks uses these rules alone; --no-builtin-rules does so here".to_owned(),
        );
    }
    out.extends.extend(section.remove("path").and_then(|path| path.as_str().map(str::to_owned)));
    let disabled = strings(&mut section, "disabledRules");
    if !disabled.is_empty() {
        out.notes.push(format!(
            "extend.disabledRules: {}; leave the built-in rules that find the same out with --disable-rule, or [rules] disable",
            disabled.join(", ")
        ));
    }
    for unknown in section.keys() {
        out.notes.push(format!("`extend.{unknown}` means nothing here"));
    }
}

/// A table, or the tables of an array.
fn tables(from: &mut Table, name: &str) -> Vec<Table> {
    let one = |value: Value| if let Value::Table(table) = value { Some(table) } else { None };
    match from.remove(name) {
        Some(Value::Array(values)) => values.into_iter().filter_map(one).collect(),
        Some(value) => one(value).into_iter().collect(),
        None => Vec::new(),
    }
}

fn strings(from: &mut Table, name: &str) -> Vec<String> {
    let one = |value: &Value| value.as_str().map(str::to_owned);
    match from.remove(name) {
        Some(Value::Array(values)) => values.iter().filter_map(one).collect(),
        Some(value) => one(&value).into_iter().collect(),
        None => Vec::new(),
    }
}

fn string(from: &mut Table, name: &str) -> Option<String> {
    from.remove(name).and_then(|value| value.as_str().map(str::to_owned)).filter(|text| !text.is_empty())
}

fn number(from: &mut Table, name: &str) -> Option<f64> {
    from.remove(name).and_then(|value| value.as_float().or(value.as_integer().map(|number| number as f64)))
}

fn rule(mut table: Table, out: &mut Imported, taken: &dyn Fn(&str) -> bool) {
    let Some(given) = string(&mut table, "id") else {
        return out.notes.push("a rule without an id is left out".to_owned());
    };
    let id = id_of(&given);
    if id != given {
        out.note(&given, format!("is `{id}` here: ids are of lower-case letters, digits, dots and dashes"));
    }
    let name = string(&mut table, "description").unwrap_or_else(|| given.clone());
    let mut rule = Rule { id: id.clone(), name, ..Rule::default() };
    rule.group = number(&mut table, "secretGroup").map(|group| group as u32).filter(|group| *group > 0);
    rule.min_entropy = number(&mut table, "entropy");
    rule.words = strings(&mut table, "keywords");
    rule.tags = strings(&mut table, "tags");
    let path = string(&mut table, "path");
    let lists: Vec<Table> =
        tables(&mut table, "allowlist").into_iter().chain(tables(&mut table, "allowlists")).collect();
    let pattern = string(&mut table, "regex");
    for unknown in table.keys() {
        out.note(&id, format!("`{unknown}` could not be carried over"));
    }
    let fits = match path.as_deref().map(glob::globs) {
        None => true,
        Some(Some(globs)) => {
            rule.paths = globs;
            true
        }
        Some(None) => {
            out.note(
                &id,
                format!("left out: its path `{}` says more than globs can", path.as_deref().unwrap_or_default()),
            );
            false
        }
    };
    for list in lists {
        // Words in a secret are part of the rule itself; all else is an entry of its own.
        let mut list = list;
        let only_words =
            list.keys().all(|key| ["stopwords", "description", "condition", "regexTarget"].contains(&key.as_str()));
        if only_words {
            rule.stop.extend(strings(&mut list, "stopwords"));
        } else {
            let mut ids = vec![id.clone()];
            if taken(&id) {
                ids.push(format!("imported.{id}"));
            }
            allowlist(list, Some(ids), out);
        }
    }
    match pattern {
        Some(pattern) if fits => {
            rule.pattern = pattern;
            out.rule(rule, taken);
        }
        Some(_) => {}
        None if path.is_some() => {
            out.note(&id, "left out: a rule that only names paths; such files are not reported here")
        }
        None => out.note(&id, "has no regex: only its allowlists are carried over"),
    }
}

fn allowlist(mut list: Table, rules: Option<Vec<String>>, out: &mut Imported) {
    let whose = rules.as_ref().and_then(|ids| ids.first().cloned()).unwrap_or_else(|| "global allowlist".to_owned());
    let reason = string(&mut list, "description").unwrap_or_else(|| format!("allowed before ({whose})"));
    let and = string(&mut list, "condition")
        .is_some_and(|condition| condition.eq_ignore_ascii_case("and") || condition == "&&");
    let targets: Vec<String> = strings(&mut list, "targetRules").iter().map(|id| id_of(id)).collect();
    let rules = rules.unwrap_or(targets);
    let commits = strings(&mut list, "commits");
    if !commits.is_empty() {
        out.note(&whose, format!("{} allowed commits could not be carried over; use a baseline", commits.len()));
        if and {
            return;
        }
    }
    let target = string(&mut list, "regexTarget").unwrap_or_default();
    let regexes = strings(&mut list, "regexes");
    let stop = strings(&mut list, "stopwords");
    let mut complete = true;
    let paths = paths(strings(&mut list, "paths"), &whose, &mut complete, out);
    for unknown in list.keys() {
        out.note(&whose, format!("`{unknown}` of its allowlist could not be carried over"));
    }
    let on_secret = target.is_empty() || target == "secret";
    if !regexes.is_empty() && !on_secret {
        out.note(
            &whose,
            format!("{} regexes over the {target} are left out: ours see the secret alone", regexes.len()),
        );
    }
    let values = values(if on_secret { &regexes } else { &[] }, &stop, &whose, &mut complete, out);
    let value = (!values.is_empty()).then(|| values.join("|"));
    if and {
        let all = complete && (on_secret || regexes.is_empty()) && (stop.is_empty() || regexes.is_empty());
        if !all {
            return out.note(
                &whose,
                "an allowlist all of whose conditions must hold is left out, as not all could be carried over",
            );
        }
        if value.is_some() || !paths.is_empty() {
            out.allow(&rules, &paths, value.as_deref(), &reason);
        }
        return;
    }
    if !paths.is_empty() {
        out.allow(&rules, &paths, None, &reason);
    }
    if let Some(value) = value {
        out.allow(&rules, &[], Some(&value), &reason);
    }
}

/// The globs of path regexes; clears `complete` where one could not be carried over.
fn paths(regexes: Vec<String>, whose: &str, complete: &mut bool, out: &mut Imported) -> Vec<String> {
    let mut paths = Vec::new();
    for path in regexes {
        match glob::globs(&path) {
            Some(globs) => paths.extend(globs),
            None => {
                *complete = false;
                out.note(whose, format!("the path `{path}` says more than globs can, and is left out"));
            }
        }
    }
    paths
}

/// Regexes and words over the secret, as regexes of ours; clears `complete` where one could not be carried over.
fn values(regexes: &[String], stop: &[String], whose: &str, complete: &mut bool, out: &mut Imported) -> Vec<String> {
    let mut values = Vec::new();
    for regex in regexes {
        match super::super::shape::parse(regex) {
            Ok(_) => values.push(format!("(?:{regex})")),
            Err(_) => {
                *complete = false;
                out.note(whose, format!("the regex `{regex}` is not ours, and is left out"));
            }
        }
    }
    if !stop.is_empty() {
        let words: Vec<String> = stop.iter().map(|word| regex_syntax::escape(word)).collect();
        values.push(format!("(?i:{})", words.join("|")));
    }
    values
}
