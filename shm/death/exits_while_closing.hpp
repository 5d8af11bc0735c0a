#pragma once

#include <poll.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/base/descriptor.hpp"
#include "core/value/deadline.hpp"
#include "shm/segment/process_identity.hpp"

namespace locum::shm {

/// The processes of a node that have ended since this was made, as reported by the system, and by nothing
/// else of the node. For waits after the own watch has ended. Used by one thread.
class ExitsWhileClosing {
 public:
  /// `processes[i]` is the node's rank i; their numbers must still be valid. Reports none of those whose end
  /// the system does not report (see watched()).
  ExitsWhileClosing(std::span<const ProcessIdentity> processes, std::uint32_t own);

  /// Node ranks of ended processes, once the first of them was seen at least `patience` before: until then
  /// their last messages may be in transfer. Does not block.
  [[nodiscard]] std::vector<std::uint32_t> exited_for(Deadline::Clock::duration patience);

 private:
  std::vector<Descriptor> descriptors_;
  std::vector<pollfd> polled_;
  std::optional<Deadline::Clock::time_point> first_seen_;
};

}  // namespace locum::shm
