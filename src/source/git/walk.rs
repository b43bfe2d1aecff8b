//! Every object exactly once, delta bases before their children, in parallel.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::decode::Decoder;
use super::delta::Delta;
use super::forest::ROOT;
use super::inflate::Buffer;
use super::object::{KindSet, ObjectIx, ObjectKind, Problem};
use super::store::ObjectStore;
use super::tasks::{Queue, Task};

/// Into how many pieces the work is cut at least, by compressed bytes.
const PIECES: u64 = 512;

/// Buffers of more bytes go back to the system at once.
const POOLED_BYTES: usize = 1 << 20;

/// Buffers that a worker keeps for later.
const POOLED: usize = 16;

/// How to walk.
#[derive(Clone, Copy, Debug)]
pub struct WalkOptions<'a> {
    /// Which objects to visit.
    pub kinds: KindSet,
    /// How many threads visit objects; 0 is taken as 1.
    pub threads: usize,
    /// Bytes of object data that may be held at a time. One worker may go on above it, so that the walk always ends:
    /// then at most a base for each doubling of the objects in one delta tree is held on top, as a rule one or two.
    pub memory: usize,
    /// Objects of more bytes are problems, and so is what depends on them. At most half of `memory` is used.
    pub object_limit: u64,
    /// Set to end the walk early; what was not visited is then not a problem.
    pub stop: Option<&'a AtomicBool>,
}

impl Default for WalkOptions<'_> {
    fn default() -> Self {
        Self { kinds: KindSet::ALL, threads: 1, memory: 1 << 30, object_limit: 2 << 30, stop: None }
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
        let plan = self.plan(options.kinds, threads);
        let walk = Walk {
            store: self,
            options,
            roots: &plan.roots,
            queue: Queue::new(plan.tasks),
            grain: plan.grain,
            held: AtomicUsize::new(0),
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
        let (values, problems): (Vec<_>, Vec<_>) = ended.into_iter().unzip();
        let mut problems = problems.concat();
        problems.sort();
        (values, problems)
    }

    /// Roots to visit, in the order of their packs, and runs of them as tasks, the costly first.
    fn plan<S>(&self, kinds: KindSet, threads: usize) -> Plan<S> {
        let forest = &self.forest;
        let wanted = |node: &u32| {
            forest.parent[*node as usize] == ROOT && forest.kind(*node).is_none_or(|kind| kinds.contains(kind))
        };
        let roots: Vec<u32> = (0..forest.parent.len() as u32).filter(wanted).collect();
        let cost = |root: &u32| u64::from(forest.cost[*root as usize]);
        let grain = (roots.iter().map(cost).sum::<u64>() / PIECES).max(1 << 16);
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
struct Walk<'a, S, V> {
    store: &'a ObjectStore,
    options: &'a WalkOptions<'a>,
    roots: &'a [u32],
    queue: Queue<S>,
    /// Subtrees of less cost are not given away.
    grain: u32,
    /// Bytes of object data held by all workers.
    held: AtomicUsize,
    visit: &'a V,
}

/// An object that has been visited and has children to come.
pub(super) struct Base<S> {
    node: u32,
    kind: ObjectKind,
    data: Buffer,
    state: S,
}

/// A base whose children from `next` on this worker has to visit.
struct Frame<S> {
    base: Arc<Base<S>>,
    next: usize,
    end: usize,
}

/// One thread of a walk.
struct Walker<'a, W, S, V> {
    walk: &'a Walk<'a, S, V>,
    value: &'a mut W,
    decoder: Decoder<'a>,
    stack: Vec<Frame<S>>,
    pool: Vec<Buffer>,
    problems: Vec<Problem>,
}

