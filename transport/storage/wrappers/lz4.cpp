#include <lz4frame.h>

#include <memory>
#include <utility>

#include "transport/storage/wrappers/packed_record.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

namespace {

struct FreeLz4 {
  void operator()(LZ4F_dctx* context) const noexcept { (void)LZ4F_freeDecompressionContext(context); }
};
using Lz4Unpacker = std::unique_ptr<LZ4F_dctx, FreeLz4>;

LZ4F_preferences_t lz4_preferences(std::uint64_t size_bytes) noexcept {
  LZ4F_preferences_t preferences{};
  preferences.frameInfo.blockSizeID = LZ4F_max1MB;
  preferences.frameInfo.contentSize = size_bytes;
  return preferences;
}

class Lz4 final : public Compressor {
 public:
  Packing packing() const noexcept override { return Packing::lz4; }
  std::uint64_t room(std::uint64_t size_bytes) const noexcept override {
    const auto preferences = lz4_preferences(size_bytes);
    return LZ4F_compressFrameBound(size_bytes, &preferences);
  }

  Result<std::uint64_t> pack(std::span<const std::byte> plain, std::span<std::byte> into,
                             Deadline /*deadline*/) const override {
    const auto preferences = lz4_preferences(plain.size());
    const std::size_t packed =
        LZ4F_compressFrame(into.data(), into.size(), plain.data(), plain.size(), &preferences);
    return LZ4F_isError(packed) == 0U
               ? Result<std::uint64_t>(packed)
               : Error(Errc::system, "lz4: cannot compress the record", LZ4F_getErrorName(packed));
  }

  // A byte of a long match stands for 255.
  std::uint64_t most_plain(std::uint64_t packed_bytes) const noexcept override {
    constexpr std::uint64_t most_a_byte = 255;
    return packed_bytes > std::numeric_limits<std::uint64_t>::max() / most_a_byte
               ? std::numeric_limits<std::uint64_t>::max()
               : packed_bytes * most_a_byte;
  }

  Result<void> unpack(std::span<const std::byte> packed, std::span<std::byte> plain) const override {
    constexpr auto text = "lz4: the record cannot be read back; it was not compressed by this library";
    LZ4F_dctx* made = nullptr;
    const LZ4F_errorCode_t failed = LZ4F_createDecompressionContext(&made, LZ4F_VERSION);
    const Lz4Unpacker context(made);
    if (LZ4F_isError(failed) != 0U) {
      return no_memory_left();
    }
    std::size_t from = 0;
    std::size_t to = 0;
    while (true) {
      std::size_t got = plain.size() - to;
      std::size_t taken = packed.size() - from;
      const std::size_t wants =
          LZ4F_decompress(context.get(), plain.data() + to, &got, packed.data() + from, &taken, nullptr);
      if (LZ4F_isError(wants) != 0U) {
        return Error(Errc::corrupt, text, LZ4F_getErrorName(wants));
      }
      from += taken;
      to += got;
      if (wants == 0 && from == packed.size() && to == plain.size()) {
        return {};
      }
      if (wants == 0 || (taken == 0 && got == 0)) {
        return Error(Errc::corrupt, text, "it does not have the size that its frame states");
      }
    }
  }
};

}  // namespace

Result<std::shared_ptr<Backend>> compressed_by_lz4(std::shared_ptr<Backend> inner) {
  return PackedRecord::over(std::move(inner), "lz4", std::make_unique<Lz4>());
}

}  // namespace locum::storage
