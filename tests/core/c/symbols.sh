#!/bin/sh
# usage: symbols.sh NM LIBRARY FUNCTIONS HEADER...    The library shows the functions that the headers declare, which are those of
# the list FUNCTIONS, and nothing else: the differences are printed, and are an error. A function that is gone, or has another name, breaks programs
# that were built before (docs/c_abi.md); a new one is added to the list. Names of the version LOCUM_PRIVATE_… are for the library over this
# one: they are of the namespace locum_c, which no program has.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$1" -D --defined-only "$2" | awk '$2 != "A" && $3 !~ /7locum_c.*@@LOCUM_PRIVATE_/ { sub(/@.*/, "", $3); print $3 }' | sort > "$work/library"
library=$2 functions=$3 nm=$1
shift 3
sed -nE "s/^LOCUM_(API|CHECKED) .*\\b(locum_[a-z0-9_]+)\\(.*/\\2/p" "$@" | sort > "$work/header"
# Nor does it look for any that a program's own copy of the C++ library has.
! "$nm" -D "$library" | grep -E '(^|[^0-9])5locum' || { echo "these are names of the C++ library"; exit 1; }
[ -s "$work/library" ] || { echo "$library shows nothing"; exit 1; }
diff "$work/library" "$work/header" || { echo "the library shows (<) other functions than the headers declare (>)"; exit 1; }
diff "$functions" "$work/library" || { echo "the list $functions (<) has other functions than the library (>)"; exit 1; }
