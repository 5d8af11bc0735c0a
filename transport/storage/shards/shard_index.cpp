#include "transport/storage/shards/shard_index.hpp"

#include <algorithm>
#include <bit>
#include <cstring>
#include <string_view>

#include "core/base/checksum.hpp"
#include "core/base/unless_out_of_memory.hpp"

namespace locum::storage {

namespace {

constexpr std::string_view shard_magic = "LOCSHARD";
constexpr std::uint32_t shard_version = 1;
constexpr std::size_t shard_block_bytes = 24;  // of a block in the index
constexpr std::uint32_t largest_shard_alignment = 64;
constexpr std::size_t checked_trailer_bytes = 52;

void append_text(std::vector<std::byte>& bytes, std::string_view text) {
  const auto* const first = reinterpret_cast<const std::byte*>(text.data());
  bytes.insert(bytes.end(), first, first + text.size());
}

template <class T>
void append_number(std::vector<std::byte>& bytes, T number) {
  for (std::size_t at = 0; at < sizeof(T); ++at) {
    bytes.push_back(static_cast<std::byte>(number >> (8 * at)));
  }
}

/// Reads numbers from bytes that are not trusted.
class NumberReader {
 public:
  explicit NumberReader(std::span<const std::byte> bytes) : rest_(bytes) {}

