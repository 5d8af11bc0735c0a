#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/format.hpp"
#include "core/value/result.hpp"

namespace locum::storage {

/// Appends the chunks of a shard to its file: small ones together, as each write of a file is a call of the
/// system; large ones without a copy.
class ShardDraft {
 public:
  explicit ShardDraft(FileDraft& file) : file_(file) {}

  /// Returns how many bytes were appended.
  [[nodiscard]] std::uint64_t size_bytes() const noexcept { return file_.size_bytes() + waiting_.size(); }
  [[nodiscard]] Result<void> append(std::span<const std::byte> bytes) {
    if (waiting_.size() + bytes.size() <= most_waiting) {
      waiting_.insert(waiting_.end(), bytes.begin(), bytes.end());
      return {};
    }
    auto done = flush();
    if (done && bytes.size() <= most_waiting) {
      return append(bytes);
    }
    return done ? file_.write(bytes) : done;
  }
  /// Writes what waits to be written.
  [[nodiscard]] Result<void> flush() {
    auto done = waiting_.empty() ? Result<void>() : file_.write(waiting_);
    waiting_.clear();
    return done;
  }

 private:
  static constexpr std::size_t most_waiting = std::size_t{256} << 10U;

  FileDraft& file_;
  std::vector<std::byte> waiting_;
};

}  // namespace locum::storage
