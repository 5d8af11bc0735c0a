#pragma once

#include <cstdint>
#include <string_view>

#include <locum/ports/backend.hpp>

/// Traits of the backends of this library, as constants: `static_assert(locum::backends::redis.expires)`, and
/// `locum::open<locum::backends::redis>(url)`, see StoreOver. Those of an open backend can differ: options of
/// its URL and wrappers change them.
namespace locum::backends {

namespace detail {
constexpr BackendTraits under_scheme(BackendTraits traits, std::string_view scheme) {
  traits.scheme = scheme;
  return traits;
}
}  // namespace detail

/// Files of a folder.
inline constexpr BackendTraits file{.scheme = "file",
                                    .longest_name = 200,
                                    .name_bytes = NameBytes::file_name,
                                    .loads_ends = true,
                                    .in_place = true};
/// Datasets of one HDF5 file. They outlive the process that stored them, and are no safer than HDF5's files
/// are: a process killed within a change may leave a damaged file.
inline constexpr BackendTraits hdf5{
    .scheme = "hdf5", .longest_name = 1024, .loads_ends = true, .shared_by = SharedBy::process};
/// A server of Memcached, with its default for the largest item, of which 512 bytes cannot hold a record.
inline constexpr BackendTraits memcached{.scheme = "memcached",
                                         .largest_record = (std::uint64_t{1} << 20U) - 512,
                                         .longest_name = 200,
                                         .name_bytes = NameBytes::printable,
                                         .lists = false,
                                         .expires = true,
                                         .is_durable = false};
/// Memcached over TLS.
inline constexpr BackendTraits memcacheds = detail::under_scheme(memcached, "memcacheds");
/// The memory of this process, read in place. It is no Backend: nothing can be put over it.
inline constexpr BackendTraits memory{.scheme = "memory",
                                      .pushes = true,
                                      .in_place = true,
                                      .is_durable = false,
                                      .shared_by = SharedBy::process};
/// Several backends, whose traits decide its own.
inline constexpr BackendTraits multi{.scheme = "multi", .loads_ends = true};
/// Keeps nothing.
inline constexpr BackendTraits null{.scheme = "null",
                                    .is_atomic = false,
                                    .loads_ends = true,
                                    .is_durable = false,
                                    .shared_by = SharedBy::process};
/// One file, to which records are appended, or a folder with such a file for each collection.
inline constexpr BackendTraits pack{.scheme = "pack",
                                    .longest_name = 60'000,
                                    .loads_ends = true,
                                    .in_place = true,
                                    .shared_by = SharedBy::process};
/// A server of Redis.
inline constexpr BackendTraits redis{.scheme = "redis",
                                     .largest_record = (std::uint64_t{512} << 20U) - 64,
                                     .expires = true,
                                     .pushes = true,
                                     .loads_ends = true};
/// A database of RocksDB, which counts the bytes of a value with 32 bits.
inline constexpr BackendTraits rocksdb{
    .scheme = "rocksdb", .largest_record = std::uint64_t{3} << 30U, .shared_by = SharedBy::process};
/// A map in the memory of this process.
inline constexpr BackendTraits simple{
    .scheme = "simple", .loads_ends = true, .is_durable = false, .shared_by = SharedBy::process};
/// A server of Redis over TLS; of Valkey, which speaks the protocol of Redis; of Valkey over TLS.
inline constexpr BackendTraits rediss = detail::under_scheme(redis, "rediss");
inline constexpr BackendTraits valkey = detail::under_scheme(redis, "valkey");
inline constexpr BackendTraits valkeys = detail::under_scheme(redis, "valkeys");

}  // namespace locum::backends
