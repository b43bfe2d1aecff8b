//! Which commit brought something in, where it stood, which refs hold it, and whether it is gone again.

use std::collections::{BTreeSet, HashMap, HashSet};

use bstr::BString;

use super::by_id::TreeSource;
use super::commits::{CommitIndex, CommitNode, Graph};
use super::error::GitError;
use super::object::ObjectKind;
use super::parts::{CommitFields, tag_target};
use super::pruned::{NOTHING, NodeId, PrunedTrees};
use super::refs::{Tip, TipKind};
use super::repo::Repo;
use super::wanted_set::{WantedIndex, WantedSet};
use crate::model::{BlobId, CommitInfo, Skipped};

/// What to find the origin of.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Wanted {
    /// A file's content (or a directory), by id.
    Blob(BlobId),
    /// The name of a file or directory: one part of a path.
    Name(BString),
    /// A commit itself: its message, its people.
    Commit(BlobId),
    /// An annotated tag itself.
    Tag(BlobId),
}

/// Where to look.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Where histories start.
    pub tips: Vec<Tip>,
    /// Commits that nothing may lead to (they may well be all commits of the object database).
    pub dangling: Vec<BlobId>,
    /// The commit of HEAD.
    pub head: Option<BlobId>,
    /// Commits whose parents a shallow clone left out: that they are missing is no news.
    pub shallow: HashSet<BlobId>,
    /// Whether missing objects were left at a remote.
    pub partial: bool,
}

/// Where something came from.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Origin {
    /// The first commit whose tree has it while no parent's tree has it (for `Commit`: that commit). First means: held
    /// by a ref before held by a reflog only, before dangling; then a parent before its child; then the earlier
    /// committer's date; then the lower id. `None` if no commit has it.
    pub commit: Option<CommitInfo>,
    /// Its path in that commit, the first by name; empty for `Commit` and `Tag`, and if no commit has it.
    pub path: BString,
    /// Every path it stands at in any commit, sorted; at most `MAX_PATHS`.
    pub paths: Vec<BString>,
    /// Where its first commit stands in that order; the same numbers for all that is asked for at once. The highest number
    /// if no commit has it.
    pub rank: u64,
    /// All commits that brought it in, in the order above; more than one if it came back or came in on two sides.
    pub introduced_by: Vec<BlobId>,
    /// Refs whose history holds it (full names, sorted), at most `MAX_REFS`; if there are none, reflog lines, the newest
    /// of each log.
    pub refs: Vec<BString>,
    /// How many refs more there are.
    pub more_refs: usize,
    /// How it is held; `None` if nothing here leads to it.
    pub held: Option<TipKind>,
}

/// The answers, one for each thing asked for, in the same order.
#[derive(Clone, Debug, Default)]
pub struct Introduced {
    /// One for each.
    pub origins: Vec<Origin>,
    /// Commits looked at.
    pub commits: usize,
    /// Distinct trees read.
    pub trees: usize,
    /// Commits and trees that could not be read: what they hold may have an earlier origin than it was given.
    pub problems: Vec<Skipped>,
}

/// Paths kept for one thing: a file copied about more than this is no longer read path by path.
pub const MAX_PATHS: usize = 1000;
/// Refs named for one thing: mirrors of busy repositories hold ten thousands of pull requests.
pub const MAX_REFS: usize = 100;

impl Repo {
    /// All of this repository, with commits that the caller found in its object database.
    ///
    /// # Errors
    /// If the refs cannot be listed.
    pub fn scope(&self, dangling: Vec<BlobId>) -> Result<Scope, GitError> {
        let tips = self.tips()?.tips;
        Ok(Scope { tips, dangling, head: self.head(), shallow: self.shallow(), partial: self.is_partial() })
    }
}

/// Finds the origin of each thing. Reads every commit that the scope leads to and every distinct tree once, however
/// many things are asked for.
pub fn introduce(source: impl TreeSource, scope: &Scope, wanted: &[Wanted]) -> Introduced {
    let starts = |ends: &[End<'_>]| -> Vec<BlobId> {
        ends.iter().filter_map(End::commit).chain(scope.head).chain(scope.dangling.iter().copied()).collect()
    };
    search(source, scope, wanted, |source, ends| {
        let mut graph = Graph::default();
        let problems = graph.read_all(source, starts(ends), &scope.shallow);
        (graph, problems)
    })
}

