#!/bin/bash
# usage: step_files_deaths.sh MPIEXEC FLAG RANKS PROGRAM    LOCUM_DEATHS deaths, or 4
#
# A job writes steps to a file, and all its processes are killed at once, at a random moment. Then another job, of one rank, reads all
# steps that were in the file, and no other. LOCUM_TEST_SEED plays a run again.
set -u
deaths=${LOCUM_DEATHS:-4} mpiexec=$1 flag=$2 ranks=$3 program=$4
# shellcheck source=tests/mpi/random_kills.sh
. "$(dirname "$0")/random_kills.sh"
for ((death = 1; death <= deaths; ++death)); do
  path=$work/run$death.h5
  coproc job { LOCUM_RANKS_PER_NODE=$split exec "$mpiexec" "$flag" "$ranks" "$program" write "$path" 2>&1; }
  # shellcheck disable=SC2154  # set by coproc
  pid=$job_PID
  seen=0
  for ((count = 1 + RANDOM % 6; count > 0; --count)); do
    read -r -t 60 -u "${job[0]}" line || fail "the job wrote no step: ${line:-}"
    [[ $line =~ ^[0-9]+$ ]] || fail "the job said: $line"
    seen=$line
  done
  sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"
  victims="$(descendants "$pid") $pid"
  # shellcheck disable=SC2086
  kill -s KILL $victims
  wait "$pid" 2>/dev/null
  found=$(LOCUM_RANKS_PER_NODE=0 timeout 500 "$mpiexec" "$flag" 1 "$program" read "$path" 2>&1)
  [[ $found =~ ^steps\ ([0-9]+)$ ]] || fail "death $death: $found"
  [ "${BASH_REMATCH[1]}" -ge "$seen" ] || fail "death $death: $seen steps were in the file, $found were read"
  rm -rf "$path" "$path.steps" "$path.lock"
done
echo "passed: $deaths deaths: all steps that were in the file were read"
