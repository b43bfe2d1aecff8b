//! The only writer to standard error; the progress bar lives here.

use std::{
    io::{IsTerminal, Write},
    sync::OnceLock,
    time::{Duration, Instant},
};

use indicatif::{ProgressBar, ProgressStyle};
use stanch::scan::Observer;

/// Says something to the user.
pub(crate) fn say(text: &str) {
    // Nobody can be told that standard error is gone.
    let _ = writeln!(anstream::stderr(), "{text}");
}

/// Says what went wrong, and its causes, a line each.
pub(crate) fn error(error: &anyhow::Error) {
    let mut text = format!("stanch: {error}");
    for cause in error.chain().skip(1) {
        text.push_str(&format!("\n  because: {cause}"));
    }
    say(&text);
}

/// A progress bar that comes up when the work takes longer than half a second, on a terminal only.
pub(crate) struct Progress {
    wanted: bool,
    started: Instant,
    bar: OnceLock<ProgressBar>,
    items: std::sync::atomic::AtomicU64,
    bytes: std::sync::atomic::AtomicU64,
}

impl Progress {
    /// None when the user does not want one, or standard error is no terminal.
    pub(crate) fn new(quiet: bool) -> Self {
        let wanted = !quiet && std::io::stderr().is_terminal() && std::env::var_os("CI").is_none();
        Self { wanted, started: Instant::now(), bar: OnceLock::new(), items: 0.into(), bytes: 0.into() }
    }

    /// Takes the bar away.
    pub(crate) fn clear(&self) {
        if let Some(bar) = self.bar.get() {
            bar.finish_and_clear();
        }
    }
}

/// A bar over a known number of steps, on a terminal only.
pub(crate) fn steps(quiet: bool, total: u64) -> ProgressBar {
    if quiet || !std::io::stderr().is_terminal() || std::env::var_os("CI").is_some() {
        return ProgressBar::hidden();
    }
    let style = ProgressStyle::with_template("{bar:24} {pos}/{len} repositories, {msg}, {eta} left");
    ProgressBar::new(total).with_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()))
}

impl Observer for Progress {
    fn scanned(&self, items: u64, bytes: u64) {
        use std::sync::atomic::Ordering::Relaxed;
        if !self.wanted {
            return;
        }
        let items = self.items.fetch_add(items, Relaxed) + items;
        let bytes = self.bytes.fetch_add(bytes, Relaxed) + bytes;
        // The clock is looked at once in 64 items, or when a large one is done.
        if !items.is_multiple_of(64) && bytes < 1 << 20 || self.started.elapsed() < Duration::from_millis(500) {
            return;
        }
        let bar = self.bar.get_or_init(|| {
            let style =
                ProgressStyle::with_template("{spinner} {msg}").unwrap_or_else(|_| ProgressStyle::default_spinner());
            ProgressBar::new_spinner().with_style(style)
        });
        let seconds = self.started.elapsed().as_secs_f64();
        bar.set_message(format!(
            "{items} scanned, {:.0} MB, {:.0} MB/s",
            bytes as f64 / 1e6,
            bytes as f64 / 1e6 / seconds
        ));
        bar.tick();
    }
}
