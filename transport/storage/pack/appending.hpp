#pragma once

#include <sys/uio.h>

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "transport/storage/pack/format.hpp"

namespace locum::storage {

/// Records that are appended to a pack by one write. Its memory is used again by the next ones.
class PackAppending {
 public:
  /// Forgets what it had. \param end of the pack
  void begin(std::uint64_t salt, std::uint64_t end, std::uint64_t synced) noexcept {
    salt_ = salt;
    end_ = end;
    synced_ = synced;
    pieces_.clear();
    lines_.clear();
    if (lines_.capacity() > most_kept_bytes) {
      lines_ = {};
      pieces_ = {};
    }
  }

  /// Fills in what the record's place decides, and returns it. The body has to stay until it is written; an
  /// empty one is not written, whatever the record says.
  PackRecord add(PackRecord record, std::string_view space, std::string_view name,
                 std::span<const std::byte> body) {
    record.salt = salt_;
    record.position = end_;
    record.synced = synced_;
    record.space_bytes = static_cast<std::uint16_t>(space.size());
    record.name_bytes = static_cast<std::uint32_t>(name.size());
    stamp(record, space, name);
    std::byte* const line = add_lines(record.body_at() - record.position);
    std::memcpy(line, &record, sizeof record);
    copy(line + sizeof record, space);
    copy(line + sizeof record + space.size(), name);
    if (!body.empty()) {
      pieces_.push_back({const_cast<std::byte*>(body.data()), body.size()});
      if (const std::uint64_t rest = pack_rounded(body.size()) - body.size(); rest != 0) {
        add_lines(rest);
      }
    }
    end_ = record.end();
    return record;
  }
  [[nodiscard]] bool empty() const noexcept { return pieces_.empty(); }
  /// What is written, in its order. Nothing is added to it any more.
  [[nodiscard]] std::span<::iovec> pieces() noexcept {
    std::byte* at = lines_.data();
    for (::iovec& piece : pieces_) {
      if (piece.iov_base == nullptr) {
        piece.iov_base = at;
        at += piece.iov_len;
      }
    }
    return pieces_;
  }
  /// Of the pack, with them.
  [[nodiscard]] std::uint64_t end() const noexcept { return end_; }

 private:
  static constexpr std::size_t most_kept_bytes = std::size_t{1} << 20U;

  static void copy(std::byte* to, std::string_view text) noexcept {
    if (!text.empty()) {
      std::memcpy(to, text.data(), text.size());
    }
  }
  /// Zeros behind what was added last, in one piece with what else is in `lines_` before them.
  std::byte* add_lines(std::uint64_t size_bytes) {
    const std::size_t from = lines_.size();
    lines_.resize(from + size_bytes);
    if (pieces_.empty() || pieces_.back().iov_base != nullptr) {
      pieces_.push_back({nullptr, 0});
    }
    pieces_.back().iov_len += size_bytes;
    return lines_.data() + from;
  }

  std::uint64_t salt_ = 0;
  std::uint64_t end_ = 0;
  std::uint64_t synced_ = 0;
  /// Headers and texts of all records, each filled up to whole lines, and what fills up bodies.
  std::vector<std::byte> lines_;
  /// Null: so many more bytes of `lines_`, which may still move.
  std::vector<::iovec> pieces_;
};

}  // namespace locum::storage
