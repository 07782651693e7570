#!/bin/sh
# Record one scenario: run.sh NAME SECONDS [BEFORE]
# SECONDS of recording; BEFORE: of these, how many pass before the leak begins (none for the workloads of benign.py).
# LEAKTOP: the program to record with. Makes OUT, by default ../../NAME.leaktop; says on stdout when the leak began.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
name=$1 seconds=$2 before=${3:-}
: "${LEAKTOP:=python3 -m leaktop}" "${OUT:=$here/../../$name.leaktop}"
if [ -n "$before" ]; then script=leaks.py; else script=benign.py; fi
# Its own session, so that all it started can be ended at once.
setsid python3 "$here/$script" "$name" $before &
worker=$!
trap 'kill -- -$worker 2>/dev/null || true; wait $worker || true' EXIT
sleep 2
rm -f "$OUT"
$LEAKTOP record "$OUT" --interval 1 --min-free 1M -- sleep "$seconds"
