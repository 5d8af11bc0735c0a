#pragma once

#include <cstdint>

#include <locum/ports/backend.hpp>

namespace locum::backends {

/// Records in a RocksDB database, which one process at a time opens: `rocksdb:///scratch/db`. Each space is a
/// column family of its name; a value, whose bytes RocksDB counts with 32 bits, is the record, then its
/// revision in eight bytes. What is stored survives the process, and with `?sync=1` the machine.
/// `?cache_bytes=`: memory for blocks of its files. The folder above must be there.
inline constexpr BackendTraits rocksdb{
    .scheme = "rocksdb", .largest_record = std::uint64_t{3} << 30U, .shared_by = SharedBy::process};

}  // namespace locum::backends
