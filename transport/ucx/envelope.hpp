#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "core/ports/transport.hpp"

namespace locum::ucx {

/// Precedes the caller's header in every message: 16 bytes, in the byte order of the machine.
///
///   0  mark     4 bytes  the format and its version; another byte order does not match it
///   4  sender   4 bytes  the rank that sends, signed
///   8  session  8 bytes  which runtime this belongs to, drawn by rank 0 when it was opened
///
/// A message that does not start with it comes from elsewhere, or is damaged, and is dropped.
struct Envelope {
  static constexpr std::uint32_t current_mark = 0x4c4f4301;
  static constexpr std::size_t bytes = 16;

  std::uint32_t mark = current_mark;
  std::int32_t sender = 0;
  std::uint64_t session = 0;

  /// A message of another rank of this runtime, without its envelope: the sender and its header. None if it
  /// is not one.
  struct Opened {
    int sender;
    std::span<const std::byte> header;
  };
  /// `own_rank` and `ranks` are those of the receiver.
  [[nodiscard]] static std::optional<Opened> open(std::span<const std::byte> message, std::uint64_t session,
                                                  int own_rank, int ranks) noexcept;
};
static_assert(sizeof(Envelope) == Envelope::bytes);

/// Room for an envelope and the longest header behind it.
using Letter = std::array<std::byte, Envelope::bytes + max_header_bytes>;

/// Writes both into `letter`; returns the bytes to send. REQUIRES: the header has at most max_header_bytes.
[[nodiscard]] std::span<const std::byte> write(Letter& letter, const Envelope& envelope,
                                               std::span<const std::byte> header) noexcept;

}  // namespace locum::ucx
