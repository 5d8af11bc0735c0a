#!/bin/bash
# usage: dead_rank.sh MPIEXEC...    MPIEXEC... starts dead_rank_tests on three ranks.
#
# One rank is killed; the launcher lets the others continue, by a setting of Open MPI 4. Both survivors must continue, in time,
# and leave nothing in /dev/shm.
set -u
. "$(dirname "$0")/survivors.sh" "$@"

points='publish: live/bind: intended/link: next set/change: begun/tombstone: marked/unlink: hash cleared/pin: bit set/commit: all taken'
IFS=/ read -ra points <<< "$points"
for run in computing pinning creating collective closing promising promising:mixed promising:apart loading released released:apart computing:destructor "${points[@]/#/point/}"; do
  started=$SECONDS
  death=${run%%[:/]*} end=${run##*:} point=
  if [ "$death" = point ]; then
    end='' point=${run#*/}
  fi
  ranks_per_node=3
  if [ "$end" = apart ] || [ "$end" = mixed ]; then  # only the links tell of the death: all of them, or rank 2
    if [ -z "${LOCUM_TEST_WITH_UCX:-}" ]; then
      continue
    fi
    ranks_per_node=1
    [ "$end" = apart ] || ranks_per_node=2
  fi
  LOCUM_RANKS_PER_NODE=$ranks_per_node LOCUM_PEER_TIMEOUT_MS=2000 \
    LOCUM_TEST_DEATH=$death LOCUM_TEST_END=$end LOCUM_TEST_POINT=$point "$@" > "$work/out" 2>&1
  status=$?
  if grep -q 'it never came to the point' "$work/out"; then
    echo "FAILED: $run: rank 1 did not die there:"
    cat "$work/out"
    exit 1
  fi
  for survivor in 0 2; do
    if ! grep -q "^rank $survivor survived" "$work/out"; then
      echo "FAILED: $run: rank $survivor did not survive; the job ended with status $status:"
      cat "$work/out"
      exit 1
    fi
    if [ "$run" = computing:destructor ] &&
       ! grep -q "^locum: rank $survivor: the runtime was closed on this rank alone; lost: rank 1 (adopted by" "$work/out"; then
      echo "FAILED: $run: rank $survivor does not say that it closed alone:"
      cat "$work/out"
      exit 1
    fi
  done
  nothing_left "$run"
  echo "$run: both survived, $((SECONDS - started)) s, the job's status was $status; $(grep noticed "$work/out" | tr '\n' ' ')"
done
