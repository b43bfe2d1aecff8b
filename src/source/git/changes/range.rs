//! Commits between two points, and the files that they bring; true set semantics.

use std::collections::{HashMap, HashSet};
use std::fs;
use std::io::{BufRead, BufReader, Read};

use bstr::{BString, ByteSlice};
use git2::ErrorCode;

use super::super::by_id::{GitSource, TreeCache, TreeSource};
use super::super::error::GitError;
use super::super::objects::object::ObjectKind;
use super::super::origin::commits::{Graph, Selection, select};
use super::super::parts::{MODE_TREE, canonical_mode, tag_target, tree_entries};
use super::super::repo::Repo;
use super::super::trees::tree_diff::{ChangedFile, TreeDiff};
use crate::model::{BlobId, Skipped};

/// Which commits are asked for.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RangeQuery {
    /// Revisions: these commits and all that they come from.
    pub tips: Vec<String>,
    /// Revisions: without these commits and all that they come from.
    pub without: Vec<String>,
    /// The same, but one that is not here is passed over: what a remote is said to have.
    pub without_if_here: Vec<String>,
    /// Without all that the remote-tracking refs of these remotes come from.
    pub without_remotes: Vec<String>,
    /// `A...B`: what the one or the other comes from, but not both.
    pub symmetric: Option<(String, String)>,
    /// The newest so many.
    pub max_count: Option<usize>,
    /// Committed at or after this moment, in seconds since 1970.
    pub since: Option<i64>,
}

impl RangeQuery {
    /// `A..B`, `A...B`, with HEAD for a side that is left out; else one revision and all that it comes from.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let side = |text: &str| if text.is_empty() { "HEAD".to_owned() } else { text.to_owned() };
        if let Some((one, other)) = text.split_once("...") {
            return Self { symmetric: Some((side(one), side(other))), ..Self::default() };
        }
        match text.split_once("..") {
            Some((base, tip)) => Self { tips: vec![side(tip)], without: vec![side(base)], ..Self::default() },
            None => Self { tips: vec![side(text)], ..Self::default() },
        }
    }

    /// What HEAD has and this commit has not.
    #[must_use]
    pub fn since_commit(commit: &str) -> Self {
        Self { tips: vec!["HEAD".to_owned()], without: vec![commit.to_owned()], ..Self::default() }
    }

    /// A branch and all that it comes from.
    #[must_use]
    pub fn branch(name: &str) -> Self {
        Self { tips: vec![name.to_owned()], ..Self::default() }
    }

    /// What a push sends to a remote: `local` and `there` are the ids that a pre-push hook reads (the local and the
    /// remote side of each line); ids of all zeros are passed over.
    #[must_use]
    pub fn pushed(local: Vec<String>, there: Vec<String>, remote: &str) -> Self {
        let without_remotes = vec![remote.to_owned()];
        Self { tips: local, without_if_here: there, without_remotes, ..Self::default() }
    }
}

/// A file that a commit of the range brings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewBlob {
    /// The file, and what was at its path before.
    pub file: ChangedFile,
    /// The first commit of the range that brings it there.
    pub commit: BlobId,
    /// Whether the range's end (one of them) still has it there; else it was removed or changed again in the range.
    pub at_end: bool,
}

/// What a range holds.
#[derive(Clone, Debug, Default)]
pub struct Range {
    /// Its commits: a parent before its child, else by committer's date, then by id.
    pub commits: Vec<BlobId>,
    /// Annotated tags that name one of them or that were asked for.
    pub tags: Vec<BlobId>,
    /// Files whose content is in no parent at their path, in the order of the commits, then by path. Each pair of path
    /// and blob stands here once.
    pub blobs: Vec<NewBlob>,
    /// Objects that could not be read.
    pub problems: Vec<Skipped>,
}

