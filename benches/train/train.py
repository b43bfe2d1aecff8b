#!/usr/bin/env python3
"""Train the judge: boosted trees over the numbers that the program itself computes.

  cargo bench --bench judge -- dump DIR/data PREFIX      # numbers of every proposal (the same code as in use)
  train.py --set DIR --eval EVAL.py --dump PREFIX [--negatives PREFIX]... [--made PREFIX]... [--cv-only]

Data: CredData (Samsung), dev part, values replaced kind for kind (real public repositories whose lines reviewers marked
as true or false credentials; metadata under Apache-2.0). The data itself is not part of this repository. `--negatives` are dumps
of sources without credentials (crates of the local cargo registry, MIT or Apache-2.0); `--made` are dumps of lines made
by made.py, where every line holds one credential.

Seed 7 throughout; the figures printed are from cross-validation by repository. Writes src/detect/generic/weights.bin and
src/detect/generic/operating.rs.

weights.bin, little endian: u16 features, u16 trees, u16 thresholds, u16 knots; f32 leaf scale; f32
margin and u16 trees of the early exit; f32[thresholds];
f32[features] medians; knots as (f32 margin, f32 probability); per tree u8 inner nodes, then per node u16 feature,
u16 threshold, i8 left, i8 right (below 0: leaf -1-i), then i16 leaves.
"""
import argparse, collections, os, pickle, re, struct, time
import lightgbm as lgb
import numpy as np
from score import OPENSSL, Scorer, load_dump, load_eval, print_groups

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "../../src/detect/generic")
PARAMS = dict(objective="binary", learning_rate=0.06, num_leaves=24, min_data_in_leaf=12, feature_fraction=0.3,
              bagging_fraction=0.8, bagging_freq=1, lambda_l2=5, max_bin=63, verbose=-1, num_threads=1, seed=7,
              deterministic=True, force_row_wise=True)
ROUNDS = 300
# what the vendor rules will find, roughly: only to show the whole program's figure beside the judge's own
VENDOR = [r"-----BEGIN (?:[A-Z0-9 ]+ )?PRIVATE KEY", r"\beyJ[A-Za-z0-9_=-]{10,}\.eyJ[A-Za-z0-9_=-]*", r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
          r"\bAIza[0-9A-Za-z_-]{35}", r"\bgh[pousr]_[A-Za-z0-9]{36}", r"\bxox[a-z]-[A-Za-z0-9-]{10,}|xapp-\d-",
          r"\bglsa_[A-Za-z0-9]{32}_", r"\bya29\.[A-Za-z0-9._-]{10,}", r"\b[sr]k_(?:live|test)_[A-Za-z0-9]{20,}",
          r"\bEAA[A-Za-z0-9]{30,}", r"\bSG\.[A-Za-z0-9_-]{20,}", r"\b\d{6,}-[a-z0-9]{32}\.apps\.google",
          r"\"d\"\s*:\s*\"[A-Za-z0-9_-]{40,}\"|\bd: '[A-Za-z0-9_-]{40,}", r"\bS[UAON][A-Z2-7]{56}\b"]


def vendor_rows(set_dir):
    rows, pats = [], [re.compile(p) for p in VENDOR]
    for d, _, fs in sorted(os.walk(os.path.join(set_dir, "data"))):
        for f in sorted(fs):
            path = os.path.join(d, f)
            try: text = open(path, encoding="utf8", newline="").read()
            except (OSError, UnicodeDecodeError): continue
            for rx in pats:
                for m in rx.finditer(text):
                    rows.append(dict(path=os.path.relpath(path, set_dir), line=text.count("\n", 0, m.start()) + 1, secret=None))
    return rows


def cached(name, make):
    if os.path.exists(name): return pickle.load(open(name, "rb"))
    value = make(); pickle.dump(value, open(name, "wb")); return value


def dev_weights(scorer, repo):
    """Repositories with many rows count less for each; lines without a label count little, another value on a true
    line less still; repositories of test vectors hardly at all."""
    st = scorer.status
    w = np.select([scorer.own, st == "T", st == "F", st == "lost"], [1.0, 0.15, 1.0, 0.5], 0.0)
    n = collections.Counter(repo)
    w *= np.array([min(1.0, (200 / n[r]) ** 0.5) for r in repo])
    w[repo == OPENSSL] *= 0.05
    return w


