//! What stands round a proposal: its line, its neighbours, the window, and the path.

use super::{
    AFTER, BEFORE, Operator, Proposal,
    features::{self, Row},
    lex, names,
    wording::{Place, Words},
    words::{self, Class, has},
};
use crate::{
    detect::{entropy::holds, runs::stretches},
    model::Span,
};

/// How far round a proposal the context is taken from, in bytes; never beyond `BEFORE` and `AFTER` of the anchor.
const NEAR: usize = 160;

/// A byte as a number: kinds that mean the same stand side by side.
pub(super) fn byte_class(byte: u8) -> f32 {
    let rank = match byte {
        b'\n' | b'\r' | 0 => 0,
        b' ' | b'\t' => 1,
        b',' => 2,
        b';' => 3,
        b')' => 4,
        b'}' => 5,
        b']' => 6,
        b'"' => 7,
        b'\'' => 8,
        b'`' => 9,
        b'<' => 10,
        b'>' => 11,
        b'&' => 12,
        b'?' => 13,
        b'@' => 14,
        b'\\' => 15,
        b'/' => 16,
        b'|' => 17,
        b'.' => 18,
        b'+' => 19,
        b'(' => 20,
        b'[' => 21,
        b'{' => 22,
        b':' => 23,
        b'=' => 24,
        b'-' => 25,
        b'#' => 26,
        b'*' => 27,
        b'%' => 28,
        b'$' => 29,
        b'!' | b'^' | b'~' => 30,
        b'_' => 31,
        b'0'..=b'9' => 32,
        b'a'..=b'z' => 33,
        b'A'..=b'Z' => 34,
        _ => 35,
    };
    rank as f32
}

/// The window and the line of a proposal.
fn places(hay: &[u8], p: &Proposal) -> (Span, Span) {
    let bounds = Span::new(p.anchor.start.saturating_sub(BEFORE), hay.len().min(p.anchor.end + AFTER));
    let window = Span::new(
        bounds.start.max(p.key.start.min(p.value.start).saturating_sub(NEAR)),
        bounds.end.min(p.value.end.max(p.key.end) + NEAR),
    );
    let first = p.key.start.min(p.value.start);
    let last = p.value.end.max(p.key.end).min(window.end);
    let line = Span::new(lex::line_start(hay, first, window.start), lex::line_end(hay, last, window.end));
    (window, line)
}

/// All that the judge looks at, and the window among it.
pub(super) fn seen(hay: &[u8], p: &Proposal) -> (Span, Span) {
    let (window, _) = places(hay, p);
    let all = [p.key, p.value, p.wrapper].into_iter().filter(|span| !span.is_empty());
    (all.fold(window, |a, b| Span::new(a.start.min(b.start), a.end.max(b.end))), window)
}

/// Fills in everything that depends on the window, but for [`kind`].
pub(super) fn fill(hay: &[u8], p: &Proposal, row: &mut Row, line_classes: &mut [f32], window_classes: &mut [f32]) {
    let (window, line) = places(hay, p);
    between(hay, p, row, window);
    on_line(hay, p, row, line);
    let said = count_words(hay, p, row, (window, line), line_classes, window_classes);
    row.wording = said.score();
    in_window(hay, row, window);
    row.hex_again = hex_runs(hay, p, window) as f32;
    neighbours(hay, p, row, window, line);
    if p.operator == Operator::Userinfo {
        url(hay, p, row, window);
    }
}

/// What joins key and value, and what wraps the value.
pub(super) fn kind(hay: &[u8], p: &Proposal, row: &mut Row) {
    row.kind = f32::from(p.kind as u8);
    row.operator = features::operator_rank(p.operator);
    row.quote = features::quote_rank(p.quote);
    row.wrapper = names::wrapper_rank(p.wrapper.of(hay));
    row.wrapper_length = p.wrapper.len() as f32;
}

