#!/bin/bash
# usage: step_deaths.sh MPIEXEC...    MPIEXEC... starts step_deaths_tests on four ranks.
#
# In each run another rank is killed at another time; the launcher lets the others continue, by a setting of Open MPI 4. The
# survivors must continue, in time, and leave nothing in /dev/shm. LOCUM_STEP_DEATHS: so many runs on one node, and on nodes of
# two ranks and of one.
set -u
if ! "$1" --version | grep -Eq '(Open MPI|OpenRTE)\) 4'; then
  echo "SKIPPED: how to tell this launcher not to end a job whose rank dies is not known here: $("$1" --version | head -n 1)"
  exit 77
fi
export OMPI_MCA_orte_enable_recovery=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work" OMPI_MCA_btl_vader_backing_directory="$work" OMPI_MCA_btl_sm_backing_directory="$work"
export LOCUM_TEST_COUNTS="$work/counts" LOCUM_PEER_TIMEOUT_MS=1000

left_in_shm=$(dirname "$0")/../cmake/left_in_shm.sh
before=$(sh "$left_in_shm" names)
# Nodes of one machine that share queues in memory would lose the owner of one to a death within a send (docs/failure.md).
export UCX_TLS=tcp,self
splits=4
[ -z "${LOCUM_TEST_WITH_UCX:-}" ] || splits='4 2 1'
RANDOM=${LOCUM_STEP_DEATHS_SEED:-2026}
runs=${LOCUM_STEP_DEATHS:-8}
for split in $splits; do
  started=$SECONDS
  for ((run = 0; run < runs; run++)); do
    head -c 64 /dev/zero > "$work/counts"
    export LOCUM_RANKS_PER_NODE=$split LOCUM_TEST_VICTIM=$((run % 4)) LOCUM_TEST_DEATH_US=$((RANDOM * 2))
    "$@" > "$work/out" 2>&1
    for rank in 0 1 2 3; do
      if [ $rank != $LOCUM_TEST_VICTIM ] && ! grep -q "^rank $rank survived: 0 failures" "$work/out"; then
        echo "FAILED: nodes of $split, rank $LOCUM_TEST_VICTIM killed after $LOCUM_TEST_DEATH_US us:"
        cat "$work/out"
        exit 1
      fi
    done
    left=$(sh "$left_in_shm" since "$before")
    if [ -n "$left" ]; then
      echo "FAILED: left in /dev/shm: $left"
      exit 1
    fi
  done
  echo "nodes of $split: $runs deaths, $((SECONDS - started)) s"
done
