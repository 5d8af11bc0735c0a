#!/bin/sh
# usage: selftest.sh FOLDER    Adds one include, type or thread at a time to an otherwise clean tree below FOLDER and tests whether check.sh
# detects it: a check that never fails would be useless.
set -eu
check=$(cd "$(dirname "$0")" && pwd)/check.sh
folder=$1
tree=$folder/tree
failed=0
if [ -n "$(ls -A "$folder" 2>/dev/null)" ] && [ ! -e "$folder/planted" ]; then
  printf '%s is not empty: name a folder that may be deleted\n' "$folder" >&2
  exit 2
fi

rm -rf "$folder"
clean=$folder/clean
for file in core/store.hpp core/detail/list.hpp core/rpc/rpc_channel.hpp core/base/mutex.hpp core/value/error.hpp core/ports/arena.hpp shm/segment/segment.hpp shm/node.hpp transport/ucx/worker.hpp mpi/communicator.hpp mpi/runtime/runtime.hpp; do
  mkdir -p "$clean/${file%/*}"
  echo '#include <vector>' >"$clean/$file"
done
printf 'namespace locum {\n\nstruct Block {\n  int bytes;\n};\n' >"$clean/core/ports/arena.hpp"
mkdir -p "$clean/transport/storage/tape"
echo 'locum_storage_part(TAPE "tape:" HEADER tape/reel.h LIBRARIES tape PACKAGE libtape-dev)' >"$clean/transport/storage/tape/backend.cmake"
: >"$folder/planted"

