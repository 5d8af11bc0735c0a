#!/bin/sh
# usage: forgotten.sh TEXT COMMAND...    A job of three ranks that forget to close something: it ends well, and each rank says TEXT.
set -eu
text=$1
shift
said=$("$@" 2>&1) || { echo "$said"; echo 'FAILED: the job ends with an error'; exit 1; }
count=$(printf '%s\n' "$said" | awk -v text="$text" 'index($0, text) { ++count } END { print count + 0 }')
[ "$count" = 3 ] || { echo "$said"; echo "FAILED: $count of 3 ranks say: $text"; exit 1; }
! printf '%s\n' "$said" | grep -E 'closing it failed|FAILED|only this rank' 
