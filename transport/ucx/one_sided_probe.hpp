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

/// Tests what lanes really do, before a transport is used: whether memory is read without the help of its
/// owner. Each rank reads from one of another node (from another rank, if there is one node) while that one
/// makes no progress; a read that completes nevertheless is one-sided. There is no other way to find out: UCX
/// carries out every read somehow.
class OneSidedProbe {
 public:
  /// Rethrows what the group's calls throw.
  OneSidedProbe(Group& group, std::shared_ptr<UcxTransport> transport);

  /// Collective; the same result on all ranks: whether all could read the content of `memory` (at least a
  /// page of each rank, which is written to). If that cannot be exposed anywhere, nothing is tried.
  [[nodiscard]] bool reads(UcxRemoteMemory& remote, std::span<std::byte> memory);
  /// Whether registered memory gets keys that differ from piece to piece; keys that do not belong to no
  /// device that could read it. Local.
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
  bool first_ = true;  ///< whether it reads while the others make no progress, or the reverse
  bool moves_ = true;  ///< whether it made progress while the others needed that
};

}  // namespace locum::ucx
