#!/bin/bash
# usage: lost_node.sh MPIEXEC...    MPIEXEC... starts lost_node_tests on four ranks.
#
# Both ranks of the second node are killed, one after the other; the launcher lets the others continue, by a setting of Open MPI
# 4. Both ranks of the first node must continue, and nothing may be left in /dev/shm; over the lanes that UCX chooses, and over
# TCP only.
set -u
if ! "$1" --version | grep -Eq '(Open MPI|OpenRTE)\) 4'; then
  echo "SKIPPED: how to tell this launcher not to end a job whose rank dies is not known here: $("$1" --version | head -n 1)"
  exit 77
fi
export OMPI_MCA_orte_enable_recovery=1

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export TMPDIR="$work" OMPI_MCA_btl_vader_backing_directory="$work" OMPI_MCA_btl_sm_backing_directory="$work"

left_in_shm=$(dirname "$0")/../cmake/left_in_shm.sh
before=$(sh "$left_in_shm" names)

for lanes in all tcp,self; do
  started=$SECONDS
  UCX_TLS=$lanes "$@" > "$work/out" 2>&1
  status=$?
  cat "$work/out"
  for survivor in 0 1; do
    if ! grep -q "^rank $survivor survived" "$work/out"; then
      echo "FAILED: lanes $lanes: rank $survivor did not survive; the job ended with status $status"
      exit 1
    fi
  done
  left=$(sh "$left_in_shm" since "$before")
  if [ -n "$left" ]; then
    echo "FAILED: lanes $lanes: left in /dev/shm: $left"
    exit 1
  fi
  echo "lanes $lanes: both survived, $((SECONDS - started)) s, the job's status was $status"
done
