#pragma once

#include <poll.h>

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "core/deadline.hpp"
#include "shm/segment/descriptor.hpp"
#include "shm/segment/process_identity.hpp"

namespace locum::shm {

/// Which processes of a node have ended since it was made, as the system tells; nothing else of the node is
/// needed for that. For who waits for others when its own watch is gone already. Used by one thread.
class Endings {
 public:
  /// `processes[i]` is the node's rank i; their numbers must still be right. Knows nothing of those whose end
  /// the system does not tell (see watched()).
  Endings(std::span<const ProcessIdentity> processes, std::uint32_t own);

  /// Node ranks of those that have ended, once the first of them was seen so at least `patience` before:
  /// until then what they had sent may be under way. Does not block.
  [[nodiscard]] std::vector<std::uint32_t> ended_for(Deadline::Clock::duration patience);

 private:
  std::vector<Descriptor> descriptors_;
  std::vector<pollfd> polled_;
  std::optional<Deadline::Clock::time_point> first_seen_;
};

}  // namespace locum::shm
