#!/usr/bin/env python3
"""Train the judge: boosted trees over the numbers that the program itself computes.

  cargo bench --bench judge -- dump DIR/data PREFIX      # numbers of every proposal (the same code as in use)
  train.py --set DIR --eval EVAL.py --dump PREFIX --program STANCH [--negatives PREFIX]... [--made PREFIX]... [--cv-only | --keep-trees | --keep-curves | --gates-only]

Data: CredData (Samsung), dev part, values replaced kind for kind (real public repositories whose lines reviewers marked
as true or false credentials; metadata under Apache-2.0). The data itself is not part of this repository. `--negatives` are dumps
of sources without credentials: the crates of the local cargo registry, and the packages of packages.txt; `--made` are dumps of
lines made by made.py, half of them with one credential each. `--program` is the program itself: what its other rules find
is scored together with the judge, and the operating points are chosen for the whole.

`--keep-trees` leaves the trees and the words' model as they are, and writes what says how likely a margin is, where the trees may
stop early, the gates, and the operating points. `--keep-curves` leaves all of weights.bin, and writes the operating points.
`--gates-only` writes the gates and where the trees may stop early, and leaves all else.

Seed 7 throughout; the figures printed are from cross-validation by repository. Writes src/detect/generic/weights.bin,
src/detect/generic/wording.bin (a linear model over hashed words, whose score is one of the numbers: in training it comes
from a model that has not seen the repository) and src/detect/generic/operating.rs.

weights.bin, little endian: u16 numbers, u16 cuts, u16 knots; f32 leaf scale; f32[cuts]; f32[numbers] medians; f32[knots]
margins; f32[knots] probabilities for passwords, for user information of URLs, for all else, and for what a guess finds; then the
trees, the gate and the second gate, each: u16 stages, and per stage u16 trees, f32 least margins at low, medium and high after it; per
tree, by depth, u8 nodes, u8 depth, and per node u16 number, u16 cut, u8 what follows if it is not greater (what follows if it is
stands next), or for a leaf 511, i16 what it adds, u8 its own place.
"""
import argparse, collections, json, os, re, struct, subprocess, time
import lightgbm as lgb
import numpy as np
from sklearn.linear_model import LogisticRegression, SGDClassifier
from score import CALM, OPENSSL, Scorer, load_dump, load_eval, print_groups, shown

HERE = os.path.dirname(os.path.abspath(__file__))
OUT = os.path.join(HERE, "../../src/detect/generic")
PARAMS = dict(objective="binary", learning_rate=0.06, num_leaves=24, min_data_in_leaf=12, feature_fraction=0.3,
              bagging_fraction=0.8, bagging_freq=1, lambda_l2=5, max_bin=63, verbose=-1, num_threads=1, seed=7,
              deterministic=True, force_row_wise=True)
ROUNDS = 300
# of the linear model over words: how much is asked of a word before it counts
WORDS_ALPHA = 1e-5
# margins at which the calibration is tabled
GRID = np.linspace(-8, 8, 33)
CONFIDENCES = ("low", "medium", "high")
# after so many trees the hopeless may stop
STAGES = (8, 16, 24, 40, 64, 96, 144, 200)
# kinds whose labels are right about equally often at a margin are calibrated together; what a guess finds stands apart
GROUPS = [("generic-password", "cli-password", "sql-password"), ("url-credentials",), (), ()]
OTHERS, GUESSES = 2, 3


def group_of(rows):
    kind = lambda r: next((i for i, kinds in enumerate(GROUPS) if r["kind"] in kinds), OTHERS)
    return np.array([GUESSES if r["guess"] else kind(r) for r in rows])


def vendor_hits(program, set_dir, ev, lab):
    """What the program finds without the judge, by confidence, as ranges of the scorer."""
    out = {}
    for confidence in CONFIDENCES:
        command = [program, "scan", "--no-ignore", "--no-config", "--show-secrets", "-f", "json", "--confidence", confidence, "data"]
        report = json.loads(subprocess.run(command, cwd=set_dir, capture_output=True).stdout)
        rows = [dict(path=o["place"]["path"], line=o["line"], secret=f["secret"])
                for f in report["findings"] if f.get("probability") is None for o in f["occurrences"]]
        out[confidence] = sorted({hit for hits in Scorer(ev, lab, rows).hits for hit in hits})
    return out


