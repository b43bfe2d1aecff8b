//! Cutting trees down by what is known of all trees: without reading any again.
//!
//! What a tree leads to follows from what its base leads to (for the entries that it copies) and from what its own
//! subtrees lead to, so each tree costs as much as it differs from its base.

use std::collections::HashMap;

use super::super::error::GitError;
use super::super::objects::object::{ObjectIx, ObjectKind};
use super::super::objects::object_set::ObjectSet;
use super::super::objects::store::ObjectStore;
use super::lists::Lists;
use super::pruned::{Child, NOTHING, NodeId, PrunedTrees, Target, WantedIndex};
use super::tree_diff::MAX_DEPTH;
use super::tree_index::{NONE, Own, Step, TreeIndex};

/// Not looked at so far.
const UNSEEN: NodeId = NodeId::MAX;
/// Waits for its base and its subtrees.
const BUSY: NodeId = NodeId::MAX - 1;
/// Waits for its subtrees alone: its base, or something that led here from there, waits for it.
const WHOLE: NodeId = NodeId::MAX - 2;

/// A cut-down tree, and where its children stand among the kept entries.
#[derive(Clone, Copy)]
struct Shape {
    /// Or one of the marks above.
    node: NodeId,
    /// Number of the list that has them by child; [`NONE`] if the tree names something twice, so that children and
    /// entries do not match.
    places: u32,
}

/// A tree that leads nowhere.
const EMPTY: Shape = Shape { node: NOTHING, places: 0 };

pub(crate) struct IndexPruner<'s> {
    store: &'s ObjectStore,
    index: &'s TreeIndex,
    wanted: ObjectSet,
    numbers: HashMap<ObjectIx, WantedIndex>,
    /// By name; [`NONE`] for names that are not wanted.
    wanted_names: Vec<WantedIndex>,
    /// By row.
    shapes: Vec<Shape>,
    places: Lists<u32>,
    /// By list of places, whether children stand as their entries do: sorted by name, where entries sort directories as
    /// if their names ended in a slash.
    ascending: Vec<bool>,
    /// Rows to cut down, and whether as whole trees.
    stack: Vec<(u32, bool)>,
    /// Children of a tree and their places, together and apart: room that is used again.
    found: Vec<(Child, u32)>,
    children: Vec<Child>,
    standing: Vec<u32>,
    pub(crate) pruned: PrunedTrees,
    pub(crate) problems: Vec<GitError>,
}

impl<'s> IndexPruner<'s> {
    /// Looks for objects and for names of tree entries, as far as the index was made for them.
    pub(crate) fn new(
        store: &'s ObjectStore,
        index: &'s TreeIndex,
        numbers: HashMap<ObjectIx, WantedIndex>,
        names: &HashMap<&[u8], WantedIndex>,
    ) -> Self {
        let wanted_name = |name: &(Box<[u8]>, bool)| names.get(&*name.0).copied().unwrap_or(NONE);
        Self {
            store,
            index,
            wanted: numbers.keys().copied().collect(),
            numbers,
            wanted_names: index.names().iter().map(wanted_name).collect(),
            shapes: vec![Shape { node: UNSEEN, ..EMPTY }; index.rows().len()],
            places: Lists::default(),
            ascending: vec![true],
            stack: Vec::new(),
            found: Vec::new(),
            children: Vec::new(),
            standing: Vec::new(),
            pruned: PrunedTrees::new(index.names().iter().map(|(name, _)| name.to_vec().into()).collect()),
            problems: Vec::new(),
        }
    }

    /// Cuts a tree down. One that could not be read leads to nothing.
    pub(crate) fn node(&mut self, tree: ObjectIx) -> NodeId {
        let Some(slot) = self.index.slot(tree.0) else {
            if let Some(kind) = self.store.kind(tree).filter(|&kind| kind != ObjectKind::Tree) {
                let why = format!("it is a {}", kind.name());
                self.problems.push(GitError::Corrupt { kind: "tree", id: self.store.id(tree), why });
            }
            return NOTHING;
        };
        if self.state(slot) == UNSEEN {
            self.cut(slot);
        }
        self.state(slot)
    }

    /// Cuts down all trees: cheaper than one by one where most are asked for. Rows stand by chains of deltas, each base
    /// before what is made from it, and chains of subtrees mostly behind those of the trees that hold them.
    pub(crate) fn all(&mut self) {
        let rows = self.index.rows();
        let mut end = rows.len();
        while end > 0 {
            let first = rows[..end].iter().rposition(|row| row.base == NONE).unwrap_or(0);
            for slot in first as u32..end as u32 {
                self.cut(slot);
            }
            end = first;
        }
    }

