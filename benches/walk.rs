//! Walks a directory and reads every file, as a scan does before it detects anything: files and bytes per second.
//!
//! `cargo bench --bench walk -- DIR [THREADS]`

#![expect(clippy::print_stderr, reason = "a bench tells its figures")]

use std::{
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
    time::Instant,
};

use stanch::source::{
    read,
    tree::{Item, TreeOptions, walk},
};

fn main() {
    // Cargo passes `--bench`.
    let mut arguments = std::env::args().skip(1).filter(|argument| argument != "--bench");
    let directory = PathBuf::from(arguments.next().unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned()));
    let threads = arguments.next().and_then(|number| number.parse().ok()).unwrap_or(1);
    let options = TreeOptions { ignore_files: true, threads };
    for _ in 0..5 {
        let (files, bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        let started = Instant::now();
        walk(std::slice::from_ref(&directory), &options, || {
            let mut buffer = read::Buffer::default();
            let (files, bytes) = (&files, &bytes);
            move |item| {
                if let Item::File(file) = item
                    && read::read(&file.path, 256 << 20, &mut buffer).is_ok()
                {
                    files.fetch_add(1, Ordering::Relaxed);
                    bytes.fetch_add(buffer.len() as u64, Ordering::Relaxed);
                }
                true
            }
        });
        let seconds = started.elapsed().as_secs_f64();
        let (files, bytes) = (files.into_inner(), bytes.into_inner());
        let (per_second, rate) = (files as f64 / seconds, bytes as f64 / 1e6 / seconds);
        eprintln!("{files} files, {bytes} bytes in {seconds:.3} s: {per_second:.0} files/s, {rate:.0} MB/s");
    }
}
