#!/usr/bin/env python3
"""Learn how ordinary text looks: writes src/detect/generic/text.bin.

Corpus: the sources and documents of the crates in the local cargo registry (MIT, Apache-2.0 and the like). Only
statistics are kept: quantised character transitions and a Bloom filter of frequent words. No randomness; the files
are read in sorted order, so the same registry gives the same bytes.

Layout: 32^3 bytes, -16*log2 P(c | a, b) over folded symbols; 96^2 bytes, the same for case-sensitive pairs of ASCII;
16384 bytes, Bloom filter (3 hashes) of frequent words of 3 letters and more; 4096 bytes, of the most frequent ones.
"""
import collections, glob, math, os, re, sys

OUT = os.path.join(os.path.dirname(__file__), "../../src/detect/generic/text.bin")
CORPUS = os.path.expanduser("~/.cargo/registry/src/*/*/")
WORDS, COMMON, BUDGET = 12000, 1500, 60_000_000


def symbol(c):
    o = ord(c)
    if 97 <= o <= 122: return o - 97
    if 65 <= o <= 90: return o - 65
    if 48 <= o <= 57: return 26
    if c in "_-": return 27
    if c in "./:": return 28
    if c == " ": return 29
    return 30


def files():
    for d in sorted(glob.glob(CORPUS)):
        for root, dirs, names in os.walk(d):
            dirs.sort()
            for n in sorted(names):
                if n.endswith((".rs", ".md", ".toml", ".h", ".py", ".js", ".yml", ".txt", ".c")) and not n.startswith("sqlite3"):
                    yield os.path.join(root, n)


def hashes(word):
    h = 2166136261
    for c in word.encode():
        h = ((h ^ c) * 16777619) & 0xFFFFFFFF
    return h, (h * 0x9E3779B1) & 0xFFFFFFFF, ((h ^ (h >> 13)) * 0x85EBCA6B) & 0xFFFFFFFF


def bloom(words, bits):
    table = bytearray((1 << bits) // 8)
    for w in words:
        for h in hashes(w):
            i = h >> (32 - bits)
            table[i >> 3] |= 1 << (i & 7)
    return table


def main():
    fold = {chr(i): symbol(chr(i)) for i in range(128)}
    tokens, words, wordfiles, read = collections.Counter(), collections.Counter(), collections.Counter(), 0
    per_crate = collections.Counter()
    for path in files():
        size = os.path.getsize(path)
        crate = path.split("/registry/src/")[1].split("/")[1]
        if size > 300_000 or per_crate[crate] > 1_500_000: continue
        per_crate[crate] += size
        read += size
        if read > BUDGET: break
        text = open(path, encoding="utf8", errors="replace").read()
        if not text.isascii(): text = text.encode("ascii", "replace").decode()
        # base64 or hex tables in tests are not text
        tokens.update(t for t in re.split(r"[\s\"'`(),;{}\[\]<>]+", text) if 2 <= len(t) <= 32)
        seen = collections.Counter(w.lower() for w in re.findall(r"[A-Z]?[a-z]{2,}|[A-Z]{3,}(?![a-z])", text))
        words.update(seen); wordfiles.update(seen.keys())
    tri = [[[0.02] * 32 for _ in range(32)] for _ in range(32)]
    pair = [[0.02] * 96 for _ in range(96)]
    for t, n in tokens.items():
        n = min(n, 50)
        s = [31, 31] + [fold[c] for c in t] + [31]
        for a, b, c in zip(s, s[1:], s[2:]): tri[a][b][c] += n
        p = [95] + [max(0, min(94, ord(c) - 32)) for c in t] + [95]
        for a, b in zip(p, p[1:]): pair[a][b] += n
    quant = lambda row: bytes(min(255, round(-16 * math.log2(x / sum(row)))) for x in row)
    ranked = sorted((w for w in words if 3 <= len(w) <= 16 and wordfiles[w] >= 4), key=lambda w: (-wordfiles[w], w))
    vowel = re.compile(r"[aeiouy]")
    ranked = [w for w in ranked if vowel.search(w)]
    body = b"".join(quant(tri[a][b]) for a in range(32) for b in range(32)) + b"".join(quant(r) for r in pair)
    body += bytes(bloom(ranked[:WORDS], 17)) + bytes(bloom(ranked[:COMMON], 15))
    open(OUT, "wb").write(body)
    print(len(body), "bytes;", read, "read;", len(ranked), "words", ranked[:10], ranked[COMMON-5:COMMON], ranked[WORDS - 10:WORDS], file=sys.stderr)


main()
