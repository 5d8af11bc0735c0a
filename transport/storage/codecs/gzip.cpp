// The codecs `gzip` (RFC 1952), and `zlib` of numcodecs (RFC 1950): one compression in two containers.

#include <zlib.h>

#include <algorithm>
#include <limits>

#include "transport/storage/codecs/codec_bytes.hpp"
#include "transport/storage/codecs/codec_list.hpp"

namespace locum::storage {

namespace {

struct DeflateContainer {
  std::string_view name;  ///< of version 3
  std::string_view id;    ///< of version 2
  int window_bits;        ///< as zlib takes it: for the largest window, with a mark of the container
  bool has_members;       ///< several may follow each other, as if they were one
  int least_level;        ///< -1: zlib's choice
};
constexpr DeflateContainer gzip_container{"gzip", "gzip", 15 + 16, true, 0};
constexpr DeflateContainer zlib_container{"numcodecs.zlib", "zlib", 15, false, -1};

/// zlib counts bytes in 32 bits.
constexpr std::size_t zlib_piece_bytes = std::size_t{1} << 30U;

/// Gives zlib the next piece of its input, if it has used up the last one.
void feed(z_stream& stream, std::span<const std::byte>& input) noexcept {
  if (stream.avail_in == 0 && !input.empty()) {
    const std::size_t piece = std::min(input.size(), zlib_piece_bytes);
    // zlib does not change what it reads.
    stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(input.data()));
    stream.avail_in = static_cast<uInt>(piece);
    input = input.subspan(piece);
  }
}

/// Inflates bytes in memory, piece by piece. One thread at a time.
class MemoryInflater {
 public:
  /// \param coded live longer
  MemoryInflater(const DeflateContainer& container, std::span<const std::byte> coded) noexcept
      : container_(container), coded_(coded) {}
  MemoryInflater(const MemoryInflater&) = delete;
  MemoryInflater& operator=(const MemoryInflater&) = delete;
  ~MemoryInflater() {
    if (has_begun_) {
      ::inflateEnd(&stream_);
    }
  }

  /// Fills memory with the next bytes, and returns their number: fewer than there is room for if these are
  /// the last ones.
  [[nodiscard]] Result<std::size_t> next(std::span<std::byte> into) {
    if (!has_begun_ && ::inflateInit2(&stream_, container_.window_bits) != Z_OK) {
      return no_memory_left();
    }
    has_begun_ = true;
    std::size_t made = 0;
    while (made < into.size() && !has_ended_) {
      feed(stream_, coded_);
      const auto room = static_cast<uInt>(std::min(into.size() - made, zlib_piece_bytes));
      stream_.next_out = reinterpret_cast<Bytef*>(into.data() + made);
      stream_.avail_out = room;
      const int state = ::inflate(&stream_, Z_NO_FLUSH);
      made += room - stream_.avail_out;
      if (state == Z_MEM_ERROR) {
        return no_memory_left();
      }
      if (state == Z_BUF_ERROR) {  // there is room: only its input can be used up
        return damaged("end too early");
      }
      if (state != Z_OK && state != Z_STREAM_END) {
        return damaged("cannot be inflated");
      }
      if (state == Z_STREAM_END) {
        if (auto ended = end_member(); !ended) {
          return ended.error();
        }
      }
    }
    return made;
  }
  /// Refuses bytes that were not inflated yet. \param most for the error: those that were
  [[nodiscard]] Result<void> finish(std::size_t most) {
    std::byte one{};
    const auto more = next({&one, 1});
    return !more ? more.error() : *more > 0 ? too_many_plain_bytes(container_.name, most) : Result<void>();
  }

 private:
  [[nodiscard]] Error damaged(const char* reason) const {
    return damaged_code(container_.name, reason, stream_.msg == nullptr ? "" : stream_.msg);
  }
  [[nodiscard]] Result<void> end_member() {
    has_ended_ = stream_.avail_in == 0 && coded_.empty();
    if (!has_ended_ && !container_.has_members) {
      return damaged("are followed by others");
    }
    return has_ended_ || ::inflateReset(&stream_) == Z_OK ? Result<void>() : damaged("cannot be inflated");
  }