impl Repo {
    /// The commits asked for, and what they bring. Both sides of a merge count; so does content that the range itself
    /// removes again, and content that only a merge commit has.
    ///
    /// # Errors
    /// `UnknownRevision`; `Shallow` if a commit of the range has parents that a shallow clone left out, or if what it left
    /// out on the other side may hold commits that then do not belong to the range.
    pub fn range(&self, query: &RangeQuery) -> Result<Range, GitError> {
        let mut ends = Ends::default();
        self.resolve(query, &mut ends)?;
        let mut source = self.objects()?;
        let enough = query.max_count.filter(|_| query.since.is_none());
        let Selection { graph, mut chosen, missing } = select(&mut source, &ends.tips, &ends.without, enough)?;
        chosen.retain(|&number| query.since.is_none_or(|since| graph.node(number).seconds >= since));
        chosen.truncate(query.max_count.unwrap_or(usize::MAX));
        let mut problems = Vec::new();
        let shallow = self.shallow();
        let (inside, outside): (Vec<_>, Vec<_>) = missing.into_iter().partition(|(child, _)| chosen.contains(child));
        for (child, error) in inside {
            let commit = graph.node(child).id;
            if shallow.contains(&commit) {
                return Err(GitError::Shallow { commit });
            }
            problems.push(error);
        }
        for (child, _) in outside {
            let commit = graph.node(child).id;
            if shallow.contains(&commit) && graph.may_come_before(&chosen, child) {
                return Err(GitError::Shallow { commit });
            }
        }
        let order = graph.order(&chosen);
        let mut collect = Collect { trees: TreeCache::new(source), blobs: Vec::new(), seen: HashSet::new(), problems };
        order.iter().for_each(|&number| collect.commit(&graph, number));
        let commits: Vec<BlobId> = order.iter().map(|&number| graph.node(number).id).collect();
        collect.mark_ends(&graph, &ends.tips);
        self.tags_on(&commits.iter().copied().collect(), &mut ends.tags)?;
        let partial = !collect.problems.is_empty() && self.is_partial();
        let problems = collect.problems.into_iter().map(|problem| problem.into_skipped(partial)).collect();
        Ok(Range { commits, tags: ends.tags, blobs: collect.blobs, problems })
    }

    fn resolve(&self, query: &RangeQuery, ends: &mut Ends) -> Result<(), GitError> {
        for rev in &query.tips {
            ends.tips.extend(self.commit_of(rev, &mut ends.tags)?);
        }
        for rev in &query.without {
            ends.without.extend(self.commit_of(rev, &mut Vec::new())?);
        }
        for rev in &query.without_if_here {
            ends.without.extend(self.commit_of(rev, &mut Vec::new()).ok().flatten());
        }
        if let Some((one, other)) = &query.symmetric {
            let sides = (self.commit_of(one, &mut ends.tags)?, self.commit_of(other, &mut ends.tags)?);
            ends.tips.extend(sides.0.into_iter().chain(sides.1));
            if let (Some(one), Some(other)) = sides {
                let oid = |id: BlobId| git2::Oid::from_bytes(id.as_bytes());
                match self.git().merge_bases(oid(one)?, oid(other)?) {
                    Ok(bases) => ends.without.extend(bases.iter().filter_map(|base| BlobId::from_raw(base.as_bytes()))),
                    Err(error) if error.code() == ErrorCode::NotFound => {}
                    Err(error) => return Err(error.into()),
                }
            }
        }
        for remote in &query.without_remotes {
            let refs = self.git().references_glob(&format!("refs/remotes/{}/*", escape_glob(remote)))?;
            for reference in refs.flatten() {
                let commit = reference.peel_to_commit().ok();
                ends.without.extend(commit.and_then(|commit| BlobId::from_raw(commit.id().as_bytes())));
            }
        }
        Ok(())
    }

