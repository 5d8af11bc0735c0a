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
  begin "$mpiexec" "$flag" "$ranks" "$program" write "$path"
  await $((1 + RANDOM % 6)) 'wrote no step'
  # shellcheck disable=SC2046  # words are what is wanted
  kill_at_once $(descendants "$launcher") "$launcher"
  found=$(found read "$path")
  [[ $found =~ ^steps\ ([0-9]+)$ ]] || fail "death $death: $found"
  [ "${BASH_REMATCH[1]}" -ge "$seen" ] || fail "death $death: $seen steps were in the file, $found were read"
  rm -rf "$path" "$path.steps" "$path.lock"
done
echo "passed: $deaths deaths: all steps that were in the file were read"
