#!/bin/bash
# usage: checkpoint_deaths.sh MPIEXEC FLAG RANKS PROGRAM [repeat_async]    LOCUM_DEATHS deaths, or 6
#
# A job writes one checkpoint after the other, to one path or, by the seed, to a series of which two stay; each job by the seed whole or
# incremental ones. At a random moment all its processes are killed at once, or one rank is, and its launcher ends the others. Then another job, on another number of ranks, finds the last
# complete one or a newer one, whole; and what is left does not grow. LOCUM_TEST_SEED plays a run again.
set -u
deaths=${LOCUM_DEATHS:-6} mpiexec=$1 flag=$2 ranks=$3 program=$4 mode=${5:-repeat}
# shellcheck source=tests/mpi/random_kills.sh
. "$(dirname "$0")/random_kills.sh"
path=$work/steps.h5
[ $((RANDOM % 2)) -eq 0 ] || path="$work/steps*.h5"
unfinished=0 incrementals=0 single=0
for ((death = 1; death <= deaths; ++death)); do
  # Every tenth has no older one. What is there is complete, and the job begins to count from 1 again.
  [ $((death % 10)) -ne 1 ] || rm -rf "$work"/steps*
  was_there=no
  [ -z "$(find "$work" -maxdepth 1 -name 'steps*.h5')" ] || was_there=yes
  incremental=()
  [ $((RANDOM % 3)) -eq 0 ] || { incremental=(incremental); incrementals=$((incrementals + 1)); }
  begin "$mpiexec" "$flag" "$ranks" "$program" "$mode" "$path" "${incremental[@]}"
  await $((RANDOM % 4)) 'wrote no checkpoint'  # a few complete ones, and a random part of the next
  victims="$(descendants "$launcher") $launcher"
  if [ $((RANDOM % 2)) -eq 0 ]; then
    mapfile -t members < <(for each in $victims; do
      [ "$(readlink "/proc/$each/exe")" != "$(realpath "$program")" ] || echo "$each"
    done)
    if [ ${#members[@]} -gt 0 ]; then
      kill -s KILL "${members[RANDOM % ${#members[@]}]}"
      single=$((single + 1))
      for ((tries = 0; tries < 200; ++tries)); do  # of 50 ms
        kill -0 "$launcher" 2>/dev/null || { victims=; break; }
        sleep 0.05
      done
    fi
  fi
  # shellcheck disable=SC2086
  kill_at_once $victims
  [ -z "$(find "$work" -name '*.tmp')" ] || unfinished=$((unfinished + 1))
  found=$(found latest "$path" incremental)
  [[ $found =~ ^latest\ ([0-9]+)$ ]] || fail "death $death: $found"
  latest=${BASH_REMATCH[1]}
  [ "$latest" -ge "$seen" ] || fail "death $death: checkpoint $seen was complete, $latest was found"
  # Of each node two or three files for each of the two that stay, one that was in progress, and one that was being removed.
  files=$(find "$work" -path '*.parts/*' -name '*.h5*' | wc -l)
  [ "$files" -le $((12 * ranks)) ] || fail "death $death: $files files are left: $(find "$work" -path '*.parts/*')"
  [ "$latest" -gt 0 ] || [ $was_there = no ] || fail "death $death: a checkpoint was there, and none was found"
done
echo "passed: $deaths deaths of ${path##*/}, $single of one rank, $incrementals of incremental ones, $unfinished while a file was written: each checkpoint was whole"
