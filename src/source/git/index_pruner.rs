//! Cutting trees down by what is known of all trees: without reading any again.
//!
//! What a tree leads to follows from what its base leads to (for the entries that it copies) and from what its own
//! subtrees lead to, so each tree costs as much as it differs from its base.

use std::collections::HashMap;
use std::rc::Rc;

use super::error::GitError;
use super::fold_hash::FoldHash;
use super::object::{ObjectIx, ObjectKind};
use super::object_set::ObjectSet;
use super::pruned::{Child, NOTHING, NodeId, PrunedTrees, Target, WantedIndex};
use super::store::ObjectStore;
use super::tree_diff::MAX_DEPTH;
use super::tree_index::{NONE, Own, Step, TreeIndex};

/// Number of a [`Shape`].
type ShapeId = u32;
/// A tree that leads nowhere.
const EMPTY: ShapeId = 0;
/// Not looked at so far.
const UNSEEN: u32 = u32::MAX;
/// Waits for its base and its subtrees.
const BUSY: u32 = u32::MAX - 1;
/// Waits for its subtrees alone: its base, or something that led here from there, waits for it.
const WHOLE: u32 = u32::MAX - 2;

/// A cut-down tree, and where its children stand among the kept entries.
#[derive(Clone)]
struct Shape {
    node: NodeId,
    /// By child; `None` if the tree names something twice, so that children and entries do not match.
    places: Option<Rc<[u32]>>,
    /// Whether children stand as their entries do: sorted by name, where entries sort directories as if their names
    /// ended in a slash.
    ascending: bool,
}

pub(super) struct IndexPruner<'s> {
    store: &'s ObjectStore,
    index: &'s TreeIndex,
    wanted: ObjectSet,
    numbers: HashMap<ObjectIx, WantedIndex>,
    /// By name; [`NONE`] for names that are not wanted.
    wanted_names: Vec<WantedIndex>,
    /// By row.
    shapes: Vec<ShapeId>,
    known: Vec<Shape>,
    known_shapes: HashMap<(NodeId, u32), ShapeId, FoldHash>,
    known_places: HashMap<Rc<[u32]>, u32, FoldHash>,
    children: Vec<(Child, u32)>,
    pub(super) pruned: PrunedTrees,
    pub(super) problems: Vec<GitError>,
}

