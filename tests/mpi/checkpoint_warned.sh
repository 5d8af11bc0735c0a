#!/bin/bash
# usage: checkpoint_warned.sh MPIEXEC FLAG RANKS PROGRAM    One rank of a job gets the signal that LOCUM_CHECKPOINT_SIGNAL names: all ranks
# then write a checkpoint in the same step. Without the variable the signal ends the job, as it does by itself.
set -u
mpiexec=$1 flag=$2 ranks=$3 program=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# shellcheck source=tests/mpi/descendants.sh
. "$(dirname "$0")/descendants.sh"
export UCX_TLS=tcp,self TMPDIR="$work"
export OMPI_MCA_btl_vader_backing_directory="$work" OMPI_MCA_btl_sm_backing_directory="$work"
path=$work/step1.h5

fail() {
  echo "FAILED: $*"
  exit 1
}
start() {  # start SIGNAL: a job, which runs when this returns
  : > "$work/out"
  LOCUM_CHECKPOINT_SIGNAL=$1 "$mpiexec" "$flag" "$ranks" "$program" warned "$path" > "$work/out" 2>&1 &
  job=$!
  for ((tries = 0; tries < 600; ++tries)); do
    ! grep -q '^running' "$work/out" || return 0
    sleep 0.1
  done
  fail "the job does not run: $(cat "$work/out")"
}
warn() {  # warn SIGNAL: one of the ranks, not the launcher
  local process
  for process in $(descendants "$job"); do
    if [ "$(readlink "/proc/$process/exe")" = "$(realpath "$program")" ]; then
      kill -s "$1" "$process"
      return
    fi
  done
  fail 'there is no rank'
}

for signal in USR1 SIGUSR2 10; do
  rm -rf "$path" "$path.parts"
  start $signal
  warn "${signal#SIG}"
  wait "$job" || fail "$signal: the job fails: $(cat "$work/out")"
  [ "$(grep -c 'warned in step' "$work/out")" = "$ranks" ] || fail "$signal: not all ranks are warned: $(cat "$work/out")"
  [ "$(grep -o 'in step .*' "$work/out" | sort -u | wc -l)" = 1 ] || fail "$signal: they are warned in different steps: $(cat "$work/out")"
  found=$("$mpiexec" "$flag" 1 "$program" latest "$path" 2>&1)
  [ "$found" = "latest $(grep -o 'in step [0-9]*' "$work/out" | head -n 1 | cut -d ' ' -f 3)" ] || fail "$signal: restored: $found"
done

start ''
warn USR2  # the program ignores USR1
! wait "$job" 2>/dev/null || fail 'without the variable, the signal has no effect'
! grep -q 'no warning came' "$work/out" || fail "without the variable, the signal has no effect: $(cat "$work/out")"
echo 'all ranks were warned'
