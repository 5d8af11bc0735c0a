#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/value/result.hpp"
#include "transport/storage/pack/file.hpp"
#include "transport/storage/pack/format.hpp"

namespace locum::storage {

/// Reads the records of a pack one after the other, without their bodies. Nothing in the file is trusted.
class PackScanner {
 public:
  struct Found {
    PackRecord record;
    std::string_view space;  ///< until the next call
    std::string_view name;
  };
  enum class Stop : std::uint8_t {
    end,         ///< the file has no more
    incomplete,  ///< it has a beginning of a record: it is being written, or will never be whole
    invalid,     ///< it has something else
  };

  /// \param size_bytes of the file, as far as it is looked at
  PackScanner(const PackFile& file, std::uint64_t salt, std::uint64_t position, std::uint64_t size_bytes)
      : file_(file), salt_(salt), position_(position), size_(size_bytes) {}

  /// The next whole record; none: see stop().
  [[nodiscard]] Result<std::optional<Found>> next();
  [[nodiscard]] Stop stop() const noexcept { return stop_; }
  /// Behind the last whole record.
  [[nodiscard]] std::uint64_t position() const noexcept { return position_; }
  /// Goes to the first record behind this position that is right, whatever is in between; false: there is
  /// none.
  [[nodiscard]] Result<bool> skip();
  /// Whether the body has the checksum that the record says.
  [[nodiscard]] static Result<bool> has_right_body(const PackFile& file, const PackRecord& record);

 private:
  [[nodiscard]] Result<std::optional<Found>> at_position();
  [[nodiscard]] Result<std::span<const std::byte>> bytes_at(std::uint64_t position, std::uint64_t count);

  const PackFile& file_;
  const std::uint64_t salt_;
  std::uint64_t position_;
  const std::uint64_t size_;
  Stop stop_ = Stop::end;
  std::vector<std::byte> buffer_;
  std::uint64_t buffered_from_ = 0;
  std::uint64_t buffered_ = 0;
};

}  // namespace locum::storage
