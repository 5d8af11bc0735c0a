#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "shm/segment/record_locks.hpp"
#include "shm/segment/segment.hpp"

namespace locum::shm {

/// State of a process of the node.
enum class Standing {
  there,  ///< alive, left, or not there yet: nothing says that it is dead
  lost,   ///< dead, and another process owns its share
  ours,   ///< dead, and this process owns its share from now on
};

/// Decides which processes of a node are dead and which processes own their shares, by locks that each
/// process holds for life. Used by one thread, which holds them; its end passes them on.
///
/// Invariants
///
/// 1. While it takes part, a process holds two locks: `Share::life` of its own share, which belongs to one
/// thread and is robust, and the record lock on the byte of its rank in the node's file, which belongs to the
/// process. It takes them before `state` becomes `present`; the first ends with leave(), the second with the
/// process or its segment.
/// 2. No process counts as dead while the kernel reports its record lock as held, whatever the memory of the
/// node says, where any process may write. Nor by the record lock alone, which a process loses when it closes
/// a descriptor of the file: `life` must have no owner, too. When the record lock has gone with the process,
/// none of its threads will execute another instruction.
/// 3. A process that finds both so takes `life` and a second record lock, that of the dead rank's share, and
/// keeps them: so one process at a time owns a dead one's share, and when it ends, at whatever point, the
/// kernel passes all of its locks on; the lock of the share when the process has ended with all of its
/// threads, or has unmapped the memory. By that lock others know that the rank is dead.
/// 4. `adopter` and `state` are for ringing bells. The holder of the locks rewrites them, at each check, if a
/// stray store hit them. Only a state that says that a rank has left, or never came, hides its death, until
/// then.
/// 5. `adopted` refers to the process named by `adopter`: an adopter sets the state to `present` before it
/// writes its own name, whatever an earlier owner had done, and to `adopted` when adopting is done.
class LifeLocks {
 public:
  /// For the process with node rank `own`.
  LifeLocks(std::shared_ptr<Segment> segment, std::uint32_t own);

  /// Takes part. Called once, on the thread that makes all of the following calls. Throws Error `corrupt` if
  /// another process has the share, `system` if the node's file has no locks.
  void begin();
  /// Leaves. Its adopted shares pass on with the end of the thread.
  void leave() noexcept;

  /// Checks the locks of another process; for the own one rewrites its words.
  [[nodiscard]] Standing look(std::uint32_t rank);
  /// Adopting is complete. REQUIRES: ours.
  void tell_adopted(std::uint32_t rank) noexcept;
  [[nodiscard]] bool has_left(std::uint32_t rank) const noexcept;

  /// The byte of the node's file whose record lock marks a rank as taking part: it is not read or written.
  [[nodiscard]] static constexpr std::uint64_t life_byte(std::uint32_t rank) noexcept { return rank; }
  /// The byte whose record lock marks the owner of a dead rank's share.
  [[nodiscard]] static constexpr std::uint64_t adoption_byte(const Geometry& geometry,
                                                             std::uint32_t rank) noexcept {
    return std::uint64_t{geometry.ranks} + rank;
  }

 private:
  struct Dead {
    bool ours = false;     ///< this process holds its locks
    bool adopted = false;  ///< and adopting is complete
  };

  [[nodiscard]] std::uint64_t adoption_byte_of(std::uint32_t rank) const noexcept {
    return adoption_byte(segment_->geometry(), rank);
  }
  [[nodiscard]] bool inherits(std::uint32_t rank) const noexcept;
  void keep(std::uint32_t rank, std::uint32_t adopter, ShareState state) noexcept;

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  const RecordLocks records_;
  std::vector<Dead> dead_;
};

}  // namespace locum::shm
