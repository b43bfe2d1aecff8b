//! Every object exactly once, delta bases before their children, in parallel.

use std::sync::atomic::AtomicBool;
use std::thread;

use super::budget::Budget;
use super::delta::Delta;
use super::forest::BROKEN;
use super::object::{KindSet, ObjectIx, ObjectKind, Problem};
use super::object_set::ObjectSet;
use super::store::ObjectStore;
use super::tasks::{Queue, Task};
use super::walker::Walker;

/// Into how many pieces the work is cut at least, by compressed bytes.
const PIECES: u64 = 512;

/// Smaller pieces, some tens of microseconds of work, are not worth handing out.
const MIN_PIECE: u64 = 1 << 13;

/// How to walk.
#[derive(Clone, Copy, Debug)]
pub struct WalkOptions<'a> {
    /// Which objects to visit.
    pub kinds: KindSet,
    /// If there is such a set, only these of them, and what they are made from.
    pub only: Option<&'a ObjectSet>,
    /// How many threads visit objects; 0 is taken as 1.
    pub threads: usize,
    /// Bytes of object data that may be held at a time. One worker at a time may go on above it, so that the walk ends
    /// whatever the objects; it holds a base for each doubling of the objects in a delta tree at the most, and as a
    /// rule one or two.
    pub memory: u64,
    /// Objects of more bytes are problems, and so is what depends on them. At most half of `memory` is used.
    pub object_limit: u64,
    /// Set to end the walk early; what was not visited is then not a problem.
    pub stop: Option<&'a AtomicBool>,
}

impl Default for WalkOptions<'_> {
    fn default() -> Self {
        Self { kinds: KindSet::ALL, only: None, threads: 1, memory: 1 << 30, object_limit: 2 << 30, stop: None }
    }
}

/// One object, as a visitor sees it.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Its number.
    pub ix: ObjectIx,
    /// What it is.
    pub kind: ObjectKind,
    /// Its bytes, without a header.
    pub data: &'a [u8],
    /// What it was made from, if it is stored as a change of another object.
    pub from: Option<FromBase<'a>>,
    /// Whether any object to be visited is stored as a change of this one: if not, the visitor's state is not used.
    pub has_children: bool,
}

/// How an object was made from its base.
#[derive(Clone, Copy, Debug)]
pub struct FromBase<'a> {
    /// The base.
    pub ix: ObjectIx,
    /// The bytes of the base.
    pub data: &'a [u8],
    /// What makes [`Entry::data`] from them.
    pub delta: Delta<'a>,
}

impl ObjectStore {
    /// Visits every object of `options.kinds` exactly once, the base of a delta before its children.
    ///
    /// `visit` gets the worker's own value (from `worker`, one per thread), the object, and what the visit of its
    /// base returned; what it returns is kept until the last child has been visited. Returns the workers' values and
    /// the objects that could not be read, sorted. Which worker visits what differs from run to run.
    ///
    /// # Panics
    ///
    /// When `visit` or `worker` panics, after the other workers have come to an end.
    pub fn walk<W, S, N, V>(&self, options: &WalkOptions<'_>, worker: N, visit: V) -> (Vec<W>, Vec<Problem>)
    where
        W: Send,
        S: Send + Sync,
        N: Fn() -> W + Sync,
        V: Fn(&mut W, &Entry<'_>, Option<&S>) -> S + Sync,
    {
        let threads = options.threads.max(1);
        let needed = options.only.map(|only| self.needed(only));
        let plan = self.plan(options.kinds, needed.as_deref(), threads);
        let walk = Walk {
            store: self,
            options,
            roots: &plan.roots,
            needed: needed.as_deref(),
            queue: Queue::new(plan.tasks),
            grain: plan.grain,
            budget: Budget::new(options.memory),
            visit: &visit,
        };
        let run = || {
            let mut value = worker();
            let problems = Walker::new(&walk, &mut value).run();
            (value, problems)
        };
        let ended = thread::scope(|scope| {
            let others: Vec<_> = (1..threads).map(|_| scope.spawn(run)).collect();
            let mut ended = vec![run()];
            for other in others {
                ended.push(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            }
            ended
        });
        if !self.fits() {
            self.release();
        }
        debug_assert_eq!(walk.budget.held(), 0, "all that was taken is given back");
        let (values, problems): (Vec<_>, Vec<_>) = ended.into_iter().unzip();
        let mut problems = problems.concat();
        problems.sort();
        (values, problems)
    }

    /// By node, whether it is one of these objects or one of these is made from it.
    fn needed(&self, only: &ObjectSet) -> Vec<bool> {
        let mut needed = vec![false; self.forest.parent.len()];
        for node in (0..needed.len() as u32).filter(|&node| only.contains(self.nodes.ix(node))) {
            let mut at = node as usize;
            while !std::mem::replace(&mut needed[at], true) && self.forest.parent[at] < BROKEN {
                at = self.forest.parent[at] as usize;
            }
        }
        needed
    }

    /// Roots to visit, in the order of their packs, and runs of them as tasks, the costly first.
    fn plan<S>(&self, kinds: KindSet, needed: Option<&[bool]>, threads: usize) -> Plan<S> {
        let forest = &self.forest;
        let wanted = |node: &u32| {
            forest.parent[*node as usize] >= BROKEN
                && forest.kind(*node).is_none_or(|kind| kinds.contains(kind))
                && needed.is_none_or(|needed| needed[*node as usize])
        };
        let roots: Vec<u32> = (0..forest.parent.len() as u32).filter(wanted).collect();
        let cost = |root: &u32| u64::from(forest.cost[*root as usize]);
        let grain = (roots.iter().map(cost).sum::<u64>() / PIECES).max(MIN_PIECE);
        let mut runs: Vec<(u64, u32, u32)> = Vec::new();
        for (at, root) in roots.iter().enumerate() {
            let at = at as u32;
            match runs.last_mut() {
                Some((sum, _, end)) if *sum + cost(root) <= grain => {
                    *sum += cost(root);
                    *end = at + 1;
                }
                _ => runs.push((cost(root), at, at + 1)),
            }
        }
        if threads > 1 {
            runs.sort_by_key(|(sum, ..)| std::cmp::Reverse(*sum));
        }
        let tasks = runs.into_iter().map(|(_, start, end)| Task::Roots(start..end)).collect();
        Plan { roots, tasks, grain: u32::try_from(grain).unwrap_or(u32::MAX) }
    }
}

struct Plan<S> {
    roots: Vec<u32>,
    tasks: Vec<Task<S>>,
    grain: u32,
}

/// What all workers share.
pub(super) struct Walk<'a, S, V> {
    pub(super) store: &'a ObjectStore,
    pub(super) options: &'a WalkOptions<'a>,
    pub(super) roots: &'a [u32],
    /// By node, if not all are.
    pub(super) needed: Option<&'a [bool]>,
    pub(super) queue: Queue<S>,
    /// Subtrees of less cost are not given away.
    pub(super) grain: u32,
    pub(super) budget: Budget,
    pub(super) visit: &'a V,
}

impl<S, V> Walk<'_, S, V> {
    /// Whether a node is to be visited.
    #[inline]
    pub(super) fn needs(&self, node: u32) -> bool {
        self.needed.is_none_or(|needed| needed[node as usize])
    }

    /// Whether anything that is made from a node is.
    #[inline]
    pub(super) fn needs_children(&self, node: u32) -> bool {
        self.store.forest.children(node).iter().any(|&child| self.needs(child))
    }
}
