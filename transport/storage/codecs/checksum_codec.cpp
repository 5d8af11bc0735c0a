#include "transport/storage/codecs/checksum_codec.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <limits>

namespace locum::storage {

namespace {

constexpr std::size_t checksum_bytes = 4;

std::string hexadecimal_sum(std::uint32_t sum) {
  std::array<char, 9> text{};
  std::snprintf(text.data(), text.size(), "%08x", sum);
  return text.data();
}

}  // namespace

Result<std::unique_ptr<BytesCodec>> ChecksumCodec::make(const ChecksumKind& kind,
                                                        const CodecDescription& description) {
  const std::size_t usual = kind.is_at_end ? 1 : 0;
  // The specification of version 3 has no such member.
  if (auto known = description.form() == CodecForm::v3 ? description.knows_only({})
                                                       : description.knows_only({"location"});
      !known) {
    return known.error();
  }
  const auto location = description.choice("location", {"start", "end"}, {usual, usual, usual});
  return location ? Result<std::unique_ptr<BytesCodec>>(std::make_unique<ChecksumCodec>(kind, *location == 1))
                  : location.error();
}

Result<Record> ChecksumCodec::described(int version) const {
  return guarded([&]() -> Result<Record> {
    RecordMembers members;
    if (is_at_end_ != kind_.is_at_end) {
      if (version != 2 && kind_.name == kind_.id) {
        return Error(Errc::unsupported, std::string(kind_.name) + ": version 3 of Zarr has it only at the " +
                                            (kind_.is_at_end ? "end" : "start") + " of the bytes");
      }
      members.set("location", is_at_end_ ? "end" : "start");
    }
    return description_of_codec(version, kind_.name, kind_.id, members);
  });
}

Result<std::span<const std::byte>> ChecksumCodec::encode(std::span<const std::byte> plain,
                                                         ReusedBytes& memory) const {
  if (plain.size() > std::numeric_limits<std::ptrdiff_t>::max() - checksum_bytes) {
    return no_memory_left();
  }
  return encoded_within(
      memory, plain.size() + checksum_bytes, [&](std::span<std::byte> coded) -> Result<std::size_t> {
        const auto sum = is_at_end_ ? coded.last<checksum_bytes>() : coded.first<checksum_bytes>();
        put_little_endian(kind_.sum_of(plain), sum);
        std::ranges::copy(plain,
                          coded.begin() + static_cast<std::ptrdiff_t>(is_at_end_ ? 0 : checksum_bytes));
        return coded.size();
      });
}

Result<std::size_t> ChecksumCodec::claimed_bytes(std::span<const std::byte> coded) const {
  return coded.size() < checksum_bytes
             ? Result<std::size_t>(damaged_code(kind_.name, "are fewer than the four of the checksum"))
             : coded.size() - checksum_bytes;
}

Result<void> ChecksumCodec::decode_to(std::span<const std::byte> coded, std::span<std::byte> plain) const {
  const auto bytes = is_at_end_ ? coded.first(plain.size()) : coded.last(plain.size());
  const std::uint32_t stored =
      little_endian_u32(is_at_end_ ? coded.last<checksum_bytes>() : coded.first<checksum_bytes>());
  // The copy is summed: it is in the cache afterwards, and another thread that writes to the coded bytes is
  // found.
  std::ranges::copy(bytes, plain.begin());
  const std::uint32_t found = kind_.sum_of(plain);
  return found == stored ? Result<void>()
                         : damaged_code(kind_.name, "have the checksum " + hexadecimal_sum(found) + ", and " +
                                                        hexadecimal_sum(stored) + " is stored");
}

}  // namespace locum::storage
