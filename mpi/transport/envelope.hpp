#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/ports/transport.hpp"

namespace locum::mpi {

/// Precedes the caller's header in every message of the transport: 24 bytes, in the byte order of the
/// machine. MPI carries it on a communicator of the transport's own.
///
///   0   kind          1 byte
///   1   unused        1 byte   0
///   2   header_bytes  2 bytes  length of the header that follows
///   4   unused        4 bytes  0
///   8   number        8 bytes  of a bulk, by its sender; messages with their bulk have none
///   16  bulk_bytes    8 bytes  size of the bulk
struct Envelope {
  enum class Kind : std::uint8_t {
    message = 1,  ///< header and bulk follow
    announce,     ///< the header follows; the receiver may pull the bulk
    pull,         ///< the receiver has posted its receives for the bulk of that number
    refuse,       ///< the receiver does not want that bulk
    gone,         ///< the sender has declared the receiver lost, and drops what it sends
  };
  static constexpr std::size_t bytes = 24;

  Kind kind = Kind::message;
  std::uint64_t number = 0;
  std::uint64_t bulk_bytes = 0;

  struct Opened;
  /// None if `message` is damaged.
  [[nodiscard]] static std::optional<Opened> open(std::span<const std::byte> message) noexcept;
};

struct Envelope::Opened {
  Envelope envelope;
  std::span<const std::byte> header;  ///< within the message
  std::span<const std::byte> bulk;    ///< the same; of kind `message`
};

/// Writes the envelope, the header and the bulk that travels with it, if any, in the place of `letter`.
void write(std::vector<std::byte>& letter, const Envelope& envelope, std::span<const std::byte> header,
           std::span<const std::byte> bulk);

}  // namespace locum::mpi
