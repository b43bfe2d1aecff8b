//! What git will keep of the file in which a commit message is written.

/// The line below which git drops everything, whatever the clean-up mode (`git commit --verbose`).
const SCISSORS: &str = "------------------------ >8 ------------------------";

/// The message without what git takes out: its comment lines, and all below the scissors. `cleanup` is git's
/// `commit.cleanup`, `comment` its `core.commentChar`.
pub(crate) fn kept(file: &[u8], cleanup: Option<&str>, comment: Option<&str>) -> Vec<u8> {
    let comment = match comment {
        None | Some("auto" | "") => "#",
        Some(comment) => comment,
    };
    let scissors = format!("{comment} {SCISSORS}");
    let keeps_comments = matches!(cleanup, Some("verbatim" | "whitespace" | "scissors"));
    let mut kept = Vec::with_capacity(file.len());
    for line in file.split_inclusive(|&byte| byte == b'\n') {
        if line.starts_with(scissors.as_bytes()) && cleanup != Some("verbatim") {
            break;
        }
        if keeps_comments || !line.starts_with(comment.as_bytes()) {
            kept.extend_from_slice(line);
        } else {
            // An empty line in its place keeps the numbers of the lines that follow.
            kept.push(b'\n');
        }
    }
    kept
}

#[cfg(test)]
mod tests {
    use super::kept;

    #[test]
    fn comments_and_what_is_below_the_scissors_go() {
        let file = b"subject\n# Please enter\n; no comment\n# ------------------------ >8 ------------------------\ndiff key\n";
        assert_eq!(kept(file, None, None), b"subject\n\n; no comment\n");
        assert_eq!(kept(file, Some("whitespace"), None), b"subject\n# Please enter\n; no comment\n");
        assert_eq!(kept(file, Some("verbatim"), None), file);
        assert_eq!(kept(b"a\n; b\n# c\n", None, Some(";")), b"a\n\n# c\n");
    }
}
