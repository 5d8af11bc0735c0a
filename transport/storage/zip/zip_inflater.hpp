#pragma once

#include <zlib.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "core/format.hpp"

namespace locum::storage {

/// Inflates the packed bytes of a member, piece by piece. One thread at a time.
class ZipInflater {
 public:
  /// \param file lives longer \param at,bytes where the packed bytes are
  ZipInflater(FileBytes& file, std::uint64_t at, std::uint64_t bytes)
      : file_(file), at_(at), left_(bytes), input_(input_bytes) {}
  ZipInflater(const ZipInflater&) = delete;
  ZipInflater& operator=(const ZipInflater&) = delete;
  ~ZipInflater() {
    if (has_begun_) {
      ::inflateEnd(&stream_);
    }
  }

  /// Fills memory with the next bytes. `corrupt` if there are fewer, or the packed bytes are wrong.
  [[nodiscard]] Result<void> next(std::span<std::byte> into);
  /// Returns whether no bytes are left, neither packed nor inflated. `corrupt` if there are.
  [[nodiscard]] Result<void> finish();

 private:
  static constexpr std::size_t input_bytes = std::size_t{1} << 14U;

  Result<void> begin();
  /// Inflates some bytes. \param wanted how many there is room for \param made becomes how many came
  Result<void> step(std::byte* into, std::size_t wanted, std::size_t& made);
  [[nodiscard]] Error wrong(const char* reason) const;

  FileBytes& file_;
  std::uint64_t at_;    ///< of the packed bytes that were not read
  std::uint64_t left_;  ///< packed bytes that were not read
  std::vector<std::byte> input_;
  z_stream stream_{};
  bool has_begun_ = false;
  bool has_ended_ = false;
};

}  // namespace locum::storage
