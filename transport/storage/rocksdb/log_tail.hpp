#pragma once

#include <cstddef>
#include <span>
#include <string>

#include "core/result.hpp"

namespace locum::storage {

/// Checks the end of each log of a RocksDB database that is closed, those of its records (`000004.log`) and
/// of its files (`MANIFEST-000005`). RocksDB takes a last record that ends behind the end of its file for one
/// that a killed process was writing, and drops it. Its checksums do not cover the lengths of records, so
/// that a damaged length looks the same: here it is `corrupt`. A folder that does not exist has no logs.
[[nodiscard]] Result<void> check_log_tails(const std::string& folder);

/// Whether the last block of a log ends with a record whose length is damaged: it is larger than what is left
/// of the file, although the record is there as a whole.
[[nodiscard]] bool has_damaged_length(std::span<const std::byte> last_block) noexcept;

}  // namespace locum::storage
