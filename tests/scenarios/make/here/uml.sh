#!/bin/sh
# Record one scenario on a machine of its own, so that nothing else happens in it: uml.sh NAME SECONDS [BEFORE]
# It is User Mode Linux (Debian's user-mode-linux: UML is its linux.uml), with this root file system, read-only, and a
# disk of its own in /var/tmp. MEM: its memory. FILES: what to copy onto that disk (find-root: /usr/share). SHARE: a
# directory that it may write, where the result is left.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
disk=$(mktemp "$SHARE/disk.XXXXXX")
trap 'rm -f "$disk" "$SHARE/$1.env"' EXIT
truncate -s 8G "$disk"
mkfs.ext4 -q ${FILES:+-d "$FILES"} "$disk"
env | grep -E '^(PATH|HOME|LEAKTOP|PYTHON[A-Z]*|PIP_[A-Z_]*|SCEN_[A-Z]*)=' > "$SHARE/$1.env"
timeout 900 "$UML" mem="${MEM:-1536M}" ubd0="$disk" root=/dev/root rootfstype=hostfs rootflags=/ ro quiet \
    con=null con0=null,fd:1 init="$here/uml-init.sh" SHARE="$SHARE" SCENARIO="$(echo "$*" | tr " " ,)" </dev/null