    /// The commit that a revision stands for, and the tags on the way to it; `None` for an id of zeros, which is how
    /// git spells that there is nothing.
    fn commit_of(&self, rev: &str, tags: &mut Vec<BlobId>) -> Result<Option<BlobId>, GitError> {
        if matches!(rev.len(), 40 | 64) && rev.bytes().all(|byte| byte == b'0') {
            return Ok(None);
        }
        let unknown = |why: &str| GitError::UnknownRevision { rev: rev.to_owned(), hint: self.hint(why) };
        let object = self.git().revparse_single(rev).map_err(|_| unknown(""))?;
        let mut id = BlobId::from_raw(object.id().as_bytes()).ok_or_else(|| unknown(""))?;
        let mut source = self.objects()?;
        let mut buf = Vec::new();
        while source.kind(&id) == Some(ObjectKind::Tag) {
            tags.push(id);
            source.object_of(ObjectKind::Tag, &id, &mut buf)?;
            id = tag_target(&buf).ok_or_else(|| unknown(": the tag names no object"))?;
        }
        match source.kind(&id) {
            Some(ObjectKind::Commit) => Ok(Some(id)),
            Some(kind) => Err(unknown(&format!(": it is a {}, not a commit", kind.name()))),
            None => Err(unknown("")),
        }
    }

    fn hint(&self, why: &str) -> String {
        if !why.is_empty() {
            return why.to_owned();
        }
        let shallow = !self.shallow().is_empty();
        let advice = match shallow {
            true => {
                ": the clone is shallow, so it may not have been fetched (git fetch --unshallow, or fetch-depth: 0 in CI)"
            }
            false => ": no branch, tag or object of that name is here; it may have to be fetched first",
        };
        advice.to_owned()
    }

    /// Adds the annotated tags under `refs/tags` that lead to one of the commits.
    fn tags_on(&self, commits: &HashSet<BlobId>, tags: &mut Vec<BlobId>) -> Result<(), GitError> {
        let mut source = self.objects()?;
        let mut buf = Vec::new();
        let peeled = fs::File::open(self.layout().common_dir.join("packed-refs")).is_ok_and(|file| {
            let mut line = Vec::new();
            let read = BufReader::new(file).take(200).read_until(b'\n', &mut line);
            read.is_ok() && line.contains_str("peeled")
        });
        for reference in self.git().references_glob("refs/tags/*")?.flatten() {
            let Some(mut id) = reference.target().and_then(|id| BlobId::from_raw(id.as_bytes())) else { continue };
            // A packed ref tells whether it is an annotated tag; only a loose one has to be looked at.
            let packed = || peeled && !self.layout().common_dir.join(reference.name().unwrap_or_default()).exists();
            if reference.target_peel().is_none() && (commits.contains(&id) || packed()) {
                continue;
            }
            let mut chain = Vec::new();
            while !commits.contains(&id) && source.object_of(ObjectKind::Tag, &id, &mut buf).is_ok() {
                chain.push(id);
                let Some(target) = tag_target(&buf) else { break };
                id = target;
            }
            if commits.contains(&id) {
                tags.extend(chain);
            }
        }
        tags.sort_unstable();
        tags.dedup();
        Ok(())
    }
}

/// The revisions of a query as commits.
#[derive(Default)]
struct Ends {
    tips: Vec<BlobId>,
    without: Vec<BlobId>,
    tags: Vec<BlobId>,
}

struct Collect<'repo> {
    trees: TreeCache<GitSource<'repo>>,
    blobs: Vec<NewBlob>,
    seen: HashSet<(BString, BlobId)>,
    problems: Vec<GitError>,
}

