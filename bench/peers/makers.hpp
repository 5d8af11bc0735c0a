#pragma once

#include "bench/peers/peer.hpp"

namespace peers {

[[nodiscard]] std::unique_ptr<Peer> make_locum(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_redis_unix(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_redis_tcp(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_redis_pipelined(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_memcached_unix(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_memcached_tcp(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_memcached_batched(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_files_read(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_files_mapped(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_appended(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_appended_batched(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_map(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_boost_segment(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_lmdb(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_rocksdb(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_rocksdb_batched(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_hdf5(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_redis_unix(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_redis_tcp(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_redis_batches(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_memcached_unix(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_memcached_tcp(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_memcached_batches(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_files(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_files_batches(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_pack(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_pack_batches(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_hdf5(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_rocksdb(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_rocksdb_batches(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_memory(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_simple(const Place& place);

}  // namespace peers