fn between(hay: &[u8], p: &Proposal, row: &mut Row, window: Span) {
    let before = if p.key.start > window.start { hay[p.key.start - 1] } else { 0 };
    row.before_key = byte_class(before);
    row.member =
        f32::from(u8::from(before == b'.' || (p.key.len() > 4 && p.key.of(hay)[..p.key.len() - 1].contains(&b'.'))));
    row.flag = f32::from(u8::from(hay[p.key.start] == b'-'));
    row.sigil = f32::from(u8::from(hay[p.key.start] == b'$' || before == b'@' || before == b'%'));
    if p.key.end <= p.value.start {
        let gap = &hay[p.key.end..p.value.start];
        let short = &gap[..gap.len().min(60)];
        row.key_quoted = byte_class(short.first().copied().unwrap_or(0));
        let operator = short.iter().position(|b| matches!(b, b'=' | b':' | b',' | b'(' | b'|' | b'<' | b'>'));
        if let Some(at) = operator {
            row.space_before = short[..at].iter().filter(|b| **b == b' ' || **b == b'\t').count() as f32;
            row.space_after = short[at..].iter().filter(|b| **b == b' ' || **b == b'\t').count() as f32;
        }
        row.newline_between = f32::from(u8::from(short.contains(&b'\n')));
    }
    let get = |at: usize| if at < window.end { hay[at] } else { 0 };
    let mut at = p.value.end;
    while matches!(get(at), b'"' | b'\'' | b'`' | b'\\') && at < p.value.end + 4 {
        at += 1;
    }
    row.after_value = byte_class(get(at));
    let next = lex::skip_blank(hay, at.min(window.end), window.end);
    row.after_value_2 = byte_class(get(next));
    row.joined = f32::from(u8::from(matches!(get(next), b'+' | b'%' | b'.') || get(next) == b'&' && at != p.value.end));
    let end = lex::line_end(hay, at.min(window.end), window.end);
    row.line_rest = (end - at.min(end)) as f32;
    row.rest_words = hay[at.min(end)..end].split(|b| !b.is_ascii_alphabetic()).filter(|w| w.len() > 1).count() as f32;
}

fn on_line(hay: &[u8], p: &Proposal, row: &mut Row, line: Span) {
    let text = line.of(hay);
    row.line_length = text.len() as f32;
    let indent = text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    row.indent = indent as f32;
    let body = &text[indent..];
    let start = p.key.start.min(p.value.start) - line.start;
    row.line_position = start as f32;
    let before = &text[..start];
    row.line_quotes = text.iter().filter(|b| matches!(b, b'"' | b'\'' | b'`')).count() as f32;
    let odd = |mark: u8| before.iter().filter(|&&b| b == mark).count() % 2 == 1;
    row.in_string = f32::from(u8::from(odd(b'"')) + 2 * u8::from(odd(b'\'')) + 4 * u8::from(odd(b'`')));
    row.line_words_before = before.split(|b| !b.is_ascii_alphanumeric()).filter(|w| !w.is_empty()).count() as f32;
    let comments: [(&[u8], u8); 9] =
        [(b"//", 1), (b"#", 2), (b"/*", 3), (b"*", 3), (b"--", 4), (b"<!--", 5), (b";", 6), (b"%", 7), (b"rem ", 8)];
    let mark = comments.iter().find(|(mark, _)| body.starts_with(mark)).map_or(0, |c| c.1);
    let inner = before.windows(4).any(|w| w == b" // " || w.starts_with(b" # "));
    row.comment = f32::from(if mark > 0 { mark } else { u8::from(inner) * 9 });
    row.list_item = f32::from(
        u8::from(body.starts_with(b"- "))
            + 2 * u8::from(body.starts_with(b"* "))
            + 3 * u8::from(body.starts_with(b"|")),
    );
    let mut first = 0.0;
    words::each(&before[..before.len().min(80)], |set, _, _| {
        if first == 0.0 {
            first = if set == 0 { 40.0 } else { set.trailing_zeros() as f32 + 1.0 };
        }
        row.declaration += f32::from(u8::from(has(set, Class::Lang)));
    });
    row.first_word = first;
}

/// Counts the classes of the words round a proposal, and gathers the words for the linear model.
fn count_words(
    hay: &[u8],
    p: &Proposal,
    row: &mut Row,
    (window, line): (Span, Span),
    line_classes: &mut [f32],
    window_classes: &mut [f32],
) -> Words {
    let mut said = Words::new();
    add_joints(hay, p, &mut said, window);
    let (mut before, mut before_end) = (0, line.start);
    words::each_hashed(window.of(hay), |hash, start, end| {
        let at = window.start + start;
        let set = words::shared_classes(hash);
        if has(set, Class::User) && at != p.value.start {
            user_value(hay, p, row, Span::new(window.start + end, window.end));
        }
        let on_line = line.start <= at && at < line.end;
        if p.value.start <= at && at < p.value.end {
            (before, before_end) = (VALUE, p.value.end);
            return;
        }
        if on_line {
            let signs = fold(&hay[before_end.min(at)..at], before.rotate_left(9));
            said.add(Place::Pair, signs ^ hash);
            (before, before_end) = (hash, window.start + end);
        }
        if p.key.start <= at && at < p.key.end {
            return said.add(Place::Key, hash);
        }
        let side = if at < p.value.start { Place::Before } else { Place::After };
        said.add(if on_line { side } else { Place::Window }, hash);
        for class in words::members(set) {
            window_classes[class] += 1.0;
            line_classes[class] += f32::from(u8::from(on_line));
        }
    });
    said
}

