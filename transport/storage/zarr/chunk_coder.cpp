#include "transport/storage/zarr/chunk_coder.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <ranges>
#include <string>
#include <utility>
#include <vector>

#include "core/value/errors.hpp"
#include "transport/storage/formats/npy/half_number.hpp"

namespace locum::storage {

namespace {

bool is_complex(const ElementType& element) {
  return element.name() == "c64" || element.name() == "c128";
}

}  // namespace

ChunkCoder::ChunkCoder(const ChunkCoding& coding, const Extents& extents, const ElementType& element,
                       bool is_half)
    : coding_(coding),
      extents_(extents),
      plain_bytes_(element.bytes()),
      element_bytes_(element.bytes()),
      is_half_(is_half),
      word_bytes_(is_half || is_complex(element) ? element.bytes() / 2 : element.bytes()) {
  for (std::size_t at = extents.size(); at > 0; --at) {
    const std::size_t dimension = coding.order.empty() ? at - 1 : coding.order[at - 1];
    strides_[dimension] = static_cast<std::int64_t>(plain_bytes_);
    plain_bytes_ *= static_cast<std::size_t>(extents[dimension]);
  }
}

detail::StridedBytes ChunkCoder::elements_in(const std::byte* plain) const noexcept {
  return {plain, extents_, strides_, element_bytes_};
}

bool ChunkCoder::swaps() const noexcept {
  return word_bytes_ > 1 && coding_.is_big_endian != (std::endian::native == std::endian::big);
}

bool ChunkCoder::encodes_as_it_is() const noexcept {
  return !is_half_ && !swaps() && std::ranges::is_sorted(coding_.order);
}

void ChunkCoder::swap_if_needed(std::span<std::byte> words) const noexcept {
  if (!swaps()) {
    return;
  }
  for (std::size_t at = 0; at < words.size(); at += word_bytes_) {
    std::ranges::reverse(words.subspan(at, word_bytes_));
  }
}

Result<void> ChunkCoder::decode(std::span<const std::byte> coded, std::span<std::byte> plain) const {
  if (!is_half_) {
    return decode_words(coded, plain);
  }
  std::vector<std::byte> words(plain.size() / 2);
  if (auto done = decode_words(coded, words); !done) {
    return done;
  }
  for (std::size_t at = 0; at < words.size(); at += sizeof(std::uint16_t)) {
    std::uint16_t half = 0;
    std::memcpy(&half, words.data() + at, sizeof half);
    const std::uint32_t bits = float_bits_of_half(half);
    std::memcpy(plain.data() + 2 * at, &bits, sizeof bits);
  }
  return {};
}

Result<void> ChunkCoder::decode_words(std::span<const std::byte> coded, std::span<std::byte> words) const {
  // What a codec makes of bytes that others encode once more is little larger than these.
  const std::size_t most = words.size() + words.size() / 4 + (std::size_t{64} << 10U);
  std::vector<std::byte> decoded;
  for (std::size_t at = coding_.codecs.size(); at > 1; --at) {
    auto next = coding_.codecs[at - 1]->decode(coded, most);
    if (!next) {
      return next.error();
    }
    decoded = std::move(*next);
    coded = decoded;
  }
  if (!coding_.codecs.empty()) {
    if (auto done = coding_.codecs.front()->decode(coded, words); !done) {
      return done;
    }
  } else if (coded.size() != words.size()) {
    return Error(Errc::corrupt, "the chunk has " + std::to_string(coded.size()) +
                                    " bytes, and its elements have " + std::to_string(words.size()));
  } else {
    std::ranges::copy(coded, words.begin());
  }
  swap_if_needed(words);
  return {};
}

Result<std::span<const std::byte>> ChunkCoder::encode(std::span<std::byte> plain, ChunkMemory& memory) const {
  std::span<std::byte> words = plain;
  if (is_half_) {
    const auto halves = memory.words.of_size(plain.size() / 2);
    if (!halves) {
      return halves.error();
    }
    words = *halves;
    for (std::size_t at = 0; at < words.size(); at += sizeof(std::uint16_t)) {
      float number = 0;
      std::memcpy(&number, plain.data() + 2 * at, sizeof number);
      const auto half = half_bits_of(number);
      if (!half) {
        return Error(Errc::value_too_large, "float16 holds no such number: " + std::to_string(number));
      }
      std::memcpy(words.data() + at, &*half, sizeof *half);
    }
  }
  swap_if_needed(words);
  return encode_unchanged(words, memory);
}

Result<std::span<const std::byte>> ChunkCoder::encode_unchanged(std::span<const std::byte> plain,
                                                                ChunkMemory& memory) const {
  std::span<const std::byte> bytes = plain;
  for (std::size_t at = 0; at < coding_.codecs.size(); ++at) {
    auto next = coding_.codecs[at]->encode(bytes, memory.coded[at % 2]);
    if (!next) {
      return next;
    }
    bytes = *next;
  }
  return bytes;
}

}  // namespace locum::storage
