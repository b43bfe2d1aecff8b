//! A small receiver of `stanch-webhook/1` to start from: verifies signatures, refuses replays, is idempotent, keeps only
//! hashes in SQLite, answers from its list, logs.
//!
//! ```text
//! export RECEIVER_KEY=whsec_…
//! printf %s "$TOKEN" | receiver add hashes.db live      a secret from standard input; only its SHA-256 is kept
//! receiver serve hashes.db 127.0.0.1:8787 env:RECEIVER_KEY [env:ANSWER_KEY]
//! ```
//!
//! It speaks plain HTTP on loopback: put it behind whatever terminates TLS for you.
#![allow(clippy::print_stderr, reason = "a program of its own: its log is standard error")]

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use rusqlite::{Connection, OptionalExtension as _, params};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use stanch::revoke::protocol::{SPEC, prefix_tag};
use stanch::revoke::{CheckingKey, KeySource, Signed, SigningKey, sign, verify};

/// A full message is 20 kB; more than this is not read.
const BODY_LIMIT: usize = 64 * 1024;
const HEADER_LIMIT: u64 = 16 * 1024;
const ITEMS: usize = 100;
/// Answers are remembered this long, in seconds: the same id gets the same answer, and no second effect.
const REMEMBER: i64 = 24 * 3600;
/// Connections at the same time.
const CONNECTIONS: usize = 64;

/// What the receiver knows: hashes, and the messages of the last day.
pub(crate) struct Store(Mutex<Connection>);

/// Everything that a connection needs.
pub(crate) struct Receiver {
    pub(crate) store: Store,
    pub(crate) keys: Vec<CheckingKey>,
    /// Signs answers, if any.
    pub(crate) answer_keys: Vec<SigningKey>,
}

impl Store {
    /// Opens or makes a database; `None` for one in memory.
    pub(crate) fn open(path: Option<&Path>) -> rusqlite::Result<Self> {
        let connection = path.map_or_else(Connection::open_in_memory, Connection::open)?;
        connection.execute_batch(
            "PRAGMA journal_mode = WAL;
             CREATE TABLE IF NOT EXISTS secret (hash TEXT PRIMARY KEY, status TEXT NOT NULL, changed INTEGER NOT NULL) STRICT;
             CREATE TABLE IF NOT EXISTS message (id TEXT PRIMARY KEY, body TEXT NOT NULL, answer TEXT NOT NULL, at INTEGER NOT NULL, stamp INTEGER NOT NULL) STRICT;",
        )?;
        Ok(Self(Mutex::new(connection)))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Connection> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a secret known by its hash; the secret itself is forgotten.
    pub(crate) fn add(&self, secret: &[u8], status: &str) -> rusqlite::Result<()> {
        let sql = "INSERT OR REPLACE INTO secret VALUES (?1, ?2, ?3)";
        self.lock().execute(sql, params![hex(&Sha256::digest(secret)), status, now()]).map(drop)
    }
}

#[derive(Deserialize)]
struct Message {
    r#type: String,
    data: Data,
}

#[derive(Deserialize)]
struct Data {
    spec: String,
    items: Vec<Item>,
}

#[derive(Deserialize)]
struct Item {
    id: String,
    fp: String,
    rule: String,
}

/// A request, as far as it was read.
struct Request {
    method: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

struct Answer {
    status: u16,
    body: String,
}

impl Answer {
    fn error(status: u16, why: &str) -> Self {
        Self { status, body: json!({"error": why}).to_string() }
    }
}

fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let digit = |at: usize| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    let bytes: Option<Vec<u8>> = (0..64).step_by(2).map(digit).collect();
    bytes?.try_into().ok()
}

impl Receiver {
    /// Everything after the bytes are read, and before they are written.
    fn answer(&self, request: &Request) -> Answer {
        if request.method != "POST" {
            return Answer::error(405, "POST only");
        }
        let header = |name: &str| request.headers.get(name).map_or("", String::as_str);
        let (id, timestamp) = (header("webhook-id"), header("webhook-timestamp"));
        let signed = Signed { id, timestamp, signature: header("webhook-signature") };
        // The signature first: whoever has no key learns nothing, not even whether an id is known.
        if let Err(error) = verify(&self.keys, signed, &request.body, now()) {
            return Answer::error(401, &error.to_string());
        }
        let Ok(message) = serde_json::from_slice::<Message>(&request.body) else {
            return Answer::error(400, "no message of this protocol");
        };
        if message.data.spec != SPEC || !matches!(message.r#type.as_str(), "secret.check" | "secret.revoke") {
            return Answer::error(400, "no operation of this protocol");
        }
        if message.data.items.len() > ITEMS {
            return Answer::error(413, "too many items");
        }
        self.once(id, timestamp.parse().unwrap_or(0), &request.body, &message).unwrap_or_else(|error| {
            eprintln!("database: {error}");
            Answer::error(500, "try again later")
        })
    }

