#!/bin/bash
# usage: tests/cluster/run --slurm --script singletons.sh PROGRAM    PROGRAM is cluster_traffic_tests.
#
# srun without --mpi=pmix starts a job that MPI does not know: each rank would run alone. Open MPI 4 refuses that by itself, as long as it
# sees that Slurm has started it. Where it does not see that, as within a wrapper that clears the environment, the library warns on each
# rank.
set -u
program=$1
export LOCUM_TEST_SHARED=$CLUSTER_DIR/board CLUSTER_SRUN_MPI=none
head -c 4096 /dev/zero > "$LOCUM_TEST_SHARED"
: > "$LOCUM_TEST_SHARED.stop"  # the ranks end at once
ranks=$((CLUSTER_HOSTS * CLUSTER_RANKS))

if job "$program" lossless > "$CLUSTER_DIR/out" 2>&1; then
  echo "FAILED: srun --mpi=none, and the job ended as if nothing were wrong:"
  cat "$CLUSTER_DIR/out"
  exit 1
fi
if ! grep -q 'launched using "srun"' "$CLUSTER_DIR/out" || grep -q '^rank' "$CLUSTER_DIR/out"; then
  echo 'FAILED: srun --mpi=none, and MPI does not refuse it:'
  cat "$CLUSTER_DIR/out"
  exit 1
fi
echo 'MPI itself refuses srun --mpi=none'

job env -u SLURM_NODELIST "$program" lossless > "$CLUSTER_DIR/out" 2>&1
warned=$(grep -c "^locum: MPI sees one rank, but the launcher says SLURM_STEP_NUM_TASKS=$ranks: .*--mpi=pmix" "$CLUSTER_DIR/out")
if [ "$warned" != "$ranks" ] || [ "$(grep -c '^rank 0: 0 failures' "$CLUSTER_DIR/out")" != "$ranks" ]; then
  echo "FAILED: $warned of $ranks ranks that run alone warn:"
  cat "$CLUSTER_DIR/out"
  exit 1
fi
echo "$warned ranks that run alone warn"

unset CLUSTER_SRUN_MPI
job "$program" lossless > "$CLUSTER_DIR/out" 2>&1
if grep -q '^locum:' "$CLUSTER_DIR/out" || [ "$(grep -c '^rank .: 0 failures' "$CLUSTER_DIR/out")" != "$ranks" ]; then
  echo 'FAILED: with --mpi=pmix:'
  cat "$CLUSTER_DIR/out"
  exit 1
fi
echo 'with --mpi=pmix none does'