impl<'s> IndexPruner<'s> {
    /// Looks for objects and for names of tree entries, as far as the index was made for them.
    pub(super) fn new(
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
            shapes: vec![UNSEEN; index.rows().len()],
            known: vec![Shape { node: NOTHING, places: Some(Rc::from([])), ascending: true }],
            known_shapes: HashMap::default(),
            known_places: HashMap::default(),
            children: Vec::new(),
            pruned: PrunedTrees::new(index.names().iter().map(|(name, _)| name.to_vec().into()).collect()),
            problems: Vec::new(),
        }
    }

    /// Cuts a tree down. One that could not be read leads to nothing.
    pub(super) fn node(&mut self, tree: ObjectIx) -> NodeId {
        let Some(slot) = self.index.slot(tree.0) else {
            if let Some(kind) = self.store.kind(tree).filter(|&kind| kind != ObjectKind::Tree) {
                let why = format!("it is a {}", kind.name());
                self.problems.push(GitError::Corrupt { kind: "tree", id: self.store.id(tree), why });
            }
            return NOTHING;
        };
        if self.shapes[slot as usize] == UNSEEN {
            self.cut(slot);
        }
        self.known[self.shapes[slot as usize] as usize].node
    }

    /// Cuts down a tree and all that it depends on, without recursion: chains of bases may be of any length.
    fn cut(&mut self, slot: u32) {
        let mut stack = vec![(slot, false)];
        while let Some(&(slot, whole)) = stack.last() {
            let state = self.shapes[slot as usize];
            if state < WHOLE {
                stack.pop();
                continue;
            }
            let waiting = stack.len();
            if whole {
                self.shapes[slot as usize] = WHOLE;
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
                self.shapes[slot as usize] = BUSY;
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
    }

    /// Puts on the stack what a tree has to wait for; `false` if that waits for the tree, or is of no use to it.
    fn wait_for(&self, slot: u32, stack: &mut Vec<(u32, bool)>) -> bool {
        let row = self.index.rows()[slot as usize];
        match self.shapes.get(row.base as usize) {
            None => {}
            Some(&UNSEEN) => stack.push((row.base, false)),
            Some(&(BUSY | WHOLE)) => return false,
            Some(&shape) if self.known[shape as usize].places.is_none() => return false,
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

    fn state(&self, slot: u32) -> u32 {
        self.shapes[slot as usize]
    }

    /// The shape of a tree, all that it depends on being known.
    fn shape_of(&mut self, steps: impl Iterator<Item = Step>, base: Option<ShapeId>) -> ShapeId {
        let mut children = std::mem::take(&mut self.children);
        children.clear();
        let mut at = 0;
        for step in steps {
            match step {
                Step::Copy { start, len } => {
                    self.copied(base.unwrap_or(EMPTY), start, len, at, &mut children);
                    at += len;
                }
                Step::Own(own) => {
                    self.own(own, at, &mut children);
                    at += 1;
                }
            }
        }
        let shape = if children.is_empty() { EMPTY } else { self.intern(&mut children) };
        self.children = children;
        shape
    }

    fn copied(&self, base: ShapeId, start: u32, len: u32, at: u32, children: &mut Vec<(Child, u32)>) {
        let Shape { node, places: Some(places), ascending } = &self.known[base as usize] else { return };
        let range = if *ascending {
            let first = places.partition_point(|&place| place < start);
            first..first + places[first..].partition_point(|&place| place - start < len)
        } else {
            0..places.len()
        };
        let here = places[range.clone()].iter().zip(&self.pruned.children(*node)[range]);
        let here = here.filter(|&(&place, _)| place.wrapping_sub(start) < len);
        children.extend(here.map(|(&place, &child)| (child, place - start + at)));
    }

    fn own(&mut self, own: Own, at: u32, children: &mut Vec<(Child, u32)>) {
        let name = own.name();
        if let Some(below) = own.row() {
            let shape = self.state(below);
            // A tree that holds itself takes a broken hash; it ends here.
            let node = if shape < WHOLE { self.known[shape as usize].node } else { NOTHING };
            if self.pruned.depth(node) as usize >= MAX_DEPTH {
                let id = self.store.id(self.index.rows()[below as usize].tree);
                self.problems.push(GitError::Corrupt {
                    kind: "tree",
                    id,
                    why: format!("nested deeper than {MAX_DEPTH}"),
                });
            } else if node != NOTHING {
                children.push(((name, Target::Tree(node)), at));
            }
        }
        if let Some(object) = own.object() {
            if own.is_tree() {
                self.node(object);
            }
            if self.wanted.contains(object) {
                children.push(((name, Target::Wanted(self.numbers[&object])), at));
            }
        }
        let wanted = self.wanted_names[name as usize];
        if wanted != NONE {
            children.push(((name, Target::Wanted(wanted)), at));
        }
    }

    fn intern(&mut self, found: &mut [(Child, u32)]) -> ShapeId {
        if !found.is_sorted() {
            found.sort_unstable();
        }
        let mut children: Vec<Child> = found.iter().map(|&(child, _)| child).collect();
        children.dedup();
        let node = self.pruned.intern(&children);
        if children.len() < found.len() {
            self.known.push(Shape { node, places: None, ascending: false });
            return (self.known.len() - 1) as ShapeId;
        }
        let places: Vec<u32> = found.iter().map(|&(_, place)| place).collect();
        let next = self.known_places.len() as u32;
        let (places, number) = match self.known_places.get_key_value(places.as_slice()) {
            Some((places, &number)) => (Rc::clone(places), number),
            None => {
                let places: Rc<[u32]> = Rc::from(places);
                self.known_places.insert(Rc::clone(&places), next);
                (places, next)
            }
        };
        *self.known_shapes.entry((node, number)).or_insert_with(|| {
            let ascending = places.is_sorted();
            self.known.push(Shape { node, places: Some(places), ascending });
            (self.known.len() - 1) as ShapeId
        })
    }
}
