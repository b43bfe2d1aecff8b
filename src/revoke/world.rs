//! `World`: the clock, the dice and the name service, so that tests need neither time nor network.

use std::fmt;
use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::mpsc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use ring::rand::{SecureRandom, SystemRandom};

/// What the client takes from outside besides the sockets themselves.
pub trait World: Send + Sync + fmt::Debug {
    /// Time since some fixed point; never goes back.
    fn elapsed(&self) -> Duration;
    /// Wall clock, seconds since 1970.
    fn unix(&self) -> i64;
    /// Waits.
    fn sleep(&self, time: Duration);
    /// Unpredictable bits.
    fn random(&self) -> u64;
    /// All addresses of a name.
    ///
    /// # Errors
    /// The name is unknown, or was not resolved in time.
    fn lookup(&self, host: &str, port: u16, within: Duration) -> io::Result<Vec<SocketAddr>>;
}

/// The machine's own clock, dice and resolver.
#[derive(Debug)]
pub struct RealWorld {
    start: Instant,
    random: SystemRandom,
}

impl RealWorld {
    /// Time starts now.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now(), random: SystemRandom::new() }
    }
}

impl Default for RealWorld {
    fn default() -> Self {
        Self::new()
    }
}

impl World for RealWorld {
    fn elapsed(&self) -> Duration {
        self.start.elapsed()
    }

    fn unix(&self) -> i64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        i64::try_from(since.as_secs()).unwrap_or(i64::MAX)
    }

    fn sleep(&self, time: Duration) {
        std::thread::sleep(time);
    }

    fn random(&self) -> u64 {
        let mut bytes = [0; 8];
        match self.random.fill(&mut bytes) {
            Ok(()) => u64::from_le_bytes(bytes),
            // Only jitter and the name of a run hang on it; no key does.
            Err(_) => u64::from(self.start.elapsed().subsec_nanos()),
        }
    }

    fn lookup(&self, host: &str, port: u16, within: Duration) -> io::Result<Vec<SocketAddr>> {
        let (tell, told) = mpsc::sync_channel(1);
        let host = host.to_owned();
        // The system's resolver knows no time limit; a lookup that hangs is left behind.
        std::thread::Builder::new().name("resolve".into()).spawn(move || {
            let found = (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
            let _ = tell.send(found);
        })?;
        match told.recv_timeout(within) {
            Ok(found) => found,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the name was not resolved in time")),
        }
    }
}
