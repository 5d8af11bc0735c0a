#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/format.hpp"

namespace locum::storage {

/// A member of an archive, as the directory describes it.
struct ZipEntry {
  std::string name;      ///< UTF-8
  std::string raw_name;  ///< as it is in the file
  std::uint16_t flags = 0;
  std::uint16_t method = 0;
  std::uint32_t crc = 0;
  std::uint64_t packed_bytes = 0;  ///< in the file
  std::uint64_t bytes = 0;         ///< of what they become
  std::uint64_t at = 0;            ///< where the local header begins
  std::uint64_t end = 0;           ///< where the next member or the directory begins
};

/// Whether several members may have one name, as archives have that a program has added to.
enum class ZipNames : std::uint8_t { unique, repeated };

/// Reads the directory of an archive, with 64-bit records where it has them: the members in its order. The
/// archive begins with the file, and ends with it. `corrupt` if records contradict each other, members
/// overlap, two of them have one name that must be unique, or a size could not have come of the packed bytes
/// by deflate; `unsupported` for archives in several files.
[[nodiscard]] Result<std::vector<ZipEntry>> read_zip_directory(FileBytes& file,
                                                               ZipNames names = ZipNames::unique);

/// Returns the UTF-8 of a name in code page 437, in which the first archives of ZIP had them.
[[nodiscard]] std::string from_code_page_437(std::string_view name);

}  // namespace locum::storage
