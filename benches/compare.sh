#!/usr/bin/env bash
# Times whole programs in turn on one directory (or, with --history, one repository): stanch, and ripgrep, kingfisher,
# ripsecrets and git where they are on PATH. Prints CPU seconds (user + system), wall seconds, peak RSS and the ratio to stanch.
#   benches/compare.sh [--history] DIR [ROUNDS]
set -euo pipefail
mode=tree
if [ "${1:-}" = --history ]; then mode=history; shift; fi
dir=${1:?usage: benches/compare.sh [--history] DIR [ROUNDS]}
rounds=${2:-3}
stanch=${STANCH:-$(dirname "$0")/../target/release/stanch}
out=$(mktemp)
trap 'rm -f "$out"' EXIT

measure() { # name, command...
    local name=$1; shift
    /usr/bin/time -o "$out" -a -f "$name %U %S %e %M" "$@" >/dev/null 2>&1 || true
}
has() { command -v "$1" >/dev/null 2>&1; }

for _ in $(seq "$rounds"); do
    if [ "$mode" = tree ]; then
        measure stanch "$stanch" scan -q "$dir"
        if has rg; then measure ripgrep rg --hidden -c xyzzyplugh "$dir"; fi
        if has kingfisher; then measure kingfisher kingfisher scan --no-validate --no-update-check "$dir"; fi
        if has ripsecrets; then measure ripsecrets ripsecrets "$dir"; fi
    else
        measure stanch "$stanch" scan -q --history "$dir"
        measure stanch-plain "$stanch" scan -q --history --no-inherit "$dir"
        measure cat-file git -C "$dir" cat-file --batch-all-objects --batch --unordered
        if [ -n "${GIT_LOG:-}" ]; then measure log-p git -C "$dir" log -p -U0 --all --full-history; fi
        if has kingfisher; then measure kingfisher kingfisher scan --no-validate --no-update-check --git-history full "$dir"; fi
    fi
done

# A command that failed makes GNU time print a line of its own; only lines of ours have five fields that begin with a name.
awk 'NF == 5 && $2 ~ /^[0-9.]+$/ { cpu[$1] = cpu[$1] " " ($2 + $3); wall[$1] = wall[$1] " " $4; if ($5 > rss[$1]) rss[$1] = $5; if (!seen[$1]++) order[++n] = $1 }
function median(list,   parts, count, i, j, t) {
    count = split(list, parts, " ")
    for (i = 1; i <= count; i++) for (j = i + 1; j <= count; j++) if (parts[j] + 0 < parts[i] + 0) { t = parts[i]; parts[i] = parts[j]; parts[j] = t }
    return parts[int((count + 1) / 2)]
}
END {
    base = median(cpu["stanch"])
    printf "%-14s %8s %8s %9s %8s\n", "program", "CPU s", "wall s", "RSS MiB", "ratio"
    for (i = 1; i <= n; i++) printf "%-14s %8.2f %8.2f %9.0f %8.2f\n", order[i], median(cpu[order[i]]), median(wall[order[i]]), rss[order[i]] / 1024, base > 0 ? median(cpu[order[i]]) / base : 0
}' "$out"
