//! Our lines in a hook file: written between two marker lines, found again by them, and taken out without a trace.

use super::event::Event;

const OPEN: &str = "# >>> stanch >>>";
const CLOSE: &str = "# <<< stanch <<<";
const SHEBANG: &str = "#!/bin/sh\n";

/// How a hook file finds the program.
pub(crate) struct Program<'p> {
    /// Where it was when the hook was installed, for programs that start git without the user's `PATH`. Left out of files
    /// that are committed.
    pub(crate) fallback: Option<&'p str>,
    /// Whether a commit is stopped where there is no program; not in files that are committed, for the sake of those who
    /// have not installed it.
    pub(crate) required: bool,
}

/// Our lines for an event.
pub(crate) fn block(event: Event, program: &Program<'_>) -> String {
    let name = event.name();
    let fallback = program.fallback.map_or("''".to_owned(), quoted);
    let missing = if program.required { "exit 1" } else { ":" };
    let (input, pipe, output) = if event.reads_input() {
        // What we read must be there again for whatever follows in the file.
        let again = "if [ -n \"$stanch_input\" ]; then exec <<STANCH_INPUT\n$stanch_input\nSTANCH_INPUT\nelse exec </dev/null; fi\n";
        ("stanch_input=$(cat)\n", "printf '%s\\n' \"$stanch_input\" | ", again)
    } else {
        ("", "", "")
    };
    format!(
        "{OPEN} written by `stanch hook install`; `stanch hook uninstall` takes it out\n\
         stanch_program=$(command -v stanch) || stanch_program={fallback}\n\
         {input}\
         if [ -x \"$stanch_program\" ]; then\n  {pipe}\"$stanch_program\" hook run {name} \"$@\" || exit $?\n\
         else\n  echo 'stanch: the program was not found, so nothing was scanned for secrets' >&2; {missing}\nfi\n\
         {output}{CLOSE}\n"
    )
}

/// A text in single quotes, as `sh` reads it.
pub(crate) fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

/// A hook file with our lines, first of all: a file that ends in `exec` or `exit` would never come to them otherwise.
pub(crate) fn insert(file: Option<&str>, block: &str) -> String {
    let Some(file) = file else { return format!("{SHEBANG}{block}") };
    let rest = remove(file).unwrap_or_else(|| file.to_owned());
    let at = if rest.starts_with("#!") { rest.find('\n').map_or(rest.len(), |end| end + 1) } else { 0 };
    let (first, rest) = rest.split_at(at);
    let newline = if first.is_empty() || first.ends_with('\n') { "" } else { "\n" };
    format!("{first}{newline}{block}{rest}")
}

/// A hook file without our lines; `None` where it has none.
pub(crate) fn remove(file: &str) -> Option<String> {
    let start = file.find(OPEN).filter(|&at| at == 0 || file.as_bytes()[at - 1] == b'\n')?;
    let close = start + file[start..].find(CLOSE)?;
    let end = file[close..].find('\n').map_or(file.len(), |newline| close + newline + 1);
    Some(format!("{}{}", &file[..start], &file[end..]))
}

/// Whether nothing is left but what [`insert`] makes of nothing.
pub(crate) fn is_bare(file: &str) -> bool {
    file.is_empty() || file == SHEBANG
}

/// Whether a text, a hook or what makes one, runs our hook.
pub(crate) fn mentions(text: &str, event: Event) -> bool {
    text.contains(&format!("stanch hook run {}", event.name()))
}

/// Whether our lines are there.
pub(crate) fn has(file: &str) -> bool {
    remove(file).is_some()
}

/// Whether lines of `sh` can be added to it.
pub(crate) fn is_shell(file: &[u8]) -> bool {
    if file.contains(&0) || std::str::from_utf8(file).is_err() {
        return false;
    }
    if !file.starts_with(b"#!") {
        return !file.starts_with(b"\x7fELF");
    }
    let first = file.split(|&byte| byte == b'\n').next().unwrap_or_default();
    let mut words =
        first[2..].split(|byte| byte.is_ascii_whitespace() || *byte == b'/').filter(|word| !word.is_empty());
    words.any(|word| [&b"sh"[..], b"bash", b"dash", b"ksh", b"zsh"].contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours(event: Event) -> String {
        block(event, &Program { fallback: Some("/opt/o'brien/stanch"), required: true })
    }

    #[test]
    fn lines_go_in_once_and_come_out_without_a_trace() {
        for file in ["#!/bin/sh\nexec lint\n", "exec lint", "#!/bin/bash\r\nset -e\r\n", ""] {
            let once = insert(Some(file), &ours(Event::PreCommit));
            assert!(once.find(OPEN) < once.find("exec lint").or(Some(usize::MAX)), "{once}");
            assert_eq!(insert(Some(&once), &ours(Event::PreCommit)), once);
            assert_eq!(remove(&once).as_deref(), Some(file));
        }
        let fresh = insert(None, &ours(Event::PrePush));
        assert!(is_bare(&remove(&fresh).unwrap()));
        assert_eq!(remove("#!/bin/sh\necho '# >>> stanch >>>'\n"), None);
    }

    #[test]
    fn only_shell_files_are_added_to() {
        for shell in ["#!/bin/sh\n", "#!/usr/bin/env bash\n", "#! /bin/dash -e\n", "npm test\n"] {
            assert!(is_shell(shell.as_bytes()), "{shell}");
        }
        for other in ["#!/usr/bin/env python3\n", "#!/usr/bin/fish\n", "\x7fELF\n"] {
            assert!(!is_shell(other.as_bytes()), "{other}");
        }
    }

    #[test]
    fn what_follows_reads_the_same_input_again() {
        let script = insert(Some("#!/bin/sh\nwhile read -r a b; do echo \"<$a $b>\"; done\n"), &ours(Event::PrePush));
        let directory = tempfile::tempdir().unwrap();
        let fake = directory.path().join("stanch");
        std::fs::write(&fake, "#!/bin/sh\ncat >\"$0.input\"\n").unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        std::fs::set_permissions(&fake, mode).unwrap();
        let path = format!("{}:/usr/bin:/bin", directory.path().display());
        for input in ["one 1\ntwo $(id)\n", ""] {
            use std::{
                io::Write,
                process::{Command, Stdio},
            };
            let mut shell = Command::new("/bin/sh")
                .args(["-c", &script])
                .env("PATH", &path)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            shell.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
            let output = shell.wait_with_output().unwrap();
            let expected: String = input.lines().map(|line| format!("<{line}>\n")).collect();
            assert_eq!(String::from_utf8(output.stdout).unwrap(), expected);
            assert_eq!(
                std::fs::read_to_string(directory.path().join("stanch.input")).unwrap().trim_end(),
                input.trim_end()
            );
        }
    }
}
