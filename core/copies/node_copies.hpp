#pragma once

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/node/checked_keys.hpp"
#include "core/node/node_memory.hpp"
#include "core/object/object_wire.hpp"
#include "core/object/received_block.hpp"
#include "core/ports/connector.hpp"
#include "core/ports/wait_budget.hpp"
#include "core/value/deadline.hpp"

namespace locum {

/// Entries of this node's memory for objects of other nodes: under the bytes of such an object's key either a
/// *copy*, which all ranks of the node read in place, or the *mark* of the flight that fetches one. A copy
/// replaces exactly the mark of its own flight: invalidated or overtaken copies are never published. All
/// entries are objects of this node, made by the rank that fetched; so they outlive it, and are completed or
/// undone if it dies half-way. Any thread may call, except functions that take no budget and do not say
/// otherwise: these are for the driver, on the budget of a step.
class NodeCopies final {
 public:
  using Clock = Deadline::Clock;

  /// The flight that fetches a copy.
  struct Mark {
    Key entry;  ///< the mark itself, as an object of this node
    std::uint32_t rank = 0;
    std::uint64_t generation = 0;
  };
  /// What this node has for an object of another node.
  struct Entry {
    enum class Is : std::uint8_t {
      none,
      mark,
      copy,
      unreadable,  ///< its shard stays locked, or the mark is damaged
    };
    Is is = Is::none;
    Mark mark{};
    ObjectView view{};               ///< the object in the copy; pins it
    Clock::time_point good_until{};  ///< until when the copy may be shown without asking its owner's node

    [[nodiscard]] bool exists() const noexcept { return is != Is::none; }
  };
  /// Memory for a copy to be received: its block, and room behind it for its metadata.
  class Room {
   public:
    Room(std::shared_ptr<Connector> objects, const ObjectDraft& draft) noexcept;
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;
    ~Room();
    /// To receive into. Lives as long as the room.
    [[nodiscard]] ReceivedBlock& block() noexcept { return block_; }

   private:
    friend class NodeCopies;
    const std::shared_ptr<Connector> objects_;
    const ObjectDraft draft_;
    ReceivedBlock block_;
    bool sealed_ = false;
  };

  /// \param objects makes objects of this node: a connector over `local`
  /// \param budget of a step
  NodeCopies(NodeMemory local, std::shared_ptr<Connector> objects, int own_rank, WaitBudget budget);

  /// Returns the entry for an object, from one look-up of its name; `corrupt` if that is a damaged copy.
  /// \param generation of its name, if the copy does not know it
  /// \param path of the copy, if this process has fetched it
  [[nodiscard]] Result<Entry> look(const Key& key, std::uint64_t generation, Path path,
                                   const WaitBudget& budget);

  /// Marks a flight of this rank; replaces the mark of that generation, if it is not 0. `key_exists`,
  /// `stale`, `not_found`: another process was faster.
  [[nodiscard]] Result<Mark> mark(const Key& key, std::uint64_t in_place_of);
  void unmark(const Key& key, const Mark& mark);
  /// Ends the marks of a lost rank of this node.
  void unmark_all(int rank);
  /// Null if the arena has no room.
  [[nodiscard]] std::shared_ptr<Room> room(const Key& key, const ObjectRecord& record);
  struct Made {
    std::shared_ptr<Room> room{};
    bool later = false;  ///< no room yet, and memory is being made: a retry may find some
  };
  /// The same, after dropping copies of this rank, as many as have its size: of those that nobody views, the
  /// oldest first, or those that were seen to be viewed longest ago. None are dropped while memory is being
  /// made.
  [[nodiscard]] Made make_room(const Key& key, const ObjectRecord& record, const WaitBudget& budget);
  /// Publishes a filled room as the copy, in place of its flight's mark: as that object of this node.
  /// `stale`, `not_found`: overtaken; another error: there cannot be one. REQUIRES: its checksum is right.
  [[nodiscard]] Result<Key> publish(Room& room, const ObjectWire& wire, const Mark& mark,
                                    Clock::time_point good_until);
  /// The object in a published copy; `not_found`: it was dropped again.
  [[nodiscard]] Result<ObjectView> show(const Key& published, const Key& key, Path path);

  /// Drops any entry for that object.
  [[nodiscard]] Result<void> invalidate(const Key& key);
  /// The same for all copies of objects that these ranks have made.
  void invalidate_all_of(const std::vector<int>& creators, const WaitBudget& budget);
  /// Drops copies that nobody views: those of this rank, as many as have that many bytes; if there are none,
  /// all of the node, whose ranks return the memory once they learn that it is wanted. Returns whether it has
  /// dropped any.
  bool shed(std::uint64_t bytes, const WaitBudget& budget) {
    return shed_own(bytes, budget) || shed_all(budget);
  }
  /// Drops this rank's copies of a store's objects, present and future. Any thread; may wait.
  void drop(std::uint32_t store);
  /// Adds the existing copies that this rank has made or adopted. Scans copies only, however many other
  /// objects this rank owns. Any thread.
  void count(MemoryUsage& usage);
  /// This process has adopted a dead one of its node, including its copies. Marks of its flights are gone
  /// then.
  void adopt();

 private:
  [[nodiscard]] Result<Entry> open(ObjectView copy, const Key& key, std::uint64_t generation, Path path);
  template <class Each>
  void for_each_own(Each each);
  void note_own(const Key& entry);
  [[nodiscard]] Result<std::shared_ptr<Room>> try_room(const Key& key, const ObjectRecord& record,
                                                       const WaitBudget& budget);
  bool shed_oldest(std::uint64_t bytes, const WaitBudget& budget);
  bool shed_own(std::uint64_t bytes, const WaitBudget& budget);
  bool shed_all(const WaitBudget& budget);
  template <class Is>
  bool remove_all(const WaitBudget& budget, Is is);

  const NodeMemory local_;
  const std::shared_ptr<Connector> objects_;
  const std::uint32_t own_rank_;
  const WaitBudget in_step_;
  CheckedKeys checked_;
  Mutex mutex_;
  std::set<std::uint32_t> dropped_ LOCUM_GUARDED_BY(mutex_);
  /// Copies that this rank owns, and some that others have dropped since the last for_each_own().
  std::vector<Key> own_ LOCUM_GUARDED_BY(mutex_);
  std::size_t tidy_at_ LOCUM_GUARDED_BY(mutex_) = 64;  ///< number of them from which a clean-up pays off
};

}  // namespace locum
