#!/bin/bash
# usage: step_policies.sh MPIEXEC... PROGRAM    MPIEXEC... PROGRAM starts step_policies_tests on two ranks.
#
# Each policy of a full stream, on one node and on two, for LOCUM_STEP_POLICIES seconds (1 if it is not set); beside the ranks
# the program looks at their memory from outside.
set -u
program=${!#}
work=$(mktemp -d)
watcher=
trap '[ -z "$watcher" ] || kill "$watcher" 2>/dev/null; rm -rf "$work"' EXIT
export LOCUM_TEST_COUNTS="$work/counts" LOCUM_TEST_SECONDS=${LOCUM_STEP_POLICIES:-1}
splits=2
[ -z "${LOCUM_TEST_WITH_UCX:-}" ] || splits='2 1'
failed=0
for split in $splits; do
  [ "$split" = 2 ] || export LOCUM_RANKS_PER_NODE=$split
  for LOCUM_TEST_POLICY in wait drop_oldest drop_newest; do
    export LOCUM_TEST_POLICY
    head -c 64 /dev/zero > "$work/counts"
    "$program" watch > "$work/watched" 2>&1 &
    watcher=$!
    "$@" > "$work/out" 2>&1
    ranks=$?
    wait "$watcher"
    watched=$?
    watcher=
    echo "== $LOCUM_TEST_POLICY, nodes of $split"
    cat "$work/out" "$work/watched"
    [ $ranks = 0 ] && [ $watched = 0 ] || failed=1
  done
done
[ $failed = 0 ] && echo "passed: each policy for $LOCUM_TEST_SECONDS s, nodes of $splits"
exit $failed
