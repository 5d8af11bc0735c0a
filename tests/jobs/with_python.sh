#!/bin/sh
# usage: with_python.sh "MPIEXEC -n" LOCUM-BY-RANK SIMULATION PYTHON ANALYSIS NUMBERS RANKS RANKS ARGUMENT...    Runs a simulation and
# its analysis in Python with these numbers of ranks and arguments, as two programs of one job. Passes if both succeed (the analysis fails
# where it does not agree with the simulation), what they print is in each line what NUMBERS has, an extended regular expression a line,
# and a picture was drawn. Skipped (77) where the analysis cannot draw.
launch=$1
by_rank=$2
simulation=$3
python=$4
analysis=$5
numbers=$6
simulation_ranks=$7
analysis_ranks=$8
shift 8
folder=$(mktemp -d) || exit 1
trap 'rm -rf "$folder"' EXIT

fail() {
  printf 'with_python.sh: %s\n' "$1"
  exit 1
}

for module in mpi4py matplotlib; do
  if ! "$python" -c "import importlib.util, sys; sys.exit(importlib.util.find_spec('$module') is None)"; then
    printf 'SKIPPED: %s has no module %s (package python3-%s)\n' "$python" "$module" "$module"
    exit 77
  fi
done

$launch $((simulation_ranks + analysis_ranks)) "$by_rank" -n "$simulation_ranks" "$simulation" "$@" \
  + -n "$analysis_ranks" "$python" "$analysis" --output "$folder/made/by analysis" >"$folder/log" 2>&1
status=$?
cat "$folder/log"
[ "$status" -eq 0 ] || fail "ended with status $status"

# The ranks print concurrently: in any order.
tr -d '\r' <"$folder/log" >"$folder/printed"  # from the terminals that Open MPI gives the ranks
lines=0
while IFS= read -r line; do
  lines=$((lines + 1))
  [ "$(grep -Exc -- "$line" "$folder/printed")" -eq 1 ] || fail "not one line is: $line"
done <"$numbers"
[ "$(wc -l <"$folder/printed")" -eq "$lines" ] || fail "printed other lines than the $lines of $numbers"

cd "$folder/made/by analysis" || fail 'made no folder'
[ "$(ls | wc -l)" -eq 1 ] || fail "drew more than a picture: $(ls)"
for picture in *.png; do
  [ "$(head -c 8 "$picture" | od -An -tx1 | tr -d ' ')" = 89504e470d0a1a0a ] || fail "$picture is no PNG"
done
