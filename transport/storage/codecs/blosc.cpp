// The codec `blosc`: chunks of Blosc 1.

#include <blosc.h>

#include <algorithm>
#include <array>
#include <limits>
#include <string>

#include "transport/storage/codecs/blosc_blocks.hpp"
#include "transport/storage/codecs/codec_list.hpp"
#include "transport/storage/codecs/sized_codec.hpp"

namespace locum::storage {

namespace {

constexpr std::array<const char*, 6> blosc_compressors{"lz4", "blosclz", "lz4hc", "snappy", "zlib", "zstd"};
/// By their numbers in version 2.
constexpr std::array<std::string_view, 3> blosc_shuffles{"noshuffle", "shuffle", "bitshuffle"};

struct BloscSettings {
  const char* compressor = nullptr;
  int level = 0;
  int shuffle = BLOSC_NOSHUFFLE;
  std::size_t element_bytes = 1;
  bool tells_element_bytes = false;  ///< version 2 had the member, too
  std::size_t block_bytes = 0;       ///< 0: the library decides
};

/// Version 2 has numbers, among them -1: bits of elements of one byte, else bytes. Programs leave it out for
/// the same.
Result<int> blosc_shuffle(const CodecDescription& description, std::size_t element_bytes) {
  const int usual = element_bytes == 1 ? BLOSC_BITSHUFFLE : BLOSC_SHUFFLE;
  if (description.form() == CodecForm::v2) {
    const auto number = description.integer("shuffle", -1, BLOSC_BITSHUFFLE, {BLOSC_SHUFFLE, {}, {}});
    return !number ? Result<int>(number.error()) : *number == -1 ? usual : static_cast<int>(*number);
  }
  const auto found = description.choice("shuffle", {blosc_shuffles[0], blosc_shuffles[1], blosc_shuffles[2]},
                                        {{}, {}, static_cast<std::size_t>(usual)});
  return found ? Result<int>(static_cast<int>(*found)) : found.error();
}

Result<BloscSettings> blosc_settings(const CodecDescription& description) {
  if (auto known = description.knows_only({"cname", "clevel", "shuffle", "typesize", "blocksize"}); !known) {
    return known.error();
  }
  constexpr std::int64_t most = std::numeric_limits<int>::max();
  const auto& names = blosc_compressors;
  const auto compressor =
      description.choice("cname", {names[0], names[1], names[2], names[3], names[4], names[5]}, {0, {}, 0});
  const auto level = description.integer("clevel", 0, 9, {5, {}, 5});
  const auto own_size = static_cast<std::int64_t>(
      std::min<std::size_t>(description.element_bytes(), std::numeric_limits<int>::max()));
  const auto element_bytes = description.integer("typesize", 1, most, {own_size, own_size, own_size});
  const auto block_bytes = description.integer("blocksize", 0, BLOSC_MAX_BLOCKSIZE, {0, {}, 0});
  if (!compressor || !level || !element_bytes || !block_bytes) {
    return !compressor ? compressor.error()
           : !level    ? level.error()
                       : (element_bytes ? block_bytes.error() : element_bytes.error());
  }
  const auto shuffle = blosc_shuffle(description, static_cast<std::size_t>(*element_bytes));
  if (!shuffle) {
    return shuffle.error();
  }
  const char* const name = blosc_compressors[*compressor];
  if (blosc_compname_to_compcode(name) < 0) {
    return Error(Errc::unsupported, "blosc: the c-blosc of this machine was built without " +
                                        std::string(name) + "; it has " + blosc_list_compressors());
  }
  return BloscSettings{name,
                       static_cast<int>(*level),
                       *shuffle,
                       static_cast<std::size_t>(*element_bytes),
                       description.has("typesize"),
                       static_cast<std::size_t>(*block_bytes)};
}

class BloscCodec final : public SizedCodec {
 public:
  explicit BloscCodec(const BloscSettings& settings) noexcept : settings_(settings) {}
  [[nodiscard]] static Result<std::unique_ptr<BytesCodec>> make(const CodecDescription& description) {
    const auto settings = blosc_settings(description);
    return settings ? Result<std::unique_ptr<BytesCodec>>(std::make_unique<BloscCodec>(*settings))
                    : settings.error();
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "blosc"; }
  [[nodiscard]] Result<Record> described(int version) const override {
    return guarded([&]() -> Result<Record> {
      RecordMembers members;
      members.set("cname", settings_.compressor);
      members.set("clevel", settings_.level);
      if (version == 2) {
        members.set("shuffle", settings_.shuffle);
      } else {
        members.set("shuffle", blosc_shuffles[static_cast<std::size_t>(settings_.shuffle)]);
      }
      if (version != 2 || settings_.tells_element_bytes) {  // earlier versions of numcodecs refuse the member
        members.set("typesize", settings_.element_bytes);
      }
      members.set("blocksize", settings_.block_bytes);
      return description_of_codec(version, "blosc", "blosc", members);
    });
  }

  [[nodiscard]] Result<std::span<const std::byte>> encode(std::span<const std::byte> plain,
                                                          ReusedBytes& memory) const override {
    if (plain.size() > BLOSC_MAX_BUFFERSIZE) {
      return too_large_to_encode("blosc", plain.size(), BLOSC_MAX_BUFFERSIZE);
    }
    return encoded_within(
        memory, plain.size() + BLOSC_MAX_OVERHEAD, [&](std::span<std::byte> coded) -> Result<std::size_t> {
          const int made = blosc_compress_ctx(settings_.level, settings_.shuffle, settings_.element_bytes,
                                              plain.size(), plain.data(), coded.data(), coded.size(),
                                              settings_.compressor, settings_.block_bytes, 1);
          return made > 0 ? Result<std::size_t>(static_cast<std::size_t>(made))
                          : Error(Errc::system, "blosc: cannot compress the chunk",
                                  "blosc_compress_ctx returns " + std::to_string(made));
        });
  }

 private:
  [[nodiscard]] Result<std::size_t> claimed_bytes(std::span<const std::byte> coded) const override {
    return checked_blosc_bytes(coded);
  }
  [[nodiscard]] Result<void> decode_to(std::span<const std::byte> coded,
                                       std::span<std::byte> plain) const override {
    if (plain.empty()) {  // the library returns 0 for it, as for errors
      return {};
    }
    const int made = blosc_decompress_ctx(coded.data(), plain.data(), plain.size(), 1);
    return made > 0 && static_cast<std::size_t>(made) == plain.size()
               ? Result<void>()
               : damaged_code("blosc", "cannot be decompressed",
                              "blosc_decompress_ctx returns " + std::to_string(made));
  }

  const BloscSettings settings_;
};

}  // namespace

const CodecTraits& blosc_codec() {
  static const CodecTraits traits{
      true, {"cname", "clevel", "shuffle"}, "blosc(cname, clevel, shuffle)", BloscCodec::make};
  return traits;
}

}  // namespace locum::storage
