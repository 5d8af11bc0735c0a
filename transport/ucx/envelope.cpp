#include "transport/ucx/envelope.hpp"

#include <algorithm>
#include <cstring>

namespace locum::ucx {

std::optional<Envelope::Opened> Envelope::open(std::span<const std::byte> message, std::uint64_t session,
                                               int own_rank, int ranks) noexcept {
  if (message.size() <= bytes || message.size() > bytes + max_header_bytes) {
    return std::nullopt;
  }
  Envelope envelope;
  std::memcpy(&envelope, message.data(), bytes);
  // A rank's messages to itself do not use the network, so nothing that arrives there is its own.
  if (envelope.mark != current_mark || envelope.session != session || envelope.sender < 0 ||
      envelope.sender >= ranks || envelope.sender == own_rank) {
    return std::nullopt;
  }
  return Opened{envelope.sender, message.subspan(bytes)};
}

std::span<const std::byte> write(Letter& letter, const Envelope& envelope,
                                 std::span<const std::byte> header) noexcept {
  std::memcpy(letter.data(), &envelope, Envelope::bytes);
  std::copy(header.begin(), header.end(), letter.begin() + Envelope::bytes);
  return std::span(letter).first(Envelope::bytes + header.size());
}

}  // namespace locum::ucx
