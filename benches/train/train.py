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

weights.bin, little endian: u16 numbers, u16 cuts, u16 knots; f32 leaf scale; f32[cuts]; f32[numbers] medians; knots as
(f32 margin, f32 probability); then the trees and the gate, each: u16 trees, u16 stages, stages as (u16 trees, f32
margin), and per tree u8 inner nodes, per node u16 number, u16 cut, i8 left, i8 right (below 0: leaf -1-i), i16 leaves.
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


def forest(model, stages, index, scale):
    trees = [flatten(t) for t in model.dump_model()["tree_info"]]
    body = struct.pack("<HH", len(trees), len(stages)) + b"".join(struct.pack("<Hf", *st) for st in stages)
    for nodes, leaves in trees:
        body += struct.pack("<B", len(nodes))
        for f, t, l, r in nodes: body += struct.pack("<HHbb", f, index[t], l, r)
        body += struct.pack(f"<{len(leaves)}h", *[round(v / scale) for v in leaves])
    return body


def export(model, gate, medians, knots, stages, gate_stages, path):
    flat = [flatten(t) for m in (model, gate) for t in m.dump_model()["tree_info"]]
    cuts = sorted({n[1] for nodes, _ in flat for n in nodes})
    index = {c: i for i, c in enumerate(cuts)}
    scale = max(abs(v) for _, leaves in flat for v in leaves) / 32767
    body = struct.pack("<HHHf", len(medians), len(cuts), len(knots), scale)
    body += struct.pack(f"<{len(cuts)}f", *cuts) + struct.pack(f"<{len(medians)}f", *medians)
    for m, p in knots: body += struct.pack("<ff", m, p)
    body += forest(model, stages, index, scale) + forest(gate, gate_stages, index, scale)
    open(path, "wb").write(body)
    print("weights", len(body), "bytes", len(flat), "trees", len(cuts), "cuts")


# cheap to have: see features::cheap
GATE = ["length", "lower", "upper", "digit", "space", "starts_upper", "name_only", "kind", "operator", "quote", "wrapper",
        "wrapper_length"]


def train_gate(parts, names, worth):
    """A few trees over the cheap numbers, and the margin that all but 3 in 1,000 of what is worth judging reaches."""
    x, w = np.concatenate([p[0] for p in parts]), np.concatenate([p[2] for p in parts])
    use = np.array([n in GATE or n.startswith("key_") or n.startswith("key:") for n in names])
    cheap = np.where(use, x, np.float32(0))
    params = dict(PARAMS, learning_rate=0.25, num_leaves=16, feature_fraction=0.8)
    keep = w > 0
    gate = lgb.train(params, lgb.Dataset(cheap[keep], worth[keep].astype(float), weight=w[keep]), 20)
    margin = gate.predict(cheap, raw_score=True)
    cut = float(np.quantile(margin[worth & keep], 0.003))
    print(f"gate below {cut:.2f}: {np.mean(margin[keep] < cut):.3f} of all proposals stop there")
    return gate, [(20, cut)]


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
    # what ends near the lowest cut or above is worth judging; it stands above these margins on the way, all but 1 in 2,000
    parts = [dev] + extra
    everything = np.concatenate([p[0] for p in parts])
    worth = calibrate(model.predict(everything, raw_score=True), knots) >= 0.7 * cuts[-1][2]
    stages = []
    for n in (model.num_trees() // 8, model.num_trees() // 4, model.num_trees() // 2):
        margin = model.predict(everything, raw_score=True, num_iteration=n)
        stages.append((n, float(np.quantile(margin[worth], 0.0005))))
        print(f"stage {n}: {np.mean(margin < stages[-1][1]):.3f} of all proposals stop by then")
    gate, gate_stages = train_gate(parts, names, worth)
    export(model, gate, np.median(x[w > 0], axis=0), knots, stages, gate_stages, os.path.join(OUT, "weights.bin"))
    with open(os.path.join(OUT, "operating.rs"), "w") as f:
        f.write("//! The three operating points; written by `benches/train/train.py` with the weights.\n")
        for name, word, t in cuts:
            f.write(f"\n/// At least this probability: shown at *{word}*.\npub const {name}: f32 = {t:.3f};\n")
    print(cuts)


main()
