#!/usr/bin/env python3
"""Counts which three neighbouring bytes ordinary text holds, for `src/detect/trigrams.txt`.

    trigrams.py PATH... > src/detect/trigrams.txt

Files with a NUL byte or of more than 400 KB of source are left out; of a file named directly the first 25 MB count. A
line per two classes of bytes (`CLASS` in `src/detect/gram.rs`), a character per third class: `#` + twice the negative
binary logarithm of the share.
"""

import collections
import hashlib
import math
import os
import sys

SOURCES = 40_000_000


def class_of(byte):
    byte &= 0x7F
    if byte <= 0x20:
        return 0
    if 0x30 <= byte <= 0x39:
        return 28
    if byte in b"./:":
        return 29
    if byte == 0x2D:
        return 30
    return 27 if byte <= 0x3F else byte & 31


CLASSES = bytes(class_of(byte) for byte in range(256))


def files_below(root):
    for folder, _, names in os.walk(root):
        yield from (os.path.join(folder, name) for name in names)


def texts(paths):
    for path in (path for path in paths if os.path.isfile(path)):
        yield open(path, "rb").read(25_000_000)
    found = [(path, root) for root in paths if os.path.isdir(root) for path in files_below(root)]
    found.sort(key=lambda file: hashlib.sha1(os.path.relpath(*file).encode()).digest())
    total = 0
    for path, _ in found:
        if total > SOURCES:
            return
        if not os.path.isfile(path) or not 200 <= os.path.getsize(path) <= 400_000:
            continue
        data = open(path, "rb").read()
        if b"\0" not in data:
            total += len(data)
            yield data


def main():
    counts = collections.Counter()
    for data in texts(sys.argv[1:]):
        classes = data.translate(CLASSES)
        counts.update(zip(classes, classes[1:], classes[2:]))
    total = sum(counts.values())
    share = lambda *gram: (counts[gram] + 0.05) / total
    for a in range(32):
        for b in range(32):
            print("".join(chr(35 + min(91, round(-2 * math.log2(share(a, b, c))))) for c in range(32)))


main()