/// The same for a caller that has read all commits of the object database already, in whatever order: what dangles is
/// among them, and no commit is read again but those that are answers.
pub fn introduce_among(
    source: impl TreeSource,
    scope: &Scope,
    commits: Vec<CommitNode>,
    wanted: &[Wanted],
) -> Introduced {
    search(source, scope, wanted, |_, _| Graph::of(commits, &scope.shallow))
}

fn search<S: TreeSource>(
    mut source: S,
    scope: &Scope,
    wanted: &[Wanted],
    graph: impl FnOnce(&mut S, &[End<'_>]) -> (Graph, Vec<GitError>),
) -> Introduced {
    let mut problems = Vec::new();
    let ends: Vec<End<'_>> = scope.tips.iter().map(|tip| End::of(tip, &mut source, &mut problems)).collect();
    let (graph, missing) = graph(&mut source, &ends);
    problems.extend(missing);
    let questions = Questions::of(wanted);
    let order = graph.order_all();
    let mut search = Search::new(&graph, &order, &ends, &questions);
    if !questions.set.is_empty() {
        search.trees(&mut source);
    }
    search.commits();
    search.ends(&mut source, &ends);
    search.head(scope.head);
    search.refs(&ends);
    let origins = search.answers(&mut source, &mut problems);
    problems.append(&mut search.pruned.problems);
    let number = |thing: &Wanted| questions.numbers[thing] as usize;
    Introduced {
        origins: wanted.iter().map(|thing| origins[number(thing)].clone()).collect(),
        commits: graph.nodes.len(),
        trees: search.pruned.trees_read(),
        problems: problems.into_iter().map(|problem| problem.into_skipped(scope.partial)).collect(),
    }
}

/// What is asked, numbered; what was asked for twice has one number.
struct Questions<'a> {
    numbers: HashMap<&'a Wanted, WantedIndex>,
    set: WantedSet,
}

impl<'a> Questions<'a> {
    fn of(wanted: &'a [Wanted]) -> Self {
        let mut numbers = HashMap::new();
        let (mut ids, mut names) = (HashMap::new(), HashMap::new());
        for thing in wanted {
            let number = numbers.len() as WantedIndex;
            let number = *numbers.entry(thing).or_insert(number);
            match thing {
                Wanted::Blob(id) => drop(ids.insert(*id, number)),
                Wanted::Name(name) => drop(names.insert(name.clone(), number)),
                Wanted::Commit(_) | Wanted::Tag(_) => {}
            }
        }
        Self { numbers, set: WantedSet::new(ids, names) }
    }
}

/// A tip, followed through annotated tags.
struct End<'a> {
    tip: &'a Tip,
    tags: Vec<BlobId>,
    target: Option<(ObjectKind, BlobId)>,
}

impl<'a> End<'a> {
    fn of(tip: &'a Tip, source: &mut impl TreeSource, problems: &mut Vec<GitError>) -> Self {
        let mut end = Self { tip, tags: Vec::new(), target: None };
        let mut buf = Vec::new();
        let mut id = tip.id;
        loop {
            match source.object(&id, &mut buf) {
                Ok(ObjectKind::Tag) if !end.tags.contains(&id) => {
                    end.tags.push(id);
                    match tag_target(&buf) {
                        Some(target) => id = target,
                        None => return end,
                    }
                }
                Ok(kind) => {
                    end.target = Some((kind, id));
                    return end;
                }
                Err(error) => {
                    // A log outlives its objects; a ref must not.
                    if tip.kind == TipKind::Ref {
                        problems.push(error);
                    }
                    return end;
                }
            }
        }
    }

    fn commit(&self) -> Option<BlobId> {
        self.target.filter(|(kind, _)| *kind == ObjectKind::Commit).map(|(_, id)| id)
    }
}

/// What is known of one wanted thing.
#[derive(Default)]
struct Trace {
    /// Where it came in, as positions in the order, with the first path there.
    introduced: Vec<(u32, BString)>,
    /// Paths, of files outside any commit too.
    paths: BTreeSet<BString>,
    /// Where a path lost it, as positions in the order.
    removed: Vec<(u32, BString)>,
    /// Paths at HEAD; `None` if that makes no sense for it.
    at_head: Option<Vec<BString>>,
    /// Ends that name it, or a tree that has it, and no commit.
    direct: Vec<usize>,
    refs: Vec<BString>,
    more_refs: usize,
    held: Option<TipKind>,
}

