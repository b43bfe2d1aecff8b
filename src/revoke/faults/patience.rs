//! Breaker, budgets, rate, an unreliable receiver, and sending later.

use super::*;

#[test]
fn the_breaker_spares_a_dead_service_and_probes_it() {
    let server = Server::new(|_, _| Act::status(500));
    let dir = tempfile::tempdir().unwrap();
    let mut settings = settings(&server, Mode::Ci);
    settings.batch = 1;
    settings.spool = Some(dir.path().join("spool"));
    let answers = check(&questions(50), &settings, &Silent).unwrap();
    invariants(&server, &answers, 50);
    assert!(server.received().len() <= 7, "{} requests", server.received().len());
    assert_eq!((answers.report.failed, answers.report.spooled), (50, 50));
    assert!(answers.report.skipped_by_breaker >= 48, "{answers:?}");
    // It recovers while the breaker is open: the probe finds out.
    let server = Server::new(|request, n| if n < 5 { Act::status(500) } else { good(request) });
    let mut settings = self::settings(&server, Mode::Audit);
    settings.batch = 1;
    let answers = check(&questions(20), &settings, &Silent).unwrap();
    invariants(&server, &answers, 20);
    assert_eq!((answers.report.answered, answers.report.failed), (19, 1), "{:?}", answers.report);
}

#[test]
fn a_connection_that_is_reset_or_refused() {
    // Closing with bytes unread makes the kernel send a reset.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let resets = Arc::new(std::sync::atomic::AtomicUsize::new(0));
    let count = Arc::clone(&resets);
    std::thread::spawn(move || {
        for stream in listener.incoming().take(5) {
            let _ = stream.unwrap().peek(&mut [0]);
            count.fetch_add(1, std::sync::atomic::Ordering::SeqCst);
        }
    });
    let dir = tempfile::tempdir().unwrap();
    let mut settings = Settings::new(&format!("http://{address}/"), Mode::Ci);
    settings.transport = crate::revoke::testing::transport(Mode::Ci);
    settings.spool = Some(dir.path().join("spool"));
    let answers = check(&questions(2), &settings, &Silent).unwrap();
    assert_eq!((answers.report.failed, answers.report.spooled), (2, 2));
    assert_eq!(resets.load(std::sync::atomic::Ordering::SeqCst), 5);
    assert!(answers.report.reasons.contains_key("gave up: connection lost"), "{:?}", answers.report);
    // The listener is gone now: nobody is there.
    let answers = check(&questions(2), &settings, &Silent).unwrap();
    assert_eq!((answers.report.failed, answers.report.requests), (2, 5));
    assert!(answers.report.reasons.contains_key("gave up: cannot connect"), "{:?}", answers.report);
}

#[test]
fn budgets_hold() {
    let server = Server::new(|_, _| Act::status(503).with("retry-after", "50"));
    for (mode, seconds) in [(Mode::Hook, 2), (Mode::Ci, 61), (Mode::Audit, 901)] {
        let settings = settings(&server, mode);
        let before = settings.transport.world.elapsed();
        let answers = check(&questions(500), &settings, &Silent).unwrap();
        let spent = settings.transport.world.elapsed() - before;
        assert!(spent <= Duration::from_secs(seconds), "{mode:?} {spent:?}");
        assert_eq!((answers.report.failed, answers.verdicts.len()), (500, 500));
    }
    // A hook asks once and waits for nobody.
    let server = Server::new(|_, _| Act::SlowLoris);
    let mut settings = settings(&server, Mode::Hook);
    settings.transport.world = Arc::new(crate::revoke::RealWorld::new());
    settings.transport.total_timeout = Duration::from_secs(15);
    let start = std::time::Instant::now();
    let answers = check(&questions(3), &settings, &Silent).unwrap();
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    assert_eq!((answers.report.failed, server.received().len()), (3, 1));
}

#[test]
fn a_service_is_asked_no_faster_than_agreed() {
    let server = Server::new(|request, _| good(request));
    let mut settings = settings(&server, Mode::Audit);
    settings.batch = 1;
    let answers = check(&questions(60), &settings, &Silent).unwrap();
    invariants(&server, &answers, 60);
    let spent = settings.transport.world.elapsed();
    assert!(spent >= Duration::from_secs(10), "50 requests after the burst of 10, at 5 a second: {spent:?}");
    let server = Server::new(|request, n| {
        if n == 0 {
            good(request).with("ratelimit-remaining", "0").with("ratelimit-reset", "40")
        } else {
            good(request)
        }
    });
    let mut settings = self::settings(&server, Mode::Audit);
    settings.batch = 1;
    check(&questions(2), &settings, &Silent).unwrap();
    assert!(settings.transport.world.elapsed() >= Duration::from_secs(40));
}

