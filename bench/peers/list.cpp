#include "bench/peers/list.hpp"

#include <algorithm>
#include <array>
#include <locum/open.hpp>

#include "bench/peers/makers.hpp"

namespace peers {

namespace {

// CMake says which client libraries there are. Makers of the others are not even compiled.
#if LOCUM_PEERS_WITH_REDIS
constexpr PeerMaker redis_unix = make_redis_unix;
constexpr PeerMaker redis_tcp = make_redis_tcp;
constexpr PeerMaker redis_pipelined = make_redis_pipelined;
#else
constexpr PeerMaker redis_unix = nullptr;
constexpr PeerMaker redis_tcp = nullptr;
constexpr PeerMaker redis_pipelined = nullptr;
#endif
#if LOCUM_PEERS_WITH_MEMCACHED
constexpr PeerMaker memcached_unix = make_memcached_unix;
constexpr PeerMaker memcached_tcp = make_memcached_tcp;
constexpr PeerMaker memcached_batched = make_memcached_batched;
#else
constexpr PeerMaker memcached_unix = nullptr;
constexpr PeerMaker memcached_tcp = nullptr;
constexpr PeerMaker memcached_batched = nullptr;
#endif
#if LOCUM_PEERS_WITH_LMDB
constexpr PeerMaker lmdb = make_lmdb;
#else
constexpr PeerMaker lmdb = nullptr;
#endif
#if LOCUM_PEERS_WITH_ROCKSDB
constexpr PeerMaker rocksdb_single = make_rocksdb;
constexpr PeerMaker rocksdb_batched = make_rocksdb_batched;
#else
constexpr PeerMaker rocksdb_single = nullptr;
constexpr PeerMaker rocksdb_batched = nullptr;
#endif
#if LOCUM_PEERS_WITH_HDF5
constexpr PeerMaker hdf5 = make_hdf5;
#else
constexpr PeerMaker hdf5 = nullptr;
#endif

bool anywhere(const Place& /*place*/) {
  return true;
}
bool has_folder(const Place& place) {
  return !place.folder.empty();
}
bool alone(const Place& place) {
  int size = 0;
  MPI_Comm_size(place.ranks, &size);
  return size == 1;
}
/// One process may have a database, or a file of many values, open.
bool has_folder_alone(const Place& place) {
  return has_folder(place) && alone(place);
}
/// Not each build of the library has each backend.
bool is_built_in(std::string_view scheme) {
  return std::ranges::any_of(locum::backend_descriptions(), [scheme](const locum::BackendDescription& one) {
    return one.traits.scheme == scheme && one.is_built_in;
  });
}
bool has_hdf5_alone(const Place& place) {
  return has_folder_alone(place) && is_built_in("hdf5");
}
bool has_rocksdb_alone(const Place& place) {
  return has_folder_alone(place) && is_built_in("rocksdb");
}
bool has_redis_socket(const Place& place) {
  return !place.redis_socket.empty();
}
bool has_redis_port(const Place& place) {
  return place.redis_port != 0;
}
bool has_memcached_socket(const Place& place) {
  return !place.memcached_socket.empty();
}
bool has_memcached_port(const Place& place) {
  return place.memcached_port != 0;
}

constexpr std::string_view folder_alone = "--folder, and --ranks 1";
constexpr std::string_view rocksdb_alone = "--folder, --ranks 1, and rocksdb: in the library";
constexpr std::string_view hdf5_alone = "--folder, --ranks 1, and hdf5: in the library";

constexpr std::array kinds{
    PeerKind{"locum", make_locum, "", anywhere, ""},
    PeerKind{"Redis, unix socket", redis_unix, "libhiredis-dev", has_redis_socket, "--redis-socket"},
    PeerKind{"Redis, TCP", redis_tcp, "libhiredis-dev", has_redis_port, "--redis-port"},
    PeerKind{"Redis, unix, pipelined", redis_pipelined, "libhiredis-dev", has_redis_socket, "--redis-socket"},
    PeerKind{"Memcached, unix socket", memcached_unix, "libmemcached-dev", has_memcached_socket,
             "--memcached-socket"},
    PeerKind{"Memcached, TCP", memcached_tcp, "libmemcached-dev", has_memcached_port, "--memcached-port"},
    PeerKind{"Memcached, unix, batched", memcached_batched, "libmemcached-dev", has_memcached_socket,
             "--memcached-socket"},
    PeerKind{"files, read", make_files_read, "", has_folder, "--folder"},
    PeerKind{"files, mapped", make_files_mapped, "", has_folder, "--folder"},
    PeerKind{"one file, appended", make_appended, "", has_folder_alone, folder_alone},
    PeerKind{"one file, batched", make_appended_batched, "", has_folder_alone, folder_alone},
    PeerKind{"a map", make_map, "", alone, "--ranks 1"},
    PeerKind{"Boost.Interprocess", make_boost_segment, "", anywhere, ""},
    PeerKind{"LMDB", lmdb, "liblmdb-dev", has_folder, "--folder"},
    PeerKind{"RocksDB", rocksdb_single, "librocksdb-dev", has_folder, "--folder"},
    PeerKind{"RocksDB, batched", rocksdb_batched, "librocksdb-dev", has_folder, "--folder"},
    PeerKind{"HDF5", hdf5, "libhdf5-dev", has_folder, "--folder"},
    PeerKind{"locum over Redis, unix socket", make_over_redis_unix, "", has_redis_socket, "--redis-socket",
             "Redis, unix socket"},
    PeerKind{"locum over Redis, TCP", make_over_redis_tcp, "", has_redis_port, "--redis-port", "Redis, TCP"},
    PeerKind{"locum over Redis, batches", make_over_redis_batches, "", has_redis_socket, "--redis-socket",
             "Redis, unix, pipelined"},
    PeerKind{"locum over Memcached, unix socket", make_over_memcached_unix, "", has_memcached_socket,
             "--memcached-socket", "Memcached, unix socket"},
    PeerKind{"locum over Memcached, TCP", make_over_memcached_tcp, "", has_memcached_port, "--memcached-port",
             "Memcached, TCP"},
    PeerKind{"locum over Memcached, batches", make_over_memcached_batches, "", has_memcached_socket,
             "--memcached-socket", "Memcached, unix, batched"},
    PeerKind{"locum over files", make_over_files, "", has_folder, "--folder", "files, read"},
    PeerKind{"locum over files, batches", make_over_files_batches, "", has_folder, "--folder", "files, read"},
    PeerKind{"locum over pack", make_over_pack, "", has_folder_alone, folder_alone, "one file, appended"},
    PeerKind{"locum over pack, batches", make_over_pack_batches, "", has_folder_alone, folder_alone,
             "one file, batched"},
    PeerKind{"locum over HDF5", make_over_hdf5, "", has_hdf5_alone, hdf5_alone, "HDF5"},
    PeerKind{"locum over RocksDB", make_over_rocksdb, "", has_rocksdb_alone, rocksdb_alone, "RocksDB"},
    PeerKind{"locum over RocksDB, batches", make_over_rocksdb_batches, "", has_rocksdb_alone, rocksdb_alone,
             "RocksDB, batched"},
    PeerKind{"locum over memory", make_over_memory, "", alone, "--ranks 1", "a map"},
    PeerKind{"locum over simple", make_over_simple, "", alone, "--ranks 1", "a map"},
};

}  // namespace

std::span<const PeerKind> all_peers() {
  return kinds;
}

}  // namespace peers
