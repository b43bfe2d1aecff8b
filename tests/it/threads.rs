//! The same bytes come out for any number of threads.

use crate::runner::{Place, github_token};

#[test]
fn any_number_of_threads_gives_the_same_bytes() {
    let place = Place::new();
    for number in 0..60 {
        place.write(&format!("d{}/f{number}.txt", number % 7), format!("x\nk = {}\n", github_token(number % 23)));
    }
    for format in ["text", "json", "jsonl", "sarif"] {
        let once = place.stanch(&["scan", ".", "-j", "1", "-f", format]).out;
        assert!(once.contains("d3/f3.txt"));
        for threads in ["1", "2", "16"] {
            for _ in 0..10 {
                assert_eq!(
                    place.stanch(&["scan", ".", "-j", threads, "-f", format]).out,
                    once,
                    "{threads} threads, {format}"
                );
            }
        }
    }
}
