#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <span>
#include <string_view>
#include <vector>

#include "transport/storage/pack/format.hpp"

namespace locum::storage {

/// Records that are appended to a pack by one write.
class PackAppending {
 public:
  /// \param end of the pack
  PackAppending(std::uint64_t salt, std::uint64_t end, std::uint64_t synced) noexcept
      : salt_(salt), end_(end), synced_(synced) {}

  /// Fills in what the record's place decides, and returns it. The texts and the body have to stay until it
  /// is written; an empty body is not written, whatever the record says.
  const PackRecord& add(PackRecord record, std::string_view space, std::string_view name,
                        std::span<const std::byte> body) {
    record.salt = salt_;
    record.position = end_;
    record.synced = synced_;
    record.space_bytes = static_cast<std::uint16_t>(space.size());
    record.name_bytes = static_cast<std::uint32_t>(name.size());
    stamp(record, space, name);
    const PackRecord& kept = records_.emplace_back(record);
    add_piece(&kept, sizeof kept);
    add_piece(space.data(), space.size());
    add_piece(name.data(), name.size());
    add_piece(zeros.data(), pack_rounded(record.text_bytes()) - record.text_bytes());
    add_piece(body.data(), body.size());
    add_piece(zeros.data(), pack_rounded(body.size()) - body.size());
    end_ = record.end();
    return kept;
  }
  [[nodiscard]] bool empty() const noexcept { return records_.empty(); }
  [[nodiscard]] std::vector<::iovec>& pieces() noexcept { return pieces_; }
  /// Of the pack, with them.
  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }

 private:
  static constexpr std::array<std::byte, pack_line_bytes> zeros{};

  void add_piece(const void* at, std::uint64_t size_bytes) {
    if (size_bytes != 0) {
      pieces_.push_back({const_cast<void*>(at), size_bytes});
    }
  }

  const std::uint64_t salt_;
  std::uint64_t end_;
  const std::uint64_t synced_;
  std::deque<PackRecord> records_;
  std::vector<::iovec> pieces_;
};

}  // namespace locum::storage