/// Every fifth request fails, in one of several ways.
fn unreliable(request: &Received, n: usize) -> Act {
    if !n.wrapping_mul(2_654_435_761).rotate_right(7).is_multiple_of(5) {
        return good(request);
    }
    match n % 4 {
        0 => Act::status(500),
        1 => Act::Drop,
        2 => Act::status(429),
        _ => Act::Raw(b"HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{".to_vec()),
    }
}

fn storm(count: usize, in_flight: usize, mode: Mode, batch: usize) {
    let dir = tempfile::tempdir().unwrap();
    let path: PathBuf = dir.path().join("spool");
    let server = Server::new(unreliable);
    let mut settings = settings(&server, mode);
    settings.batch = batch;
    settings.spool = Some(path.clone());
    settings.transport.rate.in_flight = in_flight;
    settings.transport.total_timeout = Duration::from_secs(10);
    let answers = check(&questions(count), &settings, &Silent).unwrap();
    let report = &answers.report;
    assert_eq!((report.answered + report.spooled, answers.verdicts.len()), (count, count), "{report:?}");
    let seen: BTreeSet<_> = server.received().iter().map(|r| r.header("webhook-id").to_owned()).collect();
    let spooled: Vec<_> = crate::revoke::spool::load(&path).unwrap().messages;
    let (mut flushes, mut flushed) = (0, 0);
    while flushes < 100 {
        let again = flush(&path, &settings, &Silent).unwrap();
        flushes += 1;
        flushed += again.report.answered;
        if again.left == 0 {
            break;
        }
    }
    assert_eq!(flushed, report.spooled, "{flushes} flushes");
    let later: BTreeSet<_> = server.received().iter().map(|r| r.header("webhook-id").to_owned()).collect();
    assert!(later.iter().all(|id| seen.contains(id) || spooled.iter().any(|m| m.id == *id)), "the same ids");
    if count <= 5000 {
        invariants(&server, &answers, count);
    }
    println!(
        "{count} candidates: answered {}, spooled {}, flushed {flushed} in {flushes} runs; {} requests, {} retries, {:?}",
        report.answered, report.spooled, report.requests, report.retries, report.reasons
    );
}

#[test]
fn an_unreliable_receiver_loses_nothing() {
    storm(3000, 1, Mode::Audit, 100);
    storm(3000, 4, Mode::Audit, 100);
    // More than the time allows: the rest is spooled, and sent by later runs.
    storm(3000, 1, Mode::Ci, 5);
}

/// By hand, in release: `cargo test --release -- --ignored a_hundred_thousand --nocapture`.
#[test]
#[ignore = "takes long in a debug build"]
fn a_hundred_thousand_candidates_are_answered_or_spooled() {
    storm(100_000, 4, Mode::Audit, 100);
    storm(100_000, 4, Mode::Ci, 100);
}

#[test]
fn a_flush_sends_exactly_what_was_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("spool");
    let server = Server::new(|request, n| if n < 5 { Act::status(500) } else { good(request) });
    let mut settings = settings(&server, Mode::Ci);
    settings.spool = Some(path.clone());
    settings.transport.budget.probes = 0;
    check(&questions(3), &settings, &Silent).unwrap();
    let text = std::fs::read_to_string(&path).unwrap();
    assert!((0..3).all(|n| !text.contains(&secret(n))));
    let mut other = settings.clone();
    other.endpoint = server.url("/other");
    let flushed = flush(&path, &other, &Silent).unwrap();
    assert_eq!((flushed.left, flushed.elsewhere, server.received().len()), (1, 1, 5), "never to another endpoint");
    let flushed = flush(&path, &settings, &Silent).unwrap();
    assert_eq!((flushed.left, flushed.report.answered), (0, 3));
    assert!(flushed.verdicts.values().all(|v| *v == Verdict::Revoked));
    let received = server.received();
    assert_eq!(received[5].body, received[0].body);
    assert_eq!(received[5].header("webhook-id"), received[0].header("webhook-id"));
    assert_eq!(flush(&path, &settings, &Silent).unwrap().report.requests, 0);
}
