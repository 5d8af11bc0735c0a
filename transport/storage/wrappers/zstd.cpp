#include <zstd.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>

#include "transport/storage/wrappers/packed_record.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

namespace {

/// The deadline is looked at once in as many bytes.
constexpr std::size_t zstd_chunk_bytes = std::size_t{1} << 20U;

struct FreeZstd {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};
using ZstdPacker = std::unique_ptr<ZSTD_CCtx, FreeZstd>;
using ZstdUnpacker = std::unique_ptr<ZSTD_DCtx, FreeZstd>;

/// What a function of the library returned; `corrupt` or `system` with its own text if that is an error.
Result<std::size_t> zstd_checked(std::size_t returned, Errc code, const char* text) {
  return ZSTD_isError(returned) == 0U ? Result<std::size_t>(returned)
                                      : Error(code, text, ZSTD_getErrorName(returned));
}

class Zstd final : public Compressor {
 public:
  explicit Zstd(int level) noexcept : level_(level) {}

  Packing packing() const noexcept override { return Packing::zstd; }
  std::uint64_t room(std::uint64_t size_bytes) const noexcept override { return size_bytes; }

  Result<std::uint64_t> pack(std::span<const std::byte> plain, std::span<std::byte> into,
                             Deadline deadline) const override {
    const ZstdPacker context(ZSTD_createCCtx());
    if (context == nullptr) {
      return no_memory_left();
    }
    for (const std::size_t set : {ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level_),
                                  ZSTD_CCtx_setPledgedSrcSize(context.get(), plain.size())}) {
      if (auto done = zstd_checked(set, Errc::system, "zstd: cannot compress at this level"); !done) {
        return done.error();
      }
    }
    ZSTD_outBuffer out{into.data(), into.size(), 0};
    for (std::size_t at = 0;;) {
      if (auto time = still_time(deadline); !time) {
        return time.error();
      }
      const std::size_t end = std::min(plain.size(), at + zstd_chunk_bytes);
      const bool is_last = end == plain.size();
      ZSTD_inBuffer in{plain.data(), end, at};
      const auto left =
          zstd_checked(ZSTD_compressStream2(context.get(), &out, &in, is_last ? ZSTD_e_end : ZSTD_e_continue),
                       Errc::system, "zstd: cannot compress the record");
      if (!left) {
        return left.error();
      }
      at = in.pos;
      if (is_last && *left == 0) {
        return out.pos;
      }
      if (out.pos == out.size) {
        return Error(Errc::value_too_large, "zstd: the record does not become shorter");
      }
    }
  }

  // Four bytes of a frame stand for a block of 128 KiB at most.
  std::uint64_t most_plain(std::uint64_t packed_bytes) const noexcept override {
    constexpr std::uint64_t most_a_byte = std::uint64_t{32} << 10U;
    return packed_bytes > std::numeric_limits<std::uint64_t>::max() / most_a_byte
               ? std::numeric_limits<std::uint64_t>::max()
               : packed_bytes * most_a_byte;
  }

  Result<void> unpack(std::span<const std::byte> packed, std::span<std::byte> plain) const override {
    constexpr auto text = "zstd: the record cannot be read back; it was not compressed by this library";
    if (ZSTD_getFrameContentSize(packed.data(), packed.size()) != plain.size()) {
      return Error(Errc::corrupt, text, "the size in the frame is another one");
    }
    const ZstdUnpacker context(ZSTD_createDCtx());
    if (context == nullptr) {
      return no_memory_left();
    }
    const auto got = zstd_checked(
        ZSTD_decompressDCtx(context.get(), plain.data(), plain.size(), packed.data(), packed.size()),
        Errc::corrupt, text);
    if (!got) {
      return got.error();
    }
    return *got == plain.size() ? Result<void>()
                                : Error(Errc::corrupt, text, "it is shorter than its frame states");
  }

 private:
  const int level_;
};

}  // namespace

Result<std::shared_ptr<Backend>> compressed_by_zstd(std::shared_ptr<Backend> inner, int level) {
  if (level < 1 || level > ZSTD_maxCLevel()) {
    return Error(Errc::invalid_argument,
                 "zstd: zstd.level is a number from 1 to " + std::to_string(ZSTD_maxCLevel()));
  }
  return PackedRecord::over(std::move(inner), "zstd", std::make_unique<Zstd>(level));
}

}  // namespace locum::storage
