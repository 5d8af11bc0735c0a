#pragma once

#include <chrono>
#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "core/ports/group.hpp"
#include "transport/ucx/remote_memory.hpp"
#include "transport/ucx/ucx_transport.hpp"

namespace locum::ucx {

/// Finds out what lanes really do, before a transport is used: whether memory is read without the help of its
/// owner. Each rank reads of one of another node (of another rank, where there is one node) while that one
/// moves nothing; what comes all the same is read one-sidedly. Nothing else can tell: UCX carries every read
/// out somehow.
class OneSidedProbe {
 public:
  /// Throws what the group's calls throw.
  OneSidedProbe(Group& group, std::shared_ptr<UcxTransport> transport);

  /// Collective; the same answer on all ranks: whether all could read what `memory` (at least a page of each
  /// rank, which is written to) holds. Where that cannot be exposed anywhere, nothing is tried.
  [[nodiscard]] bool reads(UcxRemoteMemory& remote, std::span<std::byte> memory);
  /// Whether registered memory gets keys that tell one piece from another; those that do not are of no device
  /// that could read it. Local.
  [[nodiscard]] bool registers_for_others() const;

 private:
  class Mover;
  void connect();
  void meet_moving();
  [[nodiscard]] bool read(UcxRemoteMemory& remote, const RemoteKey& key,
                          const std::shared_ptr<std::vector<std::byte>>& into,
                          Transport::Clock::duration timeout);
  [[nodiscard]] bool all(bool mine);

  Group& group_;
  const std::shared_ptr<UcxTransport> transport_;
  int partner_ = -1;
  bool first_ = true;  ///< whether it reads while the others move nothing, or the other way round
  bool moves_ = true;  ///< whether it moved messages while the others needed that
};

}  // namespace locum::ucx
