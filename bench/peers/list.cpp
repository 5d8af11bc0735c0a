#include "bench/peers/list.hpp"

#include <array>

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
#else
constexpr PeerMaker memcached_unix = nullptr;
constexpr PeerMaker memcached_tcp = nullptr;
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
/// One process may have a database open.
bool has_folder_alone(const Place& place) {
  int size = 0;
  MPI_Comm_size(place.ranks, &size);
  return has_folder(place) && size == 1;
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

constexpr std::array kinds{
    PeerKind{"locum", make_locum, "", anywhere, ""},
    PeerKind{"Redis, unix socket", redis_unix, "libhiredis-dev", has_redis_socket, "--redis-socket"},
    PeerKind{"Redis, TCP", redis_tcp, "libhiredis-dev", has_redis_port, "--redis-port"},
    PeerKind{"Redis, unix, pipelined", redis_pipelined, "libhiredis-dev", has_redis_socket, "--redis-socket"},
    PeerKind{"Memcached, unix socket", memcached_unix, "libmemcached-dev", has_memcached_socket,
             "--memcached-socket"},
    PeerKind{"Memcached, TCP", memcached_tcp, "libmemcached-dev", has_memcached_port, "--memcached-port"},
    PeerKind{"files, read", make_files_read, "", has_folder, "--folder"},
    PeerKind{"files, mapped", make_files_mapped, "", has_folder, "--folder"},
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
    PeerKind{"locum over files", make_over_files, "", has_folder, "--folder", "files, read"},
    PeerKind{"locum over RocksDB", make_over_rocksdb, "", has_folder_alone, "--folder, and --ranks 1",
             "RocksDB"},
    PeerKind{"locum over RocksDB, batches", make_over_rocksdb_batches, "", has_folder_alone,
             "--folder, and --ranks 1", "RocksDB, batched"},
};

}  // namespace

std::span<const PeerKind> all_peers() {
  return kinds;
}

}  // namespace peers
