#pragma once

#include <array>
#include <cstdint>

namespace locum::loopback {

/// Traffic over the network, or of one rank. Bytes are those of headers and of bulk; a bulk counts with its
/// message, when that is sent or arrives, whether it is fetched later or refused.
struct Counters {
  struct Traffic {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };

  Traffic sent;
  Traffic received;  ///< passed to the receiver
};

/// Totals of all ranks, and counters of the network.
struct NetworkCounters : Counters {
  Traffic lost;                              ///< not delivered: dropped, cut off, or one end was dead
  std::uint64_t transfers = 0;               ///< bulks copied from memory to memory
  Traffic reads;                             ///< successful one-sided reads
  std::array<std::uint64_t, 256> by_kind{};  ///< messages sent, by the first byte of their header
};

}  // namespace locum::loopback
