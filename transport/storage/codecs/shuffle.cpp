// The codec `shuffle` of numcodecs: the first bytes of all elements, the second ones of all, and so on. What
// changes little from one element to the next is compressed better so.

#include <algorithm>
#include <limits>

#include "transport/storage/codecs/codec_list.hpp"
#include "transport/storage/codecs/sized_codec.hpp"

namespace locum::storage {

namespace {

/// Copies the byte at row r and column c of a matrix to row c and column r. It goes on by a few rows that
/// stay in the nearest cache while their columns are copied.
void transpose_bytes(std::span<const std::byte> from, std::span<std::byte> to, std::size_t rows,
                     std::size_t columns) noexcept {
  const std::size_t step = std::max<std::size_t>(1, 16384 / columns);
  for (std::size_t first = 0; first < rows; first += std::min(step, rows - first)) {
    const std::size_t end = first + std::min(step, rows - first);
    for (std::size_t column = 0; column < columns; ++column) {
      const std::byte* const in = from.data() + column;
      std::byte* const out = to.data() + column * rows;
      for (std::size_t row = first; row < end; ++row) {
        out[row] = in[row * columns];
      }
    }
  }
}

/// The inverse: see transpose_bytes().
void transpose_back(std::span<const std::byte> from, std::span<std::byte> to, std::size_t rows,
                    std::size_t columns) noexcept {
  const std::size_t step = std::max<std::size_t>(1, 16384 / columns);
  for (std::size_t first = 0; first < rows; first += std::min(step, rows - first)) {
    const std::size_t end = first + std::min(step, rows - first);
    for (std::size_t column = 0; column < columns; ++column) {
      const std::byte* const in = from.data() + column * rows;
      std::byte* const out = to.data() + column;
      for (std::size_t row = first; row < end; ++row) {
        out[row * columns] = in[row];
      }
    }
  }
}

class ShuffleCodec final : public SizedCodec {
 public:
  explicit ShuffleCodec(std::size_t element_bytes) noexcept : element_bytes_(element_bytes) {}
  [[nodiscard]] static Result<std::unique_ptr<BytesCodec>> make(const CodecDescription& description) {
    if (auto known = description.knows_only({"elementsize"}); !known) {
      return known.error();
    }
    // 4 is what numcodecs takes, whatever the elements are: files without the member were written so.
    const auto size_bytes =
        description.integer("elementsize", std::numeric_limits<int>::min(), std::numeric_limits<int>::max(),
                            {4, {}, static_cast<std::int64_t>(description.element_bytes())});
    return size_bytes ? Result<std::unique_ptr<BytesCodec>>(std::make_unique<ShuffleCodec>(
                            static_cast<std::size_t>(std::max<std::int64_t>(1, *size_bytes))))
                      : size_bytes.error();
  }

  [[nodiscard]] std::string_view name() const noexcept override { return "numcodecs.shuffle"; }
  [[nodiscard]] Result<Record> described(int version) const override {
    return guarded([&]() -> Result<Record> {
      RecordMembers members;
      members.set("elementsize", element_bytes_);
      return description_of_codec(version, "numcodecs.shuffle", "shuffle", members);
    });
  }

  [[nodiscard]] Result<std::span<const std::byte>> encode(std::span<const std::byte> plain,
                                                          ReusedBytes& memory) const override {
    if (plain.size() % element_bytes_ != 0) {
      return Error(Errc::invalid_argument,
                   "shuffle: " + std::to_string(plain.size()) + " bytes are no whole number of elements of " +
                       std::to_string(element_bytes_) + "; set elementsize to theirs");
    }
    return encoded_within(memory, plain.size(), [&](std::span<std::byte> coded) -> Result<std::size_t> {
      transpose_bytes(plain, coded, plain.size() / element_bytes_, element_bytes_);
      return coded.size();
    });
  }

 private:
  [[nodiscard]] Result<std::size_t> claimed_bytes(std::span<const std::byte> coded) const override {
    return coded.size() % element_bytes_ == 0
               ? Result<std::size_t>(coded.size())
               : damaged_code("shuffle", "are no whole number of elements of " +
                                             std::to_string(element_bytes_) + " bytes");
  }
  [[nodiscard]] Result<void> decode_to(std::span<const std::byte> coded,
                                       std::span<std::byte> plain) const override {
    transpose_back(coded, plain, coded.size() / element_bytes_, element_bytes_);
    return {};
  }

  const std::size_t element_bytes_;
};

}  // namespace

const CodecTraits& shuffle_codec() {
  static const CodecTraits traits{false, {"elementsize"}, "shuffle(elementsize)", ShuffleCodec::make};
  return traits;
}

}  // namespace locum::storage
