#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "core/value/key.hpp"

namespace locum {

/// A number that no other process has, as good as certainly.
[[nodiscard]] std::uint64_t random_word();

/// The key of a named object: it holds a hash of its name, and one of its generation. \param hash name_hash()
[[nodiscard]] Key key_of_name(std::uint32_t store, std::uint64_t hash, std::uint64_t generation) noexcept;
[[nodiscard]] bool is_of_name(const Key& key) noexcept;
/// Whether a key of a named object is that of an object of this name, of any generation.
[[nodiscard]] bool leads_to(const Key& key, std::string_view name) noexcept;
/// The same key for all generations.
[[nodiscard]] Key without_generation(const Key& key) noexcept;

/// Makes keys of unnamed objects: 55 random bits are those of the process. Any thread.
class BackendKeys {
 public:
  BackendKeys();
  [[nodiscard]] Key next(std::uint32_t store) noexcept;

 private:
  const std::uint32_t creator_;
  std::atomic<std::uint64_t> last_serial_;
};

/// Makes generations: moments, in nanoseconds since 1970, each greater than any before in this process. Any
/// thread.
class GenerationClock {
 public:
  /// The first of so many, which follow each other.
  [[nodiscard]] std::uint64_t next(std::uint64_t count) noexcept;

 private:
  std::atomic<std::uint64_t> last_{0};
};

}  // namespace locum
