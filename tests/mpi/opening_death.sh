#!/bin/bash
# usage: opening_death.sh SEED RUNS MPIEXEC...    MPIEXEC... starts opening_death_tests on four ranks.
#
# Kills a rank at RUNS points of opening a runtime, of one node or of nodes of two ranks, chosen by SEED; the launcher lets the
# others continue, by a setting of Open MPI 4. All survivors must end, each with an error that names the loss. 0 runs: every rank
# at every point.
set -u
RANDOM=$1 runs=$2
shift 2
. "$(dirname "$0")/survivors.sh" "$@"

splits=0
[ -z "${LOCUM_TEST_WITH_UCX:-}" ] || splits='0 2'

declare -A points
for split in $splits; do
  for victim in 0 1 2 3; do
    LOCUM_RANKS_PER_NODE=$split timeout 500 "$@" "$victim" 0 > "$work/out" 2>&1
    points[$split/$victim]=$(sed -n 's/^points: //p' "$work/out")
    if [ -z "${points[$split/$victim]}" ] || [ "$(grep -c '^rank . ended' "$work/out")" != 4 ]; then
      echo "FAILED: with nobody killed:"
      cat "$work/out"
      exit 1
    fi
  done
done

check() {
  local split=$1 victim=$2 point=$3 started=$SECONDS survivor
  shift 3
  LOCUM_RANKS_PER_NODE=$split timeout 500 "$@" "$victim" "$point" > "$work/out" 2>&1
  for survivor in 0 1 2 3; do
    if [ $survivor != "$victim" ] && ! grep -q "^rank $survivor ended" "$work/out"; then
      echo "FAILED: rank $victim killed at point $point, $split ranks a node: rank $survivor did not end; after" \
           "$((SECONDS - started)) s:"
      cat "$work/out"
      exit 1
    fi
  done
  echo "rank $victim killed at point $point of ${points[$split/$victim]}, $split ranks a node: all others ended," \
       "$((SECONDS - started)) s: $(sed -n 's/^rank . ended: //p' "$work/out" | sed 's/:.*//' | sort | uniq -c | tr '\n' ' ')"
}

if [ "$runs" = 0 ]; then
  for split in $splits; do
    for victim in 0 1 2 3; do
      for ((point = 1; point <= ${points[$split/$victim]}; ++point)); do
        check "$split" "$victim" "$point" "$@"
      done
    done
  done
else
  for ((run = 0; run < runs; ++run)); do
    # shellcheck disable=SC2206  # words are what is wanted
    choices=($splits)
    split=${choices[run % ${#choices[@]}]} victim=$((RANDOM % 4))
    check "$split" "$victim" $((1 + RANDOM % ${points[$split/$victim]})) "$@"
  done
fi
