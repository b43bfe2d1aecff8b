//! Which commit brought something in, where it stood, which refs hold it, and whether it is gone again.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use bstr::BString;

use super::super::by_id::TreeSource;
use super::super::error::GitError;
use super::super::objects::object::ObjectKind;
use super::super::objects::store::ObjectStore;
use super::super::parts::{CommitFields, tag_target};
use super::super::refs::{Tip, TipKind};
use super::super::repo::Repo;
use super::super::trees::index_pruner::IndexPruner;
use super::super::trees::pruned::{NOTHING, PrunedTrees, WantedIndex};
use super::super::trees::tree_index::TreeIndex;
use super::super::trees::tree_pruner::TreePruner;
use super::ancestry::Ancestry;
use super::commit_rows::CommitRows;
use super::commits::Graph;
use super::ref_names::Held;
use super::trace::{Roots, Search};
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
    pub refs: Arc<[BString]>,
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

/// Finds the origin of each thing. Reads every commit and every distinct tree once, however many things are asked for.
pub fn introduce(mut source: impl TreeSource, scope: &Scope, wanted: &[Wanted]) -> Introduced {
    let mut problems = Vec::new();
    let ends: Vec<End> = scope.tips.iter().map(|tip| End::of(tip, &mut source, &mut problems)).collect();
    let mut graph = Graph::default();
    let starts = ends.iter().filter_map(End::commit).chain(scope.head).chain(scope.dangling.iter().copied());
    problems.extend(graph.read_all(&mut source, starts, &scope.shallow));
    let (ancestry, places) = Ancestry::of_graph(&graph);
    let numbers = number(wanted);
    let (mut ids, mut names) = (HashMap::new(), HashMap::new());
    for (thing, &number) in &numbers {
        match thing {
            Wanted::Blob(id) => drop(ids.insert(*id, number)),
            Wanted::Name(name) => drop(names.insert(name.clone(), number)),
            Wanted::Commit(_) | Wanted::Tag(_) => {}
        }
    }
    let mut pruner = TreePruner::new(ids, names);
    let mut of_commits = vec![NOTHING; ancestry.len()];
    if has_places(wanted) {
        // Newest first: packs store the newest tree whole and older ones as what differs.
        for &number in ancestry.order.iter().rev() {
            if let Some(tree) = &graph.node(places[number as usize]).tree {
                of_commits[number as usize] = pruner.node(&mut source, tree);
            }
        }
    }
    let of_ends = ends.iter().map(|end| end.tree().map(|id| pruner.node(&mut source, &id))).collect();
    let trees = pruner.trees_read();
    problems.append(&mut pruner.problems);
    let question = Question { scope, ends: &ends, numbers, wanted, ancestry: &ancestry };
    let all = |origins: &[Origin]| (0..origins.len()).collect();
    let mut introduced = question.answer(pruner.pruned, Roots { of_commits, of_ends }, &mut source, problems, all);
    introduced.trees = trees;
    for origin in &mut introduced.origins {
        origin.name_refs();
    }
    introduced
}

/// What is known of all objects of a store.
#[derive(Clone, Copy)]
pub struct Known<'s> {
    /// The objects.
    pub store: &'s ObjectStore,
    /// Their trees; made with the objects and the names that will be asked for.
    pub trees: &'s TreeIndex,
    /// Their commits.
    pub commits: &'s CommitRows,
}

/// The same for a store whose trees and commits were all visited before: hardly anything is read. Commits that nothing
/// leads to count whether or not `scope` lists them, and objects that are not in the store have no origin. Missing parts
/// of trees are not told again.
///
/// The answers go to `told`, which says by their places which of them will be shown: what commits say of themselves and
/// which refs hold them is left open in the others. In all `commit.refs` is left empty (see [`Origin::name_refs`]).
pub fn introduce_known(
    known: Known<'_>,
    mut source: impl TreeSource,
    scope: &Scope,
    wanted: &[Wanted],
    told: impl FnOnce(&[Origin]) -> Vec<usize>,
) -> Introduced {
    let Known { store, trees, commits } = known;
    let mut problems = Vec::new();
    let ends: Vec<End> = scope.tips.iter().map(|tip| End::of(tip, &mut source, &mut problems)).collect();
    let commits = commits.number(store, &scope.shallow);
    problems.extend(commits.missing);
    let numbers = number(wanted);
    let (mut objects, mut names) = (HashMap::new(), HashMap::new());
    for (thing, &number) in &numbers {
        match thing {
            Wanted::Blob(id) => drop(store.lookup(id).map(|ix| objects.insert(ix, number))),
            Wanted::Name(name) => drop(names.insert(name.as_slice(), number)),
            Wanted::Commit(_) | Wanted::Tag(_) => {}
        }
    }
    let mut pruner = IndexPruner::new(store, trees, objects, &names);
    let mut of_commits = vec![NOTHING; commits.ancestry.len()];
    if has_places(wanted) {
        pruner.all();
        for (node, tree) in of_commits.iter_mut().zip(&commits.trees) {
            *node = tree.map_or(NOTHING, |tree| pruner.node(tree));
        }
    }
    let tree_of = |end: &End<'_>| store.lookup(&end.tree()?).map(|tree| pruner.node(tree));
    let of_ends = ends.iter().map(tree_of).collect();
    problems.append(&mut pruner.problems);
    let question = Question { scope, ends: &ends, numbers, wanted, ancestry: &commits.ancestry };
    let mut introduced = question.answer(pruner.pruned, Roots { of_commits, of_ends }, &mut source, problems, told);
    introduced.trees = trees.trees();
    introduced
}

