#pragma once

#include <array>
#include <cstdint>

namespace locum::loopback {

/// What went over the network, or past one rank. Bytes are those of headers and of bulk; a bulk counts with
/// its message, when it is sent or arrives, whether it is fetched later or refused.
struct Counters {
  struct Traffic {
    std::uint64_t messages = 0;
    std::uint64_t bytes = 0;
  };

  Traffic sent;
  Traffic received;  ///< told to the receiver
};

/// The same of all ranks, and what only the network knows.
struct NetworkCounters : Counters {
  Traffic lost;                 ///< that arrived nowhere: dropped, cut off, or an end of it was dead
  std::uint64_t transfers = 0;  ///< bulks that were moved from memory to memory
  Traffic reads;                ///< one-sided ones that brought what they were to bring
  std::array<std::uint64_t, 256> by_kind{};  ///< messages sent, by the first byte of their header
};

}  // namespace locum::loopback
