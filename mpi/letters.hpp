#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/value/error.hpp"

namespace locum::mpi {

/// What this rank has for each rank: for CommunicatorGroup::exchange().
class Letters {
 public:
  explicit Letters(std::size_t ranks) : to_(ranks) {}

  void add_bytes(std::size_t rank, std::span<const std::byte> bytes) {
    to_[rank].insert(to_[rank].end(), bytes.begin(), bytes.end());
  }
  template <class Value>
    requires std::is_trivially_copyable_v<Value>
  void add(std::size_t rank, const Value& value) {
    add_bytes(rank, std::as_bytes(std::span(&value, 1)));
  }
  [[nodiscard]] std::vector<std::vector<std::byte>> take() { return std::move(to_); }

 private:
  std::vector<std::vector<std::byte>> to_;
};

/// Reads what another rank has for this one, from its beginning. Throws `corrupt` where it ends too early.
class Letter {
 public:
  explicit Letter(std::span<const std::byte> bytes) : rest_(bytes) {}

  [[nodiscard]] bool has_more() const noexcept { return !rest_.empty(); }
  [[nodiscard]] std::span<const std::byte> bytes(std::uint64_t count) {
    if (count > rest_.size()) {
      throw Error(
          Errc::corrupt,
          "the message of another rank ends too early; let all ranks have one version of the library");
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  template <class Value>
    requires std::is_trivially_copyable_v<Value>
  [[nodiscard]] Value value() {
    Value value;
    std::memcpy(&value, bytes(sizeof value).data(), sizeof value);
    return value;
  }

 private:
  std::span<const std::byte> rest_;
};

}  // namespace locum::mpi
