#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/format.hpp"

namespace locum::storage {

/// Deflates bytes, piece by piece, to the end of a file. One thread at a time.
class ZipDeflater {
 public:
  /// \param file lives longer \param level 1 (fast) to 9 (small)
  ZipDeflater(FileDraft& file, int level) : file_(file), level_(level), output_(output_bytes) {}
  ZipDeflater(const ZipDeflater&) = delete;
  ZipDeflater& operator=(const ZipDeflater&) = delete;
  ~ZipDeflater() {
    if (has_begun_) {
      ::deflateEnd(&stream_);
    }
  }

  [[nodiscard]] Result<void> write(std::span<const std::byte> bytes) { return deflate(bytes, Z_NO_FLUSH); }
  /// Writes what is left, and the mark of the end.
  [[nodiscard]] Result<void> finish() { return deflate({}, Z_FINISH); }

 private:
  static constexpr std::size_t output_bytes = std::size_t{1} << 16U;

  Result<void> deflate(std::span<const std::byte> bytes, int flush);

  FileDraft& file_;
  int level_;
  std::vector<std::byte> output_;
  z_stream stream_{};
  bool has_begun_ = false;
};

}  // namespace locum::storage
