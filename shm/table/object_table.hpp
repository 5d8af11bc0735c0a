#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/arena.hpp"
#include "core/ports/node_table.hpp"
#include "shm/segment/segment.hpp"
#include "shm/table/dead_entries.hpp"
#include "shm/table/entries.hpp"
#include "shm/table/own_slots.hpp"
#include "shm/table/view_counts.hpp"

namespace locum::shm {

/// The node table in shared memory. Each process publishes in entries of its own and is the only one to reuse
/// them; all processes read, pin and tombstone. When a process dies, another owns its entries from then on:
/// nothing is published there any more, but what is dead comes back. Any thread may call.
///
/// Invariants (tests/shm/interleavings/pins_test.cpp tries interleavings and deaths of 2 to 5,
/// names_test.cpp there and tests/shm/adoption_model_test.cpp of adoption)
///
/// 1. An entry's tag is `sequence << 32 | state`, of a tombstone also who made it. Its record is written only
///    while the tag is `free`, which it becomes when no process has its pin bit set; the store of the live
///    tag (release) publishes it. The sequence of a slot only grows; when it cannot, the slot is given up. So
///    a serial (sequence, slot) names one object for ever.
/// 2. The pin bit of (process, entry) is set while the process has a view of it. A reader sets the bit, then
///    checks the tag; who frees changes the tag, then checks the bits; all four are sequentially consistent,
///    so at least one sees the other: either the reader gives up, or the memory stays. A dead process has no
///    views: whoever adopts its share clears its bits.
/// 3. How many views stand behind a bit is private to the process (ViewCount). 0 → 1 and 1 → 0 pass through
///    `busy`, in which the bit is changed, so that no thread relies on a bit that another is clearing.
/// 4. A tombstoned entry is in exactly one place: the owner's private list, the stack `Share::retired`, or
///    the hand of the process that the tag names, which is about to push it. The stack is linked by
///    ObjectRecord::link, which readers do not look at. Processes only push; the owner takes the whole
///    stack, so that no entry can come back while somebody pushes. When a process dies, what it had in its
///    hand is what it tombstoned and is in no other place once the stack is taken; the owner then lists it.
/// 5. Who adopts a share lists all its tombstones, those in the hands of living processes included: such an
///    entry may be free when it is pushed at last, and is then passed over. That is safe because no slot of
///    an adopted share is used again.
///
/// Of the table itself (tests/shm/interleavings/views_test.cpp)
///
/// A. make() hands it out; when the last owner lets go of it nobody pins any more, and leave() begins. Views
///    may still be copied and end.
/// B. Who ends a view touches the table last by the change of its count that takes the view off, so that a
///    count of 0 says that nobody behind it does any more. `busy` says that somebody is about to make it 0.
/// C. leave() marks every count that is not 0 as `orphaned`, and has noted it in `keepers_` before. Who ends
///    the last view behind a marked count, and leave() itself at its end, take one off `keepers_`; whoever
///    takes the last one off ends the table. `keepers_` is above 0 until leave() is through, and then as
///    long as a view is left.
class ObjectTable final : public NodeTable {
 public:
  /// Told which blocks of the dead process's arena are in use.
  using TakeOver = std::function<Result<void>(const std::vector<Block>& used)>;

  /// A table that lives until its last owner and its last view are gone; throws what the constructor throws.
  [[nodiscard]] static std::shared_ptr<ObjectTable> make(std::shared_ptr<Segment> segment, std::uint32_t own,
                                                         std::vector<std::uint32_t> ranks);
  /// For who leave()s, or has no views of it when it ends.
  /// \param ranks the runtime's rank of each process of the node; ours is `ranks[own]`
  /// Throws Error `invalid_argument` if these are not the segment's processes, or more than a tag can tell,
  /// `system` without address space.
  ObjectTable(std::shared_ptr<Segment> segment, std::uint32_t own, std::vector<std::uint32_t> ranks);

  [[nodiscard]] Result<Key> publish(const ObjectRecord& record) override LOCUM_EXCLUDES(mutex_);
  /// The owner's part is over: nobody pins any more. Calls `end`, which destroys the table and what views
  /// need beside it, once no view is left, in the thread that ends the last one. To be called once.
  void leave(std::function<void()> end) noexcept;

