#!/bin/bash
# usage: tier_deaths.sh [DEATHS] MPIEXEC...    MPIEXEC... starts the test on four ranks. LOCUM_DEATHS: so many.
#
# In every second run another rank is killed at another time while names are written back to a folder, in the others all are. Then another
# process looks at the folder. LOCUM_DEATHS_SEED: other moments. LOCUM_DEATH='VICTIM MICROSECONDS': this run only; victim 4: all.
set -u
deaths=2
if [[ $1 =~ ^[0-9]+$ ]]; then
  deaths=$1
  shift
fi
deaths=${LOCUM_DEATHS:-$deaths}
. "$(dirname "$0")/survivors.sh" "$@"
export LOCUM_TEST_SHARED="$work/shared" LOCUM_TEST_FOLDER="$work/kept" LOCUM_RANKS_PER_NODE=0 UCX_TLS=tcp,self
RANDOM=${LOCUM_DEATHS_SEED:-2026}
read -r only_victim only_us <<< "${LOCUM_DEATH:-}"
[ -z "$only_victim" ] || deaths=1
program=${!#}
for ((run = 0; run < deaths; run++)); do
  head -c 65536 /dev/zero > "$LOCUM_TEST_SHARED"
  rm -rf "$LOCUM_TEST_FOLDER"
  us=$((RANDOM * 8)) victim=$((run / 2 % 4))
  [ $((run % 2)) -eq 0 ] || victim=4
  export LOCUM_TEST_VICTIM=${only_victim:-$victim} LOCUM_TEST_DEATH_US=${only_us:-$us}
  repeat="FAILED: run $run. To repeat it: LOCUM_DEATH='$LOCUM_TEST_VICTIM $LOCUM_TEST_DEATH_US'"
  timeout 500 "$@" > "$work/out" 2>&1
  for rank in 0 1 2 3; do
    if [ "$LOCUM_TEST_VICTIM" != 4 ] && [ $rank != "$LOCUM_TEST_VICTIM" ] &&
      ! grep -q "^rank $rank survived: 0 failures" "$work/out"; then
      echo "$repeat"
      cat "$work/out"
      exit 1
    fi
  done
  if ! "$program" check > "$work/checked" 2>&1; then
    echo "$repeat"
    cat "$work/checked" "$work/out"
    exit 1
  fi
  nothing_left "run $run"
done
echo "passed: $deaths deaths: nothing that was flushed is lost, and what is there is whole"
