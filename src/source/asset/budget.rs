//! How much a container may cost: depth, expanded bytes, ratio, members and time.

use std::cell::{Cell, OnceCell};
use std::io::{self, Read};
use std::time::{Duration, Instant};

use crate::model::SkipReason;

/// Output up to this many bytes is never judged by its ratio: small files of zeros are common and harmless.
const RATIO_FLOOR: u64 = 32 << 20;

/// Nesting beyond this is refused whatever the user asks for: each level uses stack.
const DEPTH_CEILING: u32 = 32;

/// What one outermost container may cost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Budget {
    /// Containers in containers; at most 32.
    pub depth: u32,
    /// Bytes that decompression may produce, nested containers included. Bounds memory too.
    pub expanded: u64,
    /// Expanded bytes per compressed byte, judged only above 32 MiB of output.
    pub ratio: u32,
    /// Members, nested containers included.
    pub members: u64,
    /// Time spent in unpacking (the visitor's own time does not count).
    pub time: Duration,
}

impl Default for Budget {
    fn default() -> Self {
        // 1 GiB holds every app package and most images' layers; 200 is twice what source text reaches under xz.
        Self { depth: 8, expanded: 1 << 30, ratio: 200, members: 1_000_000, time: Duration::from_secs(60) }
    }
}

/// Which budget ran out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spent {
    Depth(u32),
    Expanded(u64),
    Ratio(u32),
    Members(u64),
    Time(Duration),
}

impl std::fmt::Display for Spent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Depth(limit) => write!(f, "containers nested more than {limit} deep"),
            Self::Expanded(limit) => write!(f, "more than {limit} bytes when unpacked"),
            Self::Ratio(limit) => write!(f, "unpacks to more than {limit} times its size"),
            Self::Members(limit) => write!(f, "more than {limit} members"),
            Self::Time(limit) => write!(f, "more than {} s to unpack", limit.as_secs()),
        }
    }
}

impl std::error::Error for Spent {}

impl Spent {
    /// Whether nothing more can be unpacked from the whole container.
    pub(super) fn is_final(self) -> bool {
        matches!(self, Self::Expanded(_) | Self::Members(_) | Self::Time(_))
    }

    pub(super) fn reason(self) -> SkipReason {
        SkipReason::Container(self.to_string())
    }

    /// The budget error inside an I/O error, if it is one.
    pub(super) fn of(error: &io::Error) -> Option<Self> {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).copied()
    }
}

impl From<Spent> for io::Error {
    fn from(spent: Spent) -> Self {
        io::Error::other(spent)
    }
}

/// What has been spent so far. Cells, because a visitor's question about a source map spends while the walk is borrowed.
pub(super) struct Ledger {
    budget: Budget,
    expanded: Cell<u64>,
    members: Cell<u64>,
    /// When time was asked for first: the clock costs more than a small file.
    started: OnceCell<Instant>,
    /// Time that was not ours.
    away: Cell<Duration>,
}

impl Ledger {
    pub(super) fn new(budget: &Budget) -> Self {
        Self {
            budget: budget.clone(),
            expanded: Cell::new(0),
            members: Cell::new(0),
            started: OnceCell::new(),
            away: Cell::new(Duration::ZERO),
        }
    }

    pub(super) fn depth(&self, depth: u32) -> Result<(), Spent> {
        let limit = self.budget.depth.min(DEPTH_CEILING);
        if depth > limit { Err(Spent::Depth(limit)) } else { Ok(()) }
    }

    pub(super) fn member(&self) -> Result<(), Spent> {
        self.members.set(self.members.get() + 1);
        if self.members.get() > self.budget.members {
            return Err(Spent::Members(self.budget.members));
        }
        // The clock costs more than a small member.
        if self.members.get().is_multiple_of(64) { self.time() } else { Ok(()) }
    }

    pub(super) fn members(&self) -> u64 {
        self.members.get()
    }

