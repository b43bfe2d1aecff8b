//! Reading single objects, in any order.

use std::rc::Rc;

use super::decode::Decoder;
use super::forest::{BROKEN, ROOT};
use super::inflate::Buffer;
use super::object::{ObjectIx, ObjectKind, Problem};
use super::store::ObjectStore;

/// Bytes of capacity per slot: about the size of a source file, so that neither slots nor bytes run out long before
/// the other. Measured on whole histories read in the order of ids.
const SLOT_BYTES: usize = 4096;

/// What stays between reads: an inflate state, and bases that later reads may need again.
pub struct ReadCache<'s> {
    decoder: Decoder<'s>,
    store: &'s ObjectStore,
    slots: Vec<Option<Cached>>,
    /// Bytes that the slots may hold together.
    capacity: usize,
    held: usize,
    /// The slot to empty next.
    hand: usize,
}

struct Cached {
    node: u32,
    kind: ObjectKind,
    data: Rc<Buffer>,
}

impl<'s> ReadCache<'s> {
    /// Keeps up to `capacity` bytes of bases (64 MiB makes reading in any order about as fast as git's own); refuses objects of more than `limit` bytes.
    pub fn new(store: &'s ObjectStore, capacity: usize, limit: u64) -> Self {
        let slots = (capacity / SLOT_BYTES).next_power_of_two().clamp(64, 1 << 14);
        let slots = std::iter::repeat_with(|| None).take(slots).collect();
        Self { decoder: Decoder::new(store, limit), store, slots, capacity, held: 0, hand: 0 }
    }

    /// The kind and bytes of an object.
    ///
    /// # Errors
    ///
    /// When it, or something it is a delta against, is damaged, missing or too large.
    pub fn read(&mut self, ix: ObjectIx) -> Result<(ObjectKind, Vec<u8>), Problem> {
        let node = self.store.nodes.of(ix);
        let (kind, data) = self.decode(node).or_else(|problem| {
            let mut out = Buffer::default();
            self.decoder.recover(node, problem, &mut out).map(|kind| (kind, Rc::new(out)))
        })?;
        Ok((kind, Rc::try_unwrap(data).map_or_else(|shared| shared.as_slice().to_vec(), Buffer::into_vec)))
    }

    /// Bytes of an object. For a delta this inflates the delta, but applies nothing.
    ///
    /// # Errors
    ///
    /// When its entry is damaged, or the object is larger than the limit.
    pub fn size(&mut self, ix: ObjectIx) -> Result<u64, Problem> {
        let node = self.store.nodes.of(ix);
        match self.store.forest.parent[node as usize] {
            ROOT => self.decoder.start_root(node).map(|root| root.size()),
            _ => self.decoder.start_child(node),
        }
        .or_else(|_| Ok(self.read(ix)?.1.len() as u64))
    }

    fn decode(&mut self, node: u32) -> Result<(ObjectKind, Rc<Buffer>), Problem> {
        // Down to a base that is cached or whole, then up again: chains can be too long for recursion.
        let mut chain = Vec::new();
        let mut at = node;
        let (kind, mut data) = loop {
            if let Some(found) = self.cached(at) {
                break found;
            }
            match self.store.forest.parent[at as usize] {
                ROOT | BROKEN => {
                    let mut out = Buffer::default();
                    let kind = self.root(at, &mut out)?;
                    break (kind, Rc::new(out));
                }
                base => {
                    chain.push(at);
                    at = base;
                }
            }
        };
        for &child in chain.iter().rev() {
            self.keep(at, kind, &data);
            let mut out = Buffer::default();
            let made = self.decoder.start_child(child);
            let made = made.and_then(|_| self.decoder.finish_child(child, data.as_slice(), &mut out).map(|_| ()));
            if let Err(problem) = made {
                self.decoder.recover(child, problem, &mut out)?;
            }
            data = Rc::new(out);
            at = child;
        }
        Ok((kind, data))
    }

    fn root(&mut self, node: u32, out: &mut Buffer) -> Result<ObjectKind, Problem> {
        let root = self.decoder.start_root(node);
        let kind = root.and_then(|root| self.decoder.finish_root(node, &root, out));
        kind.or_else(|problem| self.decoder.recover(node, problem, out))
    }

    fn cached(&self, node: u32) -> Option<(ObjectKind, Rc<Buffer>)> {
        let slot = self.slots[node as usize % self.slots.len()].as_ref().filter(|cached| cached.node == node)?;
        Some((slot.kind, Rc::clone(&slot.data)))
    }

    fn keep(&mut self, node: u32, kind: ObjectKind, data: &Rc<Buffer>) {
        let slot = node as usize % self.slots.len();
        if self.slots[slot].as_ref().is_some_and(|cached| cached.node == node) || data.capacity() > self.capacity / 2 {
            return;
        }
        self.empty(slot);
        while self.held + data.capacity() > self.capacity {
            self.empty(self.hand);
            self.hand = (self.hand + 1) % self.slots.len();
        }
        self.held += data.capacity();
        self.slots[slot] = Some(Cached { node, kind, data: Rc::clone(data) });
    }

    fn empty(&mut self, slot: usize) {
        if let Some(cached) = self.slots[slot].take() {
            self.held -= cached.data.capacity();
        }
    }
}