impl<'a, W, S, V> Walker<'a, W, S, V>
where
    V: Fn(&mut W, &Entry<'_>, Option<&S>) -> S,
{
    fn new(walk: &'a Walk<'a, S, V>, value: &'a mut W) -> Self {
        let limit = walk.options.object_limit.min(walk.options.memory as u64 / 2);
        let decoder = Decoder::new(walk.store, limit);
        Self { walk, value, decoder, stack: Vec::new(), pool: Vec::new(), problems: Vec::new() }
    }

    fn run(mut self) -> Vec<Problem> {
        // The queue counts a worker as busy from here to the end of the task, also if a visit panics.
        while let Some((task, _busy)) = self.walk.queue.take() {
            match task {
                Task::Roots(range) => {
                    for at in range {
                        self.root(self.walk.roots[at as usize]);
                        self.descend();
                        if self.stopped() {
                            break;
                        }
                    }
                }
                Task::Child(base, child) => {
                    self.stack.push(Frame { base, next: child, end: child + 1 });
                    self.descend();
                }
            }
            if self.stopped() {
                self.walk.queue.close();
            }
        }
        self.problems
    }

    fn stopped(&self) -> bool {
        self.walk.options.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    fn root(&mut self, node: u32) {
        let mut data = self.buffer(self.decoder.root_size(node));
        match self.decoder.root(node, &mut data) {
            Ok(kind) if self.walk.options.kinds.contains(kind) => {
                let has_children = !self.walk.store.forest.children(node).is_empty();
                let ix = self.walk.store.ix_of(node);
                let entry = Entry { ix, kind, data: data.as_slice(), from: None, has_children };
                let state = (self.walk.visit)(self.value, &entry, None);
                self.visited(Base { node, kind, data, state }, has_children);
            }
            Ok(_) => self.recycle(data),
            Err(problem) => {
                self.recycle(data);
                self.lost(node, problem);
            }
        }
    }

    /// Visits what hangs from the bases on the stack.
    fn descend(&mut self) {
        while let Some(frame) = self.stack.last_mut() {
            if frame.next == frame.end || self.walk.options.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                self.pop();
                continue;
            }
            let at = frame.next;
            frame.next += 1;
            let is_last = frame.next == frame.end;
            let child = self.walk.store.forest.children(frame.base.node)[at];
            if !is_last && self.walk.store.forest.cost[child as usize] >= self.walk.grain && self.walk.queue.is_hungry()
            {
                self.walk.queue.give(Task::Child(Arc::clone(&frame.base), at));
                continue;
            }
            self.child(child, is_last);
        }
    }

    /// Visits a child of the base on top of the stack, which is dropped if this is its last.
    fn child(&mut self, node: u32, is_last: bool) {
        let size = match self.decoder.start_child(node) {
            Ok(size) => size,
            Err(problem) => return self.child_lost(node, problem, is_last),
        };
        let mut data = self.buffer(size);
        let Some(frame) = self.stack.last() else { return };
        let base = Arc::clone(&frame.base);
        match self.decoder.finish_child(node, base.data.as_slice(), &mut data) {
            Ok(delta) => {
                let has_children = !self.walk.store.forest.children(node).is_empty();
                let store = self.walk.store;
                let from = FromBase { ix: store.ix_of(base.node), data: base.data.as_slice(), delta };
                let (ix, kind) = (store.ix_of(node), base.kind);
                let entry = Entry { ix, kind, data: data.as_slice(), from: Some(from), has_children };
                let state = (self.walk.visit)(self.value, &entry, Some(&base.state));
                drop(base);
                if is_last {
                    self.pop();
                }
                self.visited(Base { node, kind, data, state }, has_children);
            }
            Err(problem) => {
                drop(base);
                self.recycle(data);
                self.child_lost(node, problem, is_last);
            }
        }
    }

    fn child_lost(&mut self, node: u32, problem: Problem, is_last: bool) {
        self.lost(node, problem);
        if is_last {
            self.pop();
        }
    }

    fn visited(&mut self, base: Base<S>, has_children: bool) {
        if has_children {
            let end = self.walk.store.forest.children(base.node).len();
            self.stack.push(Frame { base: Arc::new(base), next: 0, end });
        } else {
            self.recycle(base.data);
        }
    }

    fn pop(&mut self) {
        if let Some(Frame { base, .. }) = self.stack.pop()
            && let Some(base) = Arc::into_inner(base)
        {
            self.recycle(base.data);
        }
    }

    /// Reports a node that cannot be decoded, and with it all that depends on it.
    fn lost(&mut self, node: u32, problem: Problem) {
        self.problems.push(problem);
        let store = self.walk.store;
        let mut waiting = store.forest.children(node).to_vec();
        while let Some(child) = waiting.pop() {
            self.problems.push(store.name(Problem::corrupt("its delta base cannot be read"), child));
            waiting.extend_from_slice(store.forest.children(child));
        }
    }

    fn buffer(&mut self, _size: u64) -> Buffer {
        self.pool.pop().unwrap_or_default()
    }

    fn recycle(&mut self, buffer: Buffer) {
        if self.pool.len() < POOLED && buffer.capacity() <= POOLED_BYTES {
            self.pool.push(buffer);
        }
    }
}
