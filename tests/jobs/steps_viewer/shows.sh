#!/bin/sh
# usage: shows.sh PRINTED STATUS CHECK COMMAND...    Runs COMMAND, a job with locum-steps, in a folder of its own. Passes if it ends
# with 0 or not, as STATUS does, and all lines of the file PRINTED are in its output, in this order and one after the other; and if
# CHECK, a command or "-", then succeeds in that folder.
printed=$1
wanted=$2
check=$3
shift 3
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT
cd "$folder" || exit 1
"$@" >log 2>&1
status=$?
tr -d '\r' <log >output # from the terminals that Open MPI gives the ranks
cat output
echo "ended with status $status"
if [ "$wanted" -eq 0 ]; then
  [ "$status" -eq 0 ] || exit 1
else
  [ "$status" -ne 0 ] || exit 1
fi
awk -v printed="$printed" '
  BEGIN {
    while ((getline line < printed) > 0) {
      wanted[++count] = line
    }
  }
  {
    at = $0 == wanted[at + 1] ? at + 1 : $0 == wanted[1] ? 1 : 0
    if (at == count) {
      found = 1
      exit
    }
  }
  END {
    if (!found) {
      print "the lines of " printed " are not there"
    }
    exit !found
  }' output || exit 1
[ "$check" = - ] || eval "$check"
