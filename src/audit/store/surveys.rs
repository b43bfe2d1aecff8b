//! What repositories on this machine were like when they were last surveyed.

use std::{path::Path, time::SystemTime};

use rusqlite::{OptionalExtension, params};

use super::Store;
use crate::audit::{
    AuditError,
    stamp::Stamp,
    survey::{Brief, Survey},
};

impl Store {
    /// Surveys repositories; those that look as they did are not opened. `None` where there is no path, or what is there
    /// cannot be opened.
    pub(crate) fn surveys(&mut self, paths: &[Option<&Path>]) -> Result<Vec<Option<Brief>>, AuditError> {
        let mut found = Vec::with_capacity(paths.len());
        let mut fresh = Vec::new();
        for path in paths {
            let Some(path) = path else {
                found.push(None);
                continue;
            };
            if let Some(known) = self.surveyed(path)? {
                found.push(Some(known));
                continue;
            }
            let start = SystemTime::now();
            let survey = Survey::at(path).ok();
            let brief = survey.as_ref().map(Survey::brief);
            if let Some((stamp, brief)) = survey.and_then(|survey| survey.stamp(path, start)).zip(brief.as_ref()) {
                fresh.push((*path, stamp, brief.clone()));
            }
            found.push(brief);
        }
        if self.is_kept && !fresh.is_empty() {
            let done = self.put_surveys(&fresh);
            self.wrap(done)?;
        }
        Ok(found)
    }

    fn surveyed(&self, path: &Path) -> Result<Option<Brief>, AuditError> {
        let row =
            self.database.prepare_cached("SELECT stamp, brief FROM surveys WHERE path = ?1").and_then(|mut sql| {
                let key = path.as_os_str().as_encoded_bytes();
                sql.query_row(params![key], |row| Ok((row.get::<_, Vec<u8>>(0)?, row.get::<_, Vec<u8>>(1)?))).optional()
            });
        let Some((stamp, brief)) = self.wrap(row)? else { return Ok(None) };
        let broken = |error: serde_json::Error| AuditError::malformed(&self.path, error);
        let stamp: Stamp = serde_json::from_slice(&stamp).map_err(broken)?;
        if stamp.holds(path) { serde_json::from_slice(&brief).map(Some).map_err(broken) } else { Ok(None) }
    }

    fn put_surveys(&mut self, fresh: &[(&Path, Stamp, Brief)]) -> rusqlite::Result<()> {
        let json = |value: serde_json::Result<Vec<u8>>| {
            value.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
        };
        let change = self.database.transaction()?;
        for (path, stamp, brief) in fresh {
            let (stamp, brief) = (json(serde_json::to_vec(stamp))?, json(serde_json::to_vec(brief))?);
            change
                .prepare_cached("INSERT OR REPLACE INTO surveys (path, stamp, brief) VALUES (?1, ?2, ?3)")?
                .execute(params![path.as_os_str().as_encoded_bytes(), stamp, brief])?;
        }
        change.commit()
    }
}
