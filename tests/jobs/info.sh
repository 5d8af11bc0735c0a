#!/usr/bin/env sh
# usage: info.sh MPIEXEC... LOCUM_INFO
# Runs locum-info on one node, and on nodes of two ranks over each transport, and looks for what it has to say.
set -u

fails() {
  printf '%s\n' "$1" "$2" >&2
  exit 1
}
has() {
  printf '%s\n' "$1" | grep -q -- "$2" || fails "missing: $2" "$1"
}

one=$("$@") || fails 'locum-info failed on one node' "$one"
has "$one" '^locum [0-9.]*: 4 ranks on 1 node$'
has "$one" 'MPI_THREAD_MULTIPLE$'

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
memory=$(LOCUM_SPILL_FOLDER=$folder LOCUM_SPILL_BYTES=1G "$@" --memory) || fails 'locum-info --memory failed' "$memory"
has "$memory" "^  spilled objects: on disk below '$folder' of each node, at most 1.00 GiB$"
has "$memory" '^  node  ranks *memory *committed    *highest *used *pinned *objects  copies'
has "$memory" '^  rank  objects *used *highest'

for transport in auto mpi; do
  two=$(LOCUM_RANKS_PER_NODE=2 LOCUM_TRANSPORT=$transport "$@") || fails "locum-info failed over $transport" "$two"
  has "$two" '^locum [0-9.]*: 4 ranks on 2 nodes (LOCUM_RANKS_PER_NODE)$'
  has "$two" '^  between nodes: '
  has "$two" '^locum: note: LOCUM_RANKS_PER_NODE splits'
done
has "$two" '^  between nodes: mpi'
has "$two" '^locum: note: the transport is mpi'