/// Stands for the value, which the linear model does not see, among the words of its line.
const VALUE: u32 = 0x5eed;

/// A hash of up to four signs; letters and digits are alike, blanks are nothing.
fn fold(signs: &[u8], seed: u32) -> u32 {
    signs.iter().filter(|b| !b.is_ascii_whitespace()).take(4).fold(seed, |hash, &byte| {
        let byte = if byte.is_ascii_alphanumeric() { b'a' } else { byte };
        (hash ^ u32::from(byte)).wrapping_mul(16_777_619)
    })
}

/// The signs just before and after the value, the form of the pair, and the first characters of the value by their sort.
fn add_joints(hay: &[u8], p: &Proposal, said: &mut Words, window: Span) {
    let start = p.value.start.saturating_sub(4).max(window.start).min(p.value.start);
    let end = p.value.end.min(window.end);
    said.add(Place::Joint, fold(&hay[start..p.value.start], 1));
    said.add(Place::Joint, fold(&hay[end..(end + 4).min(window.end)], 2));
    said.add(Place::Form, p.kind as u32 * 1024 + p.operator as u32 * 16 + p.quote as u32);
    let sorts = p.value.of(hay).iter().take(12).map(|byte| match byte {
        b'a'..=b'z' => b'a',
        b'A'..=b'Z' => b'A',
        b'0'..=b'9' => b'0',
        other => *other,
    });
    said.add(Place::Shape, sorts.fold(3, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(16_777_619)));
}

/// The words round a proposal, as buckets of the linear model.
pub(super) fn wording(hay: &[u8], p: &Proposal) -> Vec<u16> {
    let mut classes = [[0.0; words::SHARED]; 2];
    let [line_classes, window_classes] = &mut classes;
    let places = places(hay, p);
    count_words(hay, p, &mut Row::default(), places, line_classes, window_classes).buckets().to_vec()
}

fn in_window(hay: &[u8], row: &mut Row, window: Span) {
    let text = window.of(hay);
    let mut counts = [0_u16; 256];
    for &byte in text {
        counts[usize::from(byte)] += 1;
    }
    let n = text.len().max(1) as f32;
    let sum = |counts: &[u16]| f32::from(counts.iter().sum::<u16>());
    let of = |bytes: &[u8]| f32::from(bytes.iter().map(|&b| counts[usize::from(b)]).sum::<u16>()) / n * 100.0;
    row.high_bytes = sum(&counts[128..]) / n;
    row.lines = of(b"\n");
    row.line_mean = n / (f32::from(counts[usize::from(b'\n')]) + 1.0);
    row.quotes = of(b"\"") - of(b"'");
    row.parens = of(b"()");
    row.semicolons = of(b";");
    row.equals = of(b"=");
    row.colons = of(b":");
    row.angles = of(b"<>");
    row.hashes = of(b"#");
    row.pipes = of(b"|");
    row.backticks = of(b"`");
    row.commas = of(b",");
    row.tabs = of(b"\t");
    row.templates = of(b"{}$%");
    row.digits_share = of(b"0123456789");
    row.hex_share = of(b"abcdefABCDEF");
    row.upper_share = sum(&counts[65..91]) / n;
}

/// How many other long runs of hexadecimal digits there are, as in tables of test vectors.
fn hex_runs(hay: &[u8], p: &Proposal, window: Span) -> usize {
    let before = Span::new(window.start, p.value.start.max(window.start));
    let after = Span::new(p.value.end.min(window.end), window.end);
    let runs = |part: &[u8]| {
        stretches(part, 20, |b| b.is_ascii_hexdigit())
            .filter(|run| part[run.clone()].iter().any(u8::is_ascii_digit))
            .count()
    };
    runs(before.of(hay)) + runs(after.of(hay))
}

