//! One entry of a pattern file becomes a rule, or an error that says what is wrong with it. Shared by the build script
//! and the reader of user files.

use super::{
    rule::{Gate, KeywordShape, Rule},
    shape,
    syntax::{Entry, PatternFile, line_of},
};
use crate::model::{Kind, RuleInfo, Severity};

/// A rule with what reports say of it.
pub(crate) type Compiled = (RuleInfo, Rule);

/// Turns a pattern file called `name` into rules. The error names the line.
pub(crate) fn compile_file(name: &str, text: &str, file: &PatternFile) -> Result<Vec<Compiled>, (usize, String)> {
    let mut rules = Vec::new();
    let tables = [
        (&file.rule, Gate::Keyword),
        (&file.context, Gate::Context),
        (&file.judge, Gate::Judge),
        (&file.asset, Gate::Asset),
    ];
    for (table, gate) in tables {
        for entry in table {
            let line = line_of(text, entry.span().start);
            let full = entry.get_ref().clone().over(&file.defaults);
            let id = full.id.clone().unwrap_or_default();
            let (info, mut rule) = compile(full, gate).map_err(|why| (line, format!("rule `{id}`: {why}")))?;
            rule.origin = format!("{name}:{line}");
            rules.push((info, rule));
        }
    }
    Ok(rules)
}

fn choose<T: serde::de::DeserializeOwned>(what: &str, value: Option<&str>, otherwise: T) -> Result<T, String> {
    let Some(value) = value else { return Ok(otherwise) };
    use serde::de::{IntoDeserializer, value::Error};
    T::deserialize(IntoDeserializer::<Error>::into_deserializer(value)).map_err(|error| format!("{what}: {error}"))
}

fn info(entry: &Entry, id: &str) -> Result<RuleInfo, String> {
    let provider = entry.provider.clone().unwrap_or_else(|| "generic".to_owned());
    Ok(RuleInfo {
        id: id.to_owned(),
        name: entry.name.clone().ok_or("has no `name`")?,
        category: entry.category.clone().unwrap_or_else(|| "other".to_owned()),
        severity: choose("severity", entry.severity.as_deref(), Severity::High)?,
        kind: choose("kind", entry.kind.as_deref(), Kind::Secret)?,
        remediation: entry.remediation.clone().unwrap_or_else(|| {
            format!(
                "Revoke it where {provider} keeps its keys, replace it, and take it out of the code and its history."
            )
        }),
        provider,
        references: entry.references.clone().unwrap_or_default(),
        tags: entry.tags.clone().unwrap_or_default(),
        owasp: entry.owasp.clone().unwrap_or_else(|| "API2:2023".to_owned()),
        cwe: entry.cwe.clone().unwrap_or_else(|| "CWE-798".to_owned()),
    })
}

fn compile(entry: Entry, gate: Gate) -> Result<Compiled, String> {
    let id = entry.id.clone().ok_or("has no `id`")?;
    if id.is_empty() || !id.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"-._".contains(&b)) {
        return Err("an `id` is made of lower-case letters, digits and dashes".to_owned());
    }
    let confidence = entry.confidence.clone().unwrap_or_else(|| "high".to_owned());
    if !["high", "medium", "low"].contains(&confidence.as_str()) {
        return Err(format!("confidence `{confidence}` is none of high, medium, low"));
    }
    if entry.near.as_ref().is_some_and(|near| near.within > 4096 || near.words.is_empty()) {
        return Err("`near` needs words, and looks at most 4,096 bytes far".to_owned());
    }
    let info = info(&entry, &id)?;
    let caseless = entry.caseless.unwrap_or(gate == Gate::Context);
    let pattern = match gate {
        Gate::Keyword => entry.pattern.clone().ok_or("has no `pattern`")?,
        Gate::Context => entry.value.clone().ok_or("has no `value`")?,
        Gate::Judge | Gate::Asset => String::new(),
    };
    let mut keywords = match gate {
        Gate::Keyword => keyword_shapes(&entry, &pattern, caseless)?,
        Gate::Context => context_shapes(&entry, &pattern)?,
        Gate::Judge | Gate::Asset => Vec::new(),
    };
    let names = lower(entry.names.clone());
    if let Some(short) = names.iter().find(|name| name.len() < 3) {
        return Err(format!("name `{short}` has fewer than 3 bytes"));
    }
    keywords.sort_by(|a, b| a.text.cmp(&b.text));
    keywords.dedup_by(|a, b| a.text == b.text);
    let rule = Rule {
        gate,
        keywords,
        caseless,
        anybodys: entry.anybodys.unwrap_or(false),
        names,
        bounded: entry.window.is_some() || is_bounded(&pattern),
        pattern,
        checksum: entry.checksum.unwrap_or_default(),
        min_entropy: entry.min_entropy.unwrap_or(0.0),
        // A context rule looks at values with a digit only, unless the row says that there may be none.
        min_digits: entry
            .min_digits
            .unwrap_or_else(|| u32::from(gate == Gate::Context && !entry.digitless.unwrap_or(false))),
        stop: lower(entry.stop),
        near: entry.near.map(|mut near| {
            near.words = lower(Some(near.words));
            near
        }),
        paths: entry.paths.unwrap_or_default(),
        partner: entry.partner,
        family: entry.family.unwrap_or(id),
        name_words: lower(entry.name_words),
        confidence,
        origin: String::new(),
        twins: entry.twins.unwrap_or_default(),
        examples: entry.examples.unwrap_or_default(),
        negative_examples: entry.negative_examples.unwrap_or_default(),
    };
    Ok((info, rule))
}

fn is_bounded(pattern: &str) -> bool {
    shape::parse(pattern).is_ok_and(|hir| hir.properties().maximum_len().is_some())
}

