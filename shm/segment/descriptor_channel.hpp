#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/deadline.hpp"
#include "shm/segment/descriptor.hpp"

namespace locum::shm {

/// How to reach a DescriptorServer. Plain bytes, told to the receivers by a way that others cannot read.
struct ChannelAddress {
  std::array<std::byte, 16> name{};      ///< random; the socket's, in the abstract name space
  std::array<std::byte, 16> question{};  ///< what a receiver says, so that no stranger gets the descriptor
  std::array<std::byte, 16> answer{};    ///< what comes with the descriptor, so that no stranger gives it
};

/// Gives an open file to other processes of this machine and user, over a socket that exists while this does
/// and leaves no name behind. Used by one thread.
class DescriptorServer {
 public:
  /// Throws Error `system`.
  DescriptorServer();

  [[nodiscard]] const ChannelAddress& address() const noexcept { return address_; }
  /// Gives `descriptor` to `receivers` processes. Strangers are turned away. Throws `timeout` at `moment` if
  /// not all have come.
  void give(int descriptor, std::uint32_t receivers, Deadline::Clock::time_point moment);

 private:
  ChannelAddress address_;
  Descriptor socket_;
};

/// The descriptor that the server at `address` gives. Throws `timeout` at `moment`, `peer_lost` if the server
/// is not there or goes away, `corrupt` if what answers is not it.
[[nodiscard]] Descriptor receive_descriptor(const ChannelAddress& address,
                                            Deadline::Clock::time_point moment);

}  // namespace locum::shm
