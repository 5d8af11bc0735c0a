#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/format.hpp"

namespace locum::storage {

/// State of a GzipInflater between two blocks, from which another one can go on.
struct GzipPlace {
  std::uint64_t coded = 0;  ///< offset of the next byte of the file
  std::uint64_t plain = 0;  ///< offset of the next plain byte
  unsigned bits = 0;        ///< number of bits of the byte before that belong to the next block
  /// The plain bytes before, up to 32 KiB: the next block refers to them.
  std::vector<std::byte> window;
};

/// Inflates a file of gzip piece by piece. One thread at a time.
class GzipInflater {
 public:
  /// \param file lives longer
  explicit GzipInflater(FileBytes& file) : file_(file), input_(input_bytes) {}
  GzipInflater(const GzipInflater&) = delete;
  GzipInflater& operator=(const GzipInflater&) = delete;
  ~GzipInflater() {
    if (has_begun_) {
      ::inflateEnd(&stream_);
    }
  }

  /// Goes to a place. Behind it the sum of the first member is not checked, unless it is the beginning.
  [[nodiscard]] Result<void> seek(const GzipPlace& place);
  /// Fills memory with the next bytes, and returns their number: fewer if they end. After an error, call
  /// seek(). \param stops_between whether it returns early, maybe without a byte, at the first end of a block
  [[nodiscard]] Result<std::size_t> next(std::span<std::byte> into, bool stops_between);
  [[nodiscard]] bool has_ended() const noexcept { return has_ended_; }
  /// Whether place() may be called: the last call of next() ended between two blocks.
  [[nodiscard]] bool between_blocks() const noexcept { return is_between_; }
  [[nodiscard]] GzipPlace place();
  /// Returns the offset of the next plain byte.
  [[nodiscard]] std::uint64_t plain() const noexcept { return plain_; }

 private:
  static constexpr std::size_t input_bytes = std::size_t{1} << 16U;

  /// Reads the next bytes of the file if none is left of those before.
  [[nodiscard]] Result<void> feed();
  [[nodiscard]] bool is_used_up() const noexcept {
    return stream_.avail_in == 0 && coded_ == file_.size_bytes();
  }
  /// Looks for another member behind the one that has ended.
  [[nodiscard]] Result<void> end_member();
  [[nodiscard]] Error damaged(const char* reason) const;

  FileBytes& file_;
  std::vector<std::byte> input_;
  std::uint64_t coded_ = 0;  ///< offset of the bytes that were not read from the file
  std::uint64_t plain_ = 0;
  z_stream stream_{};
  bool has_begun_ = false;
  bool is_raw_ = false;  ///< zlib sees the blocks of this member only: the sum behind them is skipped
  bool is_between_ = false;
  bool has_ended_ = false;
};

}  // namespace locum::storage
