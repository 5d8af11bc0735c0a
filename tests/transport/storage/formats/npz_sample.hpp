#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "tests/transport/storage/formats/memory_file.hpp"
#include "transport/storage/formats/npz/npz_format.hpp"

namespace locum::tests {

inline const Format& npz() {
  static const auto format = storage::npz_format();
  return *format;
}
inline Result<Record> load_npz_bytes(std::span<const std::byte> bytes, const Record& options = {},
                                     bool is_mapped = false) {
  MemoryFile file(bytes, is_mapped);
  return npz().load(file, options, make_own);
}
inline Result<std::vector<std::byte>> saved_npz(const Record& value, const Record& options = {}) {
  MemoryDraft draft;
  if (auto result = npz().save(value, draft, options); !result) {
    return result.error();
  }
  return draft.bytes();
}
inline std::vector<std::byte> bytes_of_text(std::string_view text) {
  const auto bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

}  // namespace locum::tests
