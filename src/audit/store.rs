//! The store: one SQLite file with what was found where, so that an audit can be resumed and repeated. It holds no secret
//! in clear: only what a report shows.

mod clean;
mod surveys;

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use rusqlite::{Connection, OptionalExtension, params};

use super::{
    AuditError,
    result::{Leak, NetworkResult},
};

/// The version of the tables. A store of another version is not read.
const VERSION: i64 = 1;

/// `context` is the digest of rules and settings: results under another one are not used. `networks.head` is the result
/// without its leaks, `leaks.body` one leak; both JSON. `clean.ids` are blobs that hold nothing, each id behind its length; a
/// family are repositories that share objects, and `sketches.object` is one of those by which it is known.
const TABLES: &str = "
    CREATE TABLE IF NOT EXISTS networks (
        network TEXT NOT NULL, context TEXT NOT NULL, state TEXT NOT NULL, complete INTEGER NOT NULL,
        seconds REAL NOT NULL, head BLOB NOT NULL, PRIMARY KEY (network, context)
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS repositories (
        unit TEXT NOT NULL PRIMARY KEY, name TEXT NOT NULL, url TEXT NOT NULL, network TEXT NOT NULL, status TEXT NOT NULL,
        reason TEXT, state TEXT NOT NULL, refs INTEGER NOT NULL, objects INTEGER NOT NULL, bytes INTEGER NOT NULL
    ) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS leaks (
        id INTEGER PRIMARY KEY, network TEXT NOT NULL, context TEXT NOT NULL, fingerprint TEXT NOT NULL, body BLOB NOT NULL
    );
    CREATE INDEX IF NOT EXISTS leaks_of_network ON leaks (network, context, fingerprint);
    CREATE INDEX IF NOT EXISTS leaks_by_fingerprint ON leaks (fingerprint);
    CREATE TABLE IF NOT EXISTS runs (id INTEGER PRIMARY KEY, title TEXT NOT NULL, context TEXT NOT NULL, ended INTEGER NOT NULL,
        complete INTEGER NOT NULL, score INTEGER NOT NULL, leaks INTEGER NOT NULL);
    CREATE TABLE IF NOT EXISTS remotes (unit TEXT NOT NULL PRIMARY KEY, refs TEXT NOT NULL) WITHOUT ROWID;
    CREATE TABLE IF NOT EXISTS clean (id INTEGER PRIMARY KEY, family INTEGER NOT NULL, context TEXT NOT NULL, ids BLOB NOT NULL);
    CREATE TABLE IF NOT EXISTS surveys (path BLOB NOT NULL PRIMARY KEY, stamp BLOB NOT NULL, brief BLOB NOT NULL) WITHOUT ROWID;
    CREATE INDEX IF NOT EXISTS clean_of_family ON clean (family, context);
    CREATE TABLE IF NOT EXISTS sketches (object BLOB NOT NULL, family INTEGER NOT NULL, PRIMARY KEY (object, family)) WITHOUT ROWID;
";

/// An open store.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    database: Connection,
    /// Whether it outlives the program.
    is_kept: bool,
}

impl Store {
    /// Opens a store, and makes it where there is none, for our eyes only.
    ///
    /// # Errors
    /// If it cannot be opened or is of another version.
    pub fn open(path: &Path) -> Result<Self, AuditError> {
        let mut options = std::fs::OpenOptions::new();
        options.read(true).append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        drop(options.open(path).map_err(AuditError::io(path))?);
        let failed = |error| AuditError::Store { path: path.to_owned(), error };
        let database = Connection::open(path).map_err(failed)?;
        // A write is on the disk when a checkpoint is; a crash loses the last results, never the store.
        database.pragma_update(None, "journal_mode", "wal").map_err(failed)?;
        database.pragma_update(None, "synchronous", "normal").map_err(failed)?;
        database.busy_timeout(std::time::Duration::from_secs(30)).map_err(failed)?;
        let version: i64 = database.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
        if version != 0 && version != VERSION {
            return Err(AuditError::malformed(
                path,
                format!("the store is of version {version}, this program reads {VERSION}"),
            ));
        }
        database.execute_batch(TABLES).map_err(failed)?;
        database.pragma_update(None, "user_version", VERSION).map_err(failed)?;
        Ok(Self { path: path.to_owned(), database, is_kept: true })
    }

    /// A store that is gone with the program.
    ///
    /// # Errors
    /// If there is no memory.
    pub fn in_memory() -> Result<Self, AuditError> {
        let path = PathBuf::from(":memory:");
        let failed = |error| AuditError::Store { path: path.clone(), error };
        let database = Connection::open_in_memory().map_err(failed)?;
        database.execute_batch(TABLES).map_err(failed)?;
        Ok(Self { path, database, is_kept: false })
    }

    fn wrap<T>(&self, done: rusqlite::Result<T>) -> Result<T, AuditError> {
        done.map_err(|error| AuditError::Store { path: self.path.clone(), error })
    }

