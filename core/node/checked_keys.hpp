#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>

#include "core/value/key.hpp"

namespace locum {

/// The objects whose checksum this process has verified. A table of fixed size, allocated on first use; with
/// a million objects it forgets some, which are then verified again. Any thread may call.
class CheckedKeys {
 public:
  [[nodiscard]] bool contains(const Key& key) {
    const std::uint64_t mark = mark_of(key);
    for (const std::atomic<std::uint64_t>& each : row_of(mark)) {
      if (each.load(std::memory_order_relaxed) == mark) {
        return true;
      }
    }
    return false;
  }
  void add(const Key& key) {
    const std::uint64_t mark = mark_of(key);
    Row& row = row_of(mark);
    for (std::atomic<std::uint64_t>& each : row) {
      std::uint64_t none = 0;
      if (each.compare_exchange_strong(none, mark, std::memory_order_relaxed)) {
        return;
      }
    }
    row[mark % row.size()].store(mark, std::memory_order_relaxed);
  }

 private:
  static constexpr unsigned row_bits = 13;
  using Row = std::array<std::atomic<std::uint64_t>, 8>;
  using Rows = std::array<Row, std::size_t{1} << row_bits>;

  static std::uint64_t mark_of(const Key& key) noexcept {
    const std::uint64_t hash = std::hash<Key>()(key);
    return hash == 0 ? 1 : hash;
  }
  Row& row_of(std::uint64_t mark) {
    std::call_once(made_, [this] { rows_ = std::make_unique<Rows>(); });
    return (*rows_)[mark >> (64 - row_bits)];
  }

  std::once_flag made_;
  std::unique_ptr<Rows> rows_;
};

}  // namespace locum