fn lower(words: Option<Vec<String>>) -> Vec<String> {
    words.unwrap_or_default().iter().map(|word| word.to_ascii_lowercase()).collect()
}

fn keyword_shapes(entry: &Entry, pattern: &str, caseless: bool) -> Result<Vec<KeywordShape>, String> {
    let hir = shape::parse(pattern).map_err(|error| format!("pattern: {error}"))?;
    let keywords = entry.keywords.clone().filter(|words| !words.is_empty()).ok_or("has no `keywords`")?;
    let minimum = hir.properties().minimum_len().unwrap_or(0);
    if minimum == 0 {
        return Err("the pattern matches the empty text".to_owned());
    }
    if minimum > entry.window.unwrap_or(shape::DEFAULT_WINDOW).max(hir.properties().maximum_len().unwrap_or(0)) {
        return Err(format!("a match takes {minimum} bytes or more; give it a larger `window`"));
    }
    if entry.window.is_some_and(|window| window > shape::MAX_WINDOW) {
        return Err(format!("`window` is over {} bytes", shape::MAX_WINDOW));
    }
    if let Some(short) = keywords.iter().find(|word| word.len() < 3) {
        return Err(format!("keyword `{short}` has fewer than 3 bytes"));
    }
    let mut texts: Vec<String> = Vec::new();
    for word in keywords {
        let text = cut(if caseless { word.to_ascii_lowercase() } else { word });
        if !texts.contains(&text) {
            texts.push(text);
        }
    }
    let bytes: Vec<Vec<u8>> = texts.iter().map(|text| text.clone().into_bytes()).collect();
    let shapes = shape::shapes(&hir, &bytes, caseless, entry.window);
    let short = if caseless { 0 } else { texts.iter().filter(|text| text.len() == 3).count() };
    Ok(texts.into_iter().zip(shapes).flat_map(|(text, shape)| lengthened(text, shape, short)).collect())
}

/// Of a keyword so many bytes are looked for; the pattern asks for the rest. In histories a seam between what is known
/// and what is new is searched as far as the longest keyword goes.
const LONGEST_KEYWORD: usize = 20;

/// The beginning of a keyword that tells it from all others.
fn cut(mut word: String) -> String {
    let ends = word.char_indices().map(|(at, c)| at + c.len_utf8());
    let end = ends.take_while(|&end| end <= LONGEST_KEYWORD).last().unwrap_or(0);
    word.truncate(end);
    word
}

/// So many keywords at most are made of the short ones of a rule.
const MOST_LENGTHENED: usize = 16;

/// A keyword of three bytes that only a few bytes may follow becomes one for each of them: `pub` is met in every other
/// line, `pub0` hardly ever. `short` is how many there are of so few bytes.
fn lengthened(text: String, shape: shape::Shape, short: usize) -> Vec<KeywordShape> {
    let follow: Vec<u8> = (0..0x80).filter(|&b| shape::has(&shape.follow, b)).collect();
    let is_common = text.len() == 3 && (1..=MOST_LENGTHENED).contains(&(short * follow.len()));
    if !is_common || shape.in_window || shape.follow_min == 0 {
        return vec![KeywordShape::new(text, shape)];
    }
    let longer = |&next: &u8| {
        let shape = shape::Shape { follow_min: shape.follow_min - 1, ..shape };
        KeywordShape::new(format!("{text}{}", char::from(next)), shape)
    };
    follow.iter().map(longer).collect()
}

fn context_shapes(entry: &Entry, value: &str) -> Result<Vec<KeywordShape>, String> {
    let hir = shape::parse(value).map_err(|error| format!("value: {error}"))?;
    let properties = hir.properties();
    let (Some(least), Some(most)) = (properties.minimum_len(), properties.maximum_len()) else {
        return Err("the value's length has no upper bound".to_owned());
    };
    if least < 4 || most > 4096 {
        return Err("a value takes 4 to 4,096 bytes".to_owned());
    }
    let words = entry.words.clone().filter(|words| !words.is_empty()).ok_or("has no `words`")?;
    let value_first = least >= 16 && most <= 512 && !entry.digitless.unwrap_or(false) && leading_run(&hir) >= 16;
    let mut shapes = Vec::new();
    for word in words {
        if word.len() < 3 {
            return Err(format!("word `{word}` has fewer than 3 bytes"));
        }
        // `exact` says that the value is looked for first; `before` and `after` bound the value's length.
        shapes.push(KeywordShape {
            text: word.to_ascii_lowercase(),
            before: least,
            exact: value_first,
            after: most,
            follow_min: usize::from(!entry.digitless.unwrap_or(false)),
            follow: shape::alphabet(&hir),
            in_window: false,
            bounded: false,
        });
    }
    Ok(shapes)
}

/// How many bytes, at least, every match begins with that are all characters of a token.
fn leading_run(hir: &regex_syntax::hir::Hir) -> usize {
    use regex_syntax::hir::HirKind;
    let is_run = |part: &regex_syntax::hir::Hir| {
        let set = shape::alphabet(part);
        (0..=255u8).all(|b| !shape::has(&set, b) || b.is_ascii_alphanumeric() || b"_+/.-".contains(&b))
    };
    match hir.kind() {
        HirKind::Concat(parts) => {
            let mut length = 0;
            for part in parts {
                if !is_run(part) {
                    return length + if matches!(part.kind(), HirKind::Capture(_)) { leading_run(part) } else { 0 };
                }
                length += part.properties().minimum_len().unwrap_or(0);
            }
            length
        }
        HirKind::Capture(capture) => leading_run(&capture.sub),
        HirKind::Alternation(parts) => parts.iter().map(leading_run).min().unwrap_or(0),
        _ if is_run(hir) => hir.properties().minimum_len().unwrap_or(0),
        _ => 0,
    }
}
