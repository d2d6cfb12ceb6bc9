# What the benchmarks share. Everything is timed side by side, several times, and compared by medians:
# the machine may be busy, and is as busy for one as for the other.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
root=${here%/bench}
build=${B:-build}
case $build in /*) ;; *) build=$root/$build ;; esac
library=$build/libvittetrace.so
command=$build/vitte-trace
rounds=${ROUNDS:-7}
work=$(mktemp -d "${BENCH_DIR:-${TMPDIR:-/tmp}}/vitte-bench-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work"

cc=${CC:-cc}
arch=$root/base/arch/$($cc -dumpmachine | cut -d- -f1)
fib() { $cc -O1 -pthread "$@" "$root/bench/fib.c" -o fib; }
tsc_hook() { $cc -O2 -fPIC -shared -I"$arch" "$root/bench/tsc_hook.c" -o tsc_hook.so; }

need() {
    command -v "$1" >/dev/null || { echo "bench: $1 is missing: apt-get install $2" >&2; exit 1; }
}

median() { sort -g | awk '{v[NR] = $1} END {print v[int((NR + 1) / 2)]}'; }

# calc EXPRESSION
calc() { awk "BEGIN {printf \"%.3f\", $1}"; }

# verdict NAME FIGURE OP BOUND UNIT: one line; remembers a miss
missed=0
verdict() {
    if awk "BEGIN {exit !($2 $3 $4)}"; then word=ok; else word=MISSED missed=1; fi
    printf '%-52s %10s %-10s (wanted %s %s)  %s\n' "$1" "$2" "$5" "$3" "$4" "$word"
}