def dev_weights(scorer, repo):
    """Repositories with many rows count less for each; lines without a label count little, another value on a true
    line less still; the repository of test vectors not at all."""
    st = scorer.status
    w = np.select([scorer.own, st == "T", st == "F", st == "lost"], [1.0, 0.15, 1.0, 0.5], 0.0)
    n = collections.Counter(repo)
    w *= np.array([min(1.0, (200 / n[r]) ** 0.5) for r in repo])
    w[repo == OPENSSL] = 0
    return w


class Part:
    """Proposals of one dump: numbers, words, labels, weights, and whose they are (a repository, a package)."""

    def __init__(self, x, words, y, w, owner, made=False):
        self.x, self.words, self.y, self.w, self.owner, self.made = x, words, y, w, owner, made

    def take(self, keep):
        return Part(self.x[keep], self.words[keep], self.y[keep], self.w[keep], self.owner[keep], self.made)


def folds(owner, seed, k=5):
    names = sorted(set(owner)); np.random.RandomState(seed).shuffle(names)
    fold = {r: i % k for i, r in enumerate(names)}
    return np.array([fold[r] for r in owner])


def learn_words(part):
    """The linear model over words, as the table holds it: a scale, and a whole number from -127 to 127 per bucket."""
    part = part.take(part.w > 0)
    model = SGDClassifier(loss="log_loss", alpha=WORDS_ALPHA, max_iter=12, tol=None, random_state=7, average=True)
    weights = model.fit(part.words, part.y, sample_weight=part.w).coef_[0]
    scale = np.float32(np.quantile(np.abs(weights[weights != 0]), 0.999) / 127)
    return scale, np.clip(np.round(weights / scale), -127, 127).astype(np.int8)


def said(words, table):
    """What the program itself computes from the table."""
    scale, weights = table
    return (words @ weights.astype(np.float64) * float(scale)).astype(np.float32)


def with_words(part, column, score):
    x = part.x.copy(); x[:, column] = score
    return Part(x, part.words, part.y, part.w, part.owner, part.made)


def stacked(parts, column, seed=1, k=5):
    """The parts with the words' score filled in, for each owner by a model that has not seen that owner. Only the first,
    the labelled one, is learned from: those of libraries would tell libraries, and those of made lines, which are ours,
    tell nothing."""
    of = [folds(p.owner, seed, k) for p in parts]
    out = [np.zeros(len(p.y), np.float32) for p in parts]
    for i in range(k):
        table = learn_words(parts[0].take(of[0] != i))
        for p, f, o in zip(parts, of, out): o[f == i] = said(p.words[f == i], table)
    return [with_words(p, column, np.nan if p.made else o) for p, o in zip(parts, out)]


def fit(parts, rounds=ROUNDS, params=PARAMS):
    x, y, w = (np.concatenate([getattr(p, name) for p in parts]) for name in ("x", "y", "w"))
    keep = w > 0
    return lgb.train(params, lgb.Dataset(x[keep], y[keep], weight=w[keep]), rounds)


def cross_validate(parts, column, seed=1, k=5, rounds=ROUNDS, params=PARAMS):
    """For each part the margins of owners that neither the trees nor the words' model has seen."""
    of = [folds(p.owner, seed, k) for p in parts]
    margins, gain = [np.zeros(len(p.y)) for p in parts], 0
    for i in range(k):
        known = [p.take(f != i) for p, f in zip(parts, of)]
        table = learn_words(known[0])
        model = fit(stacked(known, column, seed), rounds, params)
        for p, f, margin in zip(parts, of, margins):
            test = with_words(p.take(f == i), column, np.nan if p.made else said(p.words[f == i], table))
            margin[f == i] = model.predict(test.x, raw_score=True)
        gain = gain + model.feature_importance("gain")
    return margins, gain


def platt(margin, y, w, groups):
    """Probability at each of GRID's margins, for each group: a logistic curve, which no gap in the data bends."""
    curves = []
    for g in range(len(GROUPS)):
        k = groups == g
        curve = LogisticRegression(C=1e3).fit(margin[k, None], y[k], sample_weight=w[k])
        curves.append(curve.predict_proba(GRID[:, None])[:, 1])
    return curves


