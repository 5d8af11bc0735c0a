#!/bin/bash
# usage: checkpoint_restart.sh MPIEXEC FLAG PROGRAM    What some ranks wrote is restored, and written again, on other numbers of ranks and
# of nodes; the handles in it stay valid throughout.
set -u
mpiexec=$1 flag=$2 program=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

job() {  # job MODE RANKS RANKS_PER_NODE PATH
  LOCUM_RANKS_PER_NODE=$3 timeout 500 "$mpiexec" "$flag" "$2" "$program" "$1" "$4" || { echo "FAILED: $*"; exit 1; }
}

split=0
[ -z "${LOCUM_TEST_WITH_UCX:-}" ] || split=1
job write 1 0 "$work/grows.h5"
job read 4 0 "$work/grows.h5"
job read 4 $split "$work/grows.h5"
job write 4 $((2 * split)) "$work/shrinks.h5"
job rewrite 3 $split "$work/shrinks.h5"
job read 1 0 "$work/shrinks.h5"
job write 3 0 "$work/odd.h5"
job read 5 $((2 * split)) "$work/odd.h5"
# Read when it is used, or when the next checkpoint needs it.
job lazy 1 0 "$work/odd.h5"
job lazy 4 2 "$work/odd.h5"
job relazy 4 0 "$work/odd.h5"
job relazy 1 0 "$work/odd.h5"
job lazy 4 $split "$work/odd.h5"
job read 2 0 "$work/odd.h5"
left=$(find "$work" -name '*.tmp' -o -name '*.lock')
[ -z "$left" ] || { echo "FAILED: left behind: $left"; exit 1; }
echo 'all checkpoints were restored'