impl Collect<'_> {
    fn commit(&mut self, graph: &Graph, number: u32) {
        let node = graph.node(number);
        let Some(tree) = node.tree else {
            let why = "it names no tree".to_owned();
            return self.problems.push(GitError::Corrupt { kind: "commit", id: node.id, why });
        };
        let mut parents = Vec::new();
        for parent in &node.parents {
            let tree = match graph.get(parent) {
                Some(number) => graph.node(number).tree,
                None => self.tree_of(parent),
            };
            parents.push(tree);
        }
        let mut changed = Vec::new();
        TreeDiff::new(&mut self.trees, &mut changed, &mut self.problems).compare(&tree, &parents);
        changed.sort_by(|a, b| a.path.cmp(&b.path));
        for file in changed {
            if self.seen.insert((file.path.clone(), file.blob)) {
                self.blobs.push(NewBlob { file, commit: node.id, at_end: false });
            }
        }
    }

    /// The tree of a commit that the walk had no need to read. One that is missing was reported by the walk, or is the
    /// parent of the last commit of `--max-count`.
    fn tree_of(&mut self, commit: &BlobId) -> Option<BlobId> {
        let mut graph = Graph::default();
        match graph.read(&mut self.trees.source, commit) {
            Ok((number, _)) => graph.node(number).tree,
            Err(error) => {
                self.problems.push(error);
                None
            }
        }
    }

    fn mark_ends(&mut self, graph: &Graph, tips: &[BlobId]) {
        let mut found: HashMap<(BlobId, BString), Option<BlobId>> = HashMap::new();
        let roots: Vec<BlobId> = tips.iter().filter_map(|tip| graph.node(graph.get(tip)?).tree).collect();
        for at in 0..self.blobs.len() {
            let (path, blob) = (self.blobs[at].file.path.clone(), self.blobs[at].file.blob);
            self.blobs[at].at_end = roots.iter().any(|root| {
                let key = (*root, path.clone());
                *found.entry(key).or_insert_with(|| at_path(&mut self.trees, root, &path)) == Some(blob)
            });
        }
    }
}

/// The id at a path of a tree; `None` if there is nothing or it cannot be told.
pub(super) fn at_path<S: TreeSource>(trees: &mut TreeCache<S>, root: &BlobId, path: &[u8]) -> Option<BlobId> {
    let mut id = *root;
    let mut parts = path.split_str("/").peekable();
    while let Some(part) = parts.next() {
        let data = trees.tree(&id).ok()?;
        let entry = tree_entries(&data, id.as_bytes().len()).find(|entry| entry.name == part)?;
        if parts.peek().is_some() && canonical_mode(entry.mode) != MODE_TREE {
            return None;
        }
        id = entry.blob_id();
    }
    Some(id)
}

