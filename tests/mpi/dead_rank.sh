#!/bin/bash
# usage: dead_rank.sh MPIEXEC...    MPIEXEC... starts dead_rank_tests on three ranks.
#
# One rank is killed; the launcher is told to let the others go on, by a setting that Open MPI 4 knows. Both survivors must
# do so, in time, and leave nothing in /dev/shm.
set -u
if ! "$1" --version | grep -Eq '(Open MPI|OpenRTE)\) 4'; then
  echo "SKIPPED: how to tell this launcher not to end a job whose rank dies is not known here: $("$1" --version | head -n 1)"
  exit 77
fi
export OMPI_MCA_orte_enable_recovery=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work" OMPI_MCA_btl_vader_backing_directory="$work" OMPI_MCA_btl_sm_backing_directory="$work"

names() {
  find /dev/shm -mindepth 1 | sort
}
before=$(names)

for run in computing pinning creating collective closing computing:destructor; do
  started=$SECONDS
  LOCUM_TEST_DEATH=${run%:*} LOCUM_TEST_END=${run##*:} "$@" > "$work/out" 2>&1
  status=$?
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
  if [ "$(names)" != "$before" ]; then
    echo "FAILED: $run: /dev/shm has $(names)"
    exit 1
  fi
  echo "$run: both survived, $((SECONDS - started)) s, the job's status was $status; $(grep noticed "$work/out" | tr '\n' ' ')"
done
