//! Blobs that are known to hold nothing, by families of repositories that share objects.

use std::{cmp::Reverse, collections::BTreeMap};

use rusqlite::params;

use super::Store;
use crate::{audit::AuditError, model::BlobId};

impl Store {
    /// The families of repositories that share a quarter of these objects or more, the most like first.
    pub(crate) fn families(&self, sketch: &[Vec<u8>]) -> Result<Vec<i64>, AuditError> {
        let mut shared: BTreeMap<i64, usize> = BTreeMap::new();
        for object in sketch {
            let sql = "SELECT family FROM sketches WHERE object = ?1";
            let families = self.database.prepare_cached(sql).and_then(|mut sql| {
                sql.query_map(params![object], |row| row.get(0))?.collect::<rusqlite::Result<Vec<i64>>>()
            });
            self.wrap(families)?.into_iter().for_each(|family| *shared.entry(family).or_default() += 1);
        }
        let mut shared: Vec<_> = shared.into_iter().filter(|(_, count)| count * 4 >= sketch.len()).collect();
        shared.sort_by_key(|&(family, count)| (Reverse(count), family));
        Ok(shared.into_iter().map(|(family, _)| family).collect())
    }

    /// The blobs of a family that are known to hold nothing.
    pub(crate) fn clean(&self, family: i64, context: &str) -> Result<Vec<BlobId>, AuditError> {
        let sql = "SELECT ids FROM clean WHERE family = ?1 AND context = ?2";
        let lists = self.database.prepare_cached(sql).and_then(|mut sql| {
            sql.query_map(params![family, context], |row| row.get(0))?.collect::<rusqlite::Result<Vec<Vec<u8>>>>()
        });
        let mut ids = Vec::new();
        for list in self.wrap(lists)? {
            let mut rest = &list[..];
            while let Some((len, more)) = rest.split_first()
                && let Some((id, more)) = more.split_at_checked(usize::from(*len))
            {
                ids.extend(BlobId::from_raw(id));
                rest = more;
            }
        }
        Ok(ids)
    }

    /// Keeps more of them, with the family that is the most like, or as a new one. A store in memory, which nobody asks
    /// again, keeps none.
    pub(crate) fn put_clean(&mut self, sketch: &[Vec<u8>], context: &str, ids: &[BlobId]) -> Result<(), AuditError> {
        if ids.is_empty() || sketch.is_empty() || !self.is_kept {
            return Ok(());
        }
        let family = self.families(sketch)?.first().copied();
        let list: Vec<u8> = ids.iter().flat_map(|id| [&[id.as_bytes().len() as u8], id.as_bytes()].concat()).collect();
        let done = self.try_put_clean(family, sketch, context, &list);
        self.wrap(done)
    }

    fn try_put_clean(
        &mut self,
        family: Option<i64>,
        sketch: &[Vec<u8>],
        context: &str,
        ids: &[u8],
    ) -> rusqlite::Result<()> {
        let change = self.database.transaction()?;
        let next = || change.query_row("SELECT COALESCE(MAX(family), 0) + 1 FROM sketches", [], |row| row.get(0));
        let family: i64 = family.map_or_else(next, Ok)?;
        change.execute("DELETE FROM clean WHERE family = ?1 AND context != ?2", params![family, context])?;
        change
            .execute("INSERT INTO clean (family, context, ids) VALUES (?1, ?2, ?3)", params![family, context, ids])?;
        for object in sketch {
            change
                .execute("INSERT OR IGNORE INTO sketches (object, family) VALUES (?1, ?2)", params![object, family])?;
        }
        change.commit()
    }
}
