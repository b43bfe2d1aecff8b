//! Inflating one node, and applying one delta.

use super::delta::{Delta, RawDelta};
use super::inflate::{Buffer, Inflater};
use super::loose;
use super::object::{ObjectKind, Problem};
use super::pack::{EntryHeader, Form, Pack};
use super::store::{ObjectStore, Place};
use crate::model::SkipReason;

/// From this size on a delta's instructions are summed before memory is taken for their result.
const CHECK_SUM_FROM: u64 = 1 << 24;

/// What a worker needs to decode: one inflate state and room for a delta, used again and again.
pub(super) struct Decoder<'s> {
    store: &'s ObjectStore,
    inflater: Inflater,
    delta: Buffer,
    /// No object of more bytes is made.
    limit: u64,
}

impl<'s> Decoder<'s> {
    pub(super) fn new(store: &'s ObjectStore, limit: u64) -> Self {
        Self { store, inflater: Inflater::new(), delta: Buffer::default(), limit }
    }

    /// Decodes a node without a base.
    pub(super) fn root(&mut self, node: u32, out: &mut Buffer) -> Result<ObjectKind, Problem> {
        let kind = match self.store.place(node) {
            Place::Loose(dir) => {
                let path = loose::path(dir, &self.store.id(self.store.ix_of(node)));
                loose::read(&path, self.limit, &mut self.inflater, out)
            }
            Place::Packed(pack, extent) => self.packed_root(pack, extent, out),
        };
        kind.map_err(|problem| self.store.name(problem, node))
    }

    fn packed_root(&mut self, pack: &Pack, extent: (u64, u64), out: &mut Buffer) -> Result<ObjectKind, Problem> {
        let header = pack.header(extent.0, extent.1, self.store.hash)?;
        let Form::Whole(kind) = header.form else { return Err(Problem::corrupt("the entry has changed")) };
        pack.inflate(extent, &header, self.limit, &mut self.inflater, out)?;
        Ok(kind)
    }

    /// Bytes that the node will have, as far as its delta or header tells; leaves the delta ready for
    /// [`finish_child`](Self::finish_child).
    pub(super) fn start_child(&mut self, node: u32) -> Result<u64, Problem> {
        self.inflate_delta(node).map_err(|problem| self.store.name(problem, node))
    }

    fn inflate_delta(&mut self, node: u32) -> Result<u64, Problem> {
        let Place::Packed(pack, extent) = self.store.place(node) else {
            return Err(Problem::corrupt("a loose object has no delta"));
        };
        let header: EntryHeader<'_> = pack.header(extent.0, extent.1, self.store.hash)?;
        pack.inflate(extent, &header, self.limit, &mut self.inflater, &mut self.delta)?;
        let size = RawDelta::parse(self.delta.as_slice())?.child_len;
        if size > self.limit {
            return Err(Problem::new(SkipReason::TooLarge { size, limit: self.limit }));
        }
        Ok(size)
    }

    /// Applies the delta read by [`start_child`](Self::start_child) to its base.
    pub(super) fn finish_child(&self, node: u32, base: &[u8], out: &mut Buffer) -> Result<Delta<'_>, Problem> {
        self.apply(base, out).map_err(|problem| self.store.name(problem, node))
    }

    fn apply(&self, base: &[u8], out: &mut Buffer) -> Result<Delta<'_>, Problem> {
        let delta = RawDelta::parse(self.delta.as_slice())?;
        if delta.child_len >= CHECK_SUM_FROM && !delta.adds_up() {
            return Err(Problem::corrupt("the delta does not make the bytes that it says"));
        }
        let size = usize::try_from(delta.child_len).map_err(|_| Problem::corrupt("the object is too large"))?;
        delta.apply(base, out.resize(size))
    }

    /// Bytes that a root will have; a guess for loose objects, which are small as a rule.
    pub(super) fn root_size(&self, node: u32) -> u64 {
        match self.store.place(node) {
            Place::Loose(_) => 0,
            Place::Packed(pack, (offset, end)) => {
                pack.header(offset, end, self.store.hash).map_or(0, |header| header.size)
            }
        }
    }

    /// Bytes held.
    pub(super) fn memory(&self) -> usize {
        self.delta.capacity()
    }
}
