//! The HTML report in a real Chromium, driven over its debugging pipe: keys, search, filters, deep links, no request.

use std::{
    io::{BufRead, BufReader, Write},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{
    audit::{config, organisation},
    runner::{Place, github_token},
};

/// A browser with one page.
struct Browser {
    child: Child,
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    next: u64,
    session: String,
    /// Addresses that were asked for, and what went wrong.
    requests: Vec<String>,
    faults: Vec<String>,
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.to.write_all(b"{\"id\":0,\"method\":\"Browser.close\"}\0");
        let end = Instant::now() + Duration::from_secs(10);
        while self.child.try_wait().is_ok_and(|ended| ended.is_none()) && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(20));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Browser {
    fn new(place: &Place) -> Self {
        // The debugging pipe is at the descriptors 3 and 4.
        let mut command = Command::new("sh");
        let program = "exec chromium --headless --no-sandbox --disable-gpu --no-first-run --disable-background-networking \
                       --remote-debugging-pipe --user-data-dir=\"$1\" about:blank 3<&0 4>&1 </dev/null >/dev/null 2>&1";
        command.args(["-c", program, "sh"]).arg(place.path().join("profile"));
        command.env("HOME", place.path()).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (to, from) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let (requests, faults) = (Vec::new(), Vec::new());
        let mut browser = Self { child, to, from, next: 1, session: String::new(), requests, faults };
        let target = browser.ask("Target.createTarget", json!({ "url": "about:blank" }));
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = browser.ask("Target.attachToTarget", attach);
        browser.session = session["sessionId"].as_str().unwrap().to_owned();
        for domain in ["Page.enable", "Runtime.enable", "Network.enable", "Log.enable"] {
            browser.ask(domain, json!({}));
        }
        browser
    }

    /// Sends a command and waits for its answer.
    fn ask(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let mut message = json!({ "id": self.next, "method": method, "params": parameters });
        if !self.session.is_empty() {
            message["sessionId"] = json!(self.session);
        }
        self.to.write_all(message.to_string().as_bytes()).unwrap();
        self.to.write_all(&[0]).unwrap();
        loop {
            let mut bytes = Vec::new();
            self.from.read_until(0, &mut bytes).unwrap();
            assert_eq!(bytes.pop(), Some(0), "the browser has gone");
            let answer: Value = serde_json::from_slice(&bytes).unwrap();
            if answer["id"] == json!(self.next) {
                assert!(answer.get("error").is_none(), "{method}: {answer}");
                return answer["result"].clone();
            }
            match answer["method"].as_str() {
                Some("Network.requestWillBeSent") => {
                    self.requests.push(answer["params"]["request"]["url"].as_str().unwrap().to_owned());
                }
                Some("Runtime.exceptionThrown" | "Log.entryAdded") => self.faults.push(answer["params"].to_string()),
                _ => {}
            }
        }
    }

    /// The value of an expression in the page.
    fn value(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.ask("Runtime.evaluate", asked);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    fn text(&mut self, expression: &str) -> String {
        self.value(expression).as_str().unwrap_or_default().to_owned()
    }

    /// Waits until an expression is true.
    #[track_caller]
    fn wait(&mut self, expression: &str) {
        let end = Instant::now() + Duration::from_secs(20);
        while self.value(expression) != json!(true) {
            assert!(Instant::now() < end, "never: {expression}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    fn open(&mut self, place: &Place, page: &str, width: u32) {
        let metrics = json!({ "width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.ask("Emulation.setDeviceMetricsOverride", metrics);
        self.ask("Page.navigate", json!({ "url": "about:blank" }));
        self.ask("Page.navigate", json!({ "url": format!("file://{}/{page}", place.path().display()) }));
        self.wait("document.readyState == 'complete' && !!document.querySelector('.row')");
    }

    fn key(&mut self, key: &str) {
        let text = match key {
            "Enter" => "\r",
            key if key.len() == 1 => key,
            _ => "",
        };
        let code = match key {
            "Enter" => 13,
            "Escape" => 27,
            "End" => 35,
            _ => 0,
        };
        let mut event = json!({ "type": "keyDown", "key": key, "windowsVirtualKeyCode": code });
        if !text.is_empty() {
            event["text"] = json!(text);
        }
        self.ask("Input.dispatchKeyEvent", event);
        self.ask("Input.dispatchKeyEvent", json!({ "type": "keyUp", "key": key, "windowsVirtualKeyCode": code }));
    }
}

/// A page of a few findings of two rules, and one of an audit.
fn pages() -> Place {
    let place = organisation();
    for at in 0..12 {
        place.write(&format!("tree/dir{at}/token.py"), format!("token = \"{}\"\n", github_token(at)));
    }
    place.write("tree/deploy/aws.ini", config("one"));
    place.write("tree/dir5/again.py", format!("token = \"{}\"\n", github_token(5)));
    assert_eq!(place.stanch(&["scan", "tree", "-f", "html=page.html", "-q"]).code, 1);
    assert_eq!(place.stanch(&["audit", "all", "-f", "html=audit.html", "-q"]).code, 1);
    place
}

#[test]
#[ignore = "needs chromium on the PATH"]
fn the_page_is_used_by_keys_links_and_filters_and_asks_for_nothing() {
    let place = pages();
    let mut page = Browser::new(&place);
    page.open(&place, "page.html", 1300);
    let all = page.text("document.getElementById('count').textContent");
    assert!(all.contains("13"), "{all}");
    // By keyboard: the next finding, its pane, its own address, and back.
    page.key("j");
    page.key("Enter");
    page.wait("!document.getElementById('pane').hidden");
    let (link, head) = (page.text("location.hash"), page.text("document.querySelector('#pane h2').textContent"));
    assert!(link.contains("f=") && !head.is_empty(), "{link} {head}");
    page.key("Escape");
    page.wait("document.getElementById('pane').hidden");
    // Search, which the address keeps.
    page.key("/");
    assert_eq!(page.text("document.activeElement.id"), "search");
    for letter in "dir7".chars() {
        page.key(&letter.to_string());
    }
    page.wait("document.getElementById('count').textContent.startsWith('1 finding of 13')");
    page.wait("location.hash.includes('q=dir7')");
    page.value("document.getElementById('clear').click()");
    page.wait("document.getElementById('count').textContent.startsWith('13 findings of 13')");
    // Another order.
    let order = "[...document.querySelectorAll('.row')].map(row => row.textContent).join()";
    page.value(&format!("window.before = {order}"));
    page.value("(() => { const sort = document.getElementById('sort'); sort.value = 'places'; sort.dispatchEvent(new Event('change')); })()");
    page.wait(&format!("{order} != window.before"));
    // A link to a finding opens it, in the dark as well, and on a phone nothing is wider than the screen.
    for (scheme, width) in [("light", 1300), ("dark", 1300), ("light", 390)] {
        let media = json!({ "features": [{ "name": "prefers-color-scheme", "value": scheme }] });
        page.ask("Emulation.setEmulatedMedia", media);
        page.open(&place, &format!("page.html{link}"), width);
        page.wait("!document.getElementById('pane').hidden");
        assert_eq!(page.text("document.querySelector('#pane h2').textContent"), head);
        assert!(page.value("document.documentElement.scrollWidth").as_u64().unwrap() <= u64::from(width), "{scheme}");
    }
    // For paper all findings are written out.
    page.open(&place, "page.html", 1000);
    page.value("dispatchEvent(new Event('beforeprint'))");
    assert!(page.text("document.getElementById('print').textContent").contains("dir11/token.py"));
    page.open(&place, "audit.html", 1300);
    assert!(!page.text("document.getElementById('grade').textContent").is_empty());
    assert!(page.text("document.getElementById('after').textContent").contains("fork1"));
    assert_eq!(page.faults, Vec::<String>::new());
    let outside: Vec<_> = page.requests.iter().filter(|url| !url.starts_with("file://")).collect();
    assert!(!page.requests.is_empty() && outside.is_empty(), "{outside:?}");
}

#[test]
#[ignore = "needs chromium on the PATH"]
fn fifty_thousand_findings_stay_usable() {
    let place = pages();
    let report = place.stanch(&["scan", "tree", "-f", "json", "-q"]).out;
    let mut report: Value = serde_json::from_str(&report).unwrap();
    let one = report["findings"][0].clone();
    let many = (0..50_000).map(|at| {
        let mut finding = one.clone();
        finding["fingerprint"] = json!(format!("{at:032x}"));
        finding["occurrences"][0]["place"]["path"] = json!(format!("src/dir{}/file{at}.py", at % 97));
        finding
    });
    report["findings"] = many.collect();
    report["summary"]["leaks"] = json!(50_000);
    place.write("many.json", report.to_string());
    assert_eq!(place.stanch(&["report", "many.json", "-f", "html=many.html"]).code, 1);
    let mut page = Browser::new(&place);
    let start = Instant::now();
    page.open(&place, "many.html", 1300);
    assert!(start.elapsed() < Duration::from_secs(15), "{:?}", start.elapsed());
    assert!(
        page.value("document.querySelectorAll('.row').length").as_u64().unwrap() < 200,
        "only what is seen is there"
    );
    // The last one is there when it is gone to, and a search among all of them is soon done.
    page.value("document.getElementById('list').focus()");
    page.key("End");
    page.wait("!!document.getElementById(document.getElementById('list').getAttribute('aria-activedescendant'))");
    let search = "new Promise(done => { const count = document.getElementById('count'), before = count.textContent, start = performance.now(); \
                  const search = document.getElementById('search'); search.value = 'file49999'; search.dispatchEvent(new Event('input')); \
                  const look = () => count.textContent != before ? done(performance.now() - start) : setTimeout(look, 5); look(); })";
    let milliseconds = page.value(search).as_f64().unwrap();
    assert!(milliseconds < 3000.0, "{milliseconds}");
    assert_eq!(page.value("document.querySelectorAll('.row').length"), json!(1));
    assert_eq!(page.faults, Vec::<String>::new());
}
