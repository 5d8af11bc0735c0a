#!/bin/bash
# usage: tests/cluster/run --slurm --script warned.sh PROGRAM [by_time]    PROGRAM is checkpoint_restart_tests.
#
# Slurm warns a job by a signal: all ranks write a checkpoint in the same step, and another job restores it. by_time: before the job's
# time is over, as srun's --signal asks for; this takes half a minute, because Slurm counts in minutes. Otherwise by scancel.
set -u
program=$1 by=${2:-scancel}
# shellcheck source=tests/cluster/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/common.sh"
export LOCUM_CHECKPOINT_SIGNAL=USR1 SLURM_CONF=$dir/slurm.conf
path=$CLUSTER_DIR/shared/step1.h5
ranks=$((CLUSTER_HOSTS * CLUSTER_RANKS))
out=$CLUSTER_DIR/out

fail() {
  echo "FAILED: $*:"
  cat "$out"
  exit 1
}
runs() { grep -q '^running' "$out"; }
: > "$out"
if [ "$by" = by_time ]; then
  SLURM_TIMELIMIT=1 SLURM_SIGNAL=USR1@55 job "$program" warned "$path" > "$out" 2>&1 || fail 'the job that is warned'
else
  job "$program" warned "$path" > "$out" 2>&1 &
  wait_for 30 runs || fail 'the job does not run'
  scancel --signal USR1 "$(squeue --noheader --format %i)"
  wait $! || fail 'the job that is warned'
fi
[ "$(grep -c 'warned in step' "$out")" = $ranks ] || fail 'not all ranks are warned'
[ "$(grep -o 'in step .*' "$out" | sort -u | wc -l)" = 1 ] || fail 'they are warned in different steps'
echo "$ranks ranks were warned, after $SECONDS s"
job "$program" latest "$path" > "$out" 2>&1 || fail 'the job that restores'
grep -q '^latest [1-9]' "$out" || fail 'nothing is restored'