/// The lines before and after: do they look like this one, and are their values literals or references?
fn neighbours(hay: &[u8], p: &Proposal, row: &mut Row, window: Span, line: Span) {
    let own = outline(line.of(hay));
    let prev_end = line.start.saturating_sub(1).max(window.start);
    let prev = Span::new(lex::line_start(hay, prev_end, window.start), prev_end);
    let next_start = (line.end + 1).min(window.end);
    let next = Span::new(next_start, lex::line_end(hay, next_start, window.end));
    let (a, b) = (outline(prev.of(hay)), outline(next.of(hay)));
    row.prev_like =
        f32::from(u8::from(a.operator != 0 && a.operator == own.operator) + u8::from(a.indent == own.indent));
    row.next_like =
        f32::from(u8::from(b.operator != 0 && b.operator == own.operator) + u8::from(b.indent == own.indent));
    (row.prev_literal, row.prev_reference) = (f32::from(a.literal), f32::from(a.reference));
    (row.next_literal, row.next_reference) = (f32::from(b.literal), f32::from(b.reference));
    let text = window.of(hay);
    let value = p.value.of(hay);
    if value.len() <= 120 && value.len() >= 4 {
        row.value_again = times(text, value) as f32;
    }
    row.key_again = times(text, p.key.of(hay)) as f32;
}

/// How often a part stands in a text, side by side. Made for short texts: no table is made first.
fn times(text: &[u8], part: &[u8]) -> usize {
    let [first, rest @ ..] = part else { return text.len() + 1 };
    let (mut count, mut from) = (0, 0);
    while let Some(at) = memchr::memchr(*first, &text[from..]) {
        from += at + 1;
        if text[from..].starts_with(rest) {
            count += 1;
            from += rest.len();
        }
    }
    count
}

#[derive(Default)]
struct Outline {
    operator: u8,
    indent: usize,
    literal: u8,
    reference: u8,
}

/// The first operator of a line, and whether a literal or a name follows it.
fn outline(line: &[u8]) -> Outline {
    let indent = line.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    let Some(at) = line.iter().position(|b| matches!(b, b'=' | b':' | b'(')) else {
        return Outline { indent, ..Outline::default() };
    };
    let rest = line[at + 1..].trim_ascii_start();
    let rest = rest.strip_prefix(b">").unwrap_or(rest).trim_ascii_start();
    let first = rest.first().copied().unwrap_or(0);
    let literal = match first {
        b'"' | b'\'' | b'`' => 2,
        b'0'..=b'9' => 1,
        _ => 0,
    };
    let reference = match first {
        b'$' | b'{' | b'%' | b'<' => 2,
        _ if first.is_ascii_alphabetic() => 1 + u8::from(rest.iter().any(|b| matches!(b, b'(' | b'.' | b'['))) * 2,
        _ => 0,
    };
    Outline { operator: line[at], indent, literal, reference }
}

/// What a user's name nearby is set to: a literal, a variable, or just what the proposal's value is.
fn user_value(hay: &[u8], p: &Proposal, row: &mut Row, rest: Span) {
    let text = rest.of(hay);
    let text = &text[..text.len().min(48)];
    let between = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'"' | b'\'' | b'\\' | b' ' | b']');
    let Some(at) = text.iter().position(|b| !between(b)) else { return };
    if !matches!(text[at], b'=' | b':' | b',' | b'(') {
        return;
    }
    let after = text[at + 1..].trim_ascii_start();
    let after = after.strip_prefix(b">").unwrap_or(after).trim_ascii_start();
    let literal = after.strip_prefix(b"\\").unwrap_or(after);
    let value = p.value.of(hay);
    let same = |text: &[u8]| text.starts_with(value) && !text.get(value.len()).is_some_and(u8::is_ascii_alphanumeric);
    match literal.first() {
        Some(b'"' | b'\'' | b'`') => {
            row.user_literal += 1.0;
            row.user_equal = row.user_equal.max(f32::from(u8::from(same(&literal[1..]))));
        }
        Some(b) if b.is_ascii_alphabetic() => {
            row.user_bare += 1.0;
            row.user_equal = row.user_equal.max(f32::from(u8::from(same(after))));
        }
        _ => {}
    }
}

