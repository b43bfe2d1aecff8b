//! What a push brings: the lines that git tells its hooks, and the range they stand for.

use std::io::Read;

use anyhow::{Context, Result};
use stanch::{
    model::BlobId,
    source::git::{
        Repo,
        changes::range::{Range, RangeQuery},
    },
};

/// More would be no push that anybody makes: 64 bytes of ids and a name, a million times.
const MAX_INPUT: u64 = 256 << 20;

/// One ref of a push.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct RefUpdate {
    /// What it is to be; `None` if it is taken away.
    pub(crate) new: Option<String>,
    /// What it was on the other side (pre-push) or here (pre-receive); `None` if it was not there.
    pub(crate) old: Option<String>,
    /// Its name on the side that receives.
    pub(crate) name: String,
}

/// What there is to scan of a push.
#[derive(Debug, Default)]
pub(crate) struct Pushed {
    /// The commits, where there are any.
    pub(crate) query: Option<RangeQuery>,
    /// What there is besides: blobs that a tag or ref names without any commit, and what no ref leads to.
    pub(crate) objects: Vec<BlobId>,
}

/// Reads all lines of standard input: a push may have many refs, and any of them may bring the secret.
pub(crate) fn read_input() -> Result<String> {
    let mut text = Vec::new();
    std::io::stdin().lock().take(MAX_INPUT).read_to_end(&mut text).context("cannot read standard input")?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn id(text: &str) -> Option<String> {
    let is_zero = text.bytes().all(|byte| byte == b'0');
    (!is_zero).then(|| text.to_owned())
}

/// The lines of a pre-push hook: `<local ref> <local id> <remote ref> <remote id>`.
pub(crate) fn pre_push(input: &str) -> Result<Vec<RefUpdate>> {
    let lines = input.lines().filter(|line| !line.trim().is_empty());
    let parse = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        // A local side may be an expression with spaces in it; the last three never are.
        let [.., new, name, old] = words[..] else {
            anyhow::bail!("pre-push: `{line}` is not what git tells this hook")
        };
        Ok(RefUpdate { new: id(new), old: id(old), name: name.to_owned() })
    };
    lines.map(parse).collect()
}

/// The lines of a pre-receive hook: `<old id> <new id> <ref>`.
pub(crate) fn pre_receive(input: &str) -> Result<Vec<RefUpdate>> {
    let lines = input.lines().filter(|line| !line.trim().is_empty());
    let parse = |line: &str| {
        let mut words = line.splitn(3, ' ');
        let (Some(old), Some(new), Some(name)) = (words.next(), words.next(), words.next()) else {
            anyhow::bail!("pre-receive: `{line}` is not what git tells this hook")
        };
        Ok(RefUpdate { new: id(new), old: id(old), name: name.to_owned() })
    };
    lines.map(parse).collect()
}

/// What is to be scanned before a push to `remote`.
pub(crate) fn to_remote(repo: &Repo, updates: &[RefUpdate], remote: &str) -> Pushed {
    let (commits, objects) = tips(repo, updates);
    let there = updates.iter().filter_map(|update| update.old.clone()).collect();
    let mut query = RangeQuery::pushed(commits, there, remote);
    if repo.git().find_remote(remote).is_err() {
        // A push to an address: nobody knows what is there, but what any remote has is no secret of this push.
        query.without_remotes = repo.git().remotes().map(names).unwrap_or_default();
    }
    Pushed { query: (!query.tips.is_empty()).then_some(query), objects }
}

fn names(remotes: git2::string_array::StringArray) -> Vec<String> {
    remotes.iter().flatten().flatten().map(str::to_owned).collect()
}

/// What is to be scanned before a push is taken: what no ref of this repository has yet, and what came along with it.
pub(crate) fn received(repo: &Repo, updates: &[RefUpdate]) -> Result<Pushed> {
    let (commits, mut objects) = tips(repo, updates);
    let mut here = Vec::new();
    for reference in repo.git().references()?.flatten() {
        here.extend(reference.target().map(|id| id.to_string()));
    }
    here.sort_unstable();
    here.dedup();
    let query = RangeQuery { tips: commits, without_if_here: here, ..RangeQuery::default() };
    let query = (!query.tips.is_empty()).then_some(query);
    // A range that cannot be told is reported by its own scan.
    let reached = query.as_ref().map_or_else(|| Ok(Range::default()), |query| repo.range(query));
    objects.extend(reached.and_then(|reached| repo.unreached(&reached)).unwrap_or_default());
    objects.sort_unstable();
    objects.dedup();
    Ok(Pushed { query, objects })
}

/// The commits that the refs are to name, and what they name that is none.
fn tips(repo: &Repo, updates: &[RefUpdate]) -> (Vec<String>, Vec<BlobId>) {
    let (mut commits, mut blobs) = (Vec::new(), Vec::new());
    for new in updates.iter().filter_map(|update| update.new.as_ref()) {
        let object = git2::Oid::from_str(new).and_then(|id| repo.git().find_object(id, None));
        let blob = object.as_ref().ok().and_then(|object| object.peel(git2::ObjectType::Blob).ok());
        match blob.and_then(|object| BlobId::from_raw(object.id().as_bytes())) {
            Some(blob) => blobs.push(blob),
            // What cannot be found is for the range to complain about.
            None => commits.push(new.clone()),
        }
    }
    commits.sort_unstable();
    commits.dedup();
    (commits, blobs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_counts() {
        let (a, b, zero) = ("a".repeat(40), "b".repeat(64), "0".repeat(40));
        let input = format!(
            "refs/heads/one {a} refs/heads/one {zero}\nHEAD~2 ^ {b} refs/heads/two {a}\n\n(delete) {zero} refs/heads/three {a}\n"
        );
        let updates = pre_push(&input).unwrap();
        assert_eq!(updates[0], RefUpdate { new: Some(a.clone()), old: None, name: "refs/heads/one".into() });
        assert_eq!(updates[1], RefUpdate { new: Some(b), old: Some(a.clone()), name: "refs/heads/two".into() });
        assert_eq!(updates[2], RefUpdate { new: None, old: Some(a.clone()), name: "refs/heads/three".into() });
        assert!(pre_push("nonsense\n").is_err());

        let updates = pre_receive(&format!("{zero} {a} refs/heads/x\n{a} {zero} refs/tags/v 1\n")).unwrap();
        assert_eq!(updates[0].new.as_ref(), Some(&a));
        assert_eq!((updates[1].new.clone(), updates[1].name.as_str()), (None, "refs/tags/v 1"));
        assert!(pre_receive("a b").is_err());
    }
}
