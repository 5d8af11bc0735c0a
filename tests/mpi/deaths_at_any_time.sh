#!/bin/bash
# usage: deaths_at_any_time.sh [DEATHS ON_SEVERAL_NODES] MPIEXEC...    MPIEXEC... starts a test on four ranks.
#
# In each run another rank is killed at another time; the launcher lets the others continue. The survivors must continue, in time,
# and leave nothing in /dev/shm. DEATHS on one node, and ON_SEVERAL_NODES on nodes of two ranks and again on nodes of one.
# LOCUM_DEATHS: so many on each; LOCUM_DEATHS_SEED: other moments. LOCUM_DEATH='RANKS_PER_NODE VICTIM MICROSECONDS': these runs with
# nodes of that size, that victim and that moment only.
set -u
on_one_node=${LOCUM_DEATHS:-0} on_several=${LOCUM_DEATHS:-0}
if [[ $1 =~ ^[0-9]+$ ]]; then
  on_one_node=${LOCUM_DEATHS:-$1} on_several=${LOCUM_DEATHS:-$2}
  shift 2
fi
. "$(dirname "$0")/survivors.sh" "$@"
export LOCUM_TEST_SHARED="$work/shared" LOCUM_PEER_TIMEOUT_MS=1000
# Nodes of one machine that share queues in memory would lose the owner of one to a death within a send; and UCX 1.13 may end a
# survivor that sends a bulk without copying it (docs/failure.md).
export UCX_TLS=tcp,self UCX_ZCOPY_THRESH=inf
splits='4 2 1'
[ -n "${LOCUM_TEST_WITH_UCX:-}" ] || splits=4
RANDOM=${LOCUM_DEATHS_SEED:-2026}
read -r only_split only_victim only_us <<< "${LOCUM_DEATH:-}"
for split in ${only_split:-$splits}; do
  started=$SECONDS runs=$on_several
  [ "$split" != 4 ] || runs=$on_one_node
  [ "$runs" -gt 0 ] || continue
  for ((run = 0; run < runs; run++)); do
    head -c 65536 /dev/zero > "$LOCUM_TEST_SHARED"
    us=$((RANDOM * 2))
    export LOCUM_RANKS_PER_NODE=$split LOCUM_TEST_VICTIM=${only_victim:-$((run % 4))} LOCUM_TEST_DEATH_US=${only_us:-$us}
    "$@" > "$work/out" 2>&1
    for rank in 0 1 2 3; do
      if [ $rank != "$LOCUM_TEST_VICTIM" ] && ! grep -q "^rank $rank survived: 0 failures" "$work/out"; then
        echo "FAILED: run $run. To repeat it: LOCUM_DEATH='$split $LOCUM_TEST_VICTIM $LOCUM_TEST_DEATH_US'"
        cat "$work/out"
        exit 1
      fi
    done
    nothing_left "run $run, nodes of $split"
  done
  echo "passed: nodes of $split: $runs deaths, $((SECONDS - started)) s"
done