    /// The stored result of a network, if it is whole and its repositories are in this state.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn result(&self, network: &str, context: &str, state: &str) -> Result<Option<NetworkResult>, AuditError> {
        let Some(head) = self.head(network, context)?.filter(|head| head.state() == state) else { return Ok(None) };
        self.with_leaks(head, context).map(Some)
    }

    /// The stored results of these repositories, which may have been found to be several networks, if they are whole, about
    /// just these, and these are in these states. `units` are ids and states.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn results(&self, units: &[(&str, &str)], context: &str) -> Result<Option<Vec<NetworkResult>>, AuditError> {
        let mut networks = BTreeSet::new();
        for (unit, _) in units {
            let sql = "SELECT network FROM repositories WHERE unit = ?1";
            let network = self.database.prepare_cached(sql);
            let network = network.and_then(|mut sql| sql.query_row(params![unit], |row| row.get(0)).optional());
            let Some(network) = self.wrap::<Option<String>>(network)? else { return Ok(None) };
            networks.insert(network);
        }
        let mut heads = Vec::new();
        for network in networks {
            let Some(head) = self.head(&network, context)? else { return Ok(None) };
            heads.push(head);
        }
        let members = heads.iter().flat_map(|head| &head.members);
        let known: BTreeSet<_> = members.map(|member| (member.unit.as_str(), member.state.as_str())).collect();
        if known != units.iter().copied().collect() {
            return Ok(None);
        }
        heads.into_iter().map(|head| self.with_leaks(head, context)).collect::<Result<_, _>>().map(Some)
    }

    /// The usable result of a network without its leaks.
    fn head(&self, network: &str, context: &str) -> Result<Option<NetworkResult>, AuditError> {
        let sql = "SELECT head FROM networks WHERE network = ?1 AND context = ?2 AND complete";
        let head = self
            .database
            .prepare_cached(sql)
            .and_then(|mut sql| sql.query_row(params![network, context], |row| row.get::<_, Vec<u8>>(0)).optional());
        let broken = |error: serde_json::Error| AuditError::malformed(&self.path, error);
        self.wrap(head)?.map(|head| serde_json::from_slice(&head).map_err(broken)).transpose()
    }

    fn with_leaks(&self, mut result: NetworkResult, context: &str) -> Result<NetworkResult, AuditError> {
        let sql = "SELECT body FROM leaks WHERE network = ?1 AND context = ?2 ORDER BY fingerprint, id";
        let bodies = self.database.prepare_cached(sql).and_then(|mut sql| {
            sql.query_map(params![result.network, context], |row| row.get::<_, Vec<u8>>(0))?
                .collect::<rusqlite::Result<Vec<_>>>()
        });
        let broken = |error: serde_json::Error| AuditError::malformed(&self.path, error);
        for body in self.wrap(bodies)? {
            result.leaks.push(serde_json::from_slice::<Leak>(&body).map_err(broken)?);
        }
        Ok(result)
    }

    /// Keeps a result, in place of an earlier one. All of it or nothing.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn put(&mut self, result: &NetworkResult, context: &str, usable: bool, seconds: f64) -> Result<(), AuditError> {
        let done = self.try_put(result, context, usable, seconds);
        self.wrap(done)
    }

    fn try_put(&mut self, result: &NetworkResult, context: &str, usable: bool, seconds: f64) -> rusqlite::Result<()> {
        let json = |value: serde_json::Result<Vec<u8>>| {
            value.map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
        };
        let head = NetworkResult { leaks: Vec::new(), ..result.clone() };
        let network = &result.network;
        let change = self.database.transaction()?;
        change.execute("DELETE FROM leaks WHERE network = ?1", params![network])?;
        change.execute("DELETE FROM networks WHERE network = ?1", params![network])?;
        change.execute(
            "INSERT INTO networks (network, context, state, complete, seconds, head) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            params![network, context, result.state(), usable, seconds, json(serde_json::to_vec(&head))?],
        )?;
        {
            let mut insert = change
                .prepare_cached("INSERT INTO leaks (network, context, fingerprint, body) VALUES (?1, ?2, ?3, ?4)")?;
            for leak in &result.leaks {
                insert.execute(params![network, context, leak.finding.fingerprint, json(serde_json::to_vec(leak))?])?;
            }
            let mut insert = change.prepare_cached(
                "INSERT OR REPLACE INTO repositories (unit, name, url, network, status, reason, state, refs, objects, bytes)
                 VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
            )?;
            for m in &result.members {
                let (refs, objects, bytes) = (m.refs as i64, m.objects as i64, m.bytes as i64);
                insert.execute(params![
                    m.unit,
                    m.name,
                    m.url,
                    network,
                    m.status.name(),
                    m.reason,
                    m.state,
                    refs,
                    objects,
                    bytes
                ])?;
            }
        }
        change.commit()
    }

    /// The digest of a remote repository's refs when it was last scanned, and of the state it had then here.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub fn remote(&self, unit: &str) -> Result<Option<String>, AuditError> {
        let sql = "SELECT refs FROM remotes WHERE unit = ?1";
        self.wrap(self.database.query_row(sql, params![unit], |row| row.get(0)).optional())
    }

    /// Keeps that.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn put_remote(&self, unit: &str, refs: &str) -> Result<(), AuditError> {
        self.wrap(
            self.database
                .execute("INSERT OR REPLACE INTO remotes (unit, refs) VALUES (?1, ?2)", params![unit, refs])
                .map(drop),
        )
    }

    /// Notes that an audit has ended.
    ///
    /// # Errors
    /// If the store cannot be written.
    pub fn end(
        &self,
        title: &str,
        context: &str,
        ended: i64,
        complete: bool,
        score: u8,
        leaks: u64,
    ) -> Result<(), AuditError> {
        let sql = "INSERT INTO runs (title, context, ended, complete, score, leaks) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
        self.wrap(self.database.execute(sql, params![title, context, ended, complete, score, leaks as i64]).map(drop))
    }
}
