#!/bin/sh
# usage: by_rank.sh LOCUM-BY-RANK    Each rank becomes its program, with its arguments as they are, whichever launcher gave it the rank;
# a command line that does not fit the job is refused on every rank, with a line that says why.
by_rank=$1
work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
unset OMPI_COMM_WORLD_RANK OMPI_COMM_WORLD_SIZE PMIX_RANK PMI_RANK PMI_SIZE SLURM_PROCID SLURM_STEP_NUM_TASKS
failed=0

# prints WANTED VARIABLE=VALUE... -- ARGUMENTS
prints() {
  wanted=$1
  shift
  said=$(as "$@" 2>&1)
  status=$?
  if [ "$status" -ne 0 ] || [ "$said" != "$wanted" ]; then
    printf 'printed, with status %d: %s\nand not: %s\n' "$status" "$said" "$wanted"
    failed=1
  fi
}

# refuses REASON VARIABLE=VALUE... -- ARGUMENTS
refuses() {
  reason=$1
  shift
  said=$(as "$@" 2>&1)
  status=$?
  if [ "$status" -ne 2 ] || [ "$said" != "locum-by-rank: $reason" ]; then
    printf 'printed, with status %d: %s\nand not: locum-by-rank: %s\n' "$status" "$said" "$reason"
    failed=1
  fi
}

as() (
  while [ "$1" != -- ]; do
    export "${1?}"
    shift
  done
  shift
  exec "$by_rank" "$@"
)

set -- -n 3 printf '[%s]' a 'b  c' + -np 2 printf '{%s}' '' '*'
prints '[a][b  c]' OMPI_COMM_WORLD_RANK=0 OMPI_COMM_WORLD_SIZE=5 -- "$@"
prints '[a][b  c]' PMIX_RANK=2 -- "$@"
prints '{}{*}' PMI_RANK=3 PMI_SIZE=5 -- "$@"
prints '{}{*}' SLURM_PROCID=4 SLURM_STEP_NUM_TASKS=5 -- "$@"
prints '{}{*}' OMPI_COMM_WORLD_RANK=4 SLURM_PROCID=0 -- "$@"  # mpirun in a batch script
prints last OMPI_COMM_WORLD_RANK=1 -- -n 1 false + -n 0 false + -n 1 echo last
prints 'only: one' OMPI_COMM_WORLD_RANK=1 OMPI_COMM_WORLD_SIZE=2 -- -n 2 echo only: one

refuses 'this process has no rank: start it by mpirun, mpiexec or srun' -- "$@"
refuses 'the programs have 5 ranks together, so there is none for rank 5' OMPI_COMM_WORLD_RANK=5 OMPI_COMM_WORLD_SIZE=6 -- "$@"
refuses 'the programs have 5 ranks together, and the job has 4' PMI_RANK=0 PMI_SIZE=4 -- "$@"
refuses "'./simulation' is where -n and a number of ranks are expected" PMI_RANK=0 -- ./simulation
refuses "-n wants a number of ranks, not 'three'" PMI_RANK=0 -- -n three true
refuses "-n wants a number of ranks, not '08'" PMI_RANK=0 -- -n 08 true
refuses "a program is missing before '+'" PMI_RANK=0 -- -n 1 + -n 1 true
refuses 'the last program is missing' PMI_RANK=0 -- -n 1 true +
refuses 'the last program is missing' PMI_RANK=0 -- -n 1
exit "$failed"