    /// Cuts down a tree and all that it depends on, without recursion: chains of bases may be of any length.
    fn cut(&mut self, slot: u32) {
        let mut stack = std::mem::take(&mut self.stack);
        stack.push((slot, false));
        while let Some(&(slot, whole)) = stack.last() {
            if self.state(slot) < WHOLE {
                stack.pop();
                continue;
            }
            let waiting = stack.len();
            if whole {
                self.shapes[slot as usize].node = WHOLE;
                let kept = self.index.kept(slot);
                let below = kept.iter().filter_map(|own| own.row());
                stack.extend(
                    below.filter(|&below| matches!(self.state(below), UNSEEN | BUSY)).map(|below| (below, true)),
                );
                if stack.len() == waiting {
                    self.shapes[slot as usize] = self.shape_of(kept.into_iter().map(Step::Own), None);
                    stack.pop();
                }
            } else {
                self.shapes[slot as usize].node = BUSY;
                if !self.wait_for(slot, &mut stack) {
                    stack.push((slot, true));
                } else if stack.len() == waiting {
                    let (index, row) = (self.index, self.index.rows()[slot as usize]);
                    let base = self.shapes.get(row.base as usize).copied();
                    self.shapes[slot as usize] = self.shape_of(index.steps(row).iter().copied(), base);
                    stack.pop();
                }
            }
        }
        self.stack = stack;
    }

    /// Puts on the stack what a tree has to wait for; `false` if that waits for the tree, or is of no use to it.
    fn wait_for(&self, slot: u32, stack: &mut Vec<(u32, bool)>) -> bool {
        let row = self.index.rows()[slot as usize];
        match self.shapes.get(row.base as usize) {
            None => {}
            Some(Shape { node: UNSEEN, .. }) => stack.push((row.base, false)),
            Some(Shape { node: BUSY | WHOLE, .. } | Shape { places: NONE, .. }) => return false,
            Some(_) => {}
        }
        for step in self.index.steps(row) {
            let Step::Own(own) = step else { continue };
            let Some(below) = own.row() else { continue };
            match self.state(below) {
                UNSEEN => stack.push((below, false)),
                BUSY => stack.push((below, true)),
                _ => {}
            }
        }
        true
    }

    /// A row's node, or a mark.
    fn state(&self, slot: u32) -> NodeId {
        self.shapes[slot as usize].node
    }

    /// The shape of a tree, all that it depends on being known.
    fn shape_of(&mut self, steps: impl Iterator<Item = Step>, base: Option<Shape>) -> Shape {
        let mut found = std::mem::take(&mut self.found);
        found.clear();
        let mut at = 0;
        for step in steps {
            match step {
                Step::Copy { start, len } => {
                    self.copied(base.unwrap_or(EMPTY), start, len, at, &mut found);
                    at += len;
                }
                Step::Own(own) => {
                    self.own(own, at, &mut found);
                    at += 1;
                }
            }
        }
        let shape = if found.is_empty() { EMPTY } else { self.intern(&mut found) };
        self.found = found;
        shape
    }

    fn copied(&self, base: Shape, start: u32, len: u32, at: u32, found: &mut Vec<(Child, u32)>) {
        if base.places == NONE {
            return;
        }
        let places = self.places.get(base.places);
        let range = if self.ascending[base.places as usize] {
            let first = places.partition_point(|&place| place < start);
            first..first + places[first..].partition_point(|&place| place - start < len)
        } else {
            0..places.len()
        };
        let here = places[range.clone()].iter().zip(&self.pruned.children(base.node)[range]);
        let here = here.filter(|&(&place, _)| place.wrapping_sub(start) < len);
        found.extend(here.map(|(&place, &child)| (child, place - start + at)));
    }

    fn own(&mut self, own: Own, at: u32, found: &mut Vec<(Child, u32)>) {
        let name = own.name();
        if let Some(below) = own.row() {
            // A tree that holds itself takes a broken hash; it ends here.
            let node = Some(self.state(below)).filter(|&node| node < WHOLE).unwrap_or(NOTHING);
            if self.pruned.depth(node) as usize >= MAX_DEPTH {
                let id = self.store.id(self.index.rows()[below as usize].tree);
                self.problems.push(GitError::Corrupt {
                    kind: "tree",
                    id,
                    why: format!("nested deeper than {MAX_DEPTH}"),
                });
            } else if node != NOTHING {
                found.push((Child::new(name, Target::Tree(node)), at));
            }
        }
        if let Some(object) = own.object() {
            if own.is_tree() {
                self.node(object);
            }
            if self.wanted.contains(object) {
                found.push((Child::new(name, Target::Wanted(self.numbers[&object])), at));
            }
        }
        let wanted = self.wanted_names[name as usize];
        if wanted != NONE {
            found.push((Child::new(name, Target::Wanted(wanted)), at));
        }
    }

    fn intern(&mut self, found: &mut Vec<(Child, u32)>) -> Shape {
        if !found.is_sorted() {
            found.sort_unstable();
        }
        let named = found.len();
        found.dedup_by_key(|&mut (child, _)| child);
        self.children.clear();
        self.children.extend(found.iter().map(|&(child, _)| child));
        let node = self.pruned.intern(&self.children);
        if found.len() < named {
            return Shape { node, places: NONE };
        }
        self.standing.clear();
        self.standing.extend(found.iter().map(|&(_, place)| place));
        let places = self.places.number(&self.standing);
        if places as usize == self.ascending.len() {
            self.ascending.push(self.standing.is_sorted());
        }
        Shape { node, places }
    }
}
