#!/bin/bash
# usage: next_job.sh WITH_ROCKSDB MPIEXEC FLAG PROGRAM    What each rank of one job put over a backend, another job finds on another
# number of ranks: by name, and by the handles that the first one stored. Where one process at a time has the backend open to write, or
# at all, that job has one rank.
set -u
with_rocksdb=$1 mpiexec=$2 flag=$3 program=$4
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

job() {  # job MODE RANKS URL...
  local mode=$1 ranks=$2
  shift 2
  timeout 500 "$mpiexec" "$flag" "$ranks" "$program" "$mode" "$*" || { echo "FAILED: $mode on $ranks ranks: $*"; exit 1; }
}

file="file://$work/folder?sync=0" pack="pack://$work/run.pack" hdf5="hdf5://$work/run.h5" rocksdb=
[ "$with_rocksdb" = 0 ] || rocksdb="rocksdb://$work/db"
job put 3 "$file"
job resolve 2 "$file"
job put 1 "$pack?sync=0" "$hdf5?sync=0" ${rocksdb:+"$rocksdb"}
job resolve 2 "$pack?read=1" "$hdf5?read_only=1"
[ -z "$rocksdb" ] || job resolve 1 "$rocksdb"
echo 'each job found what the one before had put'