  /// Returns 0 behind the end, which is_whole() tells.
  template <class T>
  [[nodiscard]] T number() noexcept {
    T made = 0;
    const auto bytes = take(sizeof(T));
    for (std::size_t at = 0; at < bytes.size(); ++at) {
      made = static_cast<T>(made | (static_cast<T>(bytes[at]) << (8 * at)));
    }
    return made;
  }
  [[nodiscard]] std::string text() {
    const auto size = number<std::uint16_t>();
    const auto bytes = take(size);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
  [[nodiscard]] std::size_t rest() const noexcept { return rest_.size(); }
  [[nodiscard]] bool is_whole() const noexcept { return is_whole_; }

 private:
  [[nodiscard]] std::span<const std::byte> take(std::size_t count) noexcept {
    if (count > rest_.size()) {
      is_whole_ = false;
      rest_ = {};
      return {};
    }
    const auto taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }

  std::span<const std::byte> rest_;
  bool is_whole_ = true;
};

/// No codec makes so much of one byte: a block that claims more would take memory in vain.
constexpr std::uint64_t largest_expansion = std::uint64_t{1} << 20U;

bool has_possible_size(const ShardBlock& block, const ShardIndex& index) {
  if (block.samples == 0 || (index.codec.empty() && block.coded_bytes != block.plain_bytes) ||
      block.plain_bytes / largest_expansion > block.coded_bytes) {
    return false;
  }
  if (index.sample_bytes != 0) {
    const std::uint64_t stride = shard_stride(index);
    return stride >= index.sample_bytes && block.plain_bytes / stride == block.samples &&
           block.plain_bytes % stride == 0;
  }
  return block.samples == 1 || block.plain_bytes / sizeof(std::uint32_t) >= block.samples;
}

Error damaged_index(std::string_view reason) {
  return Error(Errc::corrupt, "the index of the shard is damaged: " + std::string(reason) +
                                  "; restore the file, or write the shard again");
}

}  // namespace

std::size_t ShardIndex::block_of(std::uint64_t number) const noexcept {
  const auto behind = std::ranges::upper_bound(blocks, number, {}, &ShardBlock::first);
  return static_cast<std::size_t>(behind - blocks.begin()) - 1;
}

std::vector<std::byte> shard_header() {
  std::vector<std::byte> bytes;
  append_text(bytes, shard_magic);
  append_number(bytes, shard_version);
  append_number(bytes, std::uint32_t{0});
  return bytes;
}

std::vector<std::byte> shard_end(const ShardIndex& index) {
  std::vector<std::byte> bytes;
  bytes.reserve(index.blocks.size() * shard_block_bytes + 256);
  append_number(bytes, static_cast<std::uint16_t>(index.type.size()));
  append_text(bytes, index.type);
  append_number(bytes, static_cast<std::uint16_t>(index.codec.size()));
  append_text(bytes, index.codec);
  append_number(bytes, index.alignment);
  append_number(bytes, index.sample_bytes);
  append_number(bytes, std::uint64_t{index.blocks.size()});
  std::uint64_t plain_bytes = 0;
  for (const ShardBlock& block : index.blocks) {
    append_number(bytes, block.coded_bytes);
    append_number(bytes, block.plain_bytes);
    append_number(bytes, block.samples);
    append_number(bytes, block.checksum);
    plain_bytes += block.plain_bytes;
  }
  const std::uint64_t offset = index.blocks.empty()
                                   ? shard_header_bytes
                                   : index.blocks.back().offset + index.blocks.back().coded_bytes;
  std::vector<std::byte> trailer;
  append_number(trailer, offset);
  append_number(trailer, std::uint64_t{bytes.size()});
  append_number(trailer, index.samples());
  append_number(trailer, plain_bytes);
  append_number(trailer, checksum(bytes));
  append_number(trailer, shard_version);
  trailer.resize(checked_trailer_bytes);
  append_number(trailer, checksum(trailer));
  append_text(trailer, shard_magic);
  bytes.insert(bytes.end(), trailer.begin(), trailer.end());
  return bytes;
}

Result<ShardTrailer> read_shard_trailer(std::span<const std::byte> bytes, std::uint64_t file_bytes) {
  const auto magic = bytes.last(shard_magic.size());
  if (std::memcmp(magic.data(), shard_magic.data(), shard_magic.size()) != 0) {
    return Error(Errc::corrupt,
                 "this is no shard, or its end is missing: it does not end with LOCSHARD; give the key of a "
                 "shard, or write it again");
  }
  NumberReader in(bytes);
  ShardTrailer made;
  made.index_offset = in.number<std::uint64_t>();
  made.index_bytes = in.number<std::uint64_t>();
  made.samples = in.number<std::uint64_t>();
  made.plain_bytes = in.number<std::uint64_t>();
  made.index_checksum = in.number<std::uint32_t>();
  const auto version = in.number<std::uint32_t>();
  NumberReader end_of_trailer(bytes.subspan(checked_trailer_bytes));
  if (end_of_trailer.number<std::uint32_t>() != checksum(bytes.first(checked_trailer_bytes))) {
    return damaged_index("the checksum of its last 64 bytes is wrong");
  }
  if (version != shard_version) {
    return Error(Errc::unsupported, "the shard is of version " + std::to_string(version) +
                                        ", and this version of locum reads 1; read it with the one that "
                                        "wrote it, or a newer one");
  }
  const std::uint64_t end = file_bytes - shard_trailer_bytes;
  if (made.index_offset < shard_header_bytes || made.index_offset > end ||
      made.index_bytes != end - made.index_offset) {
    return damaged_index("it does not lie where its last 64 bytes say");
  }
  return made;
}

Result<ShardIndex> read_shard_index(std::span<const std::byte> bytes, const ShardTrailer& trailer) {
  if (checksum(bytes) != trailer.index_checksum) {
    return damaged_index("its checksum is wrong");
  }
  return guarded([&]() -> Result<ShardIndex> {
    NumberReader in(bytes);
    ShardIndex made;
    made.type = in.text();
    made.codec = in.text();
    made.alignment = in.number<std::uint32_t>();
    made.sample_bytes = in.number<std::uint64_t>();
    const auto blocks = in.number<std::uint64_t>();
    if (!in.is_whole() || !std::has_single_bit(made.alignment) || made.alignment > largest_shard_alignment) {
      return damaged_index("it ends too early, or its alignment is none");
    }
    if (blocks > in.rest() / shard_block_bytes || blocks * shard_block_bytes != in.rest()) {
      return damaged_index("it is not as long as its blocks need");
    }
    made.blocks.reserve(static_cast<std::size_t>(blocks));
    std::uint64_t offset = shard_header_bytes;
    std::uint64_t first = 0;
    for (std::uint64_t number = 0; number < blocks; ++number) {
      ShardBlock block{.offset = offset, .first = first};
      block.coded_bytes = in.number<std::uint64_t>();
      block.plain_bytes = in.number<std::uint64_t>();
      block.samples = in.number<std::uint32_t>();
      block.checksum = in.number<std::uint32_t>();
      if (block.coded_bytes > trailer.index_offset - offset || !has_possible_size(block, made)) {
        return damaged_index("block " + std::to_string(number) + " has an impossible size");
      }
      offset += block.coded_bytes;
      first += block.samples;
      made.blocks.push_back(block);
    }
    if (offset != trailer.index_offset || first != trailer.samples) {
      return damaged_index("its blocks do not add up");
    }
    return made;
  });
}

}  // namespace locum::storage