def calibrate(margin, groups, curves):
    out = np.zeros(len(margin))
    for g, curve in enumerate(curves): out[groups == g] = np.interp(margin[groups == g], GRID, curve)
    return out


def below(value):
    f = np.float32(min(value, 3e38))
    return float(f if float(f) <= value else np.nextafter(f, np.float32(-np.inf)))


LEAF = 511


def flatten(tree):
    """A tree as nodes in the order of levels: (number, cut, left) with the right one next to the left, or (LEAF, value, itself)."""
    nodes, row = [], [tree["tree_structure"]]
    for at, t in enumerate(row):
        if "split_feature" not in t: nodes.append((LEAF, t["leaf_value"], at)); continue
        assert t["decision_type"] == "<="
        nodes.append((t["split_feature"], below(t["threshold"]), len(row)))
        row += [t["left_child"], t["right_child"]]
    return nodes


def depth(nodes, at=0):
    number, _, left = nodes[at]
    return 0 if number == LEAF else 1 + max(depth(nodes, left), depth(nodes, left + 1))


class Kept:
    """Trees as weights.bin holds them; predicts as the program does."""

    def __init__(self, flat): self.flat = flat

    def num_trees(self): return len(self.flat)

    def predict(self, x, raw_score=True, num_iteration=None):
        x = np.concatenate([x, np.full((len(x), LEAF + 1 - x.shape[1]), -np.inf, np.float32)], axis=1)
        rows, out = np.arange(len(x)), np.zeros(len(x))
        for nodes in self.flat[:num_iteration]:
            number, cut, left = (np.array(column) for column in zip(*nodes))
            at = np.zeros(len(x), int)
            for _ in range(depth(nodes)): at = left[at] + (x[rows, number[at]] > cut[at])
            out += cut[at]
        return out


class Reader:
    def __init__(self, path): self.body, self.at = open(path, "rb").read(), 0

    def take(self, form):
        out = struct.unpack_from("<" + form, self.body, self.at)
        self.at += struct.calcsize("<" + form)
        return out

    def node(self, cuts, scale):
        number, cut, left = self.take("HHB")
        return (number, (cut - (cut >> 15 << 16)) * scale if number == LEAF else cuts[cut], left)

    def forest(self, cuts, scale):
        flat = []
        for _ in range(*self.take("H")):
            trees, *_ = self.take("H3f")
            flat += [[self.node(cuts, scale) for _ in range(self.take("BB")[0])] for _ in range(trees)]
        return Kept(flat)


def kept(path):
    """What weights.bin says: how likely a margin is, the trees, the gate, and the second gate."""
    r = Reader(path)
    numbers, cuts, knots, scale = r.take("HHHf")
    cuts, _ = r.take(f"{cuts}f"), r.take(f"{numbers}f")
    margins, *curves = np.reshape(r.take(f"{knots * (1 + len(GROUPS))}f"), (-1, knots))
    assert np.allclose(margins, GRID)
    return curves, *(r.forest(cuts, scale) for _ in range(3))


def flat_of(model):
    return model.flat if isinstance(model, Kept) else [flatten(t) for t in model.dump_model()["tree_info"]]


def forest(model, stages, index, scale):
    """The trees in stages, each (the number of trees up to its end, margins)."""
    trees, body, start = flat_of(model), struct.pack("<H", len(stages)), 0
    for end, *least in stages:
        body += struct.pack("<H3f", end - start, *least)
        for nodes in sorted(trees[start:end], key=depth):
            body += struct.pack("<BB", len(nodes), depth(nodes))
            for number, cut, left in nodes:
                body += struct.pack("<HHB", number, round(cut / scale) & 0xffff if number == LEAF else index[cut], left)
        start = end
    assert start == len(trees)
    return body