/// A number for each distinct thing.
fn number(wanted: &[Wanted]) -> HashMap<&Wanted, WantedIndex> {
    let mut numbers = HashMap::with_capacity(wanted.len());
    for thing in wanted {
        let number = numbers.len() as WantedIndex;
        numbers.entry(thing).or_insert(number);
    }
    numbers
}

fn has_places(wanted: &[Wanted]) -> bool {
    wanted.iter().any(|thing| matches!(thing, Wanted::Blob(_) | Wanted::Name(_)))
}

/// All that the answer depends on, besides trees.
struct Question<'q> {
    scope: &'q Scope,
    ends: &'q [End<'q>],
    numbers: HashMap<&'q Wanted, WantedIndex>,
    wanted: &'q [Wanted],
    ancestry: &'q Ancestry,
}

impl Question<'_> {
    fn answer(
        self,
        pruned: PrunedTrees,
        roots: Roots,
        source: &mut impl TreeSource,
        mut problems: Vec<GitError>,
        told: impl FnOnce(&[Origin]) -> Vec<usize>,
    ) -> Introduced {
        let Self { scope, ends, numbers, wanted, ancestry } = self;
        let mut search = Search::new(ancestry, ends, &numbers, pruned, roots);
        search.commits();
        search.ends(ends);
        search.removals_and_head(scope.head);
        let answers = search.origins();
        let mut origins = if answers.len() == wanted.len() {
            answers
        } else {
            // What was asked for twice is answered twice.
            wanted.iter().map(|thing| answers[numbers[thing] as usize].clone()).collect()
        };
        let told = told(&origins);
        let held = search.refs(ends, told.iter().map(|&at| numbers[&wanted[at]] as usize));
        let mut commits = HashMap::new();
        for (at, held) in told.into_iter().zip(held) {
            origins[at].describe(held, source, &mut commits, &mut problems);
        }
        problems.sort_by_key(ToString::to_string);
        let problems = problems.into_iter().map(|problem| problem.into_skipped(scope.partial)).collect();
        Introduced { origins, commits: ancestry.len(), trees: 0, problems }
    }
}

impl Origin {
    /// Adds what its commit says of itself and what refs hold it.
    fn describe(
        &mut self,
        held: Held,
        source: &mut impl TreeSource,
        commits: &mut HashMap<BlobId, Option<CommitInfo>>,
        problems: &mut Vec<GitError>,
    ) {
        (self.refs, self.more_refs, self.held) = (held.refs, held.more, held.kind);
        self.commit = self.commit.take().and_then(|CommitInfo { id, at_head, removed_by, .. }| {
            let read = || {
                let mut data = Vec::new();
                source
                    .commit(&id, &mut data)
                    .map(|()| commit_info(id, &data))
                    .map_err(|error| problems.push(error))
                    .ok()
            };
            let info = commits.entry(id).or_insert_with(read).clone()?;
            Some(CommitInfo { at_head, removed_by, ..info })
        });
    }

    /// Puts [`refs`](Self::refs) into the commit.
    pub fn name_refs(&mut self) {
        if let Some(commit) = &mut self.commit {
            commit.refs = Arc::clone(&self.refs);
        }
    }
}

/// A tip, followed through annotated tags.
pub(super) struct End<'a> {
    pub(super) tip: &'a Tip,
    pub(super) tags: Vec<BlobId>,
    pub(super) target: Option<(ObjectKind, BlobId)>,
}

impl<'a> End<'a> {
    fn of(tip: &'a Tip, source: &mut impl TreeSource, problems: &mut Vec<GitError>) -> Self {
        let mut end = Self { tip, tags: Vec::new(), target: None };
        let mut buf = Vec::new();
        let mut id = tip.id;
        loop {
            match source.kind(&id) {
                Ok(ObjectKind::Tag) if !end.tags.contains(&id) => {
                    end.tags.push(id);
                    match source.object(&id, &mut buf).map(|_| tag_target(&buf)) {
                        Ok(Some(target)) => id = target,
                        Ok(None) => return end,
                        Err(error) => {
                            problems.extend(Some(error).filter(|_| tip.kind == TipKind::Ref));
                            return end;
                        }
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

    pub(super) fn commit(&self) -> Option<BlobId> {
        self.target.filter(|(kind, _)| *kind == ObjectKind::Commit).map(|(_, id)| id)
    }

    fn tree(&self) -> Option<BlobId> {
        self.target.filter(|(kind, _)| *kind == ObjectKind::Tree).map(|(_, id)| id)
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
        refs: Arc::default(),
    }
}
