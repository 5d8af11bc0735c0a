#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/record.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// A file of a shard, as the index describes it.
struct MdsFile {
  std::string name;  ///< path below the folder of the index
  std::uint64_t bytes = 0;
};

/// A column of the samples.
struct MdsColumn {
  std::string name;
  std::string encoding;     ///< `int`, `ndarray:float32:2,3`
  std::uint32_t bytes = 0;  ///< of each value; 0: they differ, and each sample tells
};

/// A shard, as the index describes it.
struct MdsShard {
  std::vector<MdsColumn> columns;  ///< in the order of their values
  MdsFile raw;
  std::optional<MdsFile> zip;
  std::string compression;  ///< of `zip`: `zstd:7`
  std::uint64_t samples = 0;
};

/// Shards by their keys: the names of their files without `.mds`.
using MdsIndex = std::map<std::string, MdsShard, std::less<>>;

/// Reads an index.json of version 2. `corrupt` names the member that is wrong or missing; `unsupported` for
/// other versions, and for shards of other formats.
[[nodiscard]] Result<MdsIndex> read_mds_index(std::string_view json);

/// Returns the value of a column. `unsupported` for an encoding that is not read, `corrupt` for bytes that do
/// not fit it.
[[nodiscard]] Result<Record> mds_value(const MdsColumn& column, std::span<const std::byte> bytes);
/// `unsupported`, and why, for an encoding that mds_value() does not read.
[[nodiscard]] Result<void> check_mds_column(const MdsColumn& column);

}  // namespace locum::storage
