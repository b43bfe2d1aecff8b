//! Other copies of an object whose first copy is damaged.

use super::decode::Decoder;
use super::inflate::Buffer;
use super::loose::{self, LooseFile};
use super::nodes::Place;
use super::object::{ObjectKind, Problem};
use super::pack::{Form, Pack};

/// git itself makes no longer chains.
const MAX_CHAIN: usize = 4096;

impl Decoder<'_> {
    /// Reads a node from any other place where it is stored: git keeps old packs and loose objects for a while.
    ///
    /// # Errors
    ///
    /// The given problem, if there is no sound copy.
    pub(super) fn recover(&mut self, node: u32, problem: Problem, out: &mut Buffer) -> Result<ObjectKind, Problem> {
        let store = self.store;
        let id = store.id(store.nodes.ix(node));
        let place = store.place(node);
        for pack in &store.packs {
            let Some(offset) = pack.index.find(id.as_bytes()).map(|at| pack.index.offset(at)) else { continue };
            if matches!(place, Place::Packed(other, (at, _)) if std::ptr::eq(other, pack) && at == offset) {
                continue;
            }
            if let Ok(kind) = self.read_in_pack(pack, offset, out) {
                return Ok(kind);
            }
        }
        for dir in &store.dirs {
            if matches!(place, Place::Loose(other) if other == dir) {
                continue;
            }
            if let Ok(file) = LooseFile::open(&loose::path(dir, &id), self.limit, &mut self.inflater)
                && file.inflate(&mut self.inflater, out).is_ok()
            {
                return Ok(file.header.kind);
            }
        }
        Err(problem)
    }

    /// Reads an entry and its bases from one pack, by offset.
    fn read_in_pack(&mut self, pack: &Pack, mut offset: u64, out: &mut Buffer) -> Result<ObjectKind, Problem> {
        let mut chain = Vec::new();
        let kind = loop {
            if chain.len() == MAX_CHAIN {
                return Err(Problem::corrupt("the chain of deltas is too long"));
            }
            let extent = (offset, pack.end());
            let header = pack.header(offset, extent.1, self.store.hash)?;
            let base = match header.form {
                Form::Whole(kind) => {
                    pack.inflate(extent, &header, self.limit, &mut self.inflater, out)?;
                    break kind;
                }
                Form::BackDelta(back) => offset.checked_sub(back),
                Form::IdDelta(id) => pack.index.find(id).map(|at| pack.index.offset(at)),
            };
            chain.push((extent, header));
            offset = base.ok_or_else(|| Problem::corrupt("its delta base is missing"))?;
        };
        let mut base = Buffer::default();
        for (extent, header) in chain.iter().rev() {
            std::mem::swap(&mut base, out);
            self.inflate_delta(pack, *extent, header)?;
            self.apply(base.as_slice(), out)?;
        }
        Ok(kind)
    }
}
