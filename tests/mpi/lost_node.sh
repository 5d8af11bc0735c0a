#!/bin/bash
# usage: lost_node.sh MPIEXEC...    MPIEXEC... starts lost_node_tests on four ranks.
#
# Both ranks of the second node are killed, one after the other; the launcher lets the others continue, by a setting of Open MPI
# 4. Both ranks of the first node must continue, and nothing may be left in /dev/shm; over the lanes that UCX chooses, and over
# TCP only.
set -u
. "$(dirname "$0")/survivors.sh" "$@"

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
  nothing_left "lanes $lanes"
  echo "lanes $lanes: both survived, $((SECONDS - started)) s, the job's status was $status"
done
