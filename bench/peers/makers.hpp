#pragma once

#include "bench/peers/peer.hpp"

namespace peers {

[[nodiscard]] std::unique_ptr<Peer> make_locum(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_redis_unix(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_redis_tcp(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_redis_pipelined(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_memcached_unix(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_memcached_tcp(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_files_read(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_files_mapped(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_boost_segment(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_lmdb(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_rocksdb(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_rocksdb_batched(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_hdf5(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_redis_unix(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_redis_tcp(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_redis_batches(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_memcached_unix(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_files(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_rocksdb(const Place& place);
[[nodiscard]] std::unique_ptr<Peer> make_over_rocksdb_batches(const Place& place);

}  // namespace peers
