#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/codecs/reused_bytes.hpp"

namespace locum::storage {

/// A codec that turns bytes into bytes: compression, a checksum. Zarr describes it, and shards have its text.
/// It has no state: threads call it concurrently. What it decodes is not trusted.
class BytesCodec {
 public:
  BytesCodec() = default;
  BytesCodec(const BytesCodec&) = delete;
  BytesCodec& operator=(const BytesCodec&) = delete;
  virtual ~BytesCodec() = default;

  /// Returns the name of version 3: `zstd`; `numcodecs.lz4` of a codec that its specification does not have.
  [[nodiscard]] virtual std::string_view name() const noexcept = 0;
  /// Returns the codec as metadata of that version (2 or 3) describes it. `unsupported` if it has no such
  /// description.
  [[nodiscard]] virtual Result<Record> described(int version) const = 0;
  /// Returns the coded bytes, in this memory. `out_of_memory`; `value_too_large` for more than the codec
  /// encodes at once; `invalid_argument` for no whole number of elements, if it shuffles these. REQUIRES: the
  /// plain bytes are not in the memory.
  [[nodiscard]] virtual Result<std::span<const std::byte>> encode(std::span<const std::byte> plain,
                                                                  ReusedBytes& memory) const = 0;
  /// Overload that returns bytes of their own.
  [[nodiscard]] Result<std::vector<std::byte>> encode(std::span<const std::byte> plain) const {
    return guarded([&]() -> Result<std::vector<std::byte>> {
      ReusedBytes memory;
      const auto coded = encode(plain, memory);
      return coded ? Result<std::vector<std::byte>>(std::vector<std::byte>(coded->begin(), coded->end()))
                   : coded.error();
    });
  }
  /// Decodes to exactly as many bytes as `plain` has. `corrupt` if they are more, fewer or damaged.
  [[nodiscard]] virtual Result<void> decode(std::span<const std::byte> coded,
                                            std::span<std::byte> plain) const = 0;
  /// Decodes to at most `most` bytes. `corrupt` if they are more or damaged; `out_of_memory`.
  [[nodiscard]] virtual Result<std::vector<std::byte>> decode(std::span<const std::byte> coded,
                                                              std::size_t most) const = 0;
};

/// Makes the codec that a member of `codecs` of version 3 describes: a Record with `name` and
/// `configuration`, or a text, its name. `numcodecs.` and a name of version 2 is described as there.
/// \param element_bytes what codecs that shuffle take for the size of an element, where the description
/// leaves it open `unsupported` names a codec that is not known, or that this build lacks; `invalid_argument`
/// names a member that is wrong, missing or not known.
[[nodiscard]] Result<std::unique_ptr<BytesCodec>> bytes_codec_of_v3(const Record& described,
                                                                    std::size_t element_bytes);
/// The same of version 2, as `compressor` or a member of `filters` describes it: a Record with `id` and
/// members beside it. A missing member has the value that numcodecs gives it.
[[nodiscard]] Result<std::unique_ptr<BytesCodec>> bytes_codec_of_v2(const Record& described,
                                                                    std::size_t element_bytes);
/// Makes a codec from the text that a program gives: a name, and in parentheses values of its first members,
/// then named ones: `zstd`, `zstd(3)`, `zstd(3, checksum=true)`, `gzip(5)`, `blosc(lz4)`,
/// `blosc(zstd, 5, bitshuffle)`, `lz4`, `crc32c`. `unsupported` as above; `invalid_argument` shows the right
/// form. \param version of the array: `zstd` has a checksum in version 3, unless it is `checksum=false`
[[nodiscard]] Result<std::unique_ptr<BytesCodec>> bytes_codec_of_text(std::string_view text,
                                                                      std::size_t element_bytes,
                                                                      int version = 2);

}  // namespace locum::storage