def export(forests, medians, curves, path):
    """Writes weights.bin; `forests` are pairs of trees and their stages."""
    flat = [tree for model, _ in forests for tree in flat_of(model)]
    cuts = sorted({cut for nodes in flat for number, cut, _ in nodes if number != LEAF})
    index = {c: i for i, c in enumerate(cuts)}
    scale = max(abs(value) for nodes in flat for number, value, _ in nodes if number == LEAF) / 32767
    body = struct.pack("<HHHf", len(medians), len(cuts), len(GRID), scale)
    body += struct.pack(f"<{len(cuts)}f", *cuts) + struct.pack(f"<{len(medians)}f", *medians)
    for values in [GRID] + curves: body += struct.pack(f"<{len(GRID)}f", *values)
    for model, stages in forests: body += forest(model, stages, index, scale)
    open(path, "wb").write(body)
    print("weights", len(body), "bytes", len(flat), "trees", len(cuts), "cuts")


# shares of what is worth judging at each point that a gate may stop; where it stands above the point, it stops half as many
GATE_LOSES = (0.001, 0.003, 0.001)
# cheap to have: see features::Numbers::add_cheap
GATE = ["length", "lower", "upper", "digit", "space", "starts_upper", "name_only", "kind", "operator", "quote", "wrapper",
        "wrapper_length"]


# of key and value: see features::Numbers::add_pair
PAIR = """symbol high distinct entropy entropy_gap run sequence keyboard changes longest_letters longest_digits trailing_digits
vowels consonants humps mixed hex form last_class first_class folded paired worst best rare covered covered_short common words
longest_word pieces base64 base32 printable colon_inside braces percent angle dollar backslash masked equals_key contains_key
inside_key key_overlap word_count capital_words sentence trivial_whole length_mod4 dots dashes slashes groups_equal repeated
numeric_tail_trivial inner_length inner_rare inner_digit inner_share padding""".split()


def is_cheap(name):
    of_key = name.startswith("key_") and name not in ("key_overlap", "key_quoted", "key_again")
    return name in GATE or of_key or name.startswith("key:")


def is_of_pair(name): return is_cheap(name) or name in PAIR or name.startswith("value:")


def nested(cuts):
    """No cut above that of the next point: what is shown at one is shown at all below."""
    return [min(cuts[at:]) for at in range(len(cuts))]


def train_gate(parts, names, sees, worth, rounds, leaves, depth):
    """A few trees over the numbers that it `sees`, told what is worth judging at *medium*, and the margins that all but a few in
    1,000 of what is worth judging at each point reach."""
    x, w = np.concatenate([p.x for p in parts]), np.concatenate([p.w for p in parts])
    seen = np.where([sees(n) for n in names], x, np.float32(0))
    params = dict(PARAMS, learning_rate=5 / rounds, num_leaves=leaves, max_depth=depth, feature_fraction=0.7)
    keep = w > 0
    gate = lgb.train(params, lgb.Dataset(seen[keep], worth[1][keep].astype(float), weight=w[keep]), rounds)
    margin = gate.predict(seen, raw_score=True)
    cuts = nested([float(np.quantile(margin[k & keep], lost)) for k, lost in zip(worth, GATE_LOSES)])
    print("of all proposals stop at the gate", *[f"{np.mean(margin[keep] < cut):.3f} at {c}" for c, cut in zip(CONFIDENCES, cuts)])
    return gate, [(gate.num_trees(), *cuts)]


def negatives(prefix):
    """Proposals in sources without credentials, at most 300 of a package: the part, and its rows."""
    rows, _, x, words = load_dump(prefix)
    package = np.array([r["path"].split("/")[1] for r in rows])
    seen, keep = collections.Counter(), np.zeros(len(rows), bool)
    for i in np.random.RandomState(7).permutation(len(rows)):
        seen[package[i]] += 1
        keep[i] = seen[package[i]] <= 300
    n = collections.Counter(package[keep])
    w = np.array([0.5 * min(1.0, (60 / max(1, n[p])) ** 0.5) for p in package])
    return Part(x, words, np.zeros(len(rows)), w, package).take(keep), np.array(rows)[keep]


def made(prefix, weight):
    rows, _, x, words = load_dump(prefix)
    value = dict((p, v) for p, _, _, v in (l.rstrip("\n").split("\t") for l in open(prefix + ".tsv")))
    at = [value.get(r["path"].removeprefix("data/")) for r in rows]
    y = np.array([float(v is not None and (v in r["secret"] or r["secret"] in v)) for r, v in zip(rows, at)])
    return Part(x, words, y, np.full(len(rows), weight), np.array([r["path"] for r in rows]), made=True)


