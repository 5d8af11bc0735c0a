#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/record.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"
#include "transport/storage/files/area.hpp"
#include "transport/storage/files/plain_bytes.hpp"

namespace locum::storage {

/// Bounds for shards that are made to do harm: of one sample, and of their number in a shard.
inline constexpr std::uint64_t most_sample_bytes = std::uint64_t{1} << 30U;
inline constexpr std::size_t most_shard_samples = std::size_t{1} << 24U;

/// The open file of a shard. Several threads may call.
class ForeignFile {
 public:
  /// \param plain the bytes of the file, where it is compressed as a whole; else null
  ForeignFile(std::shared_ptr<AreaFile> file, std::shared_ptr<PlainBytes> plain, std::string path);

  /// Opens a file, which is inflated if `is_gzip`. `not_found`.
  [[nodiscard]] static Result<ForeignFile> open(FileArea& area, const std::string& path, bool is_gzip);

  [[nodiscard]] PlainBytes& plain() const noexcept { return *plain_; }
  [[nodiscard]] const AreaFacts& facts() const noexcept { return file_->facts(); }
  [[nodiscard]] const std::string& path() const noexcept { return path_; }
  /// Reads bytes. `corrupt` if they end before; `unsupported` for more than most_sample_bytes; `stale` if the
  /// file was changed since it was opened.
  [[nodiscard]] Result<std::vector<std::byte>> read(std::uint64_t offset, std::uint64_t size_bytes) const;
  /// `stale` if the file was changed since it was opened.
  [[nodiscard]] Result<void> check_unchanged() const;
  /// Returns the error with the shard, and with the number of the sample.
  [[nodiscard]] Error wrong(const Error& error) const;
  [[nodiscard]] Error wrong(std::uint64_t sample, const Error& error) const;

 private:
  std::shared_ptr<AreaFile> file_;
  std::shared_ptr<PlainBytes> plain_;
  std::string path_;
};

/// Reads the bytes of a shard from their beginning to their end. One thread.
class ShardCursor {
 public:
  /// \param bytes live longer. \param piece how many are read at once
  ShardCursor(PlainBytes& bytes, std::size_t piece, Deadline::Clock::time_point end)
      : bytes_(bytes), buffer_(piece), end_(end) {}

  [[nodiscard]] std::uint64_t at() const noexcept { return begin_ + used_; }
  /// Returns the next bytes, at most `most` and at least one, unless they have ended; valid until the next
  /// call. `timeout`. \param least how many are wanted at least. REQUIRES: 0 < least <= most, piece >= least.
  [[nodiscard]] Result<std::span<const std::byte>> peek(std::size_t least, std::size_t most);
  /// Goes forward. False: the bytes end before.
  [[nodiscard]] Result<bool> skip(std::uint64_t count);

 private:
  /// Reads a piece that begins at this byte.
  [[nodiscard]] Result<void> fill(std::uint64_t at);

  PlainBytes& bytes_;
  std::vector<std::byte> buffer_;
  std::size_t filled_ = 0;
  std::size_t used_ = 0;
  std::uint64_t begin_ = 0;  ///< of the buffer
  const Deadline::Clock::time_point end_;
};

/// Makes the arrays of samples: in memory of their own.
[[nodiscard]] Result<ArrayDraft> make_sample_array(const ElementType& element, const Extents& extents);
/// Returns bytes as a text. `corrupt` if they are no UTF-8.
[[nodiscard]] Result<Record> record_of_text(std::span<const std::byte> bytes);
/// Reads JSON as Python's module json writes it: with NaN and Infinity.
[[nodiscard]] Result<Record> record_of_json(std::span<const std::byte> bytes);
/// Reads an integer in decimal digits, with blanks around it. `corrupt` if it is none; `unsupported` if it
/// needs more than 64 bits.
[[nodiscard]] Result<Record> record_of_digits(std::span<const std::byte> bytes);
/// Reads a file of NumPy in memory. Floating-point numbers of 16 bits become those of 32.
[[nodiscard]] Result<Record> record_of_npy(std::span<const std::byte> bytes);
[[nodiscard]] Record record_of_bytes(std::span<const std::byte> bytes);
[[nodiscard]] inline std::string_view text_of_bytes(std::span<const std::byte> bytes) noexcept {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace locum::storage
