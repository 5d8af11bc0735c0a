#pragma once

// Objects for tests of connectors: recognisable bytes, and the shortest way to put them.

#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <vector>

#include "core/base/hash.hpp"
#include "core/ports/connector.hpp"
#include "tests/core/code_of.hpp"

namespace locum::tests {

/// A byte pattern that identifies its object; golden files have some. By a pointer: tests are compiled
/// without optimisation, and an iterator costs several calls for each byte.
inline std::vector<std::byte> pattern(std::uint64_t seed, std::size_t size_bytes) {
  std::vector<std::byte> bytes(size_bytes);
  std::byte* const data = bytes.data();
  std::uint64_t state = seed * 0x9E3779B97F4A7C15U + 1;
  for (std::size_t at = 0; at < size_bytes; ++at) {
    state = state * 6364136223846793005U + 1442695040888963407U;
    data[at] = static_cast<std::byte>(state >> 56U);
  }
  return bytes;
}

inline bool holds(const ObjectView& view, const std::vector<std::byte>& bytes) {
  const auto seen = view.bytes();
  return seen.size() == bytes.size() &&
         (bytes.empty() || std::memcmp(seen.data(), bytes.data(), bytes.size()) == 0);
}

inline ObjectMeta plain_meta(std::uint32_t store, std::string_view name = {}) {
  constexpr std::string_view type = "byte[]";
  return {store, 1, 16, text_hash(type), type, name, Layout::bytes, {}};
}

inline Result<Sealed> put(Connector& connector, std::uint32_t store, std::string_view name,
                          const std::vector<std::byte>& bytes, const SealOptions& options = {}) {
  const auto draft = connector.create(bytes.size(), plain_meta(store, name), {});
  if (!draft) {
    return draft.error();
  }
  EXPECT_EQ(draft->bytes.size(), bytes.size());
  if (!bytes.empty()) {
    std::memcpy(draft->bytes.data(), bytes.data(), bytes.size());
  }
  return connector.seal(*draft, options, {});
}

/// The same of an object that the home of its name may take (ObjectMeta::at_home): before it is sealed.
inline Result<ObjectDraft> draft_at_home(Connector& connector, std::uint32_t store, std::string_view name,
                                         const std::vector<std::byte>& bytes) {
  ObjectMeta meta = plain_meta(store, name);
  meta.at_home = true;
  auto draft = connector.create(bytes.size(), meta, {});
  if (draft && !bytes.empty()) {
    std::memcpy(draft->bytes.data(), bytes.data(), bytes.size());
  }
  return draft;
}

inline Result<Sealed> put_at_home(Connector& connector, std::uint32_t store, std::string_view name,
                                  const std::vector<std::byte>& bytes, const SealOptions& options = {}) {
  const auto draft = draft_at_home(connector, store, name, bytes);
  return draft ? connector.seal(*draft, options, {}) : Result<Sealed>(draft.error());
}

/// Begins the seal of such an object, for which nobody waits. Null: it is sealed, or was refused.
inline std::shared_ptr<Coming<Sealed>> begin_put_at_home(Connector& connector, std::uint32_t store,
                                                         std::string_view name,
                                                         const std::vector<std::byte>& bytes) {
  const auto draft = draft_at_home(connector, store, name, bytes);
  auto coming = draft ? connector.seal_or_task(*draft, {}, CountsUntil::it_is_got, {}).coming : nullptr;
  if (coming) {
    coming->begin();
  }
  return coming;
}

}  // namespace locum::tests
