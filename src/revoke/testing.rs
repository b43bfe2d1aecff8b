//! For tests: a world whose time passes by being slept, a server that does what it is told, and questions.

use std::collections::HashMap;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::{Value, json};

use super::guard::Guard;
use super::plan::Question;
use super::settings::{Mode, Settings, Transport};
use crate::model::{Fingerprint, FingerprintKey, Kind, RuleInfo, Secret, Severity};

use super::world::World;

/// Sleeping costs nothing and moves the clock.
#[derive(Debug, Default)]
pub(crate) struct FakeWorld {
    nanos: AtomicU64,
    dice: AtomicU64,
    names: Mutex<HashMap<String, Vec<IpAddr>>>,
}

impl FakeWorld {
    /// 2026-11-21T16:40:00Z, nobody known.
    #[must_use]
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Makes a name known; again to change it.
    ///
    /// # Panics
    /// If an address is none.
    pub(crate) fn name(&self, host: &str, addresses: &[&str]) {
        let parsed = addresses.iter().map(|a| a.parse().unwrap()).collect();
        self.names.lock().unwrap().insert(host.to_owned(), parsed);
    }
}

impl World for FakeWorld {
    fn elapsed(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::SeqCst))
    }

    fn unix(&self) -> i64 {
        1_795_279_200 + i64::try_from(self.elapsed().as_secs()).unwrap()
    }

    fn sleep(&self, time: Duration) {
        self.nanos.fetch_add(u64::try_from(time.as_nanos()).unwrap(), Ordering::SeqCst);
    }

    fn random(&self) -> u64 {
        // SplitMix64: spread enough for jitter, the same in every run.
        let mut z = self.dice.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::SeqCst);
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn lookup(&self, host: &str, port: u16, _: Duration) -> io::Result<Vec<SocketAddr>> {
        let names = self.names.lock().unwrap();
        let found = names.get(host).ok_or(io::ErrorKind::NotFound)?;
        Ok(found.iter().map(|ip| SocketAddr::new(*ip, port)).collect())
    }
}

/// A request as it came, byte for byte.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) raw: Vec<u8>,
    pub(crate) method: String,
    pub(crate) path: String,
    /// Names in lower case.
    pub(crate) headers: HashMap<String, String>,
    pub(crate) body: Vec<u8>,
}

impl Received {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", String::as_str)
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    pub(crate) fn items(&self) -> Vec<Value> {
        self.json()["data"]["items"].as_array().unwrap().clone()
    }
}

/// What the server does with a request.
#[derive(Clone, Debug)]
pub(crate) enum Act {
    /// Answers.
    Reply(u16, Vec<(String, String)>, Vec<u8>),
    /// Sends these bytes and closes.
    Raw(Vec<u8>),
    /// Closes without a word.
    Drop,
    /// Sends a header byte by byte, for ever.
    SlowLoris,
    /// Sends the head, and then body bytes one by one, for ever.
    SlowBody,
}

impl Act {
    pub(crate) fn status(status: u16) -> Self {
        Self::Reply(status, Vec::new(), Vec::new())
    }

    pub(crate) fn json(value: &Value) -> Self {
        Self::Reply(200, Vec::new(), value.to_string().into_bytes())
    }

    pub(crate) fn with(mut self, name: &str, value: &str) -> Self {
        if let Self::Reply(_, headers, _) = &mut self {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }
}

type Behaviour = dyn Fn(&Received, usize) -> Act + Send + Sync;

/// A server on loopback; it does what the function says for the n-th request, and keeps all it got.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
    stop: Arc<AtomicBool>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
    }
}

impl Server {
    pub(crate) fn new(behaviour: impl Fn(&Received, usize) -> Act + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let behaviour: Arc<Behaviour> = Arc::new(behaviour);
        let (all, stopped) = (Arc::clone(&received), Arc::clone(&stop));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let (all, stopped, behaviour) = (Arc::clone(&all), Arc::clone(&stopped), Arc::clone(&behaviour));
                std::thread::spawn(move || serve(&stream.unwrap(), &all, &stopped, behaviour.as_ref()));
            }
        });
        Self { address, received, stop }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

