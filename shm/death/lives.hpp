#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "shm/segment/record_locks.hpp"
#include "shm/segment/segment.hpp"

namespace locum::shm {

/// How it stands with a process of the node.
enum class Standing {
  there,  ///< it lives, has left, or is not there yet: nothing says that it is dead
  lost,   ///< it is dead, and another process has what it had
  ours,   ///< it is dead, and what it had is ours from now on
};

/// Who of a node is dead and who has what the dead had, by the locks that each process holds for life. Used
/// by one thread, which holds them; it passes them on by its end.
///
/// Invariants
///
/// 1. A process holds, as long as it takes part, two locks: `Share::life` of its own share, which belongs to
///    one thread and is robust, and the record lock on the byte of its rank in the node's file, which belongs
///    to the process. It takes them before `state` becomes `present`; the first ends with leave(), the second
///    with the process or its segment.
/// 2. Nobody is taken for dead while the kernel says that its record lock is held, whatever stands in the
///    memory of the node, where any process may write. Nor by the record lock alone, which a process loses
///    when it closes a descriptor of the file: `life` must have no owner, too. When the record lock has gone
///    with the process, none of its threads will run an instruction of it any more.
/// 3. Who finds both that way takes `life` and a second record lock, of the rank's estate, and keeps them: so
///    one process at a time owns a dead one's share, and when it ends, at whatever point, the kernel passes
///    all of its locks on. Of the estate it does so when the process has ended, all of its threads, or has
///    unmapped the memory; by that lock others know that the rank is dead.
/// 4. `adopter` and `state` are for who rings bells. Who holds the locks writes them again, once a look, if a
///    stray store hit them. Only a state that says that a rank has left, or never came, keeps its death from
///    being seen, until then.
/// 5. `adopted` is said of who `adopter` names: whoever takes an estate makes the state `present` before it
///    writes its own name, whatever the owner before it had done, and `adopted` when adopting is done.
class Lives {
 public:
  /// Of the process with node rank `own`.
  Lives(std::shared_ptr<Segment> segment, std::uint32_t own);

  /// Takes part. To be called once, by the thread that calls all of the following. Throws Error `corrupt` if
  /// another one has the share, `system` if the node's file has no locks.
  void begin();
  /// Takes part no more. What it had adopted passes on with the end of the thread.
  void leave() noexcept;

  /// Asks the locks about another process; about itself it sees to its own words.
  [[nodiscard]] Standing look(std::uint32_t rank);
  /// What adopting asks for is done. REQUIRES: ours.
  void tell_adopted(std::uint32_t rank) noexcept;
  [[nodiscard]] bool has_left(std::uint32_t rank) const noexcept;

  /// The byte of the node's file whose record lock says that a rank takes part: it is not read or written.
  [[nodiscard]] static constexpr std::uint64_t life_byte(std::uint32_t rank) noexcept { return rank; }
  /// The one whose record lock says who has what a dead rank had.
  [[nodiscard]] static constexpr std::uint64_t estate_byte(const Geometry& geometry,
                                                           std::uint32_t rank) noexcept {
    return std::uint64_t{geometry.ranks} + rank;
  }

 private:
  struct Dead {
    bool ours = false;     ///< we have its locks
    bool adopted = false;  ///< and all is done
  };

  [[nodiscard]] std::uint64_t estate_of(std::uint32_t rank) const noexcept {
    return estate_byte(segment_->geometry(), rank);
  }
  [[nodiscard]] bool inherits(std::uint32_t rank) const noexcept;
  void keep(std::uint32_t rank, std::uint32_t adopter, ShareState state) noexcept;

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  const RecordLocks records_;
  std::vector<Dead> dead_;
};

}  // namespace locum::shm
