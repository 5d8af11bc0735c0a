#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/arena.hpp"
#include "core/ports/node_table.hpp"
#include "core/ports/object_spill.hpp"
#include "core/value/deadline.hpp"
#include "shm/segment/segment.hpp"
#include "shm/table/dead_entries.hpp"
#include "shm/table/entries.hpp"
#include "shm/table/own_slots.hpp"
#include "shm/table/shared_accounts.hpp"
#include "shm/table/view_counts.hpp"

namespace locum::shm {

/// The node table in shared memory. Each process publishes in entries of its own and is the only one to reuse
/// them; all processes read, pin and tombstone. When a process dies, another owns its entries from then on:
/// nothing is published there any more, but dead entries are freed. Any thread may call.
///
/// Invariants (tests/shm/interleavings/pins_test.cpp tries interleavings and deaths of 2 to 5,
/// names_test.cpp there and tests/shm/adoption_model_test.cpp of adoption)
///
/// 1. An entry's tag is `sequence << 32 | state`, of a tombstone also its maker. Its record is written only
/// while the tag is `free`, which it becomes when no process has its pin bit set; the store of the live tag
/// (release) publishes it. The sequence of a slot only grows; when it cannot, the slot is abandoned. So a
/// serial (sequence, slot) identifies one object for ever.
/// 2. The pin bit of (process, entry) is set while the process has a view of it. A reader sets the bit, then
/// checks the tag; a freeing process changes the tag, then checks the bits; all four are sequentially
/// consistent, so at least one sees the other: either the reader gives up, or the memory stays. A dead
/// process has no views: the adopter of its share clears its bits.
/// 3. The number of views behind a bit is private to the process (ViewCount). 0 → 1 and 1 → 0 pass through
/// `busy`, in which the bit is changed, so that no thread relies on a bit that another is clearing.
/// 4. A tombstoned entry is in exactly one place: the owner's private list, the stack `Share::retired`, or
/// the hand of the process that the tag names, which is about to push it. The stack is linked by
/// ObjectRecord::link, which readers ignore. Processes only push; the owner takes the whole stack, so that no
/// entry can return while another process pushes. When a process dies, the entries in its hand are those that
/// it tombstoned and that are in no other place once the stack is taken; the owner then lists them.
/// 5. The adopter of a share lists all its tombstones, including those in the hands of live processes: such
/// an entry may be free when it is finally pushed, and is then skipped. That is safe because no slot of an
/// adopted share is reused.
///
/// Of the table itself (tests/shm/interleavings/views_test.cpp)
///
/// A. make() creates it; when the last owner releases it there are no more pins, and leave() begins. Views
/// may still be copied and destroyed. B. Destroying a view accesses the table last by the change of its count
/// that removes the view, so that a count of 0 means that no thread behind it accesses the table any more.
/// `busy` means that a thread is about to make it 0. C. leave() marks every count that is not 0 as
/// `orphaned`, after recording it in `keepers_`. The thread that destroys the last view behind a marked
/// count, and leave() itself at its end, decrement `keepers_`; the one that makes it 0 destroys the table.
/// `keepers_` is above 0 until leave() is through, and then as long as a view is left.
class ObjectTable final : public NodeTable {
 public:
  /// Called with the used blocks of the dead process's arena.
  using TakeOver = std::function<Result<void>(const std::vector<Block>& used)>;

  /// A table that lives until its last owner and its last view are gone; throws the constructor's exceptions.
  [[nodiscard]] static std::shared_ptr<ObjectTable> make(std::shared_ptr<Segment> segment, std::uint32_t own,
                                                         std::vector<std::uint32_t> ranks);
  /// For owners that call leave(), or have no views of it at its end.
  /// \param ranks the runtime's rank of each process of the node; the own one is `ranks[own]`. Throws Error
  ///   `invalid_argument` if these are not the segment's processes, or more than a tag can hold, `system`
  ///   without address space.
  ObjectTable(std::shared_ptr<Segment> segment, std::uint32_t own, std::vector<std::uint32_t> ranks);

  [[nodiscard]] Result<Key> publish(const ObjectRecord& record) override LOCUM_EXCLUDES(mutex_);
  /// The owner releases it: there are no more pins. Calls `end`, which destroys the table and everything else
  /// that views need, once no view is left, on the thread that destroys the last one. Called once.
  void leave(std::function<void()> end) noexcept;

