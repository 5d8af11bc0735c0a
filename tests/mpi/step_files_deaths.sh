#!/bin/bash
# usage: step_files_deaths.sh MPIEXEC FLAG RANKS PROGRAM [ENDING]    LOCUM_DEATHS deaths, or 4
#
# A job writes steps to a file, and all its processes are killed at once, at a random moment; every other time only one of them, so that its
# launcher ends the others. Then another job, of one rank, reads all steps that were in the file, and no other. ENDING, of the file's name, is
# h5, or zarr for a group of Zarr, whose arrays are then read in Python as well, where that has zarr. LOCUM_TEST_SEED plays a run again.
set -u
deaths=${LOCUM_DEATHS:-4} mpiexec=$1 flag=$2 ranks=$3 program=$4 ending=${5:-h5}
# shellcheck source=tests/mpi/random_kills.sh
. "$(dirname "$0")/random_kills.sh"
check=$(dirname "$0")/../transport/storage/zarr/zarr_steps_check.py python=
for one in python3 /usr/bin/python3; do
  if [ "$ending" = zarr ] && [ -z "$python" ] && "$one" -c 'import numcodecs, zarr' 2>/dev/null; then
    python=$one
  fi
done
for ((death = 1; death <= deaths; ++death)); do
  path=$work/run$death.$ending
  begin "$mpiexec" "$flag" "$ranks" "$program" write "$path"
  await $((1 + RANDOM % 6)) 'wrote no step'
  # shellcheck disable=SC2207  # words are what is wanted
  processes=($(descendants "$launcher"))
  if ((death % 2 == 0 && ${#processes[@]} > 0)); then
    kill_at_once "${processes[RANDOM % ${#processes[@]}]}"
  else
    kill_at_once "${processes[@]}" "$launcher"
  fi
  found=$(found read "$path")
  [[ $found =~ ^steps\ ([0-9]+)$ ]] || fail "death $death: $found"
  [ "${BASH_REMATCH[1]}" -ge "$seen" ] || fail "death $death: $seen steps were in the file, $found were read"
  if [ -n "$python" ]; then
    for array in "T $((ranks * 50000))" "odd/U 10007"; do
      read -r name elements <<<"$array"
      said=$("$python" -B "$check" "$path" found 1 "$elements" "$name" 2>&1)
      [ "$said" = "zarr_steps_check.py: ${BASH_REMATCH[1]} steps" ] || fail "death $death: $name in Python: $said"
    done
  fi
  rm -rf "$path" "$path.steps" "$path.lock"
done
echo "passed: $deaths deaths: all steps that were in the file were read"
