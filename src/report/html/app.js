"use strict";
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const SEVERITIES = ["info", "low", "medium", "high", "critical"];
  const SHOW = { leaks: "leaks", information: "information", suppressed: "suppressed", all: "all" };
  const $ = (id) => document.getElementById(id);
  const number = (n) => n.toLocaleString("en-US");
  const plural = (n, one, many) => `${number(n)} ${n === 1 ? one : many}`;

  /** An element; children are nodes or text, never markup. */
  function el(name, attributes = {}, ...children) {
    const node = document.createElement(name);
    for (const [key, value] of Object.entries(attributes)) {
      if (key === "class") node.className = value;
      else if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
      else if (value !== null && value !== undefined && value !== false) node.setAttribute(key, value);
    }
    node.append(...children.filter((child) => child !== null && child !== undefined && child !== ""));
    return node;
  }

  const findings = data.findings.map((finding, at) => {
    const rule = data.rules[finding.r] || { id: "?", name: "?", category: "other", provider: "" };
    const first = finding.o[0] || { p: "", l: 0, c: 0 };
    const dates = finding.o.map((place) => (place.m === undefined ? "" : data.commits[place.m].date)).filter(Boolean).sort();
    const group = finding.u ? "suppressed" : finding.i ? "information" : "leaks";
    const spread = data.overview ? data.overview.spread[finding.f] : undefined;
    return { ...finding, at, rule, first, group, spread, since: dates[0] || "", until: dates[dates.length - 1] || "", hay: null };
  });
  const keyOf = (finding) => `${finding.rule.id}.${finding.f}${finding.u ? `.${finding.at}` : ""}`;
  const byKey = new Map(findings.map((finding) => [keyOf(finding), finding]));

  function hay(finding) {
    if (finding.hay === null) {
      const words = [finding.rule.id, finding.rule.name, finding.rule.provider, finding.rule.category, finding.f, finding.k, finding.v, finding.k2];
      for (const place of finding.o) {
        words.push(place.p, place.g ? place.g.path : "");
        if (place.m !== undefined) {
          const commit = data.commits[place.m];
          words.push(commit.id, commit.author, commit.email, commit.summary);
        }
      }
      finding.hay = words.join("\n").toLowerCase();
    }
    return finding.hay;
  }

  // --- State: all of it is in the address, so that any view can be linked to. ---
  const empty = () => ({ q: "", show: "leaks", verdict: "", exposure: "", sort: "severity", severity: "", category: "", year: "", path: "", repository: "", f: "" });
  let state = empty();
  let view = [];
  let active = -1;

  function readAddress() {
    const next = empty();
    for (const [key, value] of new URLSearchParams(location.hash.slice(1))) if (key in next) next[key] = value;
    if (!(next.show in SHOW)) next.show = "leaks";
    const target = byKey.get(next.f);
    if (target && next.show !== "all" && target.group !== next.show) next.show = "all";
    state = next;
  }
  function writeAddress(replace) {
    const base = empty();
    const parts = new URLSearchParams(Object.entries(state).filter(([key, value]) => value !== base[key]));
    const hash = `#${parts}`;
    if (hash === (location.hash || "#")) return;
    if (replace) history.replaceState(null, "", hash);
    else history.pushState(null, "", hash);
  }
  function change(fields, replace) {
    Object.assign(state, fields);
    writeAddress(replace);
    update();
  }

  // --- Filters and order. ---
  const repositories = data.overview ? data.overview.repositories : [];
  const repositoryNumbers = new Map(repositories.map((one, at) => [one.name, at]));
  const holds = (finding, name) => (finding.spread ? finding.spread.repositories.includes(repositoryNumbers.get(name)) : false);
  const spreadOf = (finding) => (finding.spread ? finding.spread.repositories.length : 0);
  const year = (finding) => finding.since.slice(0, 4);
  function passes(finding, but) {
    if (state.show !== "all" && finding.group !== state.show) return false;
    if (but !== "severity" && state.severity && SEVERITIES[finding.s] !== state.severity) return false;
    if (but !== "category" && state.category && finding.rule.category !== state.category) return false;
    if (but !== "year" && state.year && year(finding) !== state.year) return false;
    if (state.repository && !holds(finding, state.repository)) return false;
    if (but !== "path" && state.path && !finding.o.some((place) => place.p === state.path)) return false;
    if (state.verdict && finding.v !== state.verdict) return false;
    if (state.exposure && finding.x !== state.exposure) return false;
    return true;
  }
  function matcher(text) {
    const terms = text.toLowerCase().split(/\s+/).filter(Boolean);
    return (finding) => terms.every((term) => (term.length > 1 && term[0] === "-" ? !hay(finding).includes(term.slice(1)) : hay(finding).includes(term)));
  }
  const compare = (a, b) => (a < b ? -1 : a > b ? 1 : 0);
  const byPath = (a, b) => compare(a.first.p, b.first.p) || a.first.l - b.first.l || a.at - b.at;
  const ORDERS = {
    severity: (a, b) => (b.v === "live") - (a.v === "live") || b.s - a.s || spreadOf(b) - spreadOf(a) || b.c - a.c || byPath(a, b),
    path: byPath,
    rule: (a, b) => compare(a.rule.id, b.rule.id) || byPath(a, b),
    newest: (a, b) => compare(b.since, a.since) || byPath(a, b),
    oldest: (a, b) => compare(a.since || "~", b.since || "~") || byPath(a, b),
    spread: (a, b) => spreadOf(b) - spreadOf(a) || b.s - a.s || byPath(a, b),
    places: (a, b) => b.o.length - a.o.length || byPath(a, b),
  };

  // --- Charts. ---
  function tally(field, value) {
    const match = matcher(state.q);
    const counts = new Map();
    for (const finding of findings) {
      if (!passes(finding, field) || !match(finding)) continue;
      for (const name of value(finding)) if (name) counts.set(name, (counts.get(name) || 0) + 1);
    }
    return counts;
  }
  function chart(title, field, entries) {
    const most = Math.max(1, ...entries.map(([, count]) => count));
    const bars = entries.map(([name, count]) => {
      const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
      const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
      svg.setAttribute("aria-hidden", "true");
      rect.setAttribute("width", `${count ? Math.max(1.5, (100 * count) / most) : 0}%`);
      rect.setAttribute("height", "12");
      rect.setAttribute("rx", "2");
      svg.append(rect);
      const chosen = state[field] === name;
      return el("button", { type: "button", class: `bar by-${field} ${field === "severity" ? name : ""}`, "aria-pressed": String(chosen), title: name,
        onclick: () => change({ [field]: chosen ? "" : name }) },
        el("span", { class: field === "path" || field === "repository" ? "name path" : "name" }, el("bdi", {}, name)), svg, el("span", { class: "number" }, number(count)));
    });
    return el("div", { class: "chart" }, el("h2", {}, title), ...(bars.length ? bars : [el("p", { class: "soft" }, "nothing")]));
  }
  const worstRepositories = (limit) => [...repositories].sort((a, b) => a.score - b.score || b.leaks - a.leaks || compare(a.name, b.name)).slice(0, limit);
  function trendChart(trend) {
    const parts = [["new", trend.new], ["still there", trend.still], ["rotated", trend.rotated], ["fixed", trend.fixed]];
    const change = data.grade.whole.score - trend.score_before;
    return el("div", { class: "chart" }, el("h2", {}, `Since ${trend.since}`),
      el("p", {}, `Score ${data.grade.whole.score}, ${change === 0 ? "as before" : `${Math.abs(change)} ${change > 0 ? "better" : "worse"} than before`}`),
      el("ul", { class: "plain" }, ...parts.map(([name, count]) => el("li", {}, el("b", {}, number(count)), ` ${name}`))));
  }
  const largest = (counts, limit) => [...counts].sort((a, b) => b[1] - a[1] || compare(a[0], b[0])).slice(0, limit);
  function drawCharts() {
    const focused = document.activeElement && document.activeElement.closest("#charts") ? document.activeElement.title : null;
    const severity = tally("severity", (finding) => [SEVERITIES[finding.s]]);
    const years = [...tally("year", (finding) => [year(finding)])].sort((a, b) => compare(b[0], a[0])).slice(0, 8);
    const charts = [
      chart("Severity", "severity", [...SEVERITIES].reverse().map((name) => [name, severity.get(name) || 0])),
      chart("Category", "category", largest(tally("category", (finding) => [finding.rule.category]), 6)),
      chart("Files with most", "path", largest(tally("path", (finding) => new Set(finding.o.map((place) => place.p))), 6)),
    ];
    if (repositories.length) charts.splice(1, 0, chart("Worst repositories", "repository", worstRepositories(8).map((one) => [one.name, one.leaks])));
    if (data.overview && data.overview.trend) charts.splice(1, 0, trendChart(data.overview.trend));
    if (findings.some((finding) => finding.since)) charts.push(chart("Year of the first commit", "year", years));
    $("charts").replaceChildren(...charts);
    if (focused !== null) for (const bar of $("charts").querySelectorAll("button")) if (bar.title === focused) bar.focus();
  }

  // --- The list: only what is on the screen is in the page. ---
  const rowHeight = () => parseInt(getComputedStyle(document.documentElement).getPropertyValue("--row"), 10) || 60;
  const drawn = new Map();
  function row(finding, at) {
    const { first } = finding;
    const more = finding.o.length > 1 ? ` and ${plural(finding.o.length - 1, "more place", "more places")}` : "";
    const spread = spreadOf(finding) > 1 ? `, in ${plural(spreadOf(finding), "repository", "repositories")}` : "";
    const verdict = finding.v === "unchecked" ? "" : finding.v.replace("_", " ");
    return el("div", { class: `row${at === active ? " on" : ""}`, role: "option", id: `row-${at}`, "aria-selected": String(at === active),
      "aria-setsize": view.length, "aria-posinset": at + 1, onclick: () => open(at) },
      el("span", { class: `severity ${SEVERITIES[finding.s]}` }, SEVERITIES[finding.s]),
      el("span", { class: "what" }, finding.rule.name, " ", el("span", { class: "mono soft" }, finding.k)),
      el("span", { class: "where mono" }, el("bdi", {}, `${first.p}:${first.l}:${first.c}${more}${spread}`)),
      el("span", { class: "side" }, el("span", { class: finding.v === "live" ? "live" : "" }, verdict), verdict && finding.since ? el("br") : "", finding.since.slice(0, 10)));
  }
  function drawRows() {
    const height = rowHeight();
    const top = $("list").getBoundingClientRect().top;
    const from = Math.max(0, Math.floor(-top / height) - 8);
    const to = Math.min(view.length, Math.ceil((innerHeight - top) / height) + 8);
    for (const [at, node] of drawn) {
      if (at < from || at >= to) { node.remove(); drawn.delete(at); }
    }
    for (let at = from; at < to; at++) {
      if (drawn.has(at)) continue;
      const node = row(view[at], at);
      node.style.top = `${at * height}px`;
      drawn.set(at, node);
      $("rows").append(node);
    }
  }
  function redrawRows() {
    for (const node of drawn.values()) node.remove();
    drawn.clear();
    $("rows").style.height = `${Math.max(1, view.length) * rowHeight()}px`;
    drawRows();
  }
  function mark(at) {
    const old = drawn.get(active);
    if (old) { old.classList.remove("on"); old.setAttribute("aria-selected", "false"); }
    active = at;
    const now = drawn.get(active);
    if (now) { now.classList.add("on"); now.setAttribute("aria-selected", "true"); }
    if (active >= 0) $("list").setAttribute("aria-activedescendant", `row-${active}`);
    else $("list").removeAttribute("aria-activedescendant");
  }
  function reveal(at) {
    const height = rowHeight();
    const top = $("list").getBoundingClientRect().top + at * height;
    const bar = getComputedStyle(document.querySelector(".tools")).position === "sticky" ? document.querySelector(".tools").offsetHeight : 0;
    if (top < bar) scrollBy(0, top - bar - 4);
    else if (top + height > innerHeight) scrollBy(0, top + height - innerHeight + 4);
    drawRows();
  }
  function go(at) {
    if (!view.length) return;
    at = Math.min(view.length - 1, Math.max(0, at));
    reveal(at);
    mark(at);
    if (!$("pane").hidden && innerWidth >= 1000) { state.f = keyOf(view[at]); writeAddress(true); drawPane(); }
  }
  function open(at) {
    mark(at);
    change({ f: keyOf(view[at]) });
    $("pane").scrollTop = 0;
    if (innerWidth < 1000) $("close").focus();
    else reveal(at);
  }
  function close() {
    change({ f: "" });
    $("list").focus({ preventScroll: true });
  }

  // --- The finding. ---
  function excerpt(place) {
    const chars = [...(place.t || "")];
    const [start, end] = [Math.min(place.a || 0, chars.length), Math.min(place.b || 0, chars.length)];
    const part = (from, to) => chars.slice(from, to).join("");
    return el("pre", {}, el("span", { class: "soft" }, `${place.l} | `), place.y & 1 ? "…" : "", part(0, start), el("mark", {}, part(start, end)), part(end), place.y & 2 ? "…" : "");
  }
  function placeItem(place) {
    const item = el("li", {}, el("code", {}, `${place.p}:${place.l}:${place.c}`));
    if (place.x === "shipped") item.append(" ", el("span", { class: "chip" }, "shipped to clients"));
    if (place.d) item.append(` inside ${place.d.join(", then ")}`);
    if (place.g) item.append(el("br"), el("span", { class: "soft" }, `from ${place.g.path}:${place.g.line}:${place.g.column} by its source map`));
    if (place.m !== undefined) {
      const commit = data.commits[place.m];
      const gone = commit.at_head === true ? "still in HEAD" : commit.removed_by ? `removed by ${commit.removed_by.slice(0, 10)}, still in the history` : commit.at_head === false ? "not in HEAD, still in the history" : "";
      item.append(el("br"), el("span", { class: "soft" }, el("code", {}, commit.id.slice(0, 10)), ` ${commit.date.slice(0, 10)} ${commit.author} <${commit.email}>: ${commit.summary}${gone ? ` (${gone})` : ""}`));
    }
    if (place.t) item.append(excerpt(place));
    return item;
  }
  function places(finding) {
    const list = el("ol", {});
    let shown = 0;
    const button = el("button", { type: "button", class: "quiet", onclick: () => more(500) });
    function more(count) {
      list.append(...finding.o.slice(shown, shown + count).map(placeItem));
      shown = Math.min(finding.o.length, shown + count);
      button.hidden = shown >= finding.o.length;
      button.textContent = `Show ${number(Math.min(500, finding.o.length - shown))} more of ${number(finding.o.length)}`;
    }
    more(20);
    return [list, button];
  }
  function spreadPart(finding) {
    if (!finding.spread) return [];
    const { repositories: held, at_head, environments } = finding.spread;
    const heads = new Set(at_head);
    const list = el("ul", {});
    const button = el("button", { type: "button", class: "quiet", onclick: () => more(Infinity) });
    const link = (at) => el("li", {}, el("a", { href: `#${new URLSearchParams({ repository: repositories[at].name })}` }, repositories[at].name), heads.has(at) ? el("span", { class: "soft" }, " still in HEAD") : "");
    let shown = 0;
    function more(count) {
      list.append(...held.slice(shown, shown + count).map(link));
      shown = Math.min(held.length, shown + count);
      button.hidden = shown >= held.length;
      button.textContent = `Show all ${number(held.length)}`;
    }
    more(10);
    const words = [heads.size ? `still in HEAD of ${number(heads.size)}` : "in no HEAD any more", environments.length ? `environments: ${environments.join(", ")}` : ""];
    return [el("h2", {}, plural(held.length, "repository", "repositories")), el("p", { class: "soft" }, words.filter(Boolean).join("; ")), list, button];
  }
  function copyButton(text) {
    const button = el("button", { type: "button", class: "quiet", onclick: async () => {
      try { await navigator.clipboard.writeText(text); button.textContent = "Copied"; } catch { button.textContent = "Press Ctrl+C"; getSelection().selectAllChildren(button.previousSibling); }
    } }, "Copy");
    return button;
  }
  function steps(finding) {
    const { rule } = finding;
    const history = finding.o.some((place) => place.m !== undefined);
    const shipped = finding.o.some((place) => place.x === "shipped");
    const list = [];
    if (finding.v === "live") list.push("It still works: revoke it now, before anything else.");
    if (rule.remediation) list.push(rule.remediation);
    if (history) list.push("Removing it from the files is not enough: whoever has a clone has it. Only revoking it helps.");
    if (shipped) list.push("It is in what clients download: move the call behind a server of your own, and build again.");
    if (!finding.i && !rule.remediation) list.push("Revoke it where it was issued, put a new one in a secret store, and take it out of the files.");
    return el("ol", {}, ...list.map((text) => el("li", {}, text)));
  }
  function drawPane() {
    const finding = byKey.get(state.f);
    $("pane").hidden = !finding;
    document.querySelector(".split").classList.toggle("open", Boolean(finding));
    if (!finding) return;
    const { rule } = finding;
    const chips = [rule.id, `${["low", "medium", "high"][finding.c]} confidence`, finding.x === "private" ? "" : finding.x, finding.k2, rule.owasp, rule.cwe];
    if (finding.pr !== undefined) chips.push(`probability ${finding.pr.toFixed(2)}`);
    const verdict = finding.v === "unchecked" ? "not checked" : finding.v.replace("_", " ") + (finding.vr ? ` (${finding.vr})` : "");
    $("pane").replaceChildren(
      el("header", {}, el("h2", { tabindex: "-1" }, rule.name), el("button", { type: "button", id: "close", class: "quiet", onclick: close, "aria-label": "Close the finding" }, "Close")),
      el("div", { class: "chips" }, el("span", { class: `severity ${SEVERITIES[finding.s]}` }, SEVERITIES[finding.s]),
        el("span", { class: finding.v === "live" ? "chip live" : "chip" }, verdict), ...chips.filter(Boolean).map((text) => el("span", { class: "chip" }, text))),
      finding.u ? el("p", { class: "banner" }, `Not reported: ${[finding.u.by, finding.u.origin, finding.u.reason].filter(Boolean).join(": ")}`) : "",
      el("p", {}, el("code", {}, finding.k), finding.pa ? el("span", {}, " together with ", el("code", {}, finding.pa)) : ""),
      el("h2", {}, "What to do"), steps(finding),
      ...spreadPart(finding),
      el("h2", {}, plural(finding.o.length, "place", "places")), ...places(finding),
      finding.n ? el("div", {}, el("h2", {}, "Why it was found"), el("ul", {}, ...finding.n.map((note) => el("li", {}, note)))) : "",
      rule.references && rule.references.length ? el("div", {}, el("h2", {}, "Read more"), el("ul", {}, ...rule.references.map((name) => el("li", {}, name)))) : "",
      el("h2", {}, "Fingerprint"), el("div", { class: "chips" }, el("code", {}, finding.f), copyButton(finding.f)));
  }

  // --- All together. ---
  function update() {
    const match = matcher(state.q);
    view = findings.filter((finding) => passes(finding) && match(finding)).sort(ORDERS[state.sort] || ORDERS.severity);
    if (document.activeElement !== $("search")) $("search").value = state.q;
    for (const name of ["show", "verdict", "exposure", "sort"]) $(name).value = state[name];
    active = state.f ? view.findIndex((finding) => keyOf(finding) === state.f) : -1;
    const narrowed = [state.severity, state.category, state.year, state.repository, state.path].filter(Boolean).join(", ");
    $("count").textContent = `${plural(view.length, "finding", "findings")} of ${number(findings.length)}${narrowed ? ` (${narrowed})` : ""}`;
    drawCharts();
    drawPane();
    redrawRows();
    mark(active);
  }

  function fill(id, values, words) {
    $(id).replaceChildren(...values.map((value) => el("option", { value }, words(value))));
    $(id).addEventListener("change", () => change({ [id]: $(id).value }));
  }
  function setUpTools() {
    const counts = { all: findings.length, leaks: 0, information: 0, suppressed: 0 };
    for (const finding of findings) counts[finding.group]++;
    fill("show", Object.keys(SHOW), (value) => `${SHOW[value]} (${number(counts[value])})`);
    fill("verdict", ["", ...[...new Set(findings.map((finding) => finding.v))].sort()], (value) => value.replace("_", " ") || "any");
    fill("exposure", ["", ...[...new Set(findings.map((finding) => finding.x))].sort()], (value) => value || "any");
    $("sort").addEventListener("change", () => change({ sort: $("sort").value }));
    if (repositories.length) $("sort").append(el("option", { value: "spread" }, "most repositories"));
    let timer = 0;
    $("search").addEventListener("input", () => { clearTimeout(timer); timer = setTimeout(() => change({ q: $("search").value }, true), 100); });
    $("clear").addEventListener("click", () => { $("search").value = ""; change({ ...empty(), f: "" }); });
  }
  function setUpKeys() {
    addEventListener("keydown", (event) => {
      const typing = /^(INPUT|SELECT|TEXTAREA)$/.test(event.target.tagName);
      if (event.ctrlKey || event.metaKey || event.altKey) return;
      if (event.key === "Escape") { if (typing) event.target.blur(); else if (state.f) close(); return; }
      if (typing) { if (event.key === "Enter" && event.target === $("search")) { $("list").focus(); go(0); } return; }
      if (event.key === "/") { event.preventDefault(); $("search").focus(); $("search").select(); return; }
      const page = Math.max(1, Math.floor(innerHeight / rowHeight()) - 3);
      const moves = { j: 1, k: -1, ArrowDown: 1, ArrowUp: -1, PageDown: page, PageUp: -page, Home: -Infinity, End: Infinity };
      const inList = document.activeElement === $("list");
      if (event.key in moves && (inList || event.key === "j" || event.key === "k")) {
        event.preventDefault();
        if (!inList) $("list").focus({ preventScroll: true });
        go(active < 0 ? (moves[event.key] > 1e9 ? view.length - 1 : 0) : active + moves[event.key]);
      } else if ((event.key === "Enter" || event.key === " ") && inList && active >= 0) {
        event.preventDefault();
        open(active);
      }
    });
  }
  function setUpTheme() {
    const order = ["auto", "light", "dark"];
    let theme = "auto";
    try { theme = localStorage.getItem("stanch-theme") || "auto"; } catch { /* a file may have no storage */ }
    const apply = () => {
      if (theme === "auto") delete document.documentElement.dataset.theme;
      else document.documentElement.dataset.theme = theme;
      $("theme").textContent = `Theme: ${theme}`;
    };
    $("theme").hidden = false;
    $("theme").addEventListener("click", () => {
      theme = order[(order.indexOf(theme) + 1) % order.length];
      try { localStorage.setItem("stanch-theme", theme); } catch { /* not kept, then */ }
      apply();
    });
    apply();
  }
  const table = (head, rows) => el("table", {}, el("thead", {}, el("tr", {}, ...head.map((text) => el("th", { scope: "col" }, text)))),
    el("tbody", {}, ...rows.map((cells) => el("tr", {}, ...cells.map((cell) => el("td", {}, cell))))));
  const fold = (title, ...content) => el("details", {}, el("summary", {}, title), ...content);
  function setUpAfter() {
    const { grade } = data;
    const mark = (m) => `${m.letter} (${m.score})`;
    const sections = [];
    if (grade.actions.length) {
      sections.push(fold("What to do first", el("p", { class: "soft" }, "In the order of effect. The share is that of all risk points; the score is what the whole would have when all leaks of that rule are revoked."),
        table(["Rule", "Leaks", "Share of risk", "Score after"], grade.actions.map((action) => [action.rule, number(action.leaks), `${((100 * action.points) / Math.max(1, grade.whole.points)).toFixed(1)} %`, String(action.score_after)]))));
      sections.push(fold("Grades by category, and standards", table(["Category", "Grade", "Leaks"], Object.entries(grade.categories).map(([name, m]) => [name, mark(m), number(m.leaks)])),
        el("p", {}, [...Object.entries(grade.owasp), ...Object.entries(grade.cwe)].map(([name, n]) => `${name}: ${number(n)}`).join(", "))));
    }
    if (repositories.length) {
      const all = worstRepositories(Infinity);
      const cell = (one) => el("a", { href: `#${new URLSearchParams({ repository: one.name })}` }, one.name);
      sections.unshift(fold(plural(all.length, "repository", "repositories"), table(["Repository", "Grade", "Leaks", "State"], all.slice(0, 2000).map((one) => [cell(one), mark(one), number(one.leaks), one.state])),
        all.length > 2000 ? el("p", {}, `and ${number(all.length - 2000)} more`) : ""));
    }
    const missed = data.skipped.filter((item) => item.incomplete);
    if (data.skipped.length) sections.push(fold(`${plural(data.skipped.length, "item", "items")} not scanned`, table(["What", "Why"], data.skipped.slice(0, 1000).map((item) => [item.what, item.detail])),
      data.skipped.length > 1000 ? el("p", {}, `and ${number(data.skipped.length - 1000)} more`) : ""));
    if (data.unused_allows.length) sections.push(fold("Allow entries to clean up", table(["Entry", "Why"], data.unused_allows.map((entry) => [entry.entry, entry.why]))));
    $("after").replaceChildren(...sections);
    $("grade").hidden = false;
    $("grade").className = `grade ${grade.whole.letter.toLowerCase()}`;
    $("grade").setAttribute("role", "img");
    $("grade").setAttribute("aria-label", `Grade ${grade.whole.letter}, ${grade.whole.score} of 100`);
    $("grade").replaceChildren(el("b", {}, grade.whole.letter), el("small", {}, `${grade.whole.score}/100`));
    $("incomplete").hidden = data.complete;
    $("incomplete").textContent = data.complete ? "" : `Incomplete: ${plural(missed.length, "item was", "items were")} not scanned. What is missing is listed below.`;
  }
  addEventListener("beforeprint", () => {
    const some = view.slice(0, 2000);
    $("print").replaceChildren(el("p", {}, some.length < view.length ? `The first ${number(some.length)} of ${number(view.length)} findings` : plural(view.length, "finding", "findings")),
      table(["Severity", "What", "Where", "Secret", "Verdict"], some.map((finding) => [SEVERITIES[finding.s], `${finding.rule.name} (${finding.rule.id})`,
        `${finding.first.p}:${finding.first.l}${finding.o.length > 1 ? ` and ${number(finding.o.length - 1)} more` : ""}`, finding.k, finding.v])));
  });
  addEventListener("afterprint", () => $("print").replaceChildren());
  addEventListener("hashchange", () => { readAddress(); update(); if (active >= 0) reveal(active); });
  addEventListener("popstate", () => { readAddress(); update(); });
  let waiting = false;
  const soon = () => { if (!waiting) { waiting = true; requestAnimationFrame(() => { waiting = false; drawRows(); }); } };
  addEventListener("scroll", soon, { passive: true });
  addEventListener("resize", () => redrawRows());
  $("app").hidden = false;
  setUpTheme();
  setUpAfter();
  setUpTools();
  setUpKeys();
  readAddress();
  update();
  if (active >= 0) reveal(active);
})();
