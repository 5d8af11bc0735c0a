#!/bin/sh
# usage: coupled_runs.sh "MPIEXEC -n" LOCUM-BY-RANK SIMULATION ANALYSIS RANKS RANKS    Runs the two programs with these numbers of ranks, and as
# one rank each on one node. Passes if both runs succeed, the analysis agrees with the simulation in each step, and the tables
# and pictures of the runs are the same to the last bit.
launch=$1
by_rank=$2
simulation=$3
analysis=$4
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

fail() {
  printf 'coupled_runs.sh: %s\n' "$1"
  exit 1
}

run() { # run FOLDER SIMULATION-RANKS ANALYSIS-RANKS
  $launch $(($2 + $3)) "$by_rank" -n "$2" "$simulation" --cells 48 --steps 200 --every 40 --floats 500 \
    + -n "$3" "$analysis" --pictures 2 --output "$folder/$1" >"$folder/log.$1" 2>&1
  status=$?
  cat "$folder/log.$1"
  [ "$status" -eq 0 ] || fail "$1: ended with status $status"
  grep '^ .*to the last bit$' "$folder/log.$1" >"$folder/table.$1"
  [ "$(wc -l <"$folder/table.$1")" -eq 5 ] || fail "$1: the analysis and the simulation do not agree in 5 steps"
  [ "$(cd "$folder/$1" && echo *)" = 'pool_0000.png pool_0001.png' ] || fail "$1: did not draw two pictures"
}

run coupled "$5" "$6"
LOCUM_RANKS_PER_NODE=0 run alone 1 1
cmp "$folder/table.coupled" "$folder/table.alone" || fail 'the tables differ'
for picture in "$folder"/alone/*.png; do
  cmp "$picture" "$folder/coupled/${picture##*/}" || fail 'the pictures differ'
done
