#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "transport/storage/wrappers/record_filter.hpp"

namespace locum::storage {

/// How the bytes of a packed record stand there; written into it.
enum class Packing : std::uint16_t { plain = 0, zstd = 1, lz4 = 2 };

/// The last 16 bytes of a packed record; little-endian.
struct PackedEnd {
  static constexpr std::uint16_t magic_number = 0x504C;  // "LP"

  std::uint64_t size_bytes = 0;  ///< of the record as it was given
  std::uint32_t checksum = 0;    ///< CRC-32C of the bytes before this end, and of the rest of it
  Packing packing = Packing::plain;
  std::uint16_t magic = magic_number;
};
static_assert(sizeof(PackedEnd) == 16);

/// Makes bytes fewer. Any thread may call.
class Compressor {
 public:
  virtual ~Compressor() = default;

  [[nodiscard]] virtual Packing packing() const noexcept = 0;
  /// The room that pack() needs.
  [[nodiscard]] virtual std::uint64_t room(std::uint64_t size_bytes) const noexcept = 0;
  /// Returns how many bytes it wrote; `value_too_large` if they do not fit, or are no use.
  [[nodiscard]] virtual Result<std::uint64_t> pack(std::span<const std::byte> plain,
                                                   std::span<std::byte> into, Deadline deadline) const = 0;
  /// The most that these bytes can have been: what is allocated is bounded by that.
  [[nodiscard]] virtual std::uint64_t most_plain(std::uint64_t packed_bytes) const noexcept = 0;
  /// Fills `plain`, or says why it cannot: nothing in `packed` is trusted.
  [[nodiscard]] virtual Result<void> unpack(std::span<const std::byte> packed,
                                            std::span<std::byte> plain) const = 0;
};

/// Records with a checksum, and compressed if that makes them shorter. Without a compressor it is `checksum`.
/// A record is always loaded as a whole: its checksum is that of all of it.
class PackedRecord final : public RecordFilter {
 public:
  /// `traits`: of the wrapper.
  PackedRecord(std::shared_ptr<Backend> inner, const BackendTraits& traits, std::string_view name,
               std::unique_ptr<const Compressor> compressor);
  /// `name`: of the wrapper, for errors. `compressor`: null for none.
  [[nodiscard]] static std::shared_ptr<Backend> over(std::shared_ptr<Backend> inner, std::string_view name,
                                                     std::unique_ptr<const Compressor> compressor);

 private:
  Result<NewRecord> to_store(const RecordKey& key, const NewRecord& record, Deadline deadline) override;
  [[nodiscard]] bool loads_whole() const noexcept override { return true; }
  Result<LoadedRecord> from_store(const RecordKey& key, LoadedRecord stored, Deadline deadline) override;
  [[nodiscard]] Error damage(const RecordKey& key, const std::string& why) const;

  const std::string_view name_;
  const std::unique_ptr<const Compressor> compressor_;
};

}  // namespace locum::storage
