#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "tests/core/code_of.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {

/// A pack for tests, by path and options.
inline Result<std::shared_ptr<Backend>> pack_of(const std::string& path, const std::string& options = {}) {
  return open_backend("pack://" + path + options);
}

inline Result<void> store_text(Backend& to, const RecordKey& key, std::string_view text,
                               std::uint64_t revision = 1, Expect expect = Expect::anything) {
  NewRecord record;
  record.bytes = std::as_bytes(std::span(text));
  record.revision = revision;
  record.expect = expect;
  return to.store(key, record, std::chrono::seconds(60));
}

/// The text, or the code of the error.
inline std::string load_text(Backend& from, const RecordKey& key) {
  const auto record = from.load(key, whole_record, std::chrono::seconds(60));
  return record ? std::string(reinterpret_cast<const char*>(record->bytes.data()), record->bytes.size())
                : std::string(to_string(record.error().code()));
}

}  // namespace locum::tests
