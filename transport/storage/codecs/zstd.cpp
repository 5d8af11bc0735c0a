// The codec `zstd` (RFC 8878).

#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>

#include "transport/storage/codecs/codec_bytes.hpp"
#include "transport/storage/codecs/codec_list.hpp"

namespace locum::storage {

namespace {

struct FreeZstdContext {
  void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

/// Contexts of a thread: to make one takes longer than to code a small chunk. Null: there is no memory.
ZSTD_DCtx* decompression_context() noexcept {
  thread_local std::unique_ptr<ZSTD_DCtx, FreeZstdContext> context;
  if (context == nullptr) {
    context.reset(ZSTD_createDCtx());
  }
  return context.get();
}

class CompressionContext {
 public:
  CompressionContext() noexcept {
    if (kept() == nullptr) {
      kept().reset(ZSTD_createCCtx());
    } else {
      ZSTD_CCtx_reset(kept().get(), ZSTD_reset_session_and_parameters);
    }
  }
  CompressionContext(const CompressionContext&) = delete;
  CompressionContext& operator=(const CompressionContext&) = delete;
  // High levels take memory that a thread should not keep.
  ~CompressionContext() {
    constexpr std::size_t most_bytes = std::size_t{8} << 20U;
    if (kept() != nullptr && ZSTD_sizeof_CCtx(kept().get()) > most_bytes) {
      kept().reset();
    }
  }

  [[nodiscard]] ZSTD_CCtx* get() const noexcept { return kept().get(); }

 private:
  [[nodiscard]] static std::unique_ptr<ZSTD_CCtx, FreeZstdContext>& kept() noexcept {
    thread_local std::unique_ptr<ZSTD_CCtx, FreeZstdContext> context;
    return context;
  }
};

Error zstd_error(std::size_t returned) {
  return ZSTD_getErrorCode(returned) == ZSTD_error_memory_allocation
             ? no_memory_left()
             : damaged_code("zstd", "cannot be decompressed", ZSTD_getErrorName(returned));
}

class ZstdCodec final : public BytesCodec {
 public:
  ZstdCodec(int level, bool has_checksum) noexcept : level_(level), has_checksum_(has_checksum) {}
  [[nodiscard]] static Result<std::unique_ptr<BytesCodec>> make(const CodecDescription& description) {
    if (auto known = description.knows_only({"level", "checksum"}); !known) {
      return known.error();
    }
    // Some writers of version 3 leave out `checksum`.
    const auto level = description.integer("level", ZSTD_minCLevel(), ZSTD_maxCLevel(), {1, {}, 3});
    // Earlier numcodecs, and others who read version 2, do not know the member.
    const auto checksum =
        description.boolean("checksum", {false, false, description.form() == CodecForm::text_of_v3});
    if (!level || !checksum) {
      return level ? checksum.error() : level.error();
    }
    return std::make_unique<ZstdCodec>(static_cast<int>(*level), *checksum);
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "zstd"; }
  [[nodiscard]] Result<Record> described(int version) const override {
    return guarded([&]() -> Result<Record> {
      RecordMembers members;
      members.set("level", level_);
      if (version != 2 || has_checksum_) {  // earlier versions of numcodecs refuse the member
        members.set("checksum", has_checksum_);
      }
      return description_of_codec(version, "zstd", "zstd", members);
    });
  }

  [[nodiscard]] Result<std::span<const std::byte>> encode(std::span<const std::byte> plain,
                                                          ReusedBytes& memory) const override {
    const std::size_t room = ZSTD_compressBound(plain.size());
    if (ZSTD_isError(room) != 0U) {
      return no_memory_left();
    }
    return encoded_within(memory, room, [&](std::span<std::byte> coded) -> Result<std::size_t> {
      const CompressionContext context;
      if (context.get() == nullptr) {
        return no_memory_left();
      }
      std::size_t done = ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level_);
      if (ZSTD_isError(done) == 0U) {
        done = ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, has_checksum_ ? 1 : 0);
      }
      if (ZSTD_isError(done) == 0U) {
        done = ZSTD_compress2(context.get(), coded.data(), coded.size(), plain.data(), plain.size());
      }
      if (ZSTD_isError(done) != 0U) {
        return ZSTD_getErrorCode(done) == ZSTD_error_memory_allocation
                   ? no_memory_left()
                   : Error(Errc::system, "zstd: cannot compress the chunk", ZSTD_getErrorName(done));
      }
      return done;
    });
  }

  [[nodiscard]] Result<void> decode(std::span<const std::byte> coded,
                                    std::span<std::byte> plain) const override {
    ZSTD_DCtx* const context = decompression_context();
    if (context == nullptr) {
      return no_memory_left();
    }
    const std::size_t made = decompressed(*context, coded, plain);
    if (ZSTD_isError(made) != 0U) {
      return is_too_small(made) ? too_many_plain_bytes("zstd", plain.size()) : zstd_error(made);
    }
    return made == plain.size() ? Result<void>() : wrong_plain_size("zstd", made, plain.size());
  }

  // A frame may tell the size that it becomes, but need not, and several frames may follow each other. Where
  // the room is too small it is doubled and all is decoded again, at most twice the work: unlike pieces of
  // frames, which are decoded by way of a window whose size the frame decides, this takes no other memory.
  [[nodiscard]] Result<std::vector<std::byte>> decode(std::span<const std::byte> coded,
                                                      std::size_t most) const override {
    ZSTD_DCtx* const context = decompression_context();
    if (context == nullptr) {
      return no_memory_left();
    }
    constexpr std::size_t least_room = 4096;
    const unsigned long long told = ZSTD_getFrameContentSize(coded.data(), coded.size());
    std::size_t room = std::min(most, std::max(least_room, 4 * std::min(coded.size(), most / 4)));
    if (told != ZSTD_CONTENTSIZE_UNKNOWN && told != ZSTD_CONTENTSIZE_ERROR) {
      if (told > most) {
        return too_many_plain_bytes("zstd", most);
      }
      room = told;
    }
    while (true) {
      auto plain = bytes_of_size(room);
      if (!plain) {
        return plain;
      }
      const std::size_t made = decompressed(*context, coded, *plain);
      if (ZSTD_isError(made) == 0U) {
        plain->resize(made);
        return plain;
      }
      if (!is_too_small(made)) {
        return zstd_error(made);
      }
      if (room == most) {
        return too_many_plain_bytes("zstd", most);
      }
      room = room > most / 2 ? most : std::min(most, std::max(least_room, 2 * room));
    }
  }

 private:
  /// Returns the number of bytes, or an error of the library. No bytes at all are no frame, and an error.
  [[nodiscard]] static std::size_t decompressed(ZSTD_DCtx& context, std::span<const std::byte> coded,
                                                std::span<std::byte> plain) noexcept {
    return coded.empty()
               ? static_cast<std::size_t>(-ZSTD_error_srcSize_wrong)
               : ZSTD_decompressDCtx(&context, plain.data(), plain.size(), coded.data(), coded.size());
  }
  [[nodiscard]] static bool is_too_small(std::size_t returned) noexcept {
    return ZSTD_getErrorCode(returned) == ZSTD_error_dstSize_tooSmall;
  }

  const int level_;
  const bool has_checksum_;
};

}  // namespace

const CodecTraits& zstd_codec() {
  static const CodecTraits traits{true, {"level", "checksum"}, "zstd(level, checksum=true)", ZstdCodec::make};
  return traits;
}

}  // namespace locum::storage