fn escape_glob(name: &str) -> String {
    name.chars().flat_map(|c| if "*?[\\".contains(c) { vec!['\\', c] } else { vec![c] }).collect()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::super::testing::TestRepo;
    use super::*;
    use crate::model::SkipReason;

    /// Commits as `git rev-list` has them, in our order or not.
    fn by_git(repo: &TestRepo, arguments: &[&str]) -> BTreeSet<String> {
        repo.git(&[&["rev-list"], arguments].concat()).lines().map(str::to_owned).collect()
    }

    fn range(repo: &TestRepo, query: &RangeQuery) -> Range {
        repo.open().range(query).unwrap()
    }

    fn check(repo: &TestRepo, text: &str) -> Range {
        let range = range(repo, &RangeQuery::parse(text));
        let commits: BTreeSet<String> = range.commits.iter().map(ToString::to_string).collect();
        assert_eq!(commits, by_git(repo, &[text]), "{text}");
        assert_eq!(range.problems, []);
        range
    }

    /// `path@commit` of what a range brings, with `-` for what it takes away again.
    fn brought(repo: &TestRepo, range: &Range) -> Vec<String> {
        let name = |id: &BlobId| repo.git(&["log", "-1", "--format=%s", &id.to_string()]);
        let sign = |blob: &NewBlob| if blob.at_end { "" } else { "-" };
        range.blobs.iter().map(|blob| format!("{}{}@{}", sign(blob), blob.file.path, name(&blob.commit))).collect()
    }

    /// main: base, more, merge of side (two commits, one file added and removed), evil merge of other.
    fn merged() -> TestRepo {
        let repo = TestRepo::new();
        repo.stage("kept", "kept\n");
        repo.commit("base");
        repo.git(&["tag", "base"]);
        repo.git(&["checkout", "-q", "-b", "side"]);
        repo.stage("leak", "leak\n");
        repo.stage("side", "side\n");
        repo.commit("side 1");
        repo.git(&["rm", "-q", "leak"]);
        repo.commit("side 2");
        repo.git(&["checkout", "-q", "-b", "other", "base"]);
        repo.stage("other", "other\n");
        repo.commit("other 1");
        repo.git(&["checkout", "-q", "main"]);
        repo.stage("dir/more", "more\n");
        repo.commit("more");
        repo.git(&["merge", "-q", "--no-ff", "-m", "merge side", "side"]);
        repo.git(&["merge", "-q", "--no-ff", "--no-commit", "other"]);
        repo.stage("dir/evil", "evil\n");
        repo.stage("kept", "changed in the merge\n");
        repo.commit("evil merge");
        repo
    }

    #[test]
    fn both_sides_of_merges_and_what_they_remove_again() {
        let repo = merged();
        let before = repo.state();
        let all = check(&repo, "base..");
        assert_eq!(repo.state(), before);
        let found = brought(&repo, &all);
        let want =
            ["leak@side 1", "side@side 1", "other@other 1", "dir/more@more", "dir/evil@evil merge", "kept@evil merge"];
        assert_eq!(found, want.map(|text| if text.starts_with("leak") { format!("-{text}") } else { text.to_owned() }));
        assert_eq!(all.blobs[5].file.old, [repo.id("base:kept")]);
        assert_eq!(
            brought(&repo, &check(&repo, "HEAD~1..HEAD")),
            ["other@other 1", "dir/evil@evil merge", "kept@evil merge"]
        );
        assert_eq!(brought(&repo, &check(&repo, "side..main~1")), ["dir/more@more"]);
        assert_eq!(brought(&repo, &check(&repo, "side...other")), ["-leak@side 1", "side@side 1", "other@other 1"]);
        check(&repo, "main");
        assert_eq!(check(&repo, "main..base").commits, []);
        assert_eq!(check(&repo, "HEAD..").blobs, []);
    }

    #[test]
    fn a_parent_comes_before_its_child_and_the_earlier_date_first() {
        let repo = merged();
        let range = check(&repo, "main");
        for (at, commit) in range.commits.iter().enumerate() {
            for parent in repo.git(&["rev-list", "--parents", "-1", &commit.to_string()]).split(' ').skip(1) {
                assert!(range.commits[..at].iter().any(|before| before.to_string() == parent));
            }
        }
        let order = repo.git(&["log", "--format=%s", "--reverse", "--date-order", "main"]);
        let names: Vec<String> =
            range.commits.iter().map(|id| repo.git(&["log", "-1", "--format=%s", &id.to_string()])).collect();
        assert_eq!(names, order.lines().collect::<Vec<_>>());
    }

    #[test]
    fn limits_by_count_and_date() {
        let repo = merged();
        for count in 0..=8 {
            let query = RangeQuery { max_count: Some(count), ..RangeQuery::branch("main") };
            let commits: BTreeSet<String> = range(&repo, &query).commits.iter().map(ToString::to_string).collect();
            assert_eq!(commits, by_git(&repo, &[&format!("-{count}"), "main"]), "{count}");
        }
        let dates = repo.git(&["log", "--format=%ct", "main"]);
        for date in dates.lines() {
            let query = RangeQuery { since: date.parse().ok(), max_count: Some(3), ..RangeQuery::since_commit("base") };
            let commits: BTreeSet<String> = range(&repo, &query).commits.iter().map(ToString::to_string).collect();
            assert_eq!(commits, by_git(&repo, &["-3", &format!("--since={date}"), "base..HEAD"]), "{date}");
        }
    }

    #[test]
    fn a_push_brings_what_the_remote_has_not() {
        let repo = merged();
        let remote = repo.beside("remote");
        repo.git(&["clone", "-q", "--bare", ".", remote.to_str().unwrap()]);
        repo.git(&["remote", "add", "up", remote.to_str().unwrap()]);
        repo.git(&["fetch", "-q", "up"]);
        let blob = repo.stage("pushed", "pushed\n");
        let head = repo.commit("pushed");
        repo.git(&["tag", "-a", "-m", "message", "v1"]);
        let zero = "0".repeat(40);
        let query = RangeQuery::pushed(vec![repo.id("v1").to_string(), zero.clone()], vec![zero, "7".repeat(40)], "up");
        let found = range(&repo, &query);
        assert_eq!((found.commits, found.tags), (vec![head], vec![repo.id("v1")]));
        assert_eq!(found.blobs.iter().map(|new| new.file.blob).collect::<Vec<_>>(), [blob]);
        repo.git(&["tag", "-a", "-m", "outer", "v2", "v1"]);
        let mut tags = vec![repo.id("v1"), repo.id("v2")];
        tags.sort();
        repo.git(&["tag", "light"]);
        assert_eq!(range(&repo, &RangeQuery::parse("HEAD~..")).tags, tags);
        repo.git(&["pack-refs", "--all"]);
        assert_eq!(range(&repo, &RangeQuery::parse("HEAD~..")).tags, tags);
        assert_eq!(range(&repo, &RangeQuery::parse("base..HEAD~")).tags, []);
    }

    #[test]
    fn a_shallow_boundary_inside_the_range_is_an_error() {
        let repo = TestRepo::new();
        let mut ids = Vec::new();
        for at in 0..5 {
            repo.stage("file", format!("{at}\n"));
            ids.push(repo.commit(&format!("commit {at}")));
        }
        let clone = repo.beside("clone");
        let url = format!("file://{}", repo.path.display());
        repo.git(&["clone", "-q", "--depth=3", &url, clone.to_str().unwrap()]);
        let shallow = Repo::at(&clone).unwrap();
        let run = |text: &str| shallow.range(&RangeQuery::parse(text));
        assert_eq!(run("HEAD~2..HEAD").unwrap().commits, ids[3..]);
        assert_eq!(run("HEAD~1..HEAD").unwrap().blobs.len(), 1);
        let Err(error) = run("HEAD") else { panic!("a silent pass") };
        assert!(matches!(error, GitError::Shallow { commit } if commit == ids[2]), "{error}");
        assert!(error.to_string().contains("fetch-depth: 0"));
        let Err(error) = run(&format!("{}..HEAD", ids[0])) else { panic!("a silent pass") };
        assert!(matches!(&error, GitError::UnknownRevision { .. }) && error.to_string().contains("shallow"), "{error}");
        for (count, fails) in [(2, false), (3, true), (4, true)] {
            let query = RangeQuery { max_count: Some(count), ..RangeQuery::branch("HEAD") };
            assert_eq!(shallow.range(&query).is_err(), fails, "{count}");
        }
        // Fetching the base alone cuts a full clone off there; what is here still counts.
        repo.git(&["clone", "-q", &url, repo.beside("full").to_str().unwrap()]);
        std::fs::write(repo.beside("full").join(".git/shallow"), format!("{}\n", ids[2])).unwrap();
        let full = Repo::at(&repo.beside("full")).unwrap();
        assert_eq!(full.range(&RangeQuery::parse("HEAD~1..HEAD")).unwrap().commits.len(), 1);
    }

    #[test]
    fn a_pull_request_checked_out_two_deep_does_not_pass() {
        let repo = TestRepo::new();
        repo.stage("a", "base");
        repo.commit("base");
        repo.git(&["checkout", "-q", "-b", "pull"]);
        for (at, text) in ["one", "leak", "no leak"].iter().enumerate() {
            repo.stage("b", text);
            repo.commit(&format!("pull {at}"));
        }
        repo.git(&["checkout", "-q", "main"]);
        for text in ["two", "three"] {
            repo.stage("a", text);
            repo.commit(text);
        }
        let (base, head) = (repo.id("main"), repo.id("pull"));
        repo.git(&["merge", "-q", "--no-ff", "-m", "merge", "pull"]);
        let clone = repo.beside("clone");
        let url = format!("file://{}", repo.path.display());
        repo.git(&["clone", "-q", "--depth=2", &url, clone.to_str().unwrap()]);
        let result = Repo::at(&clone).unwrap().range(&RangeQuery::parse(&format!("{base}..{head}")));
        assert!(matches!(result, Err(GitError::Shallow { commit }) if commit == head));
        assert_eq!(check(&repo, &format!("{base}..{head}")).commits.len(), 3);
    }

    #[test]
    fn unknown_names_and_missing_objects_are_told() {
        let repo = merged();
        for text in ["nonsense..HEAD", "base..nonsense", "HEAD:kept", "", "HEAD^{tree}"] {
            let result = repo.open().range(&RangeQuery::branch(text));
            assert!(matches!(&result, Err(GitError::UnknownRevision { rev, .. }) if rev == text), "{result:?}");
        }
        let missing = repo.id("side~1^{tree}").to_string();
        std::fs::remove_file(repo.path.join(".git/objects").join(&missing[..2]).join(&missing[2..])).unwrap();
        let range = repo.open().range(&RangeQuery::parse("base..")).unwrap();
        assert_eq!(range.commits.len(), 6);
        assert!(range.problems.iter().any(|problem| problem.what == format!("tree {missing}")), "{:?}", range.problems);
        assert_eq!(range.problems[0].reason, SkipReason::Corrupt("missing".to_owned()));
        let commit = repo.id("side~1").to_string();
        std::fs::remove_file(repo.path.join(".git/objects").join(&commit[..2]).join(&commit[2..])).unwrap();
        let range = repo.open().range(&RangeQuery::parse("base..")).unwrap();
        assert!(
            range.problems.iter().any(|problem| problem.what == format!("commit {commit}")),
            "{:?}",
            range.problems
        );
    }

    #[test]
    fn random_graphs_agree_with_git() {
        let mut seed = 7u32;
        let mut random = move |below: usize| {
            seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (seed >> 8) as usize % below
        };
        let repo = TestRepo::new();
        let mut commits: Vec<String> = Vec::new();
        for at in 0..60 {
            let id = repo.stage(&format!("d{}/f{}", random(3), random(4)), format!("{}", random(9))).to_string();
            assert_eq!(id.len(), 40);
            let tree = repo.git(&["write-tree"]);
            let mut arguments = vec!["commit-tree".to_owned(), tree, "-m".to_owned(), format!("{at}")];
            for _ in 0..random(3).min(commits.len()) {
                let parent = commits[commits.len() - 1 - random(commits.len().min(6))].clone();
                if !arguments.contains(&parent) {
                    arguments.extend(["-p".to_owned(), parent]);
                }
            }
            commits.push(repo.git(&arguments.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        for _ in 0..15 {
            let (base, tip) = (&commits[random(60)], &commits[random(60)]);
            let found = check(&repo, &format!("{base}..{tip}"));
            check(&repo, &format!("{base}...{tip}"));
            let mut want = BTreeSet::new();
            for commit in &found.commits {
                let id = commit.to_string();
                let parents = repo.git(&["rev-list", "--parents", "-1", &id]).split(' ').count() - 1;
                let listing = repo.git(&[
                    "diff-tree",
                    "-m",
                    "-r",
                    "--root",
                    "--no-commit-id",
                    "--no-renames",
                    "--diff-filter=AMT",
                    &id,
                ]);
                let mut count: HashMap<(String, String), usize> = HashMap::new();
                for line in listing.lines() {
                    let (meta, path) = line.split_once('\t').unwrap();
                    let blob = meta.split(' ').nth(3).unwrap();
                    *count.entry((path.to_owned(), blob.to_owned())).or_default() += 1;
                }
                want.extend(count.into_iter().filter(|(_, n)| *n == parents.max(1)).map(|(file, _)| file));
            }
            let have: BTreeSet<_> =
                found.blobs.iter().map(|new| (new.file.path.to_string(), new.file.blob.to_string())).collect();
            assert_eq!(have, want);
        }
    }
}
