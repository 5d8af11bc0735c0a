#!/bin/sh
# usage: pairs.sh FORTRAN_PROGRAM C_PROGRAM C++_PROGRAM    Fortran reads by index what each of the others writes, and they what it writes,
# in processes that run at once, over a folder. The readers wait for what is not there yet.
set -u
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
url="file:$work/store?sync=0"
"$2" read "$url" &
c=$!
"$3" read "$url" &
cxx=$!
"$1" read "$url" &
fortran=$!
status=0
"$2" write "$url" || status=1
"$3" write "$url" || status=1
"$1" write "$url" || status=1
wait "$c" || { echo "C found wrong values of Fortran"; status=1; }
wait "$cxx" || { echo "C++ found wrong values of Fortran"; status=1; }
wait "$fortran" || { echo "Fortran found wrong values of the others"; status=1; }
exit $status
