//! Inflating one node, and applying one delta.

use super::delta::{Copied, Delta, RawDelta};
use super::forest::BROKEN;
use super::inflate::{Buffer, Inflater};
use super::loose::{self, LooseFile};
use super::nodes::Place;
use super::object::{ObjectKind, Problem};
use super::pack::{EntryHeader, Form, Pack};
use super::store::ObjectStore;
use crate::model::SkipReason;

/// From this size on a delta's instructions are summed before memory is taken for their result.
const CHECK_SUM_FROM: u64 = 1 << 24;

/// What a worker needs to decode: one inflate state and room for a delta, used again and again.
///
/// A node is decoded in two steps: `start_…` says how many bytes it will have, so that the caller can find room for
/// them, and `finish_…` makes them.
pub(super) struct Decoder<'s> {
    pub(super) store: &'s ObjectStore,
    pub(super) inflater: Inflater,
    pub(super) delta: Buffer,
    /// What the child that was made last has from its base.
    copies: Vec<Copied>,
    /// No object of more bytes is made.
    pub(super) limit: u64,
}

/// A root that is ready to be inflated.
pub(super) enum Started<'s> {
    Packed(&'s Pack, (u64, u64), EntryHeader<'s>, ObjectKind),
    Loose(LooseFile),
}

impl Started<'_> {
    pub(super) fn kind(&self) -> ObjectKind {
        match self {
            Self::Packed(_, _, _, kind) => *kind,
            Self::Loose(file) => file.header.kind,
        }
    }

    /// Bytes that the object will have.
    pub(super) fn size(&self) -> u64 {
        match self {
            Self::Packed(_, _, header, _) => header.size,
            Self::Loose(file) => file.header.size,
        }
    }
}

impl<'s> Decoder<'s> {
    pub(super) fn new(store: &'s ObjectStore, limit: u64) -> Self {
        Self { store, inflater: Inflater::new(), delta: Buffer::default(), copies: Vec::new(), limit }
    }

    /// Reads the header of a node without a base.
    pub(super) fn start_root(&mut self, node: u32) -> Result<Started<'s>, Problem> {
        self.read_root(node).map_err(|problem| self.store.name(problem, node))
    }

    fn read_root(&mut self, node: u32) -> Result<Started<'s>, Problem> {
        match self.store.place(node) {
            Place::Loose(dir) => {
                let path = loose::path(dir, &self.store.id(self.store.nodes.ix(node)));
                LooseFile::open(&path, self.limit, &mut self.inflater).map(Started::Loose)
            }
            Place::Packed(pack, extent) => {
                let header = pack.header(extent.0, extent.1, self.store.hash)?;
                match header.form {
                    Form::Whole(kind) => Ok(Started::Packed(pack, extent, header, kind)),
                    Form::IdDelta(id) if self.store.lookup_raw(id).is_none() => {
                        Err(Problem::corrupt("its delta base is missing"))
                    }
                    _ => Err(Problem::corrupt("its delta base is not where it should be")),
                }
            }
        }
    }

    /// Inflates a root.
    pub(super) fn finish_root(
        &mut self,
        node: u32,
        root: &Started<'_>,
        out: &mut Buffer,
    ) -> Result<ObjectKind, Problem> {
        let made = match root {
            Started::Loose(file) => file.inflate(&mut self.inflater, out),
            Started::Packed(pack, extent, header, _) => {
                pack.inflate(*extent, header, self.limit, &mut self.inflater, out)
            }
        };
        made.map(|()| root.kind()).map_err(|problem| self.store.name(problem, node))
    }

    /// Inflates the delta of a node that has a base; says how many bytes the node will have.
    pub(super) fn start_child(&mut self, node: u32) -> Result<u64, Problem> {
        self.read_delta(node).map_err(|problem| self.store.name(problem, node))
    }

    fn read_delta(&mut self, node: u32) -> Result<u64, Problem> {
        match self.store.place(node) {
            Place::Packed(pack, extent) if self.store.forest.parent[node as usize] != BROKEN => {
                let header = pack.header(extent.0, extent.1, self.store.hash)?;
                self.inflate_delta(pack, extent, &header)
            }
            _ => Err(Problem::corrupt("its delta base is not known")),
        }
    }

    /// Inflates a delta; says how many bytes it will make.
    pub(super) fn inflate_delta(
        &mut self,
        pack: &Pack,
        extent: (u64, u64),
        header: &EntryHeader<'_>,
    ) -> Result<u64, Problem> {
        pack.inflate(extent, header, self.limit, &mut self.inflater, &mut self.delta)?;
        let size = RawDelta::parse(self.delta.as_slice())?.child_len;
        if size > self.limit {
            return Err(Problem::new(SkipReason::TooLarge { size, limit: self.limit }));
        }
        Ok(size)
    }

    /// Applies the delta read by [`start_child`](Self::start_child) to its base.
    pub(super) fn finish_child(&mut self, node: u32, base: &[u8], out: &mut Buffer) -> Result<Delta<'_>, Problem> {
        let store = self.store;
        self.apply(base, out).map_err(|problem| store.name(problem, node))
    }

    pub(super) fn apply(&mut self, base: &[u8], out: &mut Buffer) -> Result<Delta<'_>, Problem> {
        let delta = RawDelta::parse(self.delta.as_slice())?;
        if delta.child_len >= CHECK_SUM_FROM && !delta.adds_up() {
            return Err(Problem::corrupt("the delta does not make the bytes that it says"));
        }
        let size = usize::try_from(delta.child_len).map_err(|_| Problem::corrupt("the object is too large"))?;
        delta.apply(base, &mut out.resize(size)[..size], &mut self.copies)
    }
}
