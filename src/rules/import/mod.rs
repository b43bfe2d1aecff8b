//! Rules of other scanners, read from the formats that their documentation describes, become pattern files of ours; and
//! what could not be carried over is said, line by line.

mod gitleaks;
mod glob;
mod pattern;
mod yaml;

use std::fmt::Write as _;

pub(crate) use yaml::documents;

/// What became of a file.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// A pattern file.
    pub rules: String,
    /// `[[allow]]` entries for `stanch.toml`.
    pub allow: String,
    /// What is not the same as it was, and why.
    pub notes: Vec<String>,
    /// Files that it builds upon, relative to itself.
    pub extends: Vec<String>,
    /// Rules in the pattern file.
    pub count: usize,
}

/// The formats.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Kind {
    /// TOML with `[[rules]]`: gitleaks and its successors.
    Gitleaks,
    /// YAML with `rules:`: Kingfisher, Nosey Parker.
    Yaml,
}

fn kind(text: &str) -> Option<Kind> {
    let mut ours = false;
    for line in text.lines().map(str::trim) {
        match line {
            "[[rules]]" | "[extend]" | "[allowlist]" | "[[allowlists]]" => return Some(Kind::Gitleaks),
            "[[rule]]" | "[[context]]" | "[[judge]]" | "[defaults]" => ours = true,
            "rules:" if !ours => return Some(Kind::Yaml),
            _ => {}
        }
    }
    None
}

/// Reads a file of another scanner; `None` if it is none that we know. `taken` tells which ids are in use: a rule of that
/// id gets another.
///
/// # Errors
/// If it is of a known kind and cannot be read.
pub fn import(text: &str, taken: &dyn Fn(&str) -> bool) -> Result<Option<Imported>, String> {
    match kind(text) {
        None => Ok(None),
        Some(Kind::Gitleaks) => gitleaks::import(text, taken).map(Some),
        Some(Kind::Yaml) => yaml::import(text, taken).map(Some),
    }
}

/// A rule on its way.
#[derive(Debug, Default)]
struct Rule {
    id: String,
    name: String,
    /// As the other scanner has it.
    pattern: String,
    /// The capture group that is the secret; 0 is for the whole match, `None` for the first group.
    group: Option<u32>,
    /// Words one of which the other scanner looks for first.
    words: Vec<String>,
    min_entropy: Option<f64>,
    min_digits: Option<i64>,
    confidence: Option<String>,
    stop: Vec<String>,
    paths: Vec<String>,
    tags: Vec<String>,
    references: Vec<String>,
}

/// An id as ours are written.
fn id_of(text: &str) -> String {
    let dashed =
        text.chars().map(|c| if c.is_ascii_alphanumeric() || "-._".contains(c) { c.to_ascii_lowercase() } else { '-' });
    dashed.collect::<String>().trim_matches('-').to_owned()
}

impl Imported {
    fn note(&mut self, id: &str, text: impl std::fmt::Display) {
        self.notes.push(format!("{id}: {text}"));
    }

    /// Writes a rule, or notes why it cannot be.
    fn rule(&mut self, mut rule: Rule, taken: &dyn Fn(&str) -> bool) {
        let found = match pattern::carry(&rule.pattern, rule.group) {
            Ok(found) => found,
            Err(why) => return self.note(&rule.id, format!("left out: {why}")),
        };
        for note in &found.notes {
            self.note(&rule.id, note);
        }
        let covers =
            |literal: &String| rule.words.iter().any(|word| literal.to_lowercase().contains(&word.to_lowercase()));
        if !rule.words.is_empty() && !found.keywords.iter().all(covers) {
            let words = rule.words.join(", ");
            self.note(
                &rule.id,
                format!("asked for one of ({words}) anywhere in the file; here the match alone decides"),
            );
        }
        if taken(&rule.id) {
            let id = format!("imported.{}", rule.id);
            self.note(&rule.id, format!("is the id of a built-in rule; this one is `{id}`"));
            rule.id = id;
        }
        self.count += 1;
        let out = &mut self.rules;
        let _ = write!(out, "\n[[rule]]\nid = {}\nname = {}\n", quoted(&rule.id), quoted(&rule.name));
        out.push_str("category = \"imported\"\n");
        list(out, "keywords", &found.keywords);
        if found.caseless {
            out.push_str("caseless = true\n");
        }
        let _ = writeln!(out, "pattern = {}", literal(&found.pattern));
        if let Some(window) = found.window {
            let _ = writeln!(out, "window = {window}");
        }
        if let Some(entropy) = rule.min_entropy.filter(|entropy| *entropy > 0.0) {
            let _ = writeln!(out, "min_entropy = {entropy:?}");
        }
        if let Some(digits) = rule.min_digits.filter(|digits| *digits > 0) {
            let _ = writeln!(out, "min_digits = {digits}");
        }
        if let Some(confidence) = &rule.confidence {
            let _ = writeln!(out, "confidence = {}", quoted(confidence));
        }
        for (name, values) in
            [("stop", &rule.stop), ("paths", &rule.paths), ("tags", &rule.tags), ("references", &rule.references)]
        {
            if !values.is_empty() {
                list(out, name, values);
            }
        }
    }

    /// Writes an `[[allow]]` entry.
    fn allow(&mut self, rules: &[String], paths: &[String], value: Option<&str>, reason: &str) {
        let out = &mut self.allow;
        out.push_str("\n[[allow]]\n");
        for (name, values) in [("rules", rules), ("paths", paths)] {
            if !values.is_empty() {
                list(out, name, values);
            }
        }
        if let Some(value) = value {
            let _ = writeln!(out, "value = {}", literal(value));
        }
        let _ = writeln!(out, "reason = {}", quoted(reason));
    }
}

fn list(out: &mut String, name: &str, values: &[String]) {
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    let _ = writeln!(out, "{name} = [{}]", values.join(", "));
}

fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// A string in which backslashes stand for themselves, where that can be.
fn literal(text: &str) -> String {
    let plain = !text.contains("'''")
        && !text.ends_with('\'')
        && !text.chars().any(|c| c.is_control() && c != '\n' && c != '\t');
    if plain { format!("'''{}{text}'''", if text.starts_with('\n') { "\n" } else { "" }) } else { quoted(text) }
}

#[cfg(test)]
mod tests;
