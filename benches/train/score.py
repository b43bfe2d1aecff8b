#!/usr/bin/env python3
"""Line-level scoring of judged rows, as the data's own scorer (eval.py) does it, prepared once for many cuts."""
import collections, importlib.util, json
import numpy as np
from scipy.sparse import csr_matrix

# false positives per 1,000 clean files at *high*: five are the limit, and repositories not seen vary
CALM = 4.6
OPENSSL = "2ba83c6a"  # one repository of test vectors; 42 % of all true labels


def load_eval(path):
    spec = importlib.util.spec_from_file_location("eval", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def load_dump(prefix):
    rows = [json.loads(line) for line in open(prefix + ".jsonl")]
    names = open(prefix + ".names").read().split("\n")
    table = np.fromfile(prefix + ".f32", dtype="<f4").reshape(len(rows), len(names))
    for r in rows:
        if not r["path"].startswith("data/"): r["path"] = "data/" + r["path"]
    return rows, names, table, load_words(prefix, len(rows))


def load_words(prefix, n):
    """A row per proposal: the buckets that occur, each with one over the square root of their number."""
    flat = np.fromfile(prefix + ".words", dtype="<u2")
    starts, counts, at = np.zeros(n, int), np.zeros(n, int), 0
    for i in range(n):
        starts[i], counts[i] = at + 1, flat[at]
        at += 1 + int(flat[at])
    keep = np.ones(len(flat), bool); keep[starts - 1] = False
    indptr = np.concatenate([[0], np.cumsum(counts)])
    data = np.repeat(1 / np.sqrt(np.maximum(1, counts)), counts)
    return csr_matrix((data, flat[keep].astype(np.int32), indptr), shape=(n, 65536))


class Scorer:
    """Status of each row (T, F, lost, ignored, skip), whether its value is the labelled one, and scores at cuts."""

    def __init__(self, ev, lab, rows, profile="core-x"):
        self.ev, self.lab = ev, lab
        skip = (lambda p: p.split("/")[1] == OPENSSL) if profile == "core-x" else (lambda p: False)
        ignored = lambda u: bool(u["T"]) and ev.cats(u) <= ev.NONSECRET
        true_files = {k[0] for k, u in lab.units.items() if u["T"]}
        self.pos = {k for k, u in lab.units.items() if u["T"] and not ignored(u) and not skip(k[0])}
        self.clean = {p for p in lab.files if p not in true_files and not skip(p)}
        self.hits, self.status, self.own = [], [], np.zeros(len(rows), bool)
        for i, r in enumerate(rows):
            p = r["path"]
            if ev.is_licence(p) or p not in lab.files:
                self.hits.append([]); self.status.append("skip"); continue
            hits, any_hit, status = [], False, "lost"
            for k in lab.byfile.get(p, ()):
                if not k[1] <= r["line"] <= k[2]: continue
                any_hit, u = True, lab.units[k]
                if ignored(u):
                    status = "ignored" if status == "lost" else status; continue
                label = lab.label(k, r.get("secret")); hits.append((k, label))
                if label == "T":
                    status = "T"
                    for row in u["T"]:
                        v, s = lab.value(row), r.get("secret") or ""
                        if not v or v in s or s in v and 2 * len(s) >= len(v): self.own[i] = True
                elif status != "T": status = "F"
            self.status.append(status)
            self.hits.append([] if skip(p) else hits if any_hit else [((p, r["line"]), "L")])
        self.status = np.array(self.status)

    def at(self, prob, cut, extra=(), full=False):
        seen = {"T": set(), "F": set(), "L": set()}
        for i in np.nonzero(prob >= cut)[0]:
            for k, label in self.hits[i]: seen[label].add(k)
        for k, label in extra: seen[label].add(k)
        tp, fp, lost = seen["T"] & self.pos, seen["F"] - seen["T"], seen["L"]
        p, r = len(tp) / max(1, len(tp) + len(fp)), len(tp) / max(1, len(self.pos))
        clean = sum(k[0] in self.clean for k in fp) + sum(k[0] in self.clean for k in lost)
        out = dict(t=float(cut), P=p, R=r, F1=2 * p * r / max(1e-9, p + r), clean=1000 * clean / max(1, len(self.clean)))
        if full:
            groups = collections.defaultdict(lambda: [0, 0, 0])
            for k in self.pos:
                g = groups[self.ev.group(self.ev.cats(self.lab.units[k]))]; g[0] += 1; g[1] += k in tp
            for k in fp: groups[self.ev.group(self.ev.cats(self.lab.units[k]))][2] += 1
            out["groups"] = groups
        return out

    def mean(self, probs, cut, extra=()):
        """Figures at a cut, as the mean over several runs."""
        runs = [self.at(prob, cut, extra) for prob in probs]
        return {name: float(np.mean([run[name] for run in runs])) for name in runs[0]}

    def sweep(self, probs, extra=(), show=True):
        rs = [self.mean(probs, t, extra) for t in np.concatenate([np.arange(.02, .60, .02), np.arange(.60, .90, .01), np.arange(.90, .998, .005)])]
        pick = lambda ok, by: max((r for r in rs if ok(r)), key=lambda r: r[by], default=None)
        points = {
            "best F1": pick(lambda r: True, "F1"), "F1, clean <= 60": pick(lambda r: r["clean"] <= 60, "F1"),
            "recall, P >= .97, clean <= 5": pick(lambda r: r["P"] >= .97 and r["clean"] <= CALM, "R"),
            "recall, P >= .97": pick(lambda r: r["P"] >= .97, "R"), "recall, P >= .95": pick(lambda r: r["P"] >= .95, "R"), "recall, clean <= 5": pick(lambda r: r["clean"] <= 5, "R"), "recall, clean <= 10": pick(lambda r: r["clean"] <= 10, "R"),
            "recall, P >= .60": pick(lambda r: r["P"] >= .6, "R")}
        # between cuts that are as good, the one that shows less
        flat = points["F1, clean <= 60"]
        points["calm"] = pick(lambda r: flat and r["clean"] <= 60 and r["F1"] >= flat["F1"] - .003, "t")
        if show:
            for name, r in points.items():
                print("  ", name.ljust(19), shown(r))
        return points


def shown(r):
    return "none" if r is None else "t=%.3f P=%.3f R=%.3f F1=%.3f clean=%.1f" % (r["t"], r["P"], r["R"], r["F1"], r["clean"])


def print_groups(r):
    for g, (p, t, f) in sorted(r["groups"].items(), key=lambda x: -x[1][0]):
        print(f"      {g:24} T={p:5} hit={t:5} recall={t / p if p else 0:.3f} flagged F={f}")