  [[nodiscard]] Result<Pin> pin(const Key& key) override;
  /// pin() for who has no use for the words of an error.
  [[nodiscard]] std::optional<Pin> try_pin(const Key& key) noexcept;
  /// The pin with this id, again, for who already holds one.
  [[nodiscard]] Pin at(std::uint64_t pin_id) const noexcept;
  [[nodiscard]] bool unnamed(const Key& key) const noexcept override;
  [[nodiscard]] ObjectFacts describe(std::uint64_t pin_id) const override;
  void retain(std::uint64_t pin_id) noexcept override;
  void release(std::uint64_t pin_id) noexcept override;
  void set_generation(const Key& key, std::uint64_t generation) noexcept override;
  [[nodiscard]] bool tombstone(const Key& key) noexcept override;
  Owned collect(std::vector<ObjectRecord>& out, Effort effort) noexcept override LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<Key> owned(std::uint32_t store) override LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<Key> unsettled() override LOCUM_EXCLUDES(mutex_);

  /// This process's node rank.
  [[nodiscard]] std::uint32_t own() const noexcept { return own_; }
  /// Entries that are known to be dead and were not free to go when they were last looked at.
  [[nodiscard]] std::size_t dead() noexcept LOCUM_EXCLUDES(mutex_);
  /// Whether others have handed back what collect() has not taken yet.
  [[nodiscard]] bool handed_back() noexcept LOCUM_EXCLUDES(mutex_);

  /// Why nobody can have this object, where the table itself is to blame: none if it is live and whole, or if
  /// there simply is no such object.
  [[nodiscard]] std::optional<Error> damage(const Key& key) const;
  /// Whether there is a live object of this creator and serial, of whatever store.
  [[nodiscard]] bool live(const Key& key) const noexcept;
  /// The generation word of an object, for the directory. Null once its entry is another object's, or if the
  /// key is not one of this node.
  [[nodiscard]] Word64* generation(const Key& key) const noexcept;

  // What follows a death. REQUIRES, of all three: every thread of the process with node rank `dead` is gone,
  // which its `life` lock alone does not tell. All may be done again, by this process or by whoever follows
  // it when it dies in the middle.

  /// Every survivor: what the dead process took out of sight in shares of ours, and died before it could hand
  /// it back, is ours to collect.
  void recover(std::uint32_t dead) LOCUM_EXCLUDES(deaths_);
  /// Takes back all that the dead process pinned.
  void drop_pins(std::uint32_t dead) noexcept;
  /// Makes this process the owner of the dead one's objects. What was to get a name and never got it is
  /// tombstoned; all else that was sealed stays as it is. `take_over` is called once with the blocks of all
  /// objects that are left, dead ones included, before collect() hands out the first of them; what leads out
  /// of the arena is not among them. Fails, and adopts nothing, if that fails.
  /// REQUIRES: this process holds `Share::life` of the dead one, and repaired the directory since the death.
  [[nodiscard]] Result<void> adopt(std::uint32_t dead, const TakeOver& take_over) LOCUM_EXCLUDES(deaths_);

 private:
  struct Adopted {
    std::uint32_t node_rank;
    DeadEntries dead;
  };
  struct Place {
    Entry* entry = nullptr;
    std::uint32_t node_rank = 0;
    std::uint32_t slot = 0;
  };

  [[nodiscard]] Place place(const Key& key) const noexcept;
  [[nodiscard]] Place hold(const Key& key) noexcept;
  void count_view(Place at) noexcept;
  // Out of line, so that pin() keeps no registers and no stack for an error.
  [[nodiscard, gnu::cold, gnu::noinline]] Error absent_because(const Key& key) const;
  [[nodiscard]] std::vector<std::uint32_t> adopted_ranks() LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::size_t known_dead() const noexcept LOCUM_REQUIRES(mutex_);
  void publish_dead() noexcept LOCUM_REQUIRES(mutex_);
  void let_go() noexcept;

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  const std::vector<std::uint32_t> ranks_;
  std::vector<std::uint32_t> node_rank_of_;  ///< by the runtime's rank; `absent` for ranks of other nodes
  std::vector<Entries> entries_;             ///< by node rank
  std::vector<ViewCounts> counts_;           ///< by node rank
  std::atomic<std::uint64_t> keepers_{1};    ///< marked counts, and 1 for whoever has not left yet
  std::function<void()> end_;                ///< since leave(): destroys the table

  Mutex deaths_;  ///< one death at a time; before mutex_, never inside it
  Mutex mutex_;   ///< of the threads of this process, over what only the owner does
  OwnSlots slots_ LOCUM_GUARDED_BY(mutex_);
  DeadEntries dead_ LOCUM_GUARDED_BY(mutex_);              ///< of our own share
  std::vector<Adopted> adopted_ LOCUM_GUARDED_BY(mutex_);  ///< of those that we adopted
  std::atomic<bool> adopts_{false};  ///< whether there are any, for a look without the lock
  std::vector<std::uint32_t> freed_ LOCUM_GUARDED_BY(mutex_);  ///< in a call; kept for its memory
  std::uint64_t occupied_ LOCUM_GUARDED_BY(mutex_) = 0;        ///< entries of ours, live or dead
};

}  // namespace locum::shm
