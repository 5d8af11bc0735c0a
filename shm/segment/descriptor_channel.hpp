#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "core/base/descriptor.hpp"
#include "core/value/deadline.hpp"

namespace locum::shm {

/// Address of a DescriptorServer. Plain bytes, passed to the receivers over a private channel.
struct ChannelAddress {
  std::array<std::byte, 16> name{};     ///< random; of the socket, in the abstract namespace
  std::array<std::byte, 16> request{};  ///< sent by a receiver, so that no other process gets the descriptor
  std::array<std::byte, 16> reply{};  ///< sent with the descriptor, so that no other process can provide one
};

/// Passes an open file to other processes of this machine and user, over a socket that exists as long as this
/// and leaves no name behind. Used by one thread.
class DescriptorServer {
 public:
  /// Throws Error `system`.
  DescriptorServer();

  [[nodiscard]] const ChannelAddress& address() const noexcept { return address_; }
  /// Passes `descriptor` to `receivers` processes. Rejects other processes. Throws `timeout` at `moment` if
  /// not all have connected.
  void give(int descriptor, std::uint32_t receivers, Deadline::Clock::time_point moment);

 private:
  ChannelAddress address_;
  Descriptor socket_;
};

/// The descriptor from the server at `address`. Throws `timeout` at `moment`, `peer_lost` if the server does
/// not exist or ends, `corrupt` if another process replies.
[[nodiscard]] Descriptor receive_descriptor(const ChannelAddress& address,
                                            Deadline::Clock::time_point moment);

}  // namespace locum::shm
