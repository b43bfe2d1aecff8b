//! Colours, widths, and a line cut to the terminal.

use anstyle::{AnsiColor, Style};

use super::super::json::Excerpt;
use crate::model::Severity;

pub(in super::super) struct Paint {
    pub(in super::super) color: bool,
}

impl Paint {
    fn with(&self, style: Style, text: &str) -> String {
        if self.color { format!("{}{text}{}", style.render(), style.render_reset()) } else { text.to_owned() }
    }

    pub(in super::super) fn bold(&self, text: &str) -> String {
        self.with(Style::new().bold(), text)
    }

    pub(super) fn dim(&self, text: &str) -> String {
        self.with(Style::new().dimmed(), text)
    }

    pub(super) fn gutter(&self, text: &str) -> String {
        self.with(AnsiColor::Blue.on_default().bold(), text)
    }

    pub(super) fn good(&self, text: &str) -> String {
        self.with(AnsiColor::Green.on_default().bold(), text)
    }

    pub(in super::super) fn severity(&self, severity: Severity, text: &str) -> String {
        let style = match severity {
            Severity::Critical => AnsiColor::Red.on_default().bold(),
            Severity::High => AnsiColor::Red.on_default(),
            Severity::Medium => AnsiColor::Yellow.on_default(),
            Severity::Low => AnsiColor::Cyan.on_default(),
            Severity::Info => AnsiColor::Blue.on_default(),
        };
        self.with(style, text)
    }
}

/// An excerpt that fits, in three parts.
pub(super) struct Line {
    /// All of it.
    pub(super) text: String,
    /// What stands before the secret.
    pub(super) before: String,
    /// The (masked) secret.
    pub(super) secret: String,
}

/// Cuts the excerpt to `room` columns round its secret, `...` where something is missing.
pub(super) fn clip(excerpt: &Excerpt, room: usize) -> Line {
    let chars: Vec<char> = excerpt.text.chars().collect();
    let end = (excerpt.end as usize).min(chars.len());
    let start = (excerpt.start as usize).min(end);
    let width = |c: &char| columns_of(*c);
    // A secret in clear may be longer than the terminal.
    let secret: String = chars[start..end].iter().collect();
    let rest = room.saturating_sub(columns(&secret) + 6);
    let (mut from, mut to, mut used) = (start, end, 0);
    let mut limit = |at: &mut usize, step: isize, budget: usize| loop {
        let next = if step < 0 { at.checked_sub(1) } else { Some(*at) };
        let Some(c) = next.and_then(|next| chars.get(next)) else { break };
        if used + width(c) > budget {
            break;
        }
        used += width(c);
        *at = at.wrapping_add_signed(step);
    };
    limit(&mut from, -1, rest / 3 * 2);
    limit(&mut to, 1, rest);
    limit(&mut from, -1, rest);
    let lead = if from > 0 || excerpt.cut_before { "..." } else { "" };
    let tail = if to < chars.len() || excerpt.cut_after { "..." } else { "" };
    let before: String = lead.chars().chain(chars[from..start].iter().copied()).collect();
    let after: String = chars[end..to].iter().collect();
    Line { text: format!("{before}{secret}{}{tail}", after.trim_end()), before, secret }
}

/// Columns of a terminal that the text takes.
pub(in super::super) fn columns(text: &str) -> usize {
    text.chars().map(columns_of).sum()
}

/// East Asian wide characters and emoji take two, combining marks none: near enough to put a caret under a secret.
fn columns_of(c: char) -> usize {
    match c as u32 {
        0x300..=0x36f | 0x483..=0x489 | 0x591..=0x5bd | 0x64b..=0x65f | 0x20d0..=0x20ff | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f | 0x2e80..=0x303e | 0x3041..=0xa4cf | 0xac00..=0xd7a3 | 0xf900..=0xfaff => 2,
        0xfe30..=0xfe6f | 0xff00..=0xff60 | 0xffe0..=0xffe6 | 0x1f300..=0x1f64f | 0x1f900..=0x1f9ff => 2,
        0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::{Excerpt, clip, columns};

    #[test]
    fn a_long_line_is_cut_round_its_secret() {
        let text = format!("{}********{}", "a".repeat(300), "b".repeat(300));
        let excerpt = Excerpt { text, start: 300, end: 308, ..Excerpt::default() };
        let line = clip(&excerpt, 80);
        assert!(columns(&line.text) <= 80, "{}", line.text);
        assert_eq!(line.secret, "********");
        assert!(line.before.starts_with("...a") && line.text.ends_with("b..."), "{}", line.text);
        let whole = clip(&excerpt, usize::MAX);
        assert_eq!(columns(&whole.text), 608);
    }

    #[test]
    fn carets_stand_under_wide_characters() {
        assert_eq!(columns("日本x"), 5);
        assert_eq!(columns("e\u{301}"), 1);
    }
}
