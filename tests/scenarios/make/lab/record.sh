#!/bin/sh
# Record lab scenarios: record.sh NAME...   Each in a guest of its own, made by guest.sh, into $OUT (default /tmp/scen/lab).
# FROZEN is where the package leaktop is; the result is $OUT/NAME.leaktop, what was done when in $OUT/NAME.log.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
lab=${LAB:-/work/shared/lab}
OUT=${OUT:-/tmp/scen/lab}
FROZEN=${FROZEN:-/tmp/frozen}
mkdir -p "$OUT"
BIG=$(dirname "$OUT")/big.$$ # larger than memory, all holes; beside $OUT, since what is shared for writing is not cached
truncate -s 3G "$BIG"
trap 'rm -f "$BIG"' EXIT
production="-a kmemleak=off -a sysctl.vm.mem_profiling=never" # as machines are that people run; the others are test kernels

for name; do
    options="-m 1G -c 1"
    case $name in
        lab-kmalloc2048-slow | lab-pages-slow | lab-vmalloc-slow-burst) options="-m 2G -c 1" ;;
        lab-percpu | lab-fork-storm) options="-m 1G -c 2" ;;
    esac
    case $name in
        lab-vmalloc | lab-kmalloc2048-slow | lab-kmalloc32k | lab-percpu | lab-kmemleak-scan | lab-kmalloccg-held) ;;
        lab-vmalloc-slow-burst | lab-starts-late | lab-idle | lab-fork-storm) ;;
        *) options="$options $production" ;;
    esac
    helper=
    case $name in
        lab-balloon*)
            rm -f "$OUT/balloon.go" "$OUT/qmp.sock"
            python3 "$here/balloon.py" "$OUT/qmp.sock" "$OUT/balloon.go" 1024 624 &
            helper=$!
            export QMP="$OUT/qmp.sock" QEMU="$here/qemu-balloon.sh"
            ;;
        *) unset QEMU ;;
    esac
    rm -f "$OUT/$name.leaktop"
    # shellcheck disable=SC2086  # options are words
    "$lab/run.sh" $options -t 900 -w "$OUT" -e PYTHONPATH="$FROZEN" -e OUT="$OUT" -e BIG="$BIG" \
        -- sh "$here/guest.sh" "$name" >"$OUT/$name.log" 2>&1 || echo "$name: status $?"
    [ -z "$helper" ] || kill "$helper" 2>/dev/null || :
done
