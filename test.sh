#!/usr/bin/env bash
# Everything that has to hold before a change lands, on a clean clone of a Debian machine too.
#
#   ./test.sh            all of it, as CI runs it
#   ./test.sh lint       formatting, clippy, whether the fuzz targets build, documentation
#   ./test.sh quick      unit and integration tests
#   ./test.sh suite      Redis's own test suite; further arguments go to tests/compat/run
#
# The last line is `N passed, N failed`, over all tests that were run.
set -euo pipefail
cd "$(dirname "$0")"

passed=0
failed=0

heading() { printf '\n== %s (%dm%02ds)\n' "$1" $((SECONDS / 60)) $((SECONDS % 60)); }

# Adds to the totals: passed, failed.
add() { passed=$((passed + $1)) failed=$((failed + $2)); }

# Runs a check that either holds or does not, and counts it as one test.
check() {
    heading "$1"
    shift
    if "$@"; then add 1 0; else add 0 1; fi
}

as_root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

# Programs that the tests need, and Debian's packages for those that are missing.
install_missing() {
    local wanted=(
        redis-cli:redis-tools redis-server:redis-server tclsh:tcl python3:python3
        dpkg-source:dpkg-dev cc:gcc
    )
    local packages=() pair
    for pair in "${wanted[@]}"; do
        command -v "${pair%%:*}" >/dev/null || packages+=("${pair#*:}")
    done
    [ ${#packages[@]} -eq 0 ] && return
    heading "installing ${packages[*]}"
    as_root apt-get -q update
    # RUNLEVEL: otherwise Debian would start a server of its own on port 6379.
    as_root env DEBIAN_FRONTEND=noninteractive RUNLEVEL=1 \
        apt-get -q install -y --no-install-recommends "${packages[@]}"
}

lint() {
    check "formatting" cargo fmt --all --check
    check "clippy" cargo clippy -q --workspace --all-targets -- -D warnings
    # A workspace of its own, which otherwise nobody would build until the next fuzzing.
    check "the fuzz targets" cargo check -q --manifest-path fuzz/Cargo.toml --bins \
        --target-dir "${CARGO_TARGET_DIR:-target}"
    check "documentation" env RUSTDOCFLAGS="-D warnings" \
        cargo doc -q --workspace --no-deps --document-private-items
    check "the runner's own tests" \
        python3 -m unittest discover -q -s tests/compat -p 'test_*.py'
}

# Adds the figures of a log: nextest's summary lines, or those of libtest.
count() {
    local figures
    figures=$(python3 - "$1" <<'PY'
import re, sys
text = re.sub(r"\x1b\[[0-9;]*m", "", open(sys.argv[1], errors="replace").read())
# nextest's one summary, or libtest's line per binary.
lines = re.findall(r"^ *Summary .*$", text, re.M) or re.findall(r"^test result: .*$", text, re.M)
for word in ("passed", "failed"):
    print(sum(int(n) for line in lines for n in re.findall(rf"(\d+) {word}", line)))
PY
    )
    add ${figures}
    # A run that ends badly without a failing test did not even build.
    if [ "$2" != 0 ] && [ "${figures##*[!0-9]}" = 0 ]; then add 0 1; fi
}

unit_tests() {
    heading "unit and integration tests"
    local log status=0
    log=$(mktemp)
    # The tests that kill the server share two minutes.
    export COREWIRE_CRASH_SECONDS=${COREWIRE_CRASH_SECONDS:-120}
    if cargo nextest --version >/dev/null 2>&1; then
        cargo nextest run --workspace --no-fail-fast --status-level retry 2>&1 \
            | tee "$log" || status=$?
    else
        cargo test --workspace --no-fail-fast 2>&1 | tee "$log" || status=$?
    fi
    count "$log" "$status"
    rm -f "$log"
}

# The whole suite with one worker, which must behave as Redis's one thread does, and then with four
# what several clients at once have to do with.
suite() {
    heading "building the server"
    cargo build -q --profile quick --bin corewire-server
    heading "Redis's test suite"
    run_suite --io-threads 1 "$@"
    if [ $# -eq 0 ]; then
        heading "Redis's test suite, four workers"
        run_suite --io-threads 4 --units \
            unit/type/ unit/multi unit/pubsub unit/pubsubshard unit/tracking unit/slowlog \
            unit/latency-monitor unit/obuf-limits unit/client-eviction unit/limits unit/querybuf \
            unit/replybufsize unit/networking unit/introspection unit/introspection-2 unit/info \
            unit/other unit/expire unit/keyspace unit/scan unit/sort unit/protocol unit/dump \
            unit/wait integration/redis-cli integration/block-repl integration/rdb \
            integration/replication-3
    fi
}

run_suite() {
    local summary=tests/compat/work/summary.json status=0 figures
    rm -f "$summary"
    tests/compat/run --server "${CARGO_TARGET_DIR:-target}/quick/corewire-server" "$@" || status=$?
    if [ -f "$summary" ]; then
        # Known failures are reported above; what fails here is what differs from the list.
        figures=$(python3 -c '
import json, sys
summary = json.load(open(sys.argv[1]))
print(summary["passed"], summary["surprises"])' "$summary")
        add ${figures}
    elif [ "$status" != 0 ]; then
        add 0 1
    fi
}

stage=${1:-all}
[ $# -gt 0 ] && shift
install_missing
case $stage in
    all) lint; unit_tests; suite "$@" ;;
    lint) lint ;;
    quick) unit_tests ;;
    suite) suite "$@" ;;
    *) sed -n '2,10s/^# \{0,1\}//p' "$0"; exit 2 ;;
esac
heading "done"
printf '%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