def shown_at(confidence, rows, prob):
    """What the program makes of the probabilities: some proposals are for *low* only, and guesses are not for *high*."""
    if confidence == "low": return prob
    return np.where([r["for_low"] or confidence == "high" and r["guess"] for r in rows], 0, prob)


HIGH = ("recall, P >= .97, clean <= 5", "recall, P >= .97", "recall, P >= .95", "recall, clean <= 10")


def lifted(s, rows, margins, groups, curves, vendor):
    """A logistic curve says too little of what is nearly certain, for some kinds more than for others. Above one half, that of
    tokens and keys is stretched or pressed so that the cut that is best for passwords at *high* is best for them too."""
    probs = [shown_at("high", rows, calibrate(margin, groups, curves)) for margin in margins]
    best = None
    for other in np.arange(.60, .96, .02):
        for cut in np.arange(.66, .98, .01):
            r = s.mean([np.where(groups == OTHERS, p >= other, p >= cut).astype(float) for p in probs], .5, vendor["high"])
            if r["P"] >= .97 and r["clean"] <= CALM and (best is None or r["R"] > best[0]): best = (r["R"], cut, other)
    if best is None: return curves
    _, cut, other = best
    print("at high %.2f of tokens and keys is as good as %.2f of passwords: %.3f" % (other, cut, best[0]))
    return [np.interp(c, [0, .5, other, 1], [0, .5, cut, 1]) if g == OTHERS else c for g, c in enumerate(curves)]


def whole(s, rows, probs, vendor):
    """The whole program's figures at every cut (means over the seeds), and the three operating points: the best F1 within 60
    false positives per 1,000 clean files, or the highest cut whose F1 is as good to .003; the most recall at a precision of .97
    within CALM (or without that limit, or at .95, or within 10); the most recall at .60."""
    at = {c: s.sweep([shown_at(c, rows, prob) for prob in probs], vendor[c], show=False) for c in CONFIDENCES}
    high = [at["high"][n] for n in HIGH]
    points = {"high": next(r for r in high if r), "medium": at["medium"]["calm"], "low": at["low"]["recall, P >= .60"]}
    for c, r in [*points.items(), ("best F1", at["medium"]["best F1"])]: print("  ", c.ljust(8), shown(r))
    return points


def points_of(path):
    """The operating points that are written there."""
    found = dict(re.findall(r"const (\w+): f32 = ([0-9.]+);", open(path).read()))
    return {c: {"t": float(found[c.upper()])} for c in CONFIDENCES}


def operating_points(points, path):
    with open(path, "w") as f:
        f.write("//! The three operating points; written by `benches/train/train.py` with the weights.\n")
        for c in reversed(CONFIDENCES):
            f.write(f"\n/// At least this probability: shown at *{c}*.\npub const {c.upper()}: f32 = {points[c]['t']:.3f};\n")


