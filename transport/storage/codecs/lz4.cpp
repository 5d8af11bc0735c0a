// The codec `lz4` of numcodecs: the size of the plain bytes in four bytes, the least significant first, and a
// raw block of LZ4.

#include <lz4.h>

#include <limits>

#include "transport/storage/codecs/codec_list.hpp"
#include "transport/storage/codecs/sized_codec.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t lz4_size_bytes = 4;

class Lz4Codec final : public SizedCodec {
 public:
  explicit Lz4Codec(int acceleration) noexcept : acceleration_(acceleration) {}
  [[nodiscard]] static Result<std::unique_ptr<BytesCodec>> make(const CodecDescription& description) {
    if (auto known = description.knows_only({"acceleration"}); !known) {
      return known.error();
    }
    // numcodecs takes what is less than 1 for 1, and the library limits what is too large.
    using Limits = std::numeric_limits<int>;
    const auto acceleration = description.integer("acceleration", Limits::min(), Limits::max(), {1, 1, 1});
    return acceleration ? Result<std::unique_ptr<BytesCodec>>(
                              std::make_unique<Lz4Codec>(static_cast<int>(*acceleration)))
                        : acceleration.error();
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "numcodecs.lz4"; }
  [[nodiscard]] Result<Record> described(int version) const override {
    return guarded([&]() -> Result<Record> {
      RecordMembers members;
      members.set("acceleration", acceleration_);
      return description_of_codec(version, "numcodecs.lz4", "lz4", members);
    });
  }

  [[nodiscard]] Result<std::span<const std::byte>> encode(std::span<const std::byte> plain,
                                                          ReusedBytes& memory) const override {
    if (plain.size() > LZ4_MAX_INPUT_SIZE) {
      return too_large_to_encode("lz4", plain.size(), LZ4_MAX_INPUT_SIZE);
    }
    const auto size_bytes = static_cast<int>(plain.size());
    const std::size_t room = lz4_size_bytes + static_cast<std::size_t>(LZ4_compressBound(size_bytes));
    return encoded_within(memory, room, [&](std::span<std::byte> coded) -> Result<std::size_t> {
      put_little_endian(static_cast<std::uint32_t>(plain.size()), coded.first<lz4_size_bytes>());
      const auto block = coded.subspan(lz4_size_bytes);
      const int made = LZ4_compress_fast(reinterpret_cast<const char*>(plain.data()),
                                         reinterpret_cast<char*>(block.data()), size_bytes,
                                         static_cast<int>(block.size()), acceleration_);
      return made > 0 ? Result<std::size_t>(lz4_size_bytes + static_cast<std::size_t>(made))
                      : no_memory_left();  // there is room: its table could not be allocated
    });
  }

 private:
  [[nodiscard]] Result<std::size_t> claimed_bytes(std::span<const std::byte> coded) const override {
    constexpr std::uint64_t most_a_byte = 255;  // a byte of a long match stands for as many
    if (coded.size() <= lz4_size_bytes) {
      return damaged_code("lz4", "are too few for a size and a block");
    }
    const std::size_t block_bytes = coded.size() - lz4_size_bytes;
    const std::uint32_t claimed = little_endian_u32(coded.first<lz4_size_bytes>());
    if (block_bytes > std::numeric_limits<int>::max() || claimed > LZ4_MAX_INPUT_SIZE ||
        claimed > most_a_byte * block_bytes) {
      return damaged_code("lz4", "claim to hold " + std::to_string(claimed) + " bytes, which a block of " +
                                     std::to_string(block_bytes) + " cannot");
    }
    return claimed;
  }

  [[nodiscard]] Result<void> decode_to(std::span<const std::byte> coded,
                                       std::span<std::byte> plain) const override {
    const auto block = coded.subspan(lz4_size_bytes);
    const int made = LZ4_decompress_safe(reinterpret_cast<const char*>(block.data()),
                                         reinterpret_cast<char*>(plain.data()),
                                         static_cast<int>(block.size()), static_cast<int>(plain.size()));
    return made < 0 ? damaged_code("lz4", "cannot be decompressed")
           : static_cast<std::size_t>(made) != plain.size()
               ? wrong_plain_size("lz4", static_cast<std::size_t>(made), plain.size())
               : Result<void>();
  }

  const int acceleration_;
};

}  // namespace

const CodecTraits& lz4_codec() {
  static const CodecTraits traits{false, {"acceleration"}, "lz4(acceleration)", Lz4Codec::make};
  return traits;
}

}  // namespace locum::storage