def fit(parts, rounds=ROUNDS, params=PARAMS):
    x, y, w = (np.concatenate([p[i] for p in parts]) for i in range(3))
    keep = w > 0
    return lgb.train(params, lgb.Dataset(x[keep], y[keep], weight=w[keep]), rounds)


def cross_validate(dev, extra, repo, seed=1, k=5, rounds=ROUNDS, params=PARAMS):
    x, y, w = dev
    names = sorted(set(repo)); np.random.RandomState(seed).shuffle(names)
    fold = {r: i % k for i, r in enumerate(names)}
    of = np.array([fold[r] for r in repo])
    margin, gain = np.zeros(len(y)), 0
    for i in range(k):
        tr, te = of != i, of == i
        model = fit([(x[tr], y[tr], w[tr])] + extra, rounds, params)
        margin[te] = model.predict(x[te], raw_score=True)
        gain = gain + model.feature_importance("gain")
    return margin, gain


def held_out(path):
    """Two in five crates take no part in training."""
    return sum(path.split("/")[1].encode()) % 5 < 2


def isotonic(margin, y, w, knots=24):
    from sklearn.isotonic import IsotonicRegression
    iso = IsotonicRegression(y_min=0.001, y_max=0.999, out_of_bounds="clip").fit(margin, y, sample_weight=w)
    grid = np.quantile(margin[margin > -5], np.linspace(0, 1, 400))
    smooth = np.convolve(np.pad(iso.predict(grid), 12, mode="edge"), np.ones(25) / 25, "valid")
    pick = np.unique(np.linspace(0, len(grid) - 1, knots).astype(int))
    xs, ys = grid[pick], np.maximum.accumulate(smooth[pick] + np.arange(len(pick)) * 1e-5)
    return [(-8.0, 0.001)] + [(float(a), float(min(b, .998))) for a, b in zip(xs, ys)] + [(8.0, 0.999)]


def calibrate(margin, knots):
    return np.interp(margin, [k[0] for k in knots], [k[1] for k in knots])


def below(value):
    f = np.float32(value)
    return float(f if float(f) <= value else np.nextafter(f, np.float32(-np.inf)))


def flatten(tree):
    nodes, leaves = [], []
    def walk(t):
        if "leaf_value" in t and "split_feature" not in t:
            leaves.append(t["leaf_value"]); return -len(leaves)
        at = len(nodes); nodes.append(None)
        assert t["decision_type"] == "<="
        left = walk(t["left_child"]); right = walk(t["right_child"])
        nodes[at] = (t["split_feature"], below(t["threshold"]), left, right)
        return at
    walk(tree["tree_structure"])
    return nodes, leaves


def export(model, medians, knots, early, path):
    trees = [flatten(t) for t in model.dump_model()["tree_info"]]
    cuts = sorted({n[1] for nodes, _ in trees for n in nodes})
    index = {c: i for i, c in enumerate(cuts)}
    scale = max(abs(v) for _, leaves in trees for v in leaves) / 32767
    body = struct.pack("<HHHHffH", len(medians), len(trees), len(cuts), len(knots), scale, *early)
    body += struct.pack(f"<{len(cuts)}f", *cuts) + struct.pack(f"<{len(medians)}f", *medians)
    for m, p in knots: body += struct.pack("<ff", m, p)
    for nodes, leaves in trees:
        body += struct.pack("<B", len(nodes))
        for f, t, l, r in nodes: body += struct.pack("<HHbb", f, index[t], l, r)
        body += struct.pack(f"<{len(leaves)}h", *[round(v / scale) for v in leaves])
    open(path, "wb").write(body)
    print("weights", len(body), "bytes", len(trees), "trees", len(cuts), "thresholds")


