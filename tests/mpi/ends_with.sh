#!/bin/sh
# usage: ends_with.sh TEXT COMMAND...    A job of which one rank fails while the others wait for ten minutes: it ends by itself, with an error,
# and prints a line with this text.
set -eu
text=$1
shift
status=0
said=$("$@" 2>&1) || status=$?
[ $status -ne 0 ] || { echo "$said"; echo 'FAILED: the job ends without an error'; exit 1; }
printf '%s\n' "$said" | grep -qF "$text" || { echo "$said"; echo "FAILED: not printed: $text"; exit 1; }