  [[nodiscard]] Result<Pin> pin(const Key& key) override;
  /// pin() for callers that do not need the error's text.
  [[nodiscard]] std::optional<Pin> try_pin(const Key& key) noexcept;
  /// The pin with this id, again, for a caller that already holds one.
  [[nodiscard]] Pin at(std::uint64_t pin_id) const noexcept;
  [[nodiscard]] bool unnamed(const Key& key) const noexcept override;
  [[nodiscard]] ObjectFacts describe(std::uint64_t pin_id) const override;
  [[nodiscard]] bool has_other_views(std::uint64_t pin_id) const noexcept override;
  [[nodiscard]] std::uint64_t expires_ns(std::uint64_t pin_id) const noexcept override;
  void retain(std::uint64_t pin_id) noexcept override;
  void release(std::uint64_t pin_id) noexcept override;
  void set_generation(const Key& key, std::uint64_t generation) noexcept override;
  [[nodiscard]] bool tombstone(const Key& key) noexcept override;
  Owned collect(const FreeBlock& free, Effort effort) noexcept override LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<Key> keys(std::uint32_t store, Whose whose) override LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] std::vector<Key> own_keys(Having what) override LOCUM_EXCLUDES(mutex_);

  /// Calls `each` with every object that this process views, evicted or not, pinned during the call, and the
  /// number of its views. A pass over all objects that this process ever viewed.
  void for_each_viewed(const std::function<void(const Pin& pin, std::uint32_t views)>& each);

  /// This process's node rank.
  [[nodiscard]] std::uint32_t own() const noexcept { return own_; }
  /// Known dead entries that could not be freed at their last check.
  [[nodiscard]] std::size_t dead() noexcept LOCUM_EXCLUDES(mutex_);
  /// Whether others have handed back entries that collect() has not taken yet.
  [[nodiscard]] bool handed_back() noexcept LOCUM_EXCLUDES(mutex_);

  /// Why this object is inaccessible because of damage to the table: none if it is live and whole, or if it
  /// simply does not exist.
  [[nodiscard]] std::optional<Error> damage(const Key& key) const;
  /// Whether there is a live object with this creator and serial, in any store.
  [[nodiscard]] bool live(const Key& key) const noexcept;
  /// The generation word of an object, for the directory. Null once its entry is another object's, or if the
  /// key is not one of this node.
  [[nodiscard]] Word64* generation(const Key& key) const noexcept;

  // Objects on disk; shm/table/disk_entries.cpp has the protocol.

  /// Of a dead object's record: what the spill file has of it is to be discarded before its block is used
  /// again; if it `left` memory its block is not among what collect() returns, and has to be freed, too.
  using FreedFromDisk = std::function<void(const ObjectRecord& record, bool left)>;
  /// Objects may be on disk from now on. While no other thread has access.
  void use_disk(FreedFromDisk freed);

  /// How far an object is on its way back.
  enum class Returning : std::uint8_t {
    is_back,
    begun,  ///< this process has to bring its payload to memory, and then to call end_return()
    moves,  ///< another one moves it
    gone,   ///< it was evicted
  };
  /// REQUIRES, for all four: pinned by the caller.
  /// As begin_return(), but `moves` instead of `begun`, and nothing begins.
  [[nodiscard]] Returning whereabouts(const Pin& pin) const noexcept;
  [[nodiscard]] Returning begin_return(const Pin& pin) noexcept;
  void end_return(const Pin& pin, bool is_back) noexcept;
  /// Sleeps while another process moves the object, at most until that moment. May return early.
  void wait_while_moving(const Pin& pin, Deadline::Clock::time_point until) noexcept;

  /// Where the search for objects that may leave continues.
  struct DiskHand {
    std::vector<std::uint32_t> shares{};
    std::size_t share = 0;
    std::uint32_t slot = 0;
  };
  /// Begins to look at all objects that this process owns once; returns how many entries that are.
  [[nodiscard]] std::uint64_t begin_round(DiskHand& hand) LOCUM_EXCLUDES(mutex_);
  /// The next object with a payload of that size which nobody has pinned, pinned by this process; none if all
  /// of the round's entries have been looked at.
  [[nodiscard]] std::optional<Pin> next_to_leave(DiskHand& hand, std::uint64_t& left_to_look,
                                                 std::uint64_t least_bytes) noexcept;
  /// The spill file has bytes of this object, which this process owns and has pinned.
  void note_stored(const Pin& pin) LOCUM_EXCLUDES(mutex_);
  enum class Leaving : std::uint8_t {
    stays,  ///< somebody else has pinned it, or it is gone
    first,  ///< its memory has to be given back now, and then end_leaving() to be called; the first time, or
            ///< not an own object
    again,
  };
  [[nodiscard]] Leaving begin_leaving(const Pin& pin) LOCUM_EXCLUDES(mutex_);
  void end_leaving(const Pin& pin) noexcept;
  [[nodiscard]] SpillUsage on_disk() LOCUM_EXCLUDES(mutex_);

