#!/bin/bash
# usage: deaths_at_any_time.sh [also_all] [DEATHS ON_SEVERAL_NODES] MPIEXEC...    MPIEXEC... starts a test on four ranks.
#
# In each run another rank is killed at another time; the launcher lets the others continue. The survivors must continue, in time,
# and leave nothing in /dev/shm. DEATHS on one node, and ON_SEVERAL_NODES on nodes of two ranks and again on nodes of one. also_all: on
# one node only; in every second run all ranks die, and after each run another process, started with the argument `check`, judges what
# the ranks have left in the folder LOCUM_TEST_FOLDER.
# LOCUM_DEATHS: so many on each; LOCUM_DEATHS_SEED: other moments. LOCUM_DEATH='RANKS_PER_NODE VICTIM MICROSECONDS': these runs with
# nodes of that size, that victim (4: all) and that moment only.
set -u
also_all=no stretch=2 splits='4 2 1'
if [ "$1" = also_all ]; then
  also_all=yes stretch=8 splits=4
  shift
fi
on_one_node=${LOCUM_DEATHS:-0} on_several=${LOCUM_DEATHS:-0}
if [[ $1 =~ ^[0-9]+$ ]]; then
  on_one_node=${LOCUM_DEATHS:-$1} on_several=${LOCUM_DEATHS:-$2}
  shift 2
fi
. "$(dirname "$0")/survivors.sh" "$@"
program=${!#}
export LOCUM_TEST_SHARED="$work/shared" LOCUM_TEST_FOLDER="$work/kept" LOCUM_PEER_TIMEOUT_MS=1000
# Nodes of one machine that share queues in memory would lose the owner of one to a death within a send; and UCX 1.13 may end a
# survivor that sends a bulk without copying it (docs/failure.md).
export UCX_TLS=tcp,self UCX_ZCOPY_THRESH=inf
[ -n "${LOCUM_TEST_WITH_UCX:-}" ] || splits=4
RANDOM=${LOCUM_DEATHS_SEED:-2026}
read -r only_split only_victim only_us <<< "${LOCUM_DEATH:-}"

fail() {  # fail FILE...: those that say why
  echo "FAILED: run $run. To repeat it: LOCUM_DEATH='$split $LOCUM_TEST_VICTIM $LOCUM_TEST_DEATH_US'"
  cat "$@"
  exit 1
}
for split in ${only_split:-$splits}; do
  started=$SECONDS runs=$on_several
  [ "$split" != 4 ] || runs=$on_one_node
  [ "$runs" -gt 0 ] || continue
  for ((run = 0; run < runs; run++)); do
    head -c 65536 /dev/zero > "$LOCUM_TEST_SHARED"
    rm -rf "$LOCUM_TEST_FOLDER"
    us=$((RANDOM * stretch)) victim=$((run % 4))
    [ $also_all = no ] || victim=$((run % 2 == 0 ? run / 2 % 4 : 4))
    export LOCUM_RANKS_PER_NODE=$split LOCUM_TEST_VICTIM=${only_victim:-$victim} LOCUM_TEST_DEATH_US=${only_us:-$us}
    timeout 500 "$@" > "$work/out" 2>&1
    for rank in 0 1 2 3; do
      if [ "$LOCUM_TEST_VICTIM" != 4 ] && [ $rank != "$LOCUM_TEST_VICTIM" ] &&
        ! grep -q "^rank $rank survived: 0 failures" "$work/out"; then
        fail "$work/out"
      fi
    done
    if [ $also_all = yes ] && ! "$program" check > "$work/checked" 2>&1; then
      fail "$work/checked" "$work/out"
    fi
    nothing_left "run $run, nodes of $split"
  done
  echo "passed: nodes of $split: $runs deaths, $((SECONDS - started)) s"
done