def main():
    ap = argparse.ArgumentParser()
    for a in ("--set", "--eval", "--dump"): ap.add_argument(a, required=True)
    ap.add_argument("--negatives", action="append", default=[]); ap.add_argument("--made", action="append", default=[])
    ap.add_argument("--made-weight", type=float, default=0.3)
    ap.add_argument("--cv-only", action="store_true"); ap.add_argument("--no-cv", action="store_true")
    ap.add_argument("--seeds", type=int, default=1); ap.add_argument("--rounds", type=int, default=ROUNDS)
    a = ap.parse_args()
    ev = load_eval(a.eval); lab = ev.Labels(a.set)
    rows, names, x = load_dump(a.dump)
    s = Scorer(ev, lab, rows)
    v = Scorer(ev, lab, cached(os.path.join(a.set, "vendor.pkl"), lambda: vendor_rows(a.set)))
    vendor = sorted({h for hits in v.hits for h in hits})
    repo = np.array([r["path"].split("/")[1] for r in rows])
    y, w = s.own.astype(float), dev_weights(s, repo)
    dev, extra, aside = (x, y, w), [], []
    for prefix in a.negatives:
        nr, _, nx = load_dump(prefix)
        n = collections.Counter(r["path"].split("/")[1] for r in nr)
        nw = np.array([0.5 * min(1.0, (60 / n[r["path"].split("/")[1]]) ** 0.5) for r in nr])
        kept_out = np.array([held_out(r["path"]) for r in nr])
        aside.append((nr, nx, kept_out))
        extra.append((nx[~kept_out], np.zeros(int((~kept_out).sum())), nw[~kept_out]))
    for prefix in a.made:
        mr, _, mx = load_dump(prefix)
        value = dict((p, v) for p, _, _, v in (l.rstrip("\n").split("\t") for l in open(prefix + ".tsv")))
        at = [value.get(r["path"].removeprefix("data/")) for r in mr]
        my = np.array([float(v is not None and (v in r["secret"] or r["secret"] in v)) for r, v in zip(mr, at)])
        extra.append((mx, my, np.full(len(mr), a.made_weight)))
    print(len(rows), "proposals", collections.Counter(s.status.tolist()), "own", int(y.sum()), "extra", [len(e[1]) for e in extra])
    margins = []
    for seed in range(1, a.seeds + 1):
        t = time.time()
        margin, gain = cross_validate(dev, extra, repo, seed, rounds=a.rounds)
        margins.append(margin)
        prob = 1 / (1 + np.exp(-margin))
        print(f"seed {seed}: {time.time() - t:.0f} s\n judge alone"); s.sweep(prob)
        print(" with vendor rules (rough)"); best = s.sweep(prob, vendor)
    np.save(os.path.join(a.set, "oof.npy"), margins[-1])
    print(" ".join(f"{names[i]}:{int(gain[i])}" for i in np.argsort(-gain)[:50]))
    print("unused:", sum(g == 0 for g in gain))
    print_groups(s.at(prob, best["best F1"]["t"], vendor, full=True))
    keep = (w > 0) & (repo != OPENSSL)
    knots = isotonic(margins[-1][keep], y[keep], np.where(s.status[keep] == "lost", .5, 1.0))
    cal = calibrate(margins[-1], knots)
    print("calibrated, whole program (rough):"); points = s.sweep(cal, vendor)
    if a.cv_only: return
    model = fit([dev] + extra, a.rounds)
    # the vendor rules' own errors are not the judge's to make up for
    own = s.sweep(cal, show=False)
    high = max(p["t"] for p in (own["recall, P >= .96"], own["recall, clean <= 5"]) if p)
    cuts = [("HIGH", "high", high),
            ("MEDIUM", "medium", points["F1, clean <= 60"]["t"]), ("LOW", "low", points["recall, P >= .60"]["t"])]
    for nr, nx, out in aside:
        prob = calibrate(model.predict(nx, raw_score=True), knots)
        for name, _, t in cuts:
            bad = [r for r, p in zip(np.array(nr)[out], prob[out]) if p >= t]
            print(f"held-out crates at {name} ({t:.3f}): {len(bad)} findings in {len({r['path'] for r in bad})} files")
    # proposals that end above the lowest cut stand above this margin early on, all but one in 2,000
    first = model.num_trees() // 8
    low = calibrate(model.predict(x, raw_score=True), knots) >= 0.7 * cuts[-1][2]
    at_first = model.predict(x, raw_score=True, num_iteration=first)
    early = (float(np.quantile(at_first[low], 0.0005)), first)
    print(f"early exit after {first} trees below {early[0]:.2f}: {np.mean(at_first < early[0]):.3f} of all proposals")
    export(model, np.median(x[w > 0], axis=0), knots, early, os.path.join(OUT, "weights.bin"))
    with open(os.path.join(OUT, "operating.rs"), "w") as f:
        f.write("//! The three operating points; written by `benches/train/train.py` with the weights.\n")
        for name, word, t in cuts:
            f.write(f"\n/// At least this probability: shown at *{word}*.\npub const {name}: f32 = {t:.3f};\n")
    print(cuts)


main()
