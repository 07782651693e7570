#!/bin/sh
# In the guest: guest.sh NAME records the scenario NAME into $OUT; it starts itself as guest.sh NAME work, which is what is recorded.
set -eu
name=$1
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-/work/venvs/v311/bin/python}
module=${LAB:-/work/shared/lab}/prebuilt/leakgen.ko
ctl=/sys/kernel/debug/leakgen/ctl

say() { echo "$(cut -d' ' -f1 /proc/uptime) $*"; } # the log tells seconds of uptime, as the recording's ticks do
leakgen() {
    say "$*"
    echo "$*" >$ctl
}
light() { # a machine that does a little
    while :; do
        ls -lR /etc >/dev/null
        sleep 6
    done
}
busy() { # a machine that does much, again and again the same
    while :; do
        find /usr/lib/python3 /usr/share/perl* -type f 2>/dev/null | head -n 300 | xargs cat | gzip -1 | wc -c >/dev/null
        nice "$python" -c 'import json, email, http.client'
        sleep 1
    done
}

if [ "${2:-}" != work ]; then
    [ "$name" = lab-module-churn ] || insmod "$module"
    ls -lR /etc >/dev/null && "$python" -c 'import json' # warm, so that the first seconds are like the rest
    sleep 6
    say recording
    "$python" -m leaktop record "$OUT/$name.leaktop" --interval 1 --min-free 1M -- sh "$0" "$name" work
    say done
    [ ! -e $ctl ] || grep -v ' 0 0 0 0 0 0$' "${ctl%ctl}status"
    exit
fi

parameters=/sys/module/leakgen/parameters
case $name in
    lab-vmalloc* | lab-pages | lab-starts-late | lab-several | lab-skb | lab-pages-slow | lab-kmalloccg-held) light & ;;
    lab-kmalloc2048-slow | lab-merged) busy & ;;
esac
case $name in
    lab-kmalloc64-fast) sleep 20 && leakgen start kmalloc64 2000 && sleep 180 ;;
    lab-vmalloc)
        echo 51200 >$parameters/vmalloc_bytes
        sleep 25 && leakgen start vmalloc 2 && sleep 195
        ;;
    lab-pages) sleep 30 && leakgen start pages 50 && sleep 180 ;;
    lab-skb) sleep 20 && leakgen start skb 100 && sleep 180 ;;
    lab-kmalloc2048-slow) sleep 40 && leakgen start kmalloc2048 5 && sleep 500 ;;
    lab-merged) sleep 25 && leakgen start cache 300 && sleep 195 ;;
    lab-kmalloc32k) sleep 15 && leakgen start kmalloc32k 8 && sleep 185 ;;
    lab-percpu)
        echo 4096 >$parameters/percpu_bytes
        sleep 20 && leakgen start percpu 20 && sleep 190
        ;;
    lab-several)
        sleep 20 && leakgen start vmalloc 3 && leakgen start pages 30 && leakgen start kmalloc2048 50
        sleep 190
        ;;
    lab-lockstep) sleep 20 && leakgen start cache 100 && leakgen start kmalloc2048 100 && sleep 180 ;;
    lab-kmemleak-scan)
        sleep 20 && leakgen start kmalloc2048 10
        for wait in 70 70; do
            sleep $wait && say scan && echo scan >/sys/kernel/debug/kmemleak
        done
        sleep 60 && say end
        ;;
    lab-kmalloccg-held) sleep 30 && leakgen start kmalloccg 500 held && sleep 270 ;;
    lab-pages-slow) sleep 40 && leakgen start pages 3 && sleep 600 ;;
    lab-vmalloc-slow-burst)
        sleep 30
        for _ in $(seq 15); do leakgen leak vmalloc 20 && sleep 15; done
        ;;
    lab-starts-late) sleep 150 && leakgen start kmalloc2048 50 && sleep 150 ;;
    lab-balloon)
        sleep 60 && say inflate && touch "$OUT/balloon.go" && sleep 140
        ;;
    lab-socket-raw6)
        "$python" "$here/workers.py" raw6 --name ping-watcher --wait 25 --rate 60 --bytes 1000 &
        sleep 210 && say end
        ;;
    lab-thread-and-leak)
        "$python" "$here/workers.py" threads --name pool-server --wait 20 --rate 2 &
        sleep 35 && leakgen start kmalloc2048 30 && sleep 170
        ;;
    # from here on nothing leaks
    lab-idle) sleep 200 ;;
    lab-find*)
        sleep 15 && say find
        find / -xdev -type f 2>/dev/null | wc -l
        say cat
        timeout 120 sh -c 'find /usr/lib /usr/share -xdev -type f -print0 2>/dev/null | xargs -0 cat >/dev/null 2>&1' || :
        say rest && sleep 25
        ;;
    lab-leak-and-free)
        sleep 12
        for _ in $(seq 9); do
            leakgen leak kmalloc2048 3000 && sleep 12 && leakgen free kmalloc2048 && sleep 8
        done
        ;;
    lab-memory-pressure)
        sleep 12
        for _ in 1 2 3 4 5; do
            say read
            timeout 20 dd if="$BIG" of=/dev/null bs=1M 2>/dev/null || :
            say hog
            "$python" "$here/workers.py" hog --name batch-job --mib 500 --hold 12
            sleep 4
        done
        ;;
    lab-module-churn)
        sleep 12
        for _ in $(seq 40); do
            insmod "$module" && echo 'leak kmalloc2048 500' >$ctl && echo 'leak vmalloc 10' >$ctl && sleep 2.5
            rmmod leakgen && sleep 1.5
        done
        sleep 10
        ;;
    lab-fork-storm)
        sleep 12 && say storm
        end=$(($(date +%s) + 170))
        while [ "$(date +%s)" -lt $end ]; do
            for _ in 1 2 3 4 5 6 7 8 9 10; do /bin/true & done
            wait
            ls /etc | sort | tail -n 1 >/dev/null
        done
        say rest && sleep 15
        ;;
    lab-step) sleep 15 && leakgen leak kmalloc2048 5000 && sleep 200 ;;
    *) echo "$name: no such scenario" && exit 2 ;;
esac