struct Search<'a> {
    graph: &'a Graph,
    order: &'a [CommitIndex],
    /// How each commit is held.
    held: Vec<TipKind>,
    questions: &'a Questions<'a>,
    traces: Vec<Trace>,
    pruned: PrunedTrees<'a>,
    roots: Vec<NodeId>,
    /// Whether a commit is in the history of HEAD.
    of_head: Vec<bool>,
}

impl<'a> Search<'a> {
    fn new(graph: &'a Graph, order: &'a [CommitIndex], ends: &[End<'_>], questions: &'a Questions<'a>) -> Self {
        let mut held = vec![TipKind::Dangling; graph.nodes.len()];
        let mut met = vec![false; graph.nodes.len()];
        for kind in [TipKind::Ref, TipKind::Reflog, TipKind::Pseudo] {
            let starts = ends.iter().filter(|end| end.tip.kind == kind).filter_map(|end| graph.get(&end.commit()?));
            graph.history(starts, &mut met, |number| held[number as usize] = kind);
        }
        Self {
            graph,
            order,
            held,
            traces: std::iter::repeat_with(Trace::default).take(questions.numbers.len()).collect(),
            questions,
            pruned: PrunedTrees::new(&questions.set),
            roots: vec![NOTHING; graph.nodes.len()],
            of_head: vec![false; graph.nodes.len()],
        }
    }

    /// Newest first: packs store the newest tree whole and older ones as what differs.
    fn trees(&mut self, source: &mut impl TreeSource) {
        for &number in self.order.iter().rev() {
            if let Some(tree) = &self.graph.node(number).tree {
                self.roots[number as usize] = self.pruned.node(source, tree);
            }
        }
    }

    /// Compares every commit with its parents.
    fn commits(&mut self) {
        for (at, &number) in self.order.iter().enumerate() {
            let at = at as u32;
            let root = self.roots[number as usize];
            let parents: Vec<NodeId> =
                self.graph.parents(number).iter().map(|&parent| self.roots[parent as usize]).collect();
            let mut here: HashMap<WantedIndex, BString> = HashMap::new();
            for (wanted, path) in self.pruned.beyond(root, &parents) {
                self.traces[wanted as usize].add_path(&path);
                let first = here.entry(wanted).or_insert_with(|| path.clone());
                if path < *first {
                    *first = path;
                }
            }
            for (wanted, path) in here {
                if !parents.iter().any(|&parent| self.pruned.contains(parent, wanted)) {
                    self.traces[wanted as usize].introduced.push((at, path));
                }
            }
            for &parent in &parents {
                for (wanted, path) in self.pruned.beyond(parent, &[root]) {
                    self.traces[wanted as usize].removed.push((at, path));
                }
            }
        }
        let places: HashMap<CommitIndex, u32> = self.order.iter().zip(0..).map(|(&number, at)| (number, at)).collect();
        for (&thing, &wanted) in &self.questions.numbers {
            if let Wanted::Commit(id) = thing {
                let number = self.graph.get(id);
                let trace = &mut self.traces[wanted as usize];
                trace.introduced.extend(number.map(|number| (places[&number], BString::default())));
            }
        }
    }

    /// Tips that are no commits.
    fn ends(&mut self, source: &mut impl TreeSource, ends: &[End<'_>]) {
        for (at, end) in ends.iter().enumerate() {
            for tag in &end.tags {
                if let Some(&wanted) = self.questions.numbers.get(&Wanted::Tag(*tag)) {
                    self.traces[wanted as usize].direct.push(at);
                }
            }
            let Some((kind, id)) = end.target.filter(|(kind, _)| *kind != ObjectKind::Commit) else { continue };
            if let Some(&wanted) = self.questions.numbers.get(&Wanted::Blob(id)) {
                self.traces[wanted as usize].direct.push(at);
            }
            if kind == ObjectKind::Tree && !self.questions.set.is_empty() {
                let node = self.pruned.node(source, &id);
                for (wanted, path) in self.pruned.members(node) {
                    self.traces[wanted as usize].direct.push(at);
                    self.traces[wanted as usize].add_path(&path);
                }
            }
        }
    }

    fn head(&mut self, head: Option<BlobId>) {
        let head = head.and_then(|id| self.graph.get(&id));
        let root = head.map_or(NOTHING, |number| self.roots[number as usize]);
        let mut met = vec![false; self.graph.nodes.len()];
        self.graph.history(head, &mut met, |_| {});
        self.of_head = met;
        for (thing, &wanted) in &self.questions.numbers {
            let asked = matches!(thing, Wanted::Blob(_) | Wanted::Name(_));
            self.traces[wanted as usize].at_head = asked.then(Vec::new);
        }
        for (wanted, path) in self.pruned.beyond(root, &[]) {
            self.traces[wanted as usize].at_head.get_or_insert_default().push(path);
        }
    }

    /// The histories that hold each thing: bits flow from where it came in to all that builds on that, 64 at a time.
    fn refs(&mut self, ends: &[End<'_>]) {
        let targets: Vec<Option<CommitIndex>> =
            ends.iter().map(|end| end.commit().and_then(|id| self.graph.get(&id))).collect();
        let mut bits = vec![0u64; self.graph.nodes.len()];
        for first in (0..self.traces.len()).step_by(64) {
            bits.fill(0);
            let last = (first + 64).min(self.traces.len());
            for (bit, trace) in self.traces[first..last].iter().enumerate() {
                trace.introduced.iter().for_each(|&(at, _)| bits[self.order[at as usize] as usize] |= 1 << bit);
            }
            for &number in self.order {
                let inherited = self.graph.parents(number).iter().fold(0, |sum, &parent| sum | bits[parent as usize]);
                bits[number as usize] |= inherited;
            }
            let mut names: Vec<Names> = std::iter::repeat_with(Names::default).take(last - first).collect();
            for (at, end) in ends.iter().enumerate() {
                let held = targets[at].map_or(0, |number| bits[number as usize]);
                for (bit, trace) in self.traces[first..last].iter().enumerate() {
                    if held >> bit & 1 != 0 || trace.direct.contains(&at) {
                        names[bit].add(end.tip);
                    }
                }
            }
            for (trace, names) in self.traces[first..last].iter_mut().zip(names) {
                names.finish(trace);
            }
        }
    }

    fn answers(&mut self, source: &mut impl TreeSource, problems: &mut Vec<GitError>) -> Vec<Origin> {
        let mut buf = Vec::new();
        let mut origins = Vec::with_capacity(self.traces.len());
        for trace in std::mem::take(&mut self.traces) {
            let key = |at: u32| (self.held[self.order[at as usize] as usize], at);
            let mut introduced = trace.introduced;
            introduced.sort_by_key(|&(at, _)| key(at));
            let id = |at: u32| self.graph.node(self.order[at as usize]).id;
            let introduced_by = introduced.iter().map(|&(at, _)| id(at)).collect();
            let rank = |&(at, _): &(u32, BString)| (key(at).0 as u64) << 32 | u64::from(at);
            let mut origin = Origin {
                rank: introduced.first().map_or(u64::MAX, rank),
                introduced_by,
                paths: trace.paths.into_iter().collect(),
                refs: trace.refs,
                more_refs: trace.more_refs,
                held: trace.held,
                ..Origin::default()
            };
            if let Some((at, path)) = introduced.into_iter().next() {
                let removed = trace.removed.iter().filter(|(_, other)| *other == path).map(|&(at, _)| at);
                let still = trace.at_head.as_ref().is_some_and(|paths| paths.contains(&path));
                let removed = if still { None } else { self.removal(at, removed) };
                match source.commit(&id(at), &mut buf) {
                    Ok(()) => {
                        let mut info = commit_info(id(at), &buf);
                        info.at_head = trace.at_head.as_ref().map(|paths| !paths.is_empty());
                        info.removed_by = removed.map(id);
                        info.refs.clone_from(&origin.refs);
                        origin.commit = Some(info);
                    }
                    Err(error) => problems.push(error),
                }
                origin.path = path;
            }
            origins.push(origin);
        }
        origins
    }

    /// The first removal after an origin: in the history of HEAD if it is there, else among commits that are held no
    /// worse than the origin.
    fn removal(&self, origin: u32, removed: impl Iterator<Item = u32>) -> Option<u32> {
        let number = |at: u32| self.order[at as usize] as usize;
        let held = self.held[number(origin)];
        let later = removed.filter(|&at| at > origin && self.held[number(at)] <= held);
        later.min_by_key(|&at| (!self.of_head[number(at)], at))
    }
}

impl Trace {
    fn add_path(&mut self, path: &BString) {
        if self.paths.len() < MAX_PATHS && !self.paths.contains(path) {
            self.paths.insert(path.clone());
        }
    }
}

/// Names of what holds a thing, the best kind only.
#[derive(Default)]
struct Names<'a> {
    refs: Vec<&'a Tip>,
    lines: HashMap<&'a [u8], &'a Tip>,
    held: Option<TipKind>,
}

impl<'a> Names<'a> {
    fn add(&mut self, tip: &'a Tip) {
        self.held = Some(self.held.map_or(tip.kind, |held| held.min(tip.kind)));
        match tip.kind {
            TipKind::Ref => self.refs.push(tip),
            TipKind::Reflog | TipKind::Pseudo | TipKind::Dangling if self.held < Some(tip.kind) => {}
            TipKind::Reflog | TipKind::Pseudo | TipKind::Dangling => {
                let log = tip.name.split(|&byte| byte == b'@').next().unwrap_or_default();
                let newest = self.lines.entry(log).or_insert(tip);
                if (tip.kind, tip.name.len(), &tip.name) < (newest.kind, newest.name.len(), &newest.name) {
                    *newest = tip;
                }
            }
        }
    }

    fn finish(self, trace: &mut Trace) {
        let mut tips = self.refs;
        if tips.is_empty() {
            tips = self.lines.into_values().filter(|tip| Some(tip.kind) == self.held).collect();
        }
        let mut names: Vec<&BString> = tips.into_iter().map(|tip| &tip.name).collect();
        names.sort();
        names.dedup();
        trace.more_refs = names.len().saturating_sub(MAX_REFS);
        trace.refs = names.into_iter().take(MAX_REFS).cloned().collect();
        trace.held = self.held.or((!trace.introduced.is_empty()).then_some(TipKind::Dangling));
    }
}

/// What a commit says of itself. Whether its bytes are still at HEAD, who removed them and which refs hold them is left
/// open.
#[must_use]
pub fn commit_info(id: BlobId, data: &[u8]) -> CommitInfo {
    let fields = CommitFields::parse(data);
    CommitInfo {
        id,
        author: fields.author.name.into(),
        email: fields.author.email.into(),
        date: fields.author.date(),
        summary: fields.summary(),
        at_head: None,
        removed_by: None,
        refs: Vec::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::by_id::StoreSource;
    use super::super::object::KindSet;
    use super::super::store::ObjectStore;
    use super::super::testing::TestRepo;
    use super::super::walk::WalkOptions;
    use super::*;

    fn run(repo: &TestRepo, dangling: &[BlobId], wanted: &[Wanted]) -> Vec<Origin> {
        let opened = repo.open();
        let scope = opened.scope(dangling.to_vec()).unwrap();
        let found = introduce(opened.objects().unwrap(), &scope, wanted);
        assert_eq!(found.problems, []);
        // The pass over the packs sees every commit, so the walk is told of every commit too.
        let all = repo.git(&["cat-file", "--batch-all-objects", "--batch-check=%(objectname) %(objecttype)"]);
        let commits = all.lines().filter_map(|line| BlobId::from_hex(line.strip_suffix(" commit")?.as_bytes()));
        let every = Scope { dangling: commits.collect(), ..scope };
        let walked = introduce(opened.objects().unwrap(), &every, wanted);
        for found in in_store(repo, &every, wanted) {
            assert_eq!((found.origins, found.problems), (walked.origins.clone(), vec![]));
        }
        found.origins
    }

    /// Through our own reader, walking and told of all commits.
    fn in_store(repo: &TestRepo, scope: &Scope, wanted: &[Wanted]) -> [Introduced; 2] {
        let layout = repo.open().layout().clone();
        let (store, problems) = ObjectStore::open(&layout.objects, layout.hash);
        assert_eq!(problems, []);
        let options = WalkOptions { kinds: KindSet::COMMITS, ..WalkOptions::default() };
        let (mut commits, problems) = store.walk(&options, Vec::new, |commits, entry, _: Option<&()>| {
            commits.push(CommitNode::parse(store.id(entry.ix), entry.data));
        });
        assert_eq!(problems, []);
        let source = || StoreSource::new(&store, 1 << 30);
        [introduce(source(), scope, wanted), introduce_among(source(), scope, commits.remove(0), wanted)]
    }

    #[test]
    fn packed_or_loose_the_answers_are_the_same() {
        let repo = TestRepo::new();
        let mut wanted = Vec::new();
        for at in 0..40 {
            let path = format!("d{}/e{}/f{}", at % 3, at % 5, at % 7);
            wanted.push(Wanted::Blob(repo.stage(&path, format!("{}", at % 11))));
            repo.commit(&format!("{at}"));
            if at % 9 == 5 {
                repo.git(&["checkout", "-q", "-b", &format!("side{at}"), "HEAD~3"]);
            }
        }
        let loose = run(&repo, &[], &wanted);
        repo.git(&["repack", "-q", "-a", "-d", "-f", "--depth=20"]);
        let before = repo.state();
        assert_eq!(run(&repo, &[], &wanted), loose);
        assert_eq!(repo.state(), before);
    }

    fn blob(repo: &TestRepo, id: BlobId) -> Origin {
        run(repo, &[], &[Wanted::Blob(id)]).remove(0)
    }

    fn names(names: &[BString]) -> Vec<String> {
        names.iter().map(ToString::to_string).collect()
    }

    /// `summary path`, whether it is at HEAD, and the summary of the commit that removed it.
    fn story(repo: &TestRepo, origin: &Origin) -> (String, Option<bool>, Option<String>) {
        let info = origin.commit.as_ref().unwrap();
        let removed = info.removed_by.map(|id| repo.git(&["log", "-1", "--format=%s", &id.to_string()]));
        (format!("{} {}", info.summary, origin.path), info.at_head, removed)
    }

    #[test]
    fn an_edit_in_a_rename_a_copy_and_a_return() {
        let repo = TestRepo::new();
        let original = repo.stage("a", "1\n2\n3\n4\n");
        let first = repo.commit("first");
        repo.git(&["mv", "a", "b"]);
        let edited = repo.stage("b", "1\n2\n3\n4\n5\n");
        repo.commit("rename with edit");
        repo.stage("copies/of b", "1\n2\n3\n4\n5\n");
        repo.commit("copy");
        repo.git(&["rm", "-q", "b"]);
        repo.commit("remove");
        repo.stage("a", "1\n2\n3\n4\n");
        repo.commit("return");
        let origin = blob(&repo, original);
        assert_eq!(story(&repo, &origin), ("first a".into(), Some(true), None));
        assert_eq!(origin.introduced_by, [first, repo.id("HEAD")]);
        let info = origin.commit.unwrap();
        assert_eq!((info.author, info.email), ("A U Thor".into(), "author@example.com".into()));
        assert_eq!(info.date.offset_minutes, 120);
        assert_eq!(info.date.seconds.to_string(), repo.git(&["log", "-1", "--format=%at", &first.to_string()]));
        assert_eq!(names(&info.refs), ["refs/heads/main"]);
        let origin = blob(&repo, edited);
        assert_eq!(story(&repo, &origin), ("rename with edit b".into(), Some(true), Some("remove".into())));
        assert_eq!(names(&origin.paths), ["b", "copies/of b"]);
        repo.git(&["rm", "-q", "a"]);
        repo.commit("remove again");
        let origin = blob(&repo, original);
        assert_eq!(story(&repo, &origin), ("first a".into(), Some(false), Some("rename with edit".into())));
    }

    #[test]
    fn a_merge_brings_only_what_no_side_has() {
        let repo = TestRepo::new();
        repo.stage("base", "base");
        repo.commit("base");
        repo.git(&["checkout", "-q", "-b", "side"]);
        let side = repo.stage("side", "side");
        repo.commit("side");
        repo.git(&["checkout", "-q", "main"]);
        let main = repo.stage("main", "main");
        repo.commit("main");
        repo.git(&["branch", "before"]);
        repo.git(&["merge", "-q", "--no-commit", "--no-ff", "side"]);
        let evil = repo.stage("evil", "evil");
        repo.git(&["rm", "-q", "main"]);
        repo.commit("merge");
        let found = run(&repo, &[], &[side, main, evil].map(Wanted::Blob));
        let stories: Vec<_> = found.iter().map(|origin| story(&repo, origin)).collect();
        assert_eq!(stories[0], ("side side".into(), Some(true), None));
        assert_eq!(stories[1], ("main main".into(), Some(false), Some("merge".into())));
        assert_eq!(stories[2], ("merge evil".into(), Some(true), None));
        assert_eq!(names(&found[0].refs), ["refs/heads/main", "refs/heads/side"]);
        assert_eq!(names(&found[1].refs), ["refs/heads/before", "refs/heads/main"]);
        assert_eq!(names(&found[2].refs), ["refs/heads/main"]);
        // Two branches bring the same bytes: the earlier counts, and both are told.
        repo.git(&["checkout", "-q", "before"]);
        let again = repo.stage("elsewhere/evil", "evil");
        let late = repo.commit("the same again");
        assert_eq!(again, evil);
        let origin = blob(&repo, evil);
        assert_eq!(story(&repo, &origin).0, "merge evil");
        assert_eq!(origin.introduced_by, [repo.id("main"), late]);
        assert_eq!(names(&origin.paths), ["elsewhere/evil", "evil"]);
    }

    #[test]
    fn what_is_held_by_other_things_than_branches() {
        let repo = TestRepo::new();
        repo.stage("a", "a");
        let first = repo.commit("first");
        repo.git(&["notes", "add", "-m", "text of the note"]);
        let note = BlobId::of(b"text of the note\n");
        let index = repo.stage("a", "stashed in the index");
        repo.write("a", "stashed in the tree");
        repo.write("new", "stashed untracked");
        repo.git(&["stash", "-q", "--include-untracked"]);
        let (tree, untracked) = (BlobId::of(b"stashed in the tree"), BlobId::of(b"stashed untracked"));
        repo.write("a", "stashed later");
        repo.git(&["stash", "-q"]);
        let amended = repo.stage("b", "amended away");
        repo.commit("to be amended");
        repo.stage("b", "amended");
        repo.git(&["commit", "-q", "--amend", "-m", "amended"]);
        let tagged = repo.git(&["hash-object", "-w", "a"]);
        repo.write("c", "only a tag names it");
        let only = BlobId::from_hex(repo.git(&["hash-object", "-w", "c"]).as_bytes()).unwrap();
        repo.git(&["tag", "-a", "-m", "of a blob", "blob", &only.to_string()]);
        repo.git(&["tag", "-a", "-m", "of a tree", "tree", &format!("{first}^{{tree}}")]);
        assert_eq!(tagged, repo.id("HEAD:a").to_string());
        let lost = repo.stage("lost", "lost");
        let lost_commit = repo.git(&["commit-tree", "-m", "lost", &repo.git(&["write-tree"])]);
        repo.git(&["reset", "-q", "--hard"]);
        let nowhere = BlobId::of(b"nowhere");
        let wanted = [note, index, tree, untracked, amended, only, lost, nowhere].map(Wanted::Blob);
        let found = run(&repo, &[], &wanted);
        let [note, index, tree, untracked, amended, only, lost, nowhere] = &found[..] else { panic!() };
        assert_eq!((names(&note.refs), note.held), (vec!["refs/notes/commits".into()], Some(TipKind::Ref)));
        assert_eq!(note.path, first.to_string());
        for (origin, summary) in
            [(index, "index on main"), (tree, "WIP on main"), (untracked, "untracked files on main")]
        {
            assert!(origin.commit.as_ref().unwrap().summary.starts_with(summary.as_bytes()), "{origin:?}");
            assert_eq!((names(&origin.refs), origin.held), (vec!["refs/stash@{1}".into()], Some(TipKind::Reflog)));
        }
        assert_eq!(names(&amended.refs), ["HEAD@{2}", "refs/heads/main@{1}"]);
        assert_eq!((amended.held, amended.path.to_string()), (Some(TipKind::Reflog), "b".to_owned()));
        assert_eq!((names(&only.refs), &only.commit), (vec!["refs/tags/blob".into()], &None));
        for origin in [lost, nowhere] {
            assert_eq!(origin, &Origin::default());
        }
        let lost_commit = BlobId::from_hex(lost_commit.as_bytes()).unwrap();
        let origin = &run(&repo, &[lost_commit, first], &wanted[6..7])[0];
        assert_eq!(origin.commit.as_ref().unwrap().id, lost_commit);
        assert_eq!((origin.refs.len(), origin.held), (0, Some(TipKind::Dangling)));
        let tags = [Wanted::Tag(repo.id("blob")), Wanted::Blob(repo.id("tree^{}")), Wanted::Commit(first)];
        let found = run(&repo, &[], &tags);
        assert_eq!(names(&found[0].refs), ["refs/tags/blob"]);
        assert!(names(&found[1].refs).contains(&"refs/tags/tree".into()));
        assert_eq!(names(&found[2].refs), ["refs/heads/main", "refs/stash"]);
        assert_eq!(found[2].commit.as_ref().unwrap().summary, "first");
    }

    #[test]
    fn a_name_has_an_origin_too() {
        let repo = TestRepo::new();
        repo.stage("plain", "1");
        repo.commit("first");
        repo.stage("dir/odd name/x", "2");
        repo.commit("second");
        repo.git(&["mv", "dir/odd name/x", "odd name"]);
        repo.commit("third");
        let found = run(&repo, &[], &[Wanted::Name("odd name".into()), Wanted::Name("x".into())]);
        assert_eq!(story(&repo, &found[0]), ("second dir/odd name".into(), Some(true), Some("third".into())));
        assert_eq!(names(&found[0].paths), ["dir/odd name", "odd name"]);
        assert_eq!(story(&repo, &found[1]), ("second dir/odd name/x".into(), Some(false), Some("third".into())));
    }

    #[test]
    fn trees_that_stand_for_more_paths_than_there_are_atoms() {
        let repo = TestRepo::new();
        let leaf = repo.stage("leaf", "leaf");
        let mut tree = repo.git(&["write-tree"]);
        for _ in 0..12 {
            let listing: String = (0..10).map(|at| format!("040000 tree {tree}\t{at}\n")).collect();
            repo.write("listing", listing);
            let script = "git mktree < listing";
            let output = repo.command(&repo.path).args(["-c", &format!("alias.x=!{script}"), "x"]).output().unwrap();
            tree = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        }
        let bomb = repo.git(&["commit-tree", "-m", "bomb", &tree]);
        repo.git(&["update-ref", "refs/heads/bomb", &bomb]);
        let origin = blob(&repo, leaf);
        assert_eq!(origin.commit.unwrap().id.to_string(), bomb);
        assert_eq!(origin.path, format!("{}leaf", "0/".repeat(12)));
    }

    #[test]
    fn missing_objects_are_told_and_shallow_ends_are_not() {
        let repo = TestRepo::new();
        repo.stage("d/a", "1");
        repo.commit("first");
        let tree = repo.id("HEAD:d").to_string();
        let later = repo.stage("b", "2");
        repo.commit("second");
        let clone = repo.beside("clone");
        repo.git(&["clone", "-q", "--depth=1", &format!("file://{}", repo.path.display()), clone.to_str().unwrap()]);
        let shallow = Repo::at(&clone).unwrap();
        let scope = shallow.scope(Vec::new()).unwrap();
        let found = introduce(shallow.objects().unwrap(), &scope, &[Wanted::Blob(later)]);
        assert_eq!((found.problems, found.commits), (vec![], 1));
        assert_eq!(found.origins[0].path, "b");
        std::fs::remove_file(repo.path.join(".git/objects").join(&tree[..2]).join(&tree[2..])).unwrap();
        let opened = repo.open();
        let found = introduce(opened.objects().unwrap(), &opened.scope(vec![]).unwrap(), &[Wanted::Blob(later)]);
        assert_eq!(found.problems.iter().map(|p| p.what.to_string()).collect::<Vec<_>>(), [format!("tree {tree}")]);
        assert_eq!(found.origins[0].path, "b");
        for other in in_store(&repo, &opened.scope(vec![]).unwrap(), &[Wanted::Blob(later)]) {
            assert_eq!((&other.origins, &other.problems), (&found.origins, &found.problems));
        }
    }
}
