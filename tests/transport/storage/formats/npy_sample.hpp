#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "tests/transport/storage/formats/memory_file.hpp"
#include "tests/transport/storage/formats/numpy_check.hpp"
#include "transport/storage/formats/npy/npy_format.hpp"

namespace locum::tests {

inline const Format& npy() {
  static const auto format = storage::npy_format();
  return *format;
}

inline Result<Record> load_npy_bytes(std::span<const std::byte> bytes, const Record& options = {},
                                     bool is_mapped = false) {
  MemoryFile file(bytes, is_mapped);
  return npy().load(file, options, make_own);
}
inline Result<std::vector<std::byte>> saved_npy(const Record& value, const Record& options = {}) {
  MemoryDraft draft;
  if (auto result = npy().save(value, draft, options); !result) {
    return result.error();
  }
  return draft.bytes();
}
/// Returns a file of the format, from the dict of its header and its elements.
inline std::vector<std::byte> npy_file(const std::string& dict, std::size_t data_bytes, char version = 1) {
  std::string text = "\x93NUMPY";
  text.append({version, '\0', static_cast<char>(dict.size() & 0xFFU), static_cast<char>(dict.size() >> 8U)});
  text.append(version == 1 ? 0 : 2, '\0').append(dict);
  const auto bytes = std::as_bytes(std::span(text));
  std::vector<std::byte> file(bytes.begin(), bytes.end());
  const auto data = numpy_pattern(data_bytes, false);
  file.insert(file.end(), data.begin(), data.end());
  return file;
}
/// Returns the dict of a header.
inline std::string npy_dict(const std::string& description, const std::string& shape,
                            const std::string& order = "False") {
  return "{'descr': " + description + ", 'fortran_order': " + order + ", 'shape': " + shape + ", }";
}

}  // namespace locum::tests
