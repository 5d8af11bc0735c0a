#!/bin/sh
# usage: selftest.sh FOLDER    Adds one include, or type, at a time to an otherwise clean tree below FOLDER and tests whether check.sh
# detects it: a check that never fails would be useless.
set -eu
check=$(cd "$(dirname "$0")" && pwd)/check.sh
tree=$1
failed=0
if [ -n "$(ls -A "$tree" 2>/dev/null)" ] && [ ! -e "$tree/planted" ]; then
  printf '%s is not empty: name a folder that may be deleted\n' "$tree" >&2
  exit 2
fi

plant() {  # plant FILE TEXT: a clean tree, and TEXT as the only line of FILE
  rm -rf "$tree"
  for file in core/store.hpp core/detail/list.hpp core/rpc/rpc_channel.hpp core/base/mutex.hpp core/ports/arena.hpp shm/segment/segment.hpp shm/node.hpp transport/ucx/worker.hpp mpi/communicator.hpp; do
    mkdir -p "$tree/$(dirname "$file")"
    echo '#include <vector>' >"$tree/$file"
  done
  printf 'namespace locum {\n\nstruct Block {\n  int bytes;\n};\n' >"$tree/core/ports/arena.hpp"
  mkdir -p "$tree/transport/storage/tape"
  echo 'locum_storage_part(TAPE "tape:" HEADER tape/reel.h LIBRARIES tape PACKAGE libtape-dev)' >"$tree/transport/storage/tape/backend.cmake"
  : >"$tree/planted"
  mkdir -p "$tree/$(dirname "$1")"
  printf '%s\n' "$2" >"$tree/$1"
}

refused() {
  plant "$1" "$2"
  if output=$(sh "$check" "$tree") || ! printf '%s\n' "$output" | grep -qF "$1:1: $2"; then
    printf 'not seen in %s: %s\n%s\n' "$1" "$2" "$output"
    failed=$((failed + 1))
  fi
}

twice() {
  plant "$1" "$2"
  sed -i '1i namespace locum {' "$tree/$1"
  if output=$(sh "$check" "$tree") || ! printf '%s\n' "$output" | grep -qF "locum::Block, as "; then
    printf 'not seen in %s: %s\n%s\n' "$1" "$2" "$output"
    failed=$((failed + 1))
  fi
}

allowed() {
  plant "$1" "$2"
  if ! output=$(sh "$check" "$tree"); then
    printf 'refused in %s: %s\n%s\n' "$1" "$2" "$output"
    failed=$((failed + 1))
  fi
}

refused core/key.cpp '#include <mpi.h>'
refused core/key.cpp '#include <unistd.h>'
refused core/key.cpp '#include <boost/interprocess/mapped_region.hpp>'
refused core/key.cpp '#include "shm/segment/segment.hpp"'
refused core/key.hpp '#include "../shm/segment/segment.hpp"'
refused core/detail/key.hpp '  #  include "../../mpi/communicator.hpp"'
refused core/key.cpp '#include <locum/mpi/communicator.hpp>'
refused core/key.cpp '#include <locum/locum.hpp>'
refused core/key.cpp '#include <locum/wrappers.hpp>'
refused core/key.cpp '#include "core/testing/backend_contract.hpp"'
refused core/key.cpp '#include <gtest/gtest.h>'
refused core/key.cpp '#include <nlohmann/json.hpp>'
refused core/core.hpp '#include <locum/json.hpp>'
refused transport/storage/memory/simple.cpp '#include "core/testing/backend_contract.hpp"'
refused transport/storage/file/backend.cpp '#include <tape/reel.h>'
refused transport/storage/tape/backend.cpp '#include <sqlite3.h>'
refused core/key.cpp '#include "tests/core/tree.hpp"'
refused core/key.cpp '#include KEY_HEADER'
refused shm/arena/arena.cpp '#include "mpi/communicator.hpp"'
refused shm/arena/arena.hpp '#include "../../transport/ucx/worker.hpp"'
refused shm/arena/arena.cpp '#include <mpi.h>'
refused shm/arena/arena.cpp '#include <boost/asio.hpp>'
refused transport/ucx/endpoint.cpp '#include "shm/segment/segment.hpp"'
refused transport/ucx/endpoint.cpp '#include <hdf5.h>'
refused transport/loopback/network.cpp '#include <ucp/api/ucp.h>'
refused mpi/bootstrap.cpp '#include "shm/segment/segment.hpp"'
refused mpi/bootstrap.hpp '#include "../transport/ucx/worker.hpp"'
refused mpi/runtime.cpp '#include <ucp/api/ucp.h>'
refused mpi/runtime.cpp '#include "jobs/demo.hpp"'
refused core/base/mutex.cpp '#include "core/rpc/rpc_channel.hpp"'
refused core/rpc/rpc_channel.cpp '#include "core/store.hpp"'
refused core/rpc/rpc_channel.hpp '#include <locum/store.hpp>'
refused core/base/mutex.hpp '#include <locum/detail/object/object.hpp>'
refused core/elsewhere/list.cpp '#include "core/base/mutex.hpp"'
refused shm/segment/segment.cpp '#include "shm/arena/arena.hpp"'
refused core/store.hpp '#include <locum/runtime.hpp>'
twice core/options.hpp 'struct Block {'
twice mpi/options.hpp 'class Block final : public Base {'

allowed core/testing/contract.hpp '#include <gtest/gtest.h>'
allowed core/key.cpp '#include "core/store.hpp"'
allowed core/detail/key.hpp '#include "../store.hpp"'
allowed core/detail/key.hpp '#include "list.hpp"'
allowed core/key.cpp '#include <cstdint>'
allowed core/rpc/rpc_channel.cpp '#include "core/base/mutex.hpp"'
allowed core/base/mutex.cpp '#include "core/error.hpp"'
allowed core/detail/list.hpp '#include <locum/store.hpp>'
allowed core/rpc/rpc_channel.hpp '#include <locum/detail/base/mutex.hpp>'
allowed shm/table/entries.cpp '#include "shm/names/shard.hpp"'
allowed shm/arena/arena.cpp '#include <sys/mman.h>'
allowed shm/arena/arena.cpp '#include <boost/interprocess/mapped_region.hpp>'
allowed shm/arena/arena.hpp '#include "../../core/error.hpp"'
allowed transport/ucx/endpoint.cpp '#include <ucp/api/ucp.h>'
allowed transport/storage/file.cpp '#include <hdf5.h>'
allowed transport/storage/tape/backend.cpp '#include <tape/reel.h>'
allowed transport/storage/tape/backend.cpp '#include <tape/drive.h>'
allowed mpi/bootstrap.cpp '#include <mpi.h>'
allowed mpi/runtime.cpp '#include "shm/segment/segment.hpp"'
allowed mpi/runtime.cpp '#include "transport/ucx/worker.hpp"'
allowed core/options.hpp 'struct Block;'
allowed core/options.hpp 'struct Block {'
allowed core/options.hpp 'struct Block<int> {'

rm -rf "$tree"
if [ "$failed" -ne 0 ]; then
  echo "$failed cases failed"
  exit 1
fi
echo 'all cases as expected'
