//! Makes sure that a range is all there: checks it against the ends of a shallow clone, and fetches what is missing where
//! that is allowed.

use std::process::Command;

use anyhow::{Result, bail};
use stanch::source::git::{
    GitError, Repo,
    changes::range::{Range as Commits, RangeQuery},
};

use super::resolve::{End, Range};

/// Commits to go deeper by, doubled each time: 50, 100, … 51,200 in eleven steps.
const STEP: u32 = 50;
const STEPS: u32 = 11;

/// A range that is here from end to end.
#[derive(Debug)]
pub(crate) struct Checked {
    pub(crate) base: String,
    pub(crate) head: String,
    pub(crate) query: RangeQuery,
    pub(crate) commits: Commits,
}

/// Finds both ends and walks the range. `fetch` says that the remote may be asked.
///
/// # Errors
/// Why the range cannot be told, with the cure.
pub(crate) fn check(range: &Range, fetch: bool) -> Result<Checked> {
    let head = end(&range.head, "head", fetch)?;
    let base = end(&range.base, "base", fetch)?;
    let query = RangeQuery { tips: vec![head.clone()], without: vec![base.clone()], ..RangeQuery::default() };
    let commits = walk(&query, fetch)?;
    Ok(Checked { base, head, query, commits })
}

/// Walks a range, going deeper where that is allowed.
///
/// # Errors
/// As [`check`].
pub(crate) fn walk(query: &RangeQuery, fetch: bool) -> Result<Commits> {
    for step in 0..=STEPS {
        // Fetching changes packs and the list of shallow commits, so the repository is opened anew.
        match Repo::from_env()?.range(query) {
            Ok(commits) => return Ok(commits),
            Err(error @ GitError::Shallow { .. }) if !fetch || step == STEPS => {
                let cure = if fetch { "" } else { "; or allow me to: --deepen" };
                bail!("{error}{cure}");
            }
            Err(GitError::Shallow { .. }) => {
                let by = format!("--deepen={}", STEP << step);
                // Only what is asked for is deepened, so the ends are asked for; not every server answers to ids.
                let ids = query.tips.iter().chain(&query.without).map(String::as_str);
                let arguments: Vec<&str> = ["--no-tags", &by, "origin"].into_iter().chain(ids).collect();
                git_fetch(&arguments).or_else(|_| git_fetch(&["--no-tags", &by, "origin"]))?;
            }
            Err(error) => return Err(error.into()),
        }
    }
    bail!("the clone is still shallow after {STEPS} steps")
}

/// The first revision of an end that is here, fetched if need be.
fn end(end: &End, what: &str, fetch: bool) -> Result<String> {
    let here = |rev: &String| {
        let repo = Repo::from_env().ok()?;
        let object = repo.git().revparse_single(rev).ok()?;
        object.peel_to_commit().ok().map(|commit| commit.id().to_string())
    };
    // Without leave to fetch, the best revision that is here; with leave, the best of all.
    let first = end.revs.first();
    if let Some(id) = first.and_then(here) {
        return Ok(id);
    }
    if fetch {
        for name in &end.fetch {
            // As deep as what is here: a fetch without depth into a shallow clone could take the whole history.
            let at = format!("+{name}:refs/stanch/fetched");
            let shallow = Repo::from_env().is_ok_and(|repo| !repo.shallow().is_empty());
            let depth = format!("--depth={STEP}");
            let mut arguments = vec!["--no-tags"];
            arguments.extend(shallow.then_some(depth.as_str()));
            arguments.extend(["origin", at.as_str()]);
            if git_fetch(&arguments).is_ok()
                && let Some(id) = here(&"refs/stanch/fetched".to_owned())
            {
                drop_ref();
                return Ok(id);
            }
        }
    }
    match end.revs.iter().find_map(here) {
        Some(id) => Ok(id),
        None => {
            let names = end.revs.join(", ");
            let cure =
                if fetch { "" } else { "; fetch it first (fetch-depth: 0, GIT_DEPTH: 0), or allow me to: --deepen" };
            bail!(
                "the {what} of the range is not here: {}{cure}",
                if names.is_empty() { "nothing names it" } else { &names }
            )
        }
    }
}

fn drop_ref() {
    // It was only a way to name what was fetched; the objects stay.
    if let Ok(repo) = Repo::from_env()
        && let Ok(mut reference) = repo.git().find_reference("refs/stanch/fetched")
    {
        let _ = reference.delete();
    }
}

/// Fetches from `origin`, with all that a repository's configuration could make git run turned off.
fn git_fetch(arguments: &[&str]) -> Result<()> {
    let hardened = [
        "-c",
        "core.hooksPath=/dev/null",
        "-c",
        "core.fsmonitor=false",
        "-c",
        "protocol.ext.allow=never",
        "-c",
        "gc.auto=0",
    ];
    let mut command = Command::new("git");
    command
        .args(hardened)
        .args(["fetch", "--quiet", "--no-recurse-submodules", "--no-write-fetch-head"])
        .args(arguments);
    let output = command.env("GIT_TERMINAL_PROMPT", "0").output()?;
    if !output.status.success() {
        bail!("git fetch: {}", String::from_utf8_lossy(&output.stderr).lines().last().unwrap_or("failed"));
    }
    Ok(())
}