    /// One transaction: the effect and the memory of it are there together, or neither is.
    fn once(&self, id: &str, stamp: i64, body: &[u8], message: &Message) -> rusqlite::Result<Answer> {
        let body = hex(&Sha256::digest(body));
        let mut connection = self.store.lock();
        let transaction = connection.transaction()?;
        transaction.execute("DELETE FROM message WHERE at < ?1", [now() - REMEMBER])?;
        let sql = "SELECT body, answer, stamp FROM message WHERE id = ?1";
        let row = |row: &rusqlite::Row<'_>| Ok((row.get(0)?, row.get(1)?, row.get(2)?));
        let known: Option<(String, String, i64)> = transaction.query_row(sql, [id], row).optional()?;
        if let Some((earlier, answer, last)) = known {
            if earlier != body {
                return Ok(Answer::error(409, "the id is taken"));
            }
            // Every attempt has a later timestamp: whoever sends an old one again has only recorded it.
            if stamp <= last {
                return Ok(Answer::error(409, "a replay"));
            }
            transaction.execute("UPDATE message SET stamp = ?2 WHERE id = ?1", params![id, stamp])?;
            transaction.commit()?;
            return Ok(Answer { status: 200, body: answer });
        }
        let mut results = Vec::new();
        for item in &message.data.items {
            results.push(judge(&transaction, item, message.r#type == "secret.revoke")?);
        }
        let answer = json!({"spec": SPEC, "results": results}).to_string();
        transaction
            .execute("INSERT INTO message VALUES (?1, ?2, ?3, ?4, ?5)", params![id, body, answer, now(), stamp])?;
        transaction.commit()?;
        let rules: std::collections::BTreeSet<_> = message.data.items.iter().map(|item| item.rule.as_str()).collect();
        eprintln!("{} {} items {:?}", message.r#type, message.data.items.len(), rules);
        Ok(Answer { status: 200, body: answer })
    }
}

/// What is known of one item. Revoking changes the list only; a real service would act here.
fn judge(connection: &Connection, item: &Item, revoke: bool) -> rusqlite::Result<Value> {
    if let Some(prefix) = item.fp.strip_prefix("prefix:") {
        let mut found =
            connection.prepare_cached("SELECT hash, status FROM secret WHERE hash >= ?1 AND hash < ?1 || 'g'")?;
        let rows = found.query_map([prefix], |row| Ok((row.get::<_, String>(0)?, row.get::<_, String>(1)?)))?;
        let mut matches = Vec::new();
        for row in rows {
            let (hash, status) = row?;
            if let Some(digest) = unhex(&hash) {
                matches.push(json!({"tag": prefix_tag(&digest, &item.id), "status": status}));
            }
        }
        return Ok(json!({"id": item.id, "fp": item.fp, "matches": matches}));
    }
    let Some(hash) = item.fp.strip_prefix("sha256:") else {
        return Ok(json!({"id": item.id, "fp": item.fp, "status": "unknown"}));
    };
    if revoke {
        let sql = "UPDATE secret SET status = 'revoked', changed = ?2 WHERE hash = ?1 AND status = 'live'";
        connection.execute(sql, params![hash, now()])?;
    }
    let mut found = connection.prepare_cached("SELECT status FROM secret WHERE hash = ?1")?;
    let status: Option<String> = found.query_row([hash], |row| row.get(0)).optional()?;
    Ok(json!({"id": item.id, "fp": item.fp, "status": status.as_deref().unwrap_or("not_ours")}))
}

/// Reads one request. `Err` is the answer to what is no request.
fn read(stream: &TcpStream) -> Result<Request, Answer> {
    let bad = || Answer::error(400, "no HTTP request");
    let mut reader = BufReader::new(stream.take(HEADER_LIMIT + BODY_LIMIT as u64));
    let mut line = String::new();
    let read_line = |line: &mut String, reader: &mut BufReader<_>| {
        line.clear();
        let got = reader.by_ref().take(HEADER_LIMIT).read_line(line);
        if got.is_ok_and(|n| n > 0) { Ok(line.trim_end().to_owned()) } else { Err(bad()) }
    };
    let method = read_line(&mut line, &mut reader)?.split(' ').next().unwrap_or("").to_owned();
    let mut headers = HashMap::new();
    loop {
        let text = read_line(&mut line, &mut reader)?;
        if text.is_empty() {
            break;
        }
        let (name, value) = text.split_once(':').ok_or_else(bad)?;
        // Two headers of one name could mean one thing to a proxy and another to us.
        if headers.insert(name.to_ascii_lowercase(), value.trim().to_owned()).is_some() || headers.len() > 64 {
            return Err(bad());
        }
    }
    let length = headers.get("content-length").map_or(Ok(0), |n| n.parse::<usize>()).map_err(|_| bad())?;
    if headers.contains_key("transfer-encoding") {
        return Err(Answer::error(411, "content-length, please"));
    }
    if length > BODY_LIMIT {
        return Err(Answer::error(413, "too large"));
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).map_err(|_| bad())?;
    Ok(Request { method, headers, body })
}

fn serve_one(receiver: &Receiver, stream: &TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(Duration::from_secs(10)))?;
    stream.set_write_timeout(Some(Duration::from_secs(10)))?;
    let (id, answer) = match read(stream) {
        Ok(request) => (request.headers.get("webhook-id").cloned().unwrap_or_default(), receiver.answer(&request)),
        Err(answer) => (String::new(), answer),
    };
    if answer.status != 200 {
        eprintln!("{} {}", answer.status, answer.body);
    }
    let mut head = format!(
        "HTTP/1.1 {} -\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n",
        answer.status,
        answer.body.len()
    );
    if answer.status == 200 && !receiver.answer_keys.is_empty() {
        let at = now();
        let signature = sign(&receiver.answer_keys, &id, at, answer.body.as_bytes());
        head.push_str(&format!("webhook-id: {id}\r\nwebhook-timestamp: {at}\r\nwebhook-signature: {signature}\r\n"));
    }
    let mut out = stream;
    out.write_all(format!("{head}\r\n{}", answer.body).as_bytes())?;
    // What was not read would make the kernel reset the connection, and the answer would be lost with it.
    stream.shutdown(std::net::Shutdown::Write)?;
    std::io::copy(&mut stream.take(4 * 1024 * 1024), &mut std::io::sink()).map(drop)
}

/// Answers for ever.
pub(crate) fn serve(receiver: &Arc<Receiver>, listener: &TcpListener) {
    let open = Arc::new(AtomicUsize::new(0));
    for stream in listener.incoming().filter_map(Result::ok) {
        if open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS {
            open.fetch_sub(1, Ordering::SeqCst);
            let mut out = &stream;
            let _ =
                out.write_all(b"HTTP/1.1 503 -\r\nretry-after: 1\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
            continue;
        }
        let (receiver, open) = (Arc::clone(receiver), Arc::clone(&open));
        std::thread::spawn(move || {
            let _ = serve_one(&receiver, &stream);
            open.fetch_sub(1, Ordering::SeqCst);
        });
    }
}

fn main() -> std::process::ExitCode {
    match run() {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            std::process::ExitCode::from(2)
        }
    }
}

fn run() -> Result<(), Box<dyn std::error::Error>> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["add", database, status @ ("live" | "revoked" | "canary")] => {
            let mut secret = Vec::new();
            std::io::stdin().read_to_end(&mut secret)?;
            Store::open(Some(Path::new(database)))?.add(secret.trim_ascii_end(), status)?;
        }
        ["serve", database, address, key, ref rest @ ..] => {
            let keys = CheckingKey::parse_all(&KeySource::parse(key).read(&[])?)?;
            let answer_keys = match rest.first() {
                Some(source) => SigningKey::parse_all(&KeySource::parse(source).read(&[])?)?,
                None => Vec::new(),
            };
            let listener = TcpListener::bind(address)?;
            if !listener.local_addr()?.ip().is_loopback() {
                return Err("plain HTTP is for loopback: listen there, behind something that speaks TLS".into());
            }
            eprintln!("listening on {}", listener.local_addr()?);
            let store = Store::open(Some(Path::new(database)))?;
            serve(&Arc::new(Receiver { store, keys, answer_keys }), &listener);
        }
        _ => {
            return Err(
                "usage: receiver add DATABASE live|revoked|canary | receiver serve DATABASE ADDRESS KEY [KEY]".into()
            );
        }
    }
    Ok(())
}