    pub(super) fn expand(&self, bytes: u64) -> Result<(), Spent> {
        let total = self.expanded.get().saturating_add(bytes);
        if total > self.budget.expanded {
            return Err(Spent::Expanded(self.budget.expanded));
        }
        self.expanded.set(total);
        Ok(())
    }

    /// How many bytes may still be produced.
    pub(super) fn left(&self) -> u64 {
        self.budget.expanded - self.expanded.get()
    }

    pub(super) fn time(&self) -> Result<(), Spent> {
        let started = self.started.get_or_init(Instant::now);
        if started.elapsed().saturating_sub(self.away.get()) > self.budget.time {
            return Err(Spent::Time(self.budget.time));
        }
        Ok(())
    }

    /// Runs something whose time does not count.
    pub(super) fn away<T>(&self, run: impl FnOnce() -> T) -> T {
        if self.started.get().is_none() {
            return run();
        }
        let before = Instant::now();
        let result = run();
        self.away.set(self.away.get() + before.elapsed());
        result
    }

    /// The most that `compressed` bytes may become before the ratio is held against them.
    pub(super) fn ceiling(&self, compressed: u64) -> u64 {
        compressed.saturating_mul(u64::from(self.budget.ratio)).max(RATIO_FLOOR)
    }

    /// A reader that charges what it produces from `compressed` bytes.
    pub(super) fn meter<R: Read>(&self, inner: R, compressed: u64) -> Meter<'_, R> {
        Meter { inner, ledger: self, produced: 0, ceiling: self.ceiling(compressed), until_clock: CLOCK_EVERY }
    }

    pub(super) fn ratio(&self) -> Spent {
        Spent::Ratio(self.budget.ratio)
    }
}

/// The clock is read once per this many bytes.
const CLOCK_EVERY: u64 = 1 << 20;

/// Charges every byte that passes through it.
pub(super) struct Meter<'l, R> {
    inner: R,
    ledger: &'l Ledger,
    produced: u64,
    ceiling: u64,
    until_clock: u64,
}

impl<R: Read> Read for Meter<'_, R> {
    fn read(&mut self, buf: &mut [u8]) -> io::Result<usize> {
        // Small reads, so that the budgets are looked at often whatever the caller's buffer.
        let len = buf.len().min(256 << 10);
        let got = self.inner.read(&mut buf[..len])?;
        self.produced += got as u64;
        if self.produced > self.ceiling {
            return Err(self.ledger.ratio().into());
        }
        self.ledger.expand(got as u64)?;
        // Streams of single bytes take time too.
        self.until_clock = self.until_clock.saturating_sub((got as u64).max(CLOCK_EVERY / 256));
        if self.until_clock == 0 {
            self.until_clock = CLOCK_EVERY;
            self.ledger.time()?;
        }
        Ok(got)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_is_stopped_at_the_budget() {
        let ledger = Ledger::new(&Budget { expanded: 1000, ..Budget::default() });
        let mut out = Vec::new();
        let error = ledger.meter(io::repeat(0), 10).read_to_end(&mut out).unwrap_err();
        assert!(matches!(Spent::of(&error), Some(Spent::Expanded(1000))));
        assert!(out.len() <= 1000);
    }

    #[test]
    fn a_ratio_counts_above_its_floor() {
        let ledger = Ledger::new(&Budget::default());
        let mut out = Vec::new();
        let error = ledger.meter(io::repeat(0), 10).read_to_end(&mut out).unwrap_err();
        assert_eq!(Spent::of(&error), Some(Spent::Ratio(200)));
        assert!(out.len() as u64 <= RATIO_FLOOR);
    }

    #[test]
    fn time_away_is_not_counted() {
        let ledger = Ledger::new(&Budget { time: Duration::from_millis(20), ..Budget::default() });
        assert_eq!(ledger.time(), Ok(()));
        ledger.away(|| std::thread::sleep(Duration::from_millis(60)));
        assert_eq!(ledger.time(), Ok(()));
    }
}
