//! One thread of a walk: a stack of bases, and what hangs from them.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::budget::Turn;
use super::decode::Decoder;
use super::inflate::{Buffer, KEPT_BYTES};
use super::object::{ObjectKind, Problem};
use super::store::RELEASED_AFTER;
use super::tasks::Task;
use super::walk::{Entry, FromBase, Walk};

/// Buffers that a worker keeps for later: more than the bases it holds at a time, as a rule.
const POOLED: usize = 12;

/// An object that has been visited and has children to come.
pub(super) struct Base<S> {
    node: u32,
    kind: ObjectKind,
    data: Buffer,
    state: S,
}

/// A base, and which of its children are to be visited here.
struct Frame<S> {
    base: Arc<Base<S>>,
    next: usize,
    end: usize,
}

pub(super) struct Walker<'a, W, S, V> {
    walk: &'a Walk<'a, S, V>,
    value: &'a mut W,
    decoder: Decoder<'a>,
    stack: Vec<Frame<S>>,
    pool: Vec<Buffer>,
    problems: Vec<Problem>,
    turn: Option<Turn<'a>>,
    /// Since memory was last given back.
    read: u64,
}

impl<'a, W, S, V> Walker<'a, W, S, V>
where
    V: Fn(&mut W, &Entry<'_>, Option<&S>) -> S,
{
    pub(super) fn new(walk: &'a Walk<'a, S, V>, value: &'a mut W) -> Self {
        let limit = walk.options.object_limit.min(walk.options.memory / 2);
        let decoder = Decoder::new(walk.store, limit);
        Self { walk, value, decoder, stack: Vec::new(), pool: Vec::new(), problems: Vec::new(), turn: None, read: 0 }
    }

    /// Works until there is nothing left to do.
    pub(super) fn run(mut self) -> Vec<Problem> {
        // The queue counts this worker as busy until the end of the task, also if a visit panics.
        while let Some((task, _busy)) = self.walk.queue.take() {
            match task {
                Task::Roots(range) => {
                    for at in range {
                        if self.is_stopped() {
                            break;
                        }
                        self.root(self.walk.roots[at as usize]);
                        self.descend();
                    }
                }
                Task::Child(base, at) => {
                    self.stack.push(Frame { base, next: at, end: at + 1 });
                    self.descend();
                }
            }
        }
        self.problems
    }

    fn is_stopped(&self) -> bool {
        self.walk.options.stop.is_some_and(|stop| stop.load(Ordering::Relaxed))
    }

    fn root(&mut self, node: u32) {
        self.read += u64::from(self.walk.store.forest.cost[node as usize]);
        if self.read > RELEASED_AFTER {
            self.walk.store.release();
            self.read = 0;
        }
        let mut data = self.pool.pop().unwrap_or_default();
        let made = self.decoder.start_root(node).and_then(|root| {
            if !self.walk.options.kinds.contains(root.kind()) {
                return Ok(root.kind());
            }
            self.walk.budget.take(root.size(), &mut self.turn);
            let made = self.decoder.finish_root(node, &root, &mut data);
            self.walk.budget.give_back(root.size());
            made
        });
        match made {
            Ok(kind) => self.visit_whole(node, kind, data),
            Err(problem) => self.lost(node, problem, data),
        }
    }

    /// Visits an object that is not made from a base.
    fn visit_whole(&mut self, node: u32, kind: ObjectKind, data: Buffer) {
        if !self.walk.options.kinds.contains(kind) {
            return self.pool(data);
        }
        self.walk.budget.take(data.len(), &mut self.turn);
        let has_children = self.walk.needs_children(node);
        let ix = self.walk.store.nodes.ix(node);
        let entry = Entry { ix, kind, data: data.as_slice(), from: None, has_children };
        let state = (self.walk.visit)(self.value, &entry, None);
        self.visited(Base { node, kind, data, state }, has_children);
    }

    /// Visits what hangs from the bases on the stack.
    fn descend(&mut self) {
        let forest = &self.walk.store.forest;
        while let Some(frame) = self.stack.last_mut() {
            let at = frame.next;
            if at == frame.end || self.walk.options.stop.is_some_and(|stop| stop.load(Ordering::Relaxed)) {
                self.pop();
                continue;
            }
            frame.next += 1;
            let is_last = frame.next == frame.end;
            let children = forest.children(frame.base.node);
            let (child, sibling) = (children[at], children.get(at + 1).copied());
            if !self.walk.needs(child) {
                continue;
            }
            if !is_last && forest.cost[child as usize] >= self.walk.grain && self.walk.queue.is_hungry() {
                self.walk.queue.give(Task::Child(Arc::clone(&frame.base), at));
                continue;
            }
            let base = Arc::clone(&frame.base);
            if is_last {
                // From here on the child alone keeps its base; it goes as soon as the child has been visited.
                self.stack.pop();
            }
            self.child(child, sibling, base);
        }
        self.turn = None;
    }

    /// Visits what is made from a base; `sibling` comes after it, if nothing hangs from it.
    fn child(&mut self, node: u32, sibling: Option<u32>, base: Arc<Base<S>>) {
        let store = self.walk.store;
        store.forest.expect(node);
        let size = match self.decoder.start_child(node) {
            Ok(size) => size,
            Err(problem) => {
                self.drop_base(base);
                return self.lost(node, problem, Buffer::default());
            }
        };
        // What comes next stands anywhere in the tables and in the pack: it is asked for in two steps, while this is visited.
        let next = store.forest.children(node).first().copied().or(sibling);
        next.inspect(|&next| store.nodes.expect(next));
        self.walk.budget.take(size, &mut self.turn);
        let mut data = self.pool.pop().unwrap_or_default();
        match self.decoder.finish_child(node, base.data.as_slice(), &mut data) {
            Ok(delta) => {
                next.inspect(|&next| store.expect(next));
                let has_children = self.walk.needs_children(node);
                let from = FromBase { ix: store.nodes.ix(base.node), data: base.data.as_slice(), delta };
                let (ix, kind) = (store.nodes.ix(node), base.kind);
                let entry = Entry { ix, kind, data: data.as_slice(), from: Some(from), has_children };
                let state = (self.walk.visit)(self.value, &entry, Some(&base.state));
                self.drop_base(base);
                self.visited(Base { node, kind, data, state }, has_children);
            }
            Err(problem) => {
                self.walk.budget.give_back(size);
                self.drop_base(base);
                self.lost(node, problem, data);
            }
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
        if let Some(frame) = self.stack.pop() {
            self.drop_base(frame.base);
        }
    }

    /// Lets go of a base; its memory is used again once nobody else holds it.
    fn drop_base(&mut self, base: Arc<Base<S>>) {
        if let Some(base) = Arc::into_inner(base) {
            self.recycle(base.data);
        }
    }

    /// Looks for another copy of a node that cannot be decoded, or else of what depends on it.
    fn lost(&mut self, node: u32, problem: Problem, mut data: Buffer) {
        let store = self.walk.store;
        let mut waiting = vec![node];
        let mut problem = Some(problem);
        while let Some(node) = waiting.pop() {
            let fault = problem.take();
            let fault = fault.unwrap_or_else(|| store.name(Problem::corrupt("its delta base cannot be read"), node));
            match self.decoder.recover(node, fault, &mut data) {
                Ok(kind) => self.visit_whole(node, kind, std::mem::take(&mut data)),
                Err(fault) => {
                    self.problems.push(fault);
                    waiting.extend(store.forest.children(node).iter().filter(|&&child| self.walk.needs(child)));
                }
            }
        }
        self.pool(data);
    }

    fn recycle(&mut self, buffer: Buffer) {
        self.walk.budget.give_back(buffer.len());
        self.pool(buffer);
    }

    fn pool(&mut self, buffer: Buffer) {
        if self.pool.len() < POOLED && buffer.capacity() <= KEPT_BYTES {
            self.pool.push(buffer);
        }
    }
}