plant() {  # plant FILE TEXT: a clean tree, and TEXT as the only line of FILE
  rm -rf "$tree"
  cp -R "$clean" "$tree"
  mkdir -p "$tree/${1%/*}"
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

refused core/steps/records.hpp 'std::this_thread::sleep_for(pause);'
refused shm/names/name_wait.cpp '  ::nanosleep(&pause, nullptr);'
refused mpi/runtime/close.cpp 'std::this_thread::sleep_until (moment);'
allowed core/tier/name_claims.cpp 'std::this_thread::sleep_for(pause);'
allowed core/steps/records.cpp '// sleep_for() would be late'
allowed core/async/progress.hpp 'const Pending* asleep_for_;'
refused core/value/key.cpp '#include <mpi.h>'
refused core/value/key.cpp '#include <unistd.h>'
refused core/value/key.cpp '#include <boost/interprocess/mapped_region.hpp>'
refused core/value/key.cpp '#include "shm/segment/segment.hpp"'
refused core/value/key.hpp '#include "../../shm/segment/segment.hpp"'
refused core/detail/key.hpp '  #  include "../../mpi/communicator.hpp"'
refused core/value/key.cpp '#include <locum/mpi/communicator.hpp>'
refused core/value/key.cpp '#include <locum/locum.hpp>'
refused core/value/key.cpp '#include <locum/wrappers.hpp>'
refused core/value/key.cpp '#include "core/testing/backend_contract.hpp"'
refused core/value/key.cpp '#include <gtest/gtest.h>'
refused core/value/key.cpp '#include <nlohmann/json.hpp>'
refused core/value/key.cpp '#include <dlpack/dlpack.h>'
refused core/store.hpp '#include <locum/json.hpp>'
refused core/session.hpp '#include <locum/open.hpp>'
refused transport/storage/memory/simple.cpp '#include "core/testing/backend_contract.hpp"'
refused transport/storage/file/backend.cpp '#include <tape/reel.h>'
refused transport/storage/tape/backend.cpp '#include <sqlite3.h>'
refused core/value/key.cpp '#include "tests/core/tree.hpp"'
refused core/value/key.cpp '#include KEY_HEADER'
refused shm/arena/arena.cpp '#include "mpi/communicator.hpp"'
refused shm/arena/arena.hpp '#include "../../transport/ucx/worker.hpp"'
refused shm/arena/arena.cpp '#include <mpi.h>'
refused shm/arena/arena.cpp '#include <boost/asio.hpp>'
refused transport/ucx/endpoint.cpp '#include "shm/segment/segment.hpp"'
refused transport/ucx/endpoint.cpp '#include <hdf5.h>'
refused transport/elsewhere/network.cpp '#include <ucp/api/ucp.h>'
refused transport/ucx/worker.cpp '#include "tests/loopback/network.hpp"'
refused mpi/bootstrap.cpp '#include "shm/segment/segment.hpp"'
refused mpi/bootstrap.hpp '#include "../transport/ucx/worker.hpp"'
refused mpi/runtime_links.cpp '#include "transport/ucx/worker.hpp"'
refused mpi/runtime/runtime.cpp '#include <ucp/api/ucp.h>'
refused mpi/runtime/runtime.cpp '#include "jobs/demo.hpp"'
refused mpi/group.cpp '#include "mpi/runtime/runtime.hpp"'
refused mpi/checkpoint/writing.cpp '#include <locum/runtime.hpp>'
refused mpi/checkpoint/writing.cpp '#include "transport/ucx/worker.hpp"'
refused mpi/checkpoint/writing.cpp '#include <locum/open.hpp>'
refused mpi/elsewhere/list.cpp '#include "mpi/communicator.hpp"'
refused core/base/mutex.cpp '#include "core/rpc/rpc_channel.hpp"'
refused core/base/mutex.cpp '#include "core/store.hpp"'
refused core/value/hyperslab.cpp '#include "core/client/part_fetch.hpp"'
refused core/value/handle.cpp '#include "core/node/promised.hpp"'
refused core/value/part.cpp '#include "core/object/object.hpp"'
refused core/value/key.hpp '#include <locum/session.hpp>'
refused core/rpc/rpc_channel.hpp '#include "core/error.hpp"'
refused core/rpc/rpc_channel.cpp '#include "core/store.hpp"'
refused core/rpc/rpc_channel.hpp '#include <locum/store.hpp>'
refused core/base/mutex.hpp '#include <locum/detail/object/object.hpp>'
refused core/elsewhere/list.cpp '#include "core/base/mutex.hpp"'
refused shm/segment/segment.cpp '#include "shm/arena/arena.hpp"'
refused core/store.hpp '#include <locum/runtime.hpp>'
refused core/python/store.cpp '#include "core/store.hpp"'
refused core/python/store.cpp '#include <locum/store.hpp>'
refused core/python/store.cpp '#include "core/c/locum.h"'
refused core/python/store.cpp '#include <mpi.h>'
refused core/python/store.cpp '#include <unistd.h>'
refused core/store.cpp '#include <pybind11/pybind11.h>'
refused core/store.cpp '#include "core/python/store.hpp"'
twice core/value/options.hpp 'struct Block {'
twice mpi/options.hpp 'class Block final : public Base {'
allowed core/writer.cpp '#include "core/store.hpp"'
allowed core/python/store.cpp '#include <locum/locum.h>'
refused core/python/shards.cpp '#include <locum/locum_shards.h>'
allowed core/python/store.cpp '#include "core/python/store.hpp"'
allowed core/python/store.cpp '#include <pybind11/numpy.h>'
allowed core/python/unlocked.cpp '#include <unistd.h>'
refused core/base/mutex.cpp '#include <pthread.h>'
refused core/base/background_thread.hpp '#include <pthread.h>'
refused core/base/background_thread.cpp '#include <unistd.h>'
refused core/base/descriptor.hpp '#include <unistd.h>'
refused core/async/progress.hpp '  std::thread helper_;'
refused core/async/progress.cpp '  helper_ = std::thread([this] { help(); });'
refused shm/death/death_watch.hpp 'std::vector<std::jthread> threads;'
refused transport/storage/pack.cpp 'const auto done = std::async(std::launch::async, work);'
refused transport/ucx/worker.cpp '  ::pthread_create(&thread, nullptr, work, this);'
refused mpi/runtime.hpp 'std::optional<std::thread> writer_;  // of checkpoints'
allowed core/testing/contract.hpp '#include <gtest/gtest.h>'
allowed core/testing/contract.hpp 'std::thread other([] {});'
allowed core/base/background_thread.hpp '  std::thread thread_;'
allowed core/base/background_thread.cpp '#include <pthread.h>'
allowed core/base/background_thread.cpp '#include <signal.h>  // pthread_sigmask'
allowed core/base/fork_mark.cpp '#include <pthread.h>'
allowed core/base/descriptor.cpp '#include <unistd.h>'
allowed core/base/wake_timer.cpp '#include <sys/timerfd.h>'
allowed core/async/progress.hpp '  std::optional<std::thread::id> only_thread{};'
allowed core/async/progress.cpp 'const bool is_mine = std::this_thread::get_id() == owner_;  // of its std::thread'
allowed mpi/runtime.cpp 'const unsigned cores = std::thread::hardware_concurrency();'
allowed core/detail/key.hpp '#include "../store.hpp"'
allowed core/detail/key.hpp '#include "list.hpp"'
allowed core/value/key.cpp '#include <cstdint>'
allowed core/rpc/rpc_channel.cpp '#include "core/base/mutex.hpp"'
allowed core/base/mutex.cpp '#include "core/value/error.hpp"'
allowed core/value/key.hpp '#include "core/base/mutex.hpp"'
allowed core/ports/arena.cpp '#include <locum/error.hpp>'
allowed core/store.hpp '#include <locum/error.hpp>'
allowed core/detail/list.hpp '#include <locum/store.hpp>'
allowed core/rpc/rpc_channel.hpp '#include <locum/detail/base/mutex.hpp>'
allowed shm/table/entries.cpp '#include "shm/names/shard.hpp"'
allowed shm/arena/arena.cpp '#include <sys/mman.h>'
allowed shm/arena/arena.cpp '#include <boost/interprocess/mapped_region.hpp>'
allowed shm/arena/arena.hpp '#include "../../core/value/error.hpp"'
allowed transport/ucx/endpoint.cpp '#include <ucp/api/ucp.h>'
allowed transport/storage/zip/zip.cpp '#include <zlib.h>'
refused transport/storage/formats/csv/csv.cpp '#include <zlib.h>'
allowed transport/storage/file.cpp '#include <hdf5.h>'
allowed transport/storage/tape/backend.cpp '#include <tape/reel.h>'
allowed transport/storage/tape/backend.cpp '#include <tape/drive.h>'
allowed mpi/bootstrap.cpp '#include <mpi.h>'
allowed mpi/runtime/runtime.cpp '#include "mpi/communicator.hpp"'
allowed mpi/runtime/runtime.cpp '#include "shm/segment/segment.hpp"'
allowed mpi/runtime/runtime.cpp '#include "transport/ucx/worker.hpp"'
allowed core/value/options.hpp 'struct Block;'
allowed core/value/options.hpp 'struct Block {'
allowed core/value/options.hpp 'struct Block<int> {'

rm -rf "$folder"
if [ "$failed" -ne 0 ]; then
  echo "$failed cases failed"
  exit 1
fi
echo 'all cases as expected'
