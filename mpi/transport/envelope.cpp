#include "mpi/transport/envelope.hpp"

#include <algorithm>
#include <cstring>

namespace locum::mpi {
namespace {

/// The bytes as they travel.
struct Packed {
  std::uint8_t kind = 0;
  std::uint8_t unused = 0;
  std::uint16_t header_bytes = 0;
  std::uint32_t also_unused = 0;
  std::uint64_t number = 0;
  std::uint64_t bulk_bytes = 0;
};
static_assert(sizeof(Packed) == Envelope::bytes);

bool fits(const Packed& packed, std::size_t behind) {
  switch (static_cast<Envelope::Kind>(packed.kind)) {
    case Envelope::Kind::message:
      return packed.header_bytes >= 1 && packed.header_bytes <= behind &&
             packed.bulk_bytes == behind - packed.header_bytes;
    case Envelope::Kind::announce:
      return packed.header_bytes >= 1 && packed.header_bytes == behind && packed.bulk_bytes > 0;
    case Envelope::Kind::pull:
    case Envelope::Kind::refuse:
    case Envelope::Kind::gone:
      return behind == 0 && packed.header_bytes == 0;
  }
  return false;
}

}  // namespace

std::optional<Envelope::Opened> Envelope::open(std::span<const std::byte> message) noexcept {
  Packed packed;
  if (message.size() < sizeof packed) {
    return std::nullopt;
  }
  std::memcpy(&packed, message.data(), sizeof packed);
  const auto behind = message.subspan(sizeof packed);
  if (packed.header_bytes > max_header_bytes || !fits(packed, behind.size())) {
    return std::nullopt;
  }
  return Opened{.envelope = {.kind = static_cast<Kind>(packed.kind),
                             .number = packed.number,
                             .bulk_bytes = packed.bulk_bytes},
                .header = behind.first(packed.header_bytes),
                .bulk = behind.subspan(packed.header_bytes)};
}

void write(std::vector<std::byte>& letter, const Envelope& envelope, std::span<const std::byte> header,
           std::span<const std::byte> bulk) {
  const Packed packed{.kind = static_cast<std::uint8_t>(envelope.kind),
                      .header_bytes = static_cast<std::uint16_t>(header.size()),
                      .number = envelope.number,
                      .bulk_bytes = envelope.bulk_bytes};
  letter.resize(sizeof packed + header.size() + bulk.size());
  std::memcpy(letter.data(), &packed, sizeof packed);
  const auto behind = std::ranges::copy(header, letter.begin() + sizeof packed).out;
  std::ranges::copy(bulk, behind);
}

}  // namespace locum::mpi
