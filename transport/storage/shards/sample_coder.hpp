#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <locum/detail/representation.hpp>
#include <locum/record.hpp>
#include <locum/result.hpp>
#include <locum/shard_source.hpp>

namespace locum::detail {

/// How samples of a type lie in a shard.
struct SampleLayout {
  std::string_view type;           ///< name
  std::uint32_t alignment = 16;    ///< a power of 2, at most 64
  std::uint64_t sample_bytes = 0;  ///< of each; 0: they differ
  bool is_record = false;          ///< what shards of other programs hold
};

/// Makes samples of a type bytes, as a Store does its values, and inverts it.
template <class T>
class SampleCoder {
  static_assert(std::is_same_v<T, std::remove_cvref_t<T>> && !std::is_array_v<T> && !is_span<T>,
                "locum reads samples as values: name a type that owns them, as std::vector<float>");
  static_assert(std::is_default_constructible_v<T>,
                "locum reads a sample into a default-constructed value: give the type a default constructor");

 public:
  [[nodiscard]] static constexpr SampleLayout layout() noexcept {
    constexpr std::string_view name = object_identity<T>.name;
    if constexpr (std::is_same_v<T, Record>) {
      return {.type = name, .is_record = true};
    } else if constexpr (FlatRange<T>) {
      static_assert(alignof(ArrayElementOf<T>) <= 64, "locum stores no samples that need more alignment");
      return {.type = name, .alignment = alignof(ArrayElementOf<T>)};
    } else if constexpr (Flat<T>) {
      return {.type = name, .alignment = 1, .sample_bytes = sizeof(T)};
    } else {
      return {.type = name};
    }
  }

  /// Returns the bytes of a sample: its own, or in `memory`.
  [[nodiscard]] static Result<std::span<const std::byte>> encode(const T& sample,
                                                                 std::vector<std::byte>& memory) {
    if constexpr (FlatRange<T>) {
      return std::as_bytes(elements_of(sample));
    } else if constexpr (Flat<T>) {
      return std::as_bytes(std::span<const T, 1>(&sample, 1));
    } else {
      const auto bytes = stored_bytes(sample);
      if (!bytes) {
        return bytes.error();
      }
      memory.resize(static_cast<std::size_t>(*bytes));
      const auto done = store_value(sample, memory);
      return done ? Result<std::span<const std::byte>>(memory) : done.error();
    }
  }

  [[nodiscard]] static Result<T> decode(StoredSample&& sample) {
    if constexpr (std::is_same_v<T, Record>) {
      return sample.record ? Result<T>(*std::move(sample.record))
                           : Serializer<Record>::in_place(sample.owner, sample.bytes, {});
    } else if constexpr (Flat<T> && !FlatRange<T>) {
      if (sample.bytes.size() != sizeof(T)) {
        return Error(Errc::corrupt, "a sample is not of the size of its type; write the shard again");
      }
      T made{};
      std::memcpy(static_cast<void*>(&made), sample.bytes.data(), sizeof(T));
      return made;
    } else {
      if constexpr (FlatRange<T>) {
        if (sample.bytes.size() % sizeof(ArrayElementOf<T>) != 0) {
          return Error(Errc::corrupt, "a sample has no whole number of elements; write the shard again");
        }
      }
      auto loaded = load_value<T>(sample.bytes, {});
      return loaded ? Result<T>(std::move(const_cast<T&>(**loaded))) : loaded.error();
    }
  }
};

}  // namespace locum::detail
