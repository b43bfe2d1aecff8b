#!/usr/bin/env bash
# What an audit of many forks costs, and that its result is the same however it was made. Makes a set of forks from real
# histories, then measures on it; both take minutes, and a set of 1,000 some 5 to 15 GB.
#   benches/audit.sh make DIR REPOSITORY...   DIR/original: heads and tags of each; DIR/all: FORKS (20) forks of each
#   benches/audit.sh measure DIR              cost, second audit, kills and resumes, shards, one changed fork
# Forks have packs and three commits of their own; every third is repacked, so that its packs are nobody else's; every
# fourth leaks a made-up key. STANCH names the program.
set -euo pipefail
export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null LC_ALL=C

fork_commits() { # number, for git fast-import: three commits on top of HEAD
    local number=$1 at key=""
    if [ $((number % 4)) = 0 ]; then
        # Made when it is run: 16 letters for the id, 40 hexadecimal digits for the secret.
        key="aws_access_key_id = AKIA$(printf 'id %s' "$2$number" | sha256sum | tr -d ' \n-' | tr 0-9a-f A-P | cut -c1-16)
aws_secret_access_key = $(printf 'key %s' "$2$number" | sha256sum | cut -c1-40)"
    fi
    for at in 1 2 3; do
        local text="own file $at of fork $number"$'\n'
        if [ "$at" = 2 ]; then text+=$key$'\n'; fi
        printf 'commit %s\ncommitter fork <fork@example.com> %s +0000\ndata 6\nown %s\n\n' "$3" $((1700000000 + number * 10 + at)) "$at"
        if [ "$at" = 1 ]; then printf 'from %s^0\n' "$3"; fi
        printf 'M 100644 inline own/%s.txt\ndata %s\n%s\n' "$at" "${#text}" "$text"
    done
}

make() {
    local dir=$1 repository name number fork branch
    shift
    mkdir -p "$dir/original" "$dir/all"
    for repository in "$@"; do
        name=$(basename "$(dirname "$repository")")
        # A mirror that was never whole is passed over.
        if ! git clone -q --bare --no-local "$repository" "$dir/original/$name.git" 2>/dev/null; then
            echo "$name cannot be cloned"
            continue
        fi
        branch=$(git -C "$dir/original/$name.git" symbolic-ref HEAD)
        for number in $(seq "${FORKS:-20}"); do
            fork=$dir/all/$name-$number.git
            cp -r "$dir/original/$name.git" "$fork"
            fork_commits "$number" "$name" "$branch" | git -C "$fork" fast-import --quiet
            if [ $((number % 3)) = 0 ]; then git -C "$fork" gc -q; fi
        done
        echo "$name $(du -sm "$dir/original/$name.git" | cut -f1) MB"
    done
}

cpu() { # CPU seconds of a command, whatever its exit code
    local file=$work/time
    /usr/bin/time -q -o "$file" -f '%U %S' "$@" >/dev/null 2>&1 || true
    awk '{ print $1 + $2 }' "$file"
}

least() { sort -n | head -1; }

