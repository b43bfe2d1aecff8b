//! What a stopped commit or push shows: ten lines at most, nothing in clear.

use stanch::{
    model::Outcome,
    report::{
        self, Style,
        json::{Document, Finding},
        redact::visible,
    },
};

use super::event::Event;

/// Findings that are named one by one.
const NAMED: usize = 4;
/// Lines, so that what was stopped and why is seen at once.
const MOST: usize = 10;
/// Columns of one line: what a terminal has, roughly.
const WIDTH: usize = 118;

/// The lines.
pub(crate) fn lines(event: Event, outcome: &Outcome) -> Vec<String> {
    let document = report::document(outcome, &Style::default());
    let leaks: Vec<&Finding> = document.findings.iter().filter(|finding| finding.kind.is_leak()).collect();
    let count = leaks.len();
    let noun = if count == 1 { "secret" } else { "secrets" };
    let mut lines = vec![format!("stanch: {count} {noun} in {}, which was stopped:", event.subject())];
    lines.extend(leaks.iter().take(NAMED).map(|finding| cut(&one(event, finding))));
    if count > NAMED {
        lines.push(format!("  and {} more; all of them: {}", count - NAMED, all(event)));
    }
    // Two more lines follow.
    let room = MOST - 2 - lines.len();
    lines.extend(wrapped(&format!("fix:   {} {}", fix(event), remedy(&document, &leaks)), room));
    if event != Event::CommitMsg {
        lines.push(
            "allow: a comment on that line, `stanch:allow WHY`; or an [[allow]] entry with a reason in stanch.toml"
                .to_owned(),
        );
    }
    lines.extend(skip(event).map(str::to_owned));
    lines
}

fn one(event: Event, finding: &Finding) -> String {
    let Some(first) = finding.occurrences.first() else { return String::new() };
    let place = if event == Event::CommitMsg { "commit message".to_owned() } else { first.place.shown() };
    let more = match finding.occurrences.len() {
        1 => String::new(),
        places => format!(" (and {} more places)", places - 1),
    };
    let commit = first.place.commit.as_ref().map_or(String::new(), |commit| {
        let gone = if commit.at_head == Some(false) { ", taken out again later, but still in that commit" } else { "" };
        format!("  in commit {}{gone}", commit.id.get(..10).unwrap_or(&commit.id))
    });
    format!("  {place}:{}  {}  {}{commit}{more}{}", first.line, finding.rule, finding.secret, first.origin())
}

fn fix(event: Event) -> &'static str {
    match event {
        Event::PreCommit | Event::PreMergeCommit => "take it out of the file and `git add` it again.",
        Event::CommitMsg => "write the message without it.",
        Event::PrePush => {
            "take it out of the commit itself (git commit --amend, git rebase -i): a later commit does not undo it."
        }
        Event::PreReceive | Event::Update => {
            "take it out of the commit itself (git commit --amend, git rebase -i) and push again."
        }
    }
}

/// What to do about the worst of them.
fn remedy(document: &Document, leaks: &[&Finding]) -> String {
    let worst = leaks.iter().max_by_key(|finding| finding.severity);
    let rule = worst.and_then(|finding| document.rules.iter().find(|rule| rule.id == finding.rule));
    rule.map_or(String::new(), |rule| format!("If anybody may have seen it: {}", rule.remediation))
}

fn all(event: Event) -> &'static str {
    match event {
        Event::PreCommit | Event::PreMergeCommit => "stanch scan --staged",
        _ => "stanch scan --range BASE..HEAD",
    }
}

fn skip(event: Event) -> Option<&'static str> {
    match event {
        Event::PreCommit | Event::CommitMsg => {
            Some("skip:  git commit --no-verify (then the secret is in your history)")
        }
        Event::PreMergeCommit => Some("skip:  git merge --no-verify (then the secret is in your history)"),
        Event::PrePush => Some("skip:  git push --no-verify (then the secret is out)"),
        Event::PreReceive | Event::Update => None,
    }
}

/// Lines of words, the first at the margin, as many as there is room for.
fn wrapped(text: &str, room: usize) -> Vec<String> {
    let text = visible(text.as_bytes());
    let mut lines: Vec<String> = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is always one");
        if line.chars().count() + 1 + word.chars().count() <= WIDTH || lines.len() == room {
            let line = lines.last_mut().expect("there is always one");
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        } else {
            lines.push(format!("       {word}"));
        }
    }
    lines.iter().map(|line| cut(line)).collect()
}

fn cut(line: &str) -> String {
    let line = visible(line.as_bytes());
    if line.chars().count() <= WIDTH {
        return line.into_owned();
    }
    let mut short: String = line.chars().take(WIDTH - 1).collect();
    short.push('…');
    short
}
