//! YAML with `rules:`, as Kingfisher and Nosey Parker document it.

use yaml_rust2::{Yaml, YamlLoader};

use super::{Imported, Rule, id_of};

/// Deeper nesting or more aliases than any rule file has would be an attack.
const MOST_BYTES: usize = 16 << 20;

/// Reads a file.
pub(super) fn import(text: &str, taken: &dyn Fn(&str) -> bool) -> Result<Imported, String> {
    let mut out = Imported::default();
    for document in &documents(text)? {
        for entry in document["rules"].as_vec().into_iter().flatten() {
            rule(entry, &mut out, taken);
        }
    }
    Ok(out)
}

/// Reads YAML of somebody else's.
pub(crate) fn documents(text: &str) -> Result<Vec<Yaml>, String> {
    if text.len() > MOST_BYTES {
        return Err("more than 16 MiB of YAML".to_owned());
    }
    // An alias can stand for any number of copies, and nobody needs one here.
    if text.lines().any(|line| line.split_once(": *").is_some() || line.trim_start().starts_with("- *")) {
        return Err("YAML aliases are not read".to_owned());
    }
    YamlLoader::load_from_str(text).map_err(|error| error.to_string())
}

fn text(value: &Yaml) -> Option<String> {
    value.as_str().map(str::to_owned).filter(|text| !text.is_empty())
}

fn number(value: &Yaml) -> Option<f64> {
    value.as_f64().or(value.as_i64().map(|number| number as f64))
}

fn list(value: &Yaml) -> Vec<String> {
    value.as_vec().into_iter().flatten().filter_map(text).collect()
}

fn rule(entry: &Yaml, out: &mut Imported, taken: &dyn Fn(&str) -> bool) {
    let Some(given) = text(&entry["id"]).or_else(|| text(&entry["name"])) else {
        return out.notes.push("a rule without an id is left out".to_owned());
    };
    let id = id_of(&given);
    let Some(pattern) = text(&entry["pattern"]) else { return out.note(&id, "left out: it has no pattern") };
    let requirements = &entry["pattern_requirements"];
    let rule = Rule {
        name: text(&entry["name"]).unwrap_or(given),
        // A block of YAML ends in a line break that is no part of the regex.
        pattern: pattern.trim_end_matches('\n').to_owned(),
        min_entropy: number(&entry["min_entropy"]),
        min_digits: number(&requirements["min_digits"]).map(|digits| digits as i64),
        confidence: text(&entry["confidence"])
            .filter(|confidence| ["high", "medium", "low"].contains(&confidence.as_str())),
        stop: list(&requirements["ignore_if_contains"]),
        tags: list(&entry["categories"]).iter().map(|tag| id_of(tag)).collect(),
        references: list(&entry["references"]),
        id: id.clone(),
        ..Rule::default()
    };
    for key in entry.as_hash().into_iter().flat_map(|entry| entry.keys()).filter_map(Yaml::as_str) {
        let said = match key {
            "name" | "id" | "pattern" | "min_entropy" | "confidence" | "references" | "categories" | "description" => {
                continue;
            }
            "examples" | "negative_examples" => "are left out: ours are templates, so that no key is stored",
            "validation" => "is left out: stanch asks its own list of providers, or your webhook",
            "revocation" => "is left out",
            "depends_on_rule" => "is left out: write `partner` where the other part must stand near",
            "visible" if entry["visible"].as_bool() != Some(false) => continue,
            "visible" => "is false: here the rule reports what it finds; --disable-rule leaves it out",
            "pattern_requirements" => {
                let carried = ["min_digits", "ignore_if_contains"];
                let others = requirements.as_hash().into_iter().flat_map(|all| all.keys()).filter_map(Yaml::as_str);
                let others: Vec<&str> = others.filter(|other| !carried.contains(other)).collect();
                if !others.is_empty() {
                    out.note(&id, format!("pattern_requirements: {} could not be carried over", others.join(", ")));
                }
                continue;
            }
            _ => "could not be carried over",
        };
        out.note(&id, format!("`{key}` {said}"));
    }
    out.rule(rule, taken);
}