/// The other parts of a URL: user and host.
fn url(hay: &[u8], p: &Proposal, row: &mut Row, window: Span) {
    let value = p.value.of(hay);
    let before = &hay[window.start..p.value.start];
    if let Some(user) = before.strip_suffix(b":") {
        let stop = |b: &u8| !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'-' | b'.');
        let user = &user[user.iter().rposition(stop).map_or(0, |i| i + 1)..];
        row.user_part_equal = f32::from(u8::from(user == value)) + 2.0 * f32::from(u8::from(user.is_empty()));
        words::each(user, |set, _, _| {
            let plain = has(set, Class::User) || has(set, Class::Placeholder) || has(set, Class::Trivial);
            row.user_part_known = row.user_part_known.max(if plain { 2.0 } else { f32::from(u8::from(set != 0)) });
        });
    }
    let host = &hay[(p.value.end + 1).min(window.end)..window.end.min(p.value.end + 60)];
    let stop = |b: &u8| !b.is_ascii_alphanumeric() && !matches!(b, b'_' | b'-' | b'.');
    let host = host[..host.iter().position(stop).unwrap_or(host.len())].to_ascii_lowercase();
    let any = |words: &[&str]| words.iter().any(|w| holds(&host, w.as_bytes()));
    let local = any(&["localhost", "127.0.0.1", "0.0.0.0"]) || !host.contains(&b'.');
    row.host_local = f32::from(u8::from(local));
    row.host_example = f32::from(u8::from(any(&["example", "host", "foo", "bar", "test", "domain", "your", "server"])));
}

/// What the path says; nothing where it is empty.
pub(super) fn path(path: &[u8], row: &mut Row) {
    if path.is_empty() {
        return;
    }
    let file = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    row.language = f32::from(language(file));
    let mut found = 0;
    words::each_of_path(path, |set, _, _| found |= set);
    let flag = |class| f32::from(u8::from(has(found, class)));
    row.path_test = flag(Class::PathTest);
    row.path_example = flag(Class::PathExample);
    row.path_doc = flag(Class::PathDoc);
    row.path_vendor = flag(Class::PathVendor);
    row.path_config = flag(Class::PathConfig);
    row.path_locale = flag(Class::PathLocale);
    row.path_deploy = flag(Class::PathDeploy);
    row.path_template = flag(Class::PathTemplate);
    row.path_source = flag(Class::PathSource);
    row.path_secret = flag(Class::PathSecret);
    row.path_depth = path.iter().filter(|&&b| b == b'/').count() as f32;
}

/// Whether the path is of a configuration file by its name.
pub(super) fn is_configuration(path: &[u8]) -> bool {
    let file = path.rsplit(|&b| b == b'/').next().unwrap_or(path);
    matches!(language(file), 16..=20) || file.starts_with(b".env")
}

const LANGUAGES: &[(u8, &[&str])] = &[
    (1, &["js", "jsx", "mjs", "cjs", "coffee"]),
    (2, &["ts", "tsx", "mts"]),
    (3, &["py", "ipynb", "pyw"]),
    (4, &["java"]),
    (5, &["kt", "kts", "scala", "groovy", "gradle", "clj"]),
    (6, &["go"]),
    (7, &["rb", "rake", "gemspec"]),
    (8, &["php", "inc", "phtml"]),
    (9, &["cs", "vb", "fs", "cshtml"]),
    (10, &["c", "cc", "cpp", "cxx", "h", "hpp", "m", "mm"]),
    (11, &["rs", "swift", "dart", "zig"]),
    (12, &["hs", "ml", "ex", "exs", "erl", "lua", "pl", "pm", "t", "r", "jl"]),
    (13, &["sh", "bash", "zsh", "fish", "ps1", "bat", "cmd"]),
    (14, &["sql", "ldif"]),
    (15, &["html", "htm", "erb", "haml", "jsp", "vue", "svelte", "hbs", "ejs", "pug", "twig"]),
    (16, &["xml", "plist", "config", "csproj", "props", "resx", "xaml"]),
    (17, &["json", "json5", "jsonc"]),
    (18, &["yml", "yaml"]),
    (19, &["toml", "ini", "cfg", "conf", "properties", "cnf", "env"]),
    (20, &["example", "template", "sample", "dist", "tpl", "j2", "in", "tmpl", "default"]),
    (21, &["md", "rst", "adoc", "txt", "asciidoc", "markdown"]),
    (22, &["tf", "hcl", "tfvars", "nix"]),
    (23, &["lock", "sum"]),
    (24, &["css", "less", "scss"]),
    (25, &["har", "log", "cast", "out"]),
];

fn language(file: &[u8]) -> u8 {
    let Some(dot) = file.iter().rposition(|&b| b == b'.') else { return 26 };
    let ext = &file[dot + 1..];
    LANGUAGES.iter().find(|(_, list)| list.iter().any(|e| e.as_bytes().eq_ignore_ascii_case(ext))).map_or(27, |l| l.0)
}