originals() { # the originals one by one, as a user would
    for repository in "$1"/original/*.git; do "$program" scan -q --history --threads 1 "$repository"; done
}

same() { cmp -s "$1" "$2" && echo "the same" || echo "DIFFERENT"; }

kills() { # stopped at ten random moments, by SIGKILL and SIGTERM in turn, and resumed each time
    local dir=$1 time=$2 at signal same=0
    RANDOM=${SEED:-1}
    for at in $(seq 10); do
        rm -f "$work"/k.db*
        signal=$([ $((at % 2)) = 0 ] && echo TERM || echo KILL)
        "$program" audit "$dir/all" --threads 1 -q --store "$work/k.db" -f "json=$work/k.json" >/dev/null 2>&1 &
        sleep "$(awk -v r=$RANDOM -v t="$time" 'BEGIN { printf "%.2f", r / 32768 * t }')"
        kill -s $signal $! 2>/dev/null || true
        wait $! 2>/dev/null || true
        rm -f "$work/k.json"
        "$program" audit "$dir/all" --threads 1 -q --store "$work/k.db" -f "json=$work/k.json" >/dev/null 2>&1 || true
        if cmp -s "$work/first.json" "$work/k.json"; then same=$((same + 1)); fi
    done
    echo "killed and resumed: $same of 10 the same"
}

shards() { # in 1, 2, 7 and 64 shards, merged in any order and twice over
    local dir=$1 of at
    "$program" audit plan "$dir/all" -o "$work/plan.jsonl" 2>/dev/null
    for of in 1 2 7 64; do
        for at in $(seq 0 $((of - 1)) | shuf --random-source=<(yes)); do
            "$program" audit --plan "$work/plan.jsonl" --out "$work/shards$of" --shard "$at/$of" --threads 1 -q >/dev/null 2>&1 || true
        done
        for at in 1 2; do
            "$program" audit merge "$work/shards$of" "$work/shards$of" --plan "$work/plan.jsonl" -q -f "json=$work/m.json" >/dev/null 2>&1 || true
            echo "$of shards, merged $at: $(same "$work/first.json" "$work/m.json")"
        done
    done
    "$program" audit merge "$work"/shards7 "$work"/shards64 "$work"/shards2 --plan "$work/plan.jsonl" -q -f "json=$work/m.json" >/dev/null 2>&1 || true
    echo "shards of three divisions together: $(same "$work/first.json" "$work/m.json")"
}

change() { # one more commit in one fork
    local branch
    branch=$(git -C "$1" symbolic-ref HEAD)
    printf 'commit %s\ncommitter fork <fork@example.com> 1800000000 +0000\ndata 4\nlate\nfrom %s^0\nM 100644 inline own/late.txt\ndata 5\nlate\n\n' \
        "$branch" "$branch" | git -C "$1" fast-import --quiet
}

measure() {
    local dir=$1 of round first
    program=$(realpath "${STANCH:-$(dirname "$0")/../target/release/stanch}")
    work=$(mktemp -d "$dir/measure.XXXX")
    trap 'rm -rf "$work"' EXIT
    export -f originals
    export program
    for round in $(seq "${ROUNDS:-3}"); do
        rm -f "$work"/s.db*
        cpu bash -c "originals '$dir'" >>"$work/originals"
        cpu "$program" audit "$dir/all" --threads 1 -q --store "$work/s.db" -f "json=$work/first.json" >>"$work/first"
        cpu "$program" audit "$dir/all" --threads 1 -q --store "$work/s.db" -f "json=$work/second.json" >>"$work/second"
    done
    for of in originals first second; do
        echo "$of: $(least <"$work/$of") s of CPU, the least of $(tr '\n' ' ' <"$work/$of")"
    done
    awk -v a="$(least <"$work/originals")" -v b="$(least <"$work/first")" -v c="$(least <"$work/second")" \
        'BEGIN { printf "first / originals %.2f, second / first %.1f %%\n", b / a, c / b * 100 }'
    echo "second result: $(same "$work/first.json" "$work/second.json")"
    first=$( (/usr/bin/time -q -f %e "$program" audit "$dir/all" --threads 1 -q || true) 2>&1 >/dev/null | tail -1)
    kills "$dir" "$first"
    shards "$dir"
    fork=$(du -s "$dir"/all/*-1.git | sort -n | tail -1 | cut -f2)
    ls -d "${fork%-1.git}"-*.git >"$work/network.txt"
    echo "the largest network alone, afresh: $(cpu "$program" audit "$work/network.txt" --threads 1 -q) s"
    change "$fork"
    echo "all, after one of its members has changed: $(cpu "$program" audit "$dir/all" --threads 1 -q --store "$work/s.db" -f "json=$work/third.json") s"
    cpu "$program" audit "$dir/all" --threads 1 -q -f "json=$work/fresh.json" >/dev/null
    echo "third result and a fresh one: $(same "$work/third.json" "$work/fresh.json")"
}

"$@"