  // Steps after a death. REQUIRES, for all three: every thread of the process with node rank `dead` is gone,
  // which its `life` lock alone does not show. All may be repeated, by this process or by its successor if it
  // dies within one.

  /// By every survivor: this process collects objects in its shares that the dead process tombstoned and died
  /// before handing back.
  void recover(std::uint32_t dead) LOCUM_EXCLUDES(deaths_);
  /// Clears all pins of the dead process.
  void drop_pins(std::uint32_t dead) noexcept;
  /// Makes this process the owner of the dead one's objects. Objects whose name was never bound are
  /// tombstoned; all other sealed ones stay as they are. `take_over` is called once with the blocks of all
  /// remaining objects, including dead ones, before collect() returns the first of them; blocks outside the
  /// arena are skipped. Fails, and adopts nothing, if that fails. REQUIRES: this process holds `Share::life`
  /// of the dead one, and repaired the directory since the death.
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
  void count_back(std::uint32_t node_rank, std::span<const ObjectRecord> freed) noexcept;
  [[nodiscard]] std::size_t known_dead() const noexcept LOCUM_REQUIRES(mutex_);
  /// \param is_freeing blocks of what was collected are not free yet
  void publish_dead(bool is_freeing) noexcept LOCUM_REQUIRES(mutex_);
  Owned collect_all(std::vector<ObjectRecord>& out, Effort effort) noexcept LOCUM_REQUIRES(mutex_);
  void let_go() noexcept;
  [[nodiscard]] Entry& entry_of(const Pin& pin) const noexcept {
    return entries_[pin.id >> 32U][static_cast<std::uint32_t>(pin.id)];
  }
  // Out of line: see absent_because().
  [[nodiscard, gnu::cold, gnu::noinline]] std::optional<Pin> try_pin_away(const Key& key) noexcept;
  [[nodiscard]] bool is_disk_tag(std::uint64_t tag) const noexcept;
  [[nodiscard]] bool is_only_pin(const Pin& pin) noexcept;
  /// The marks that it had before.
  std::uint8_t mark(const Pin& pin, std::uint8_t how) LOCUM_EXCLUDES(mutex_);
  void set_aside(std::vector<ObjectRecord>& out, std::size_t first, bool own) LOCUM_REQUIRES(mutex_);
  void put_on_disk(const Entries& entries, std::uint32_t slot, std::uint64_t tag) noexcept;
  void undo_returns(const Entries& entries, std::uint32_t dead) noexcept LOCUM_EXCLUDES(mutex_);
  void settle_moves(const Entries& entries) noexcept LOCUM_REQUIRES(deaths_) LOCUM_EXCLUDES(mutex_);

  struct SetAside {
    ObjectRecord record;
    bool left;
  };

  const std::shared_ptr<Segment> segment_;
  const std::uint32_t own_;
  const std::vector<std::uint32_t> ranks_;
  std::vector<std::uint32_t> node_rank_of_;  ///< by the runtime's rank; `absent` for ranks of other nodes
  std::vector<Entries> entries_;             ///< by node rank
  std::vector<ViewCounts> counts_;           ///< by node rank
  std::atomic<std::uint64_t> keepers_{1};    ///< marked counts, and 1 until leave() is through
  std::function<void()> end_;                ///< since leave(): destroys the table
  SharedAccounts shared_accounts_;

  Mutex deaths_;  ///< one death at a time; before mutex_, never inside it
  Mutex mutex_;   ///< among the threads of this process, for the owner's operations
  OwnSlots slots_ LOCUM_GUARDED_BY(mutex_);
  DeadEntries dead_ LOCUM_GUARDED_BY(mutex_);              ///< of the own share
  std::vector<Adopted> adopted_ LOCUM_GUARDED_BY(mutex_);  ///< of adopted shares
  std::atomic<bool> adopts_{false};  ///< whether there are any, for a check without the lock
  std::vector<std::uint32_t> freed_ LOCUM_GUARDED_BY(mutex_);  ///< within a call; kept for its memory
  std::uint64_t occupied_ LOCUM_GUARDED_BY(mutex_) = 0;        ///< own entries, live or dead

  bool disk_ = false;  ///< whether objects may be on disk
  FreedFromDisk freed_from_disk_;
  std::vector<bool> was_lost_ LOCUM_GUARDED_BY(deaths_);           ///< by node rank: known to be dead
  std::vector<std::uint8_t> disk_marks_ LOCUM_GUARDED_BY(mutex_);  ///< of own slots
  std::vector<SetAside> set_aside_ LOCUM_GUARDED_BY(mutex_);       ///< within a collect()
  std::vector<ObjectRecord> collected_ LOCUM_GUARDED_BY(mutex_);   ///< the same
};

}  // namespace locum::shm