def main():
    ap = argparse.ArgumentParser()
    for a in ("--set", "--eval", "--dump", "--program"): ap.add_argument(a, required=True)
    ap.add_argument("--negatives", action="append", default=[]); ap.add_argument("--made", action="append", default=[])
    ap.add_argument("--made-weight", type=float, default=0.6); ap.add_argument("--cv-only", action="store_true")
    ap.add_argument("--keep-trees", action="store_true"); ap.add_argument("--keep-curves", action="store_true")
    ap.add_argument("--gates-only", action="store_true")
    ap.add_argument("--seeds", type=int, default=1); ap.add_argument("--rounds", type=int, default=ROUNDS)
    a = ap.parse_args()
    ev = load_eval(a.eval); lab = ev.Labels(a.set)
    rows, names, x, words = load_dump(a.dump)
    column = names.index("wording")
    s = Scorer(ev, lab, rows)
    vendor = vendor_hits(a.program, a.set, ev, lab)
    repo = np.array([r["path"].split("/")[1] for r in rows])
    y, w = s.own.astype(float), dev_weights(s, repo)
    dev, clean = Part(x, words, y, w, repo), [negatives(prefix) for prefix in a.negatives]
    extra = [part for part, _ in clean] + [made(prefix, a.made_weight) for prefix in a.made]
    print(len(rows), "proposals", collections.Counter(s.status.tolist()), "own", int(y.sum()), "extra", [len(e.y) for e in extra])
    weights, operating = os.path.join(OUT, "weights.bin"), os.path.join(OUT, "operating.rs")
    if a.gates_only:
        curves, model, *_ = kept(weights)
        return write_weights(model, curves, points_of(operating), stacked([dev] + extra, column), names, weights)
    margins = []
    for seed in range(1, a.seeds + 1):
        t = time.time()
        out, gain = cross_validate([dev] + extra, column, seed, rounds=a.rounds)
        margins.append(out[0])
        print(f"seed {seed}: {time.time() - t:.0f} s\n the judge alone"); s.sweep([1 / (1 + np.exp(-out[0]))])
    print(" ".join(f"{names[i]}:{int(gain[i])}" for i in np.argsort(-gain)[:50]))
    print("unused:", sum(g == 0 for g in gain))
    groups, keep = group_of(rows), np.tile((w > 0) & (repo != OPENSSL), a.seeds)
    trust = np.tile(np.where(s.status == "lost", .5, 1.0), a.seeds)
    curves = platt(np.concatenate(margins)[keep], np.tile(y, a.seeds)[keep], trust[keep], np.tile(groups, a.seeds)[keep])
    curves = kept(weights)[0] if a.keep_curves else lifted(s, rows, margins, groups, curves, vendor)
    probs = [calibrate(margin, groups, curves) for margin in margins]
    np.save(os.path.join(a.set, "oof.npy"), np.mean(probs, axis=0))
    print("the whole program:"); points = whole(s, rows, probs, vendor)
    for c in CONFIDENCES: print(f" {c}"); print_groups(s.at(shown_at(c, rows, probs[0]), points[c]["t"], vendor[c], full=True))
    for (_, known), margin in zip(clean, out[1:]):
        probability = calibrate(margin, group_of(known), curves)
        for c in CONFIDENCES:
            bad = [r["path"] for r, p in zip(known, shown_at(c, known, probability)) if p >= points[c]["t"]]
            print(f"packages not seen, at {c} ({points[c]['t']:.3f}): {len(bad)} findings in {len(set(bad))} files")
    if a.cv_only: return
    operating_points(points, operating)
    if a.keep_curves: return
    parts = stacked([dev] + extra, column)
    if a.keep_trees: return write_weights(kept(weights)[1], curves, points, parts, names, weights)
    table = learn_words(dev)
    open(os.path.join(OUT, "wording.bin"), "wb").write(struct.pack("<f", table[0]) + table[1].tobytes())
    write_weights(fit(parts, a.rounds), curves, points, parts, names, weights)


def write_weights(model, curves, points, parts, names, path):
    """Learns the gates and where the trees may stop early, and writes all; the first of the parts is the labelled one."""
    # what ends at half an operating point or above is worth judging there (the path may yet raise it); on the way it stands
    # above these margins, all but 1 in 2,000
    everything = np.concatenate([p.x for p in parts])
    final = model.predict(everything, raw_score=True)
    least = [min(float(np.interp(0.5 * points[c]["t"], curve, GRID)) for curve in curves) for c in CONFIDENCES]
    worth = [final >= m for m in least]
    stages = []
    for n in (n for n in STAGES if n < model.num_trees()):
        margin = model.predict(everything, raw_score=True, num_iteration=n)
        stages.append((n, *nested([float(np.quantile(margin[k], 0.0005)) for k in worth])))
        print(f"stage {n}: of all proposals stop by then", *[f"{np.mean(margin < cut):.3f} at {c}" for c, cut in zip(CONFIDENCES, stages[-1][1:])])
    stages.append((model.num_trees(), *[-np.inf] * 3))
    gates = [train_gate(parts, names, is_cheap, worth, 24, 16, 5), train_gate(parts, names, is_of_pair, worth, 40, 32, 7)]
    medians = np.median(parts[0].x[parts[0].w > 0], axis=0)
    export([(model, stages), *gates], medians, curves, path)


main()
