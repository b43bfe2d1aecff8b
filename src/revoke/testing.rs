//! A world for tests: time that passes by being slept, and names that are made up.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::world::World;

/// Sleeping costs nothing and moves the clock.
#[derive(Debug, Default)]
pub struct FakeWorld {
    nanos: AtomicU64,
    dice: AtomicU64,
    names: Mutex<HashMap<String, Vec<IpAddr>>>,
}

impl FakeWorld {
    /// 2026-11-21T16:40:00Z, nobody known.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Makes a name known; again to change it.
    ///
    /// # Panics
    /// If an address is none.
    pub fn name(&self, host: &str, addresses: &[&str]) {
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
