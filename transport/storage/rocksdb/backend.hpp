#pragma once

#include <memory>

#include "core/ports/backend.hpp"
#include "core/url.hpp"

namespace locum::storage {

/// Records in a RocksDB database, which one process at a time opens: `rocksdb:///scratch/db`. Each space is a
/// column family of its name; a value is the record, then its revision in eight bytes. What is stored
/// survives the process, and with `?sync=1` the machine. `?cache_bytes=`: memory for blocks of its files. The
/// folder above must be there.
[[nodiscard]] Result<std::shared_ptr<Backend>> open_rocksdb(const Url& url);

}  // namespace locum::storage