fn serve(stream: &TcpStream, all: &Mutex<Vec<Received>>, stop: &AtomicBool, behaviour: &Behaviour) {
    let mut reader = BufReader::new(stream);
    let mut out = stream;
    while let Some(request) = read(&mut reader) {
        let n = {
            let mut all = all.lock().unwrap();
            all.push(request.clone());
            all.len() - 1
        };
        let drip = |mut out: &TcpStream| {
            while !stop.load(Ordering::SeqCst) && out.write_all(b"x").is_ok() {
                std::thread::sleep(Duration::from_millis(10));
            }
        };
        match behaviour(&request, n) {
            Act::Reply(status, headers, body) => {
                let mut head = format!("HTTP/1.1 {status} X\r\n");
                if status != 204 {
                    head.push_str(&format!("content-length: {}\r\n", body.len()));
                }
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                let whole = [head.as_bytes(), b"\r\n", &body].concat();
                if out.write_all(&whole).is_err() {
                    return;
                }
            }
            Act::Raw(bytes) => {
                let _ = out.write_all(&bytes);
                return;
            }
            Act::Drop => return,
            Act::SlowLoris => {
                let _ = out.write_all(b"HTTP/1.1 200 OK\r\nx-");
                return drip(out);
            }
            Act::SlowBody => {
                let _ = out.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n");
                return drip(out);
            }
        }
    }
}

fn read(reader: &mut BufReader<&TcpStream>) -> Option<Received> {
    let mut raw = Vec::new();
    let mut headers = HashMap::new();
    let mut first = String::new();
    loop {
        let start = raw.len();
        if reader.read_until(b'\n', &mut raw).ok()? == 0 {
            return None;
        }
        let line = String::from_utf8_lossy(&raw[start..]).trim().to_owned();
        if first.is_empty() {
            first = line;
        } else if line.is_empty() {
            break;
        } else if let Some((name, value)) = line.split_once(':') {
            headers.insert(name.to_ascii_lowercase(), value.trim().to_owned());
        }
    }
    let length = headers.get("content-length").map_or(0, |n| n.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    raw.extend_from_slice(&body);
    let mut words = first.split(' ').map(str::to_owned);
    Some(Received { raw, method: words.next()?, path: words.next()?, headers, body })
}

/// An honest answer: every item has the status that the function gives it.
pub(crate) fn honest(request: &Received, status: impl Fn(&Value) -> &'static str) -> Value {
    let results: Vec<_> = request
        .items()
        .iter()
        .map(|item| json!({"id": item["id"], "fp": item["fp"], "status": status(item)}))
        .collect();
    json!({"spec": "stanch-webhook/1", "results": results})
}

/// A rule of some kind.
pub(crate) fn rule(id: &str, kind: Kind) -> Arc<RuleInfo> {
    Arc::new(RuleInfo {
        id: id.to_owned(),
        name: id.to_owned(),
        provider: id.split('-').next().unwrap_or_default().to_owned(),
        category: String::new(),
        severity: Severity::High,
        kind,
        remediation: String::new(),
        references: Vec::new(),
        tags: Vec::new(),
        owasp: String::new(),
        cwe: String::new(),
    })
}

/// A strong secret that has no four bytes in common with anything else in a message.
pub(crate) fn secret(n: usize) -> String {
    const MARKS: &[u8; 10] = b"!^~*|;<>@$";
    let number: String = format!("{n:06}").bytes().map(|digit| char::from(MARKS[usize::from(digit - b'0')])).collect();
    format!("Zq{number}Xw!Kv^Jq~Yz")
}

/// A question about the n-th secret.
pub(crate) fn question(n: usize, rule: &Arc<RuleInfo>) -> Question {
    let secret = secret(n);
    Question {
        fingerprint: Fingerprint::of(&FingerprintKey::default(), &rule.id, secret.as_bytes()),
        secret: Secret::new(secret.as_bytes()).into(),
        partner: None,
        rule: Arc::clone(rule),
        strong: true,
        count: 1,
        places: vec![format!("src/{n}.rs:1")],
    }
}

/// `count` questions under one rule.
pub(crate) fn questions(count: usize) -> Vec<Question> {
    let rule = rule("acme-token", Kind::Secret);
    (0..count).map(|n| question(n, &rule)).collect()
}

/// Plain http to loopback, a fake clock, one request at a time, half a second for each.
pub(crate) fn transport(mode: Mode) -> Transport {
    let mut transport = Transport::new(mode);
    transport.guard = Guard { http_loopback: true, ..Guard::default() };
    transport.world = Arc::new(FakeWorld::new());
    transport.rate.in_flight = 1;
    transport.total_timeout = Duration::from_millis(400);
    transport
}

/// Settings for a server of ours.
pub(crate) fn settings(server: &Server, mode: Mode) -> Settings {
    let mut settings = Settings::new(&server.url("/hook"), mode);
    settings.transport = transport(mode);
    settings.scan_id = Some("SCAN".into());
    settings
}
