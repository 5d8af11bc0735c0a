#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "core/ports/remote_memory.hpp"
#include "core/value/error.hpp"
#include "core/value/metrics.hpp"
#include "core/value/result.hpp"

namespace locum::loopback {

/// A message in transfer.
struct Parcel {
  int from = 0;
  int to = 0;
  std::size_t header_bytes = 0;
  std::vector<std::byte> bytes;  ///< the header, and the bulk if it is small
  std::uint64_t bulk_bytes = 0;
  std::uint64_t transfer = 0;  ///< of a bulk that is not here; 0: the bulk is here
  bool kills = false;          ///< kills its receiver

  [[nodiscard]] std::span<const std::byte> header() const noexcept {
    return std::span(bytes).first(header_bytes);
  }
  [[nodiscard]] std::span<const std::byte> present() const noexcept {
    return std::span(bytes).subspan(header_bytes);
  }
};

struct Landed {
  std::uint64_t landing = 0;
  Result<Path> outcome;
};
struct Sent {
  std::uint64_t ticket = 0;
  Result<void> outcome;
};
struct ReadEnded {
  RemoteMemory::Then then;
  Result<void> outcome;
};
struct Lost {
  int rank = 0;
  Error cause;
};

/// Messages for one rank's progress(), in the order of arrival.
using Inbox = std::vector<std::variant<std::shared_ptr<Parcel>, Landed, Sent, ReadEnded, Lost>>;

}  // namespace locum::loopback
