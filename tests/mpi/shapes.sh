#!/bin/bash
# usage: shapes.sh MPIEXEC... PROGRAM    LOCUM_SHAPES=1: the tests of the runtime on every number of ranks from 1 to 6, on nodes of one,
# two and three of them, over each way between nodes. Prints `passed` once all have.
set -u
[ "${LOCUM_SHAPES:-0}" = 1 ] || { echo "LOCUM_SHAPES=1 asks for it"; exit 77; }
program=${*: -1}
launcher=("${@:1:$#-2}")  # without the number of ranks
for lanes in any tcp mpi; do
  for per_node in 1 2 3; do
    for ranks in 1 2 3 4 5 6; do
      [ "$ranks" -gt "$per_node" ] || [ "$lanes" = any ] || continue  # one node only: nothing is between nodes
      settings=("LOCUM_TEST_RANKS=$ranks" "LOCUM_RANKS_PER_NODE=$per_node")
      case $lanes in
        tcp) settings+=(UCX_TLS=tcp,self) ;;
        mpi) settings+=(LOCUM_TRANSPORT=mpi) ;;
      esac
      if ! env "${settings[@]}" "${launcher[@]}" "$ranks" "$program"; then
        echo "FAILED. To repeat it: ${settings[*]} ${launcher[*]} $ranks $program"
        exit 1
      fi
    done
  done
done
echo 'passed'
