#!/bin/sh
# What runs first inside the machine of uml.sh.
set -u
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/shm
mount -t tmpfs shm /dev/shm
mount -t tmpfs run /run
mount -t hostfs none "$SHARE" -o "$SHARE"
mount -t ext4 /dev/ubda /var/tmp
mount -t tmpfs none /sys/fs/cgroup
for controller in memory pids; do
    mkdir -p /sys/fs/cgroup/$controller && mount -t cgroup -o $controller none /sys/fs/cgroup/$controller
done
ip link set lo up
hostname uml
ulimit -n 20000
set -- $(echo "$SCENARIO" | tr , ' ')
while IFS= read -r line; do export "$line"; done < "$SHARE/$1.env"
export TMPDIR=/var/tmp OUT="$SHARE/$1.leaktop"
cd "$(dirname "$0")" && sh run.sh "$@" > "$SHARE/$1.log" 2>&1
sync
echo o > /proc/sysrq-trigger
sleep 10