  const DeflateContainer& container_;
  std::span<const std::byte> coded_;  ///< that zlib was not given yet
  z_stream stream_{};
  bool has_begun_ = false;
  bool has_ended_ = false;
};

struct DeflateEnd {
  void operator()(z_stream* stream) const noexcept { ::deflateEnd(stream); }
};

class DeflateCodec final : public BytesCodec {
 public:
  DeflateCodec(const DeflateContainer& container, int level) noexcept
      : container_(container), level_(level) {}
  [[nodiscard]] static Result<std::unique_ptr<BytesCodec>> make(const DeflateContainer& container,
                                                                const CodecDescription& description) {
    if (auto known = description.knows_only({"level"}); !known) {
      return known.error();
    }
    const auto level = description.integer("level", container.least_level, 9, {1, {}, 5});
    return level ? Result<std::unique_ptr<BytesCodec>>(
                       std::make_unique<DeflateCodec>(container, static_cast<int>(*level)))
                 : level.error();
  }

  [[nodiscard]] std::string_view name() const noexcept override { return container_.name; }
  [[nodiscard]] Result<Record> described(int version) const override {
    return guarded([&]() -> Result<Record> {
      RecordMembers members;
      members.set("level", level_);
      return description_of_codec(version, container_.name, container_.id, members);
    });
  }

  [[nodiscard]] Result<std::span<const std::byte>> encode(std::span<const std::byte> plain,
                                                          ReusedBytes& memory) const override {
    z_stream stream{};
    constexpr int memory_level = 8;
    if (::deflateInit2(&stream, level_, Z_DEFLATED, container_.window_bits, memory_level,
                       Z_DEFAULT_STRATEGY) != Z_OK) {
      return no_memory_left();
    }
    const std::unique_ptr<z_stream, DeflateEnd> ended_later(&stream);
    const uLong room = ::deflateBound(&stream, plain.size());
    return encoded_within(memory, room, [&](std::span<std::byte> coded) -> Result<std::size_t> {
      std::size_t made = 0;
      for (int state = Z_OK; state != Z_STREAM_END;) {
        feed(stream, plain);
        const auto piece = static_cast<uInt>(std::min(coded.size() - made, zlib_piece_bytes));
        stream.next_out = reinterpret_cast<Bytef*>(coded.data() + made);
        stream.avail_out = piece;
        state = ::deflate(&stream, plain.empty() ? Z_FINISH : Z_NO_FLUSH);
        made += piece - stream.avail_out;
        if (state != Z_OK && state != Z_STREAM_END) {
          return Error(Errc::system, std::string(container_.name) + ": zlib cannot compress the chunk",
                       stream.msg == nullptr ? "" : stream.msg);
        }
      }
      return made;
    });
  }

  [[nodiscard]] Result<void> decode(std::span<const std::byte> coded,
                                    std::span<std::byte> plain) const override {
    MemoryInflater inflater(container_, coded);
    const auto made = inflater.next(plain);
    if (!made || *made < plain.size()) {
      return made ? wrong_plain_size(container_.name, *made, plain.size()) : made.error();
    }
    return inflater.finish(plain.size());
  }

  // The bytes do not tell how many they become (of gzip, modulo 2^32), and may become a thousand times more.
  [[nodiscard]] Result<std::vector<std::byte>> decode(std::span<const std::byte> coded,
                                                      std::size_t most) const override {
    constexpr std::size_t least_room = 4096;
    auto plain = bytes_of_size(std::min(most, std::max(least_room, 4 * std::min(coded.size(), most / 4))));
    if (!plain) {
      return plain;
    }
    MemoryInflater inflater(container_, coded);
    for (std::size_t made = 0;;) {
      const auto got = inflater.next(std::span(*plain).subspan(made));
      if (!got) {
        return got.error();
      }
      made += *got;
      if (made == most) {
        auto finished = inflater.finish(most);
        return finished ? std::move(plain) : finished.error();
      }
      const bool is_all = made < plain->size();
      if (auto resized = resize_bytes(*plain, is_all ? made : made > most / 2 ? most : 2 * made); !resized) {
        return resized.error();
      }
      if (is_all) {
        return plain;
      }
    }
  }

 private:
  const DeflateContainer& container_;
  const int level_;
};

}  // namespace

const CodecTraits& gzip_codec() {
  static const CodecTraits traits{true, {"level"}, "gzip(level)", [](const CodecDescription& description) {
                                    return DeflateCodec::make(gzip_container, description);
                                  }};
  return traits;
}

const CodecTraits& zlib_codec() {
  static const CodecTraits traits{false, {"level"}, "zlib(level)", [](const CodecDescription& description) {
                                    return DeflateCodec::make(zlib_container, description);
                                  }};
  return traits;
}

}  // namespace locum::storage
