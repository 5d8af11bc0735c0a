#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/deadline.hpp"
#include "core/node/checked_keys.hpp"
#include "core/node/node_memory.hpp"
#include "core/object/object_wire.hpp"
#include "core/ports/connector.hpp"
#include "core/rpc/held_object.hpp"
#include "core/wait_budget.hpp"

namespace locum {

/// What this node's memory has of objects of other nodes: under the bytes of such an object's key either a
/// *copy*, which all ranks of the node read in place, or the *mark* of the flight that brings one. A copy
/// replaces exactly the mark of its own flight: what was invalidated or overtaken meanwhile is never
/// published. All of it are objects of this node, made by the rank that fetched; so they outlive it, and are
/// finished or undone when it dies half-way. Any thread may call, but what takes no budget and does not say
/// otherwise only who drives: it is on the budget of a step.
class NodeCopies final {
 public:
  using Clock = Deadline::Clock;

  /// Who brings a copy.
  struct Mark {
    Key entry;  ///< the mark itself, as an object of this node
    std::uint32_t rank = 0;
    std::uint64_t generation = 0;
  };
  /// Exactly one of the two.
  struct Found {
    std::optional<Mark> mark;
    ObjectView copy;
  };
  /// Memory for a copy that is to come: its block, and room behind it for what is said of it.
  class Room {
   public:
    Room(std::shared_ptr<Connector> objects, const ObjectDraft& draft) noexcept;
    Room(const Room&) = delete;
    Room& operator=(const Room&) = delete;
    ~Room();
    /// To land in. Lives as long as the room.
    [[nodiscard]] HeldObject& block() noexcept { return block_; }

   private:
    friend class NodeCopies;
    const std::shared_ptr<Connector> objects_;
    const ObjectDraft draft_;
    HeldObject block_;
    bool sealed_ = false;
  };

  /// \param objects makes objects of this node: a connector over `local`
  /// \param budget  of a step
  NodeCopies(NodeMemory local, std::shared_ptr<Connector> objects, int own_rank, WaitBudget budget);

  /// Whether anything stands here for an object; also where that cannot be seen.
  [[nodiscard]] bool has(const Key& key, const WaitBudget& budget) const;
  /// A copy, and until when its owner's node lets it be shown without being asked.
  struct Copy {
    ObjectView view;  ///< empty: there is none
    Clock::time_point good_until;
  };
  /// The object, if there is a copy that can be seen. \param generation of its name, if the copy does not
  /// know it; \param path how it came, if this process has brought it
  [[nodiscard]] Result<Copy> look(const Key& key, std::uint64_t generation, Path path,
                                  const WaitBudget& budget);
  /// What stands here for an object; `not_found`.
  [[nodiscard]] Result<Found> find(const Key& key, const WaitBudget& budget);

  /// Marks a flight of this rank; in place of the one of that generation, if it is not 0. `key_exists`,
  /// `stale`, `not_found`: somebody was faster.
  [[nodiscard]] Result<Mark> mark(const Key& key, std::uint64_t in_place_of);
  void unmark(const Key& key, const Mark& mark);
  /// The same for all flights of a rank of this node, which is lost.
  void unmark_all(int rank);
  /// Null if the arena has none.
  [[nodiscard]] std::shared_ptr<Room> room(const Key& key, const ObjectRecord& record);
  struct Made {
    std::shared_ptr<Room> room{};
    bool later = false;  ///< there is none, and memory is being made: who asks again may have some
  };
  /// The same, for which the oldest copies of this rank are given up, as many as have its size: also those
  /// that are looked at, whose memory follows later. None are while memory is being made.
  [[nodiscard]] Made make_room(const Key& key, const ObjectRecord& record, const WaitBudget& budget);
  /// Makes a filled room the copy, in place of its flight's mark: that object of this node. `stale`,
  /// `not_found`: overtaken; another error: there cannot be one. REQUIRES: its checksum is right.
  [[nodiscard]] Result<Key> publish(Room& room, const ObjectWire& wire, const Mark& mark,
                                    Clock::time_point good_until);
  /// The object, out of what publish() made; `not_found`: it is out of sight again.
  [[nodiscard]] Result<ObjectView> show(const Key& published, const Key& key, Path path);

  /// Takes out of sight whatever stands here for that object.
  [[nodiscard]] Result<void> invalidate(const Key& key);
  /// The same for all copies of objects that these ranks have made.
  void invalidate_all_of(const std::vector<int>& creators, const WaitBudget& budget);
  /// Memory for an object of the program's, which `sink` makes: where there is none, copies make room.
  [[nodiscard]] Result<ObjectDraft> create(Sink& sink, std::uint64_t size_bytes, const ObjectMeta& meta,
                                           const WaitBudget& budget) {
    auto draft = sink.create(size_bytes, meta, budget);
    return draft || draft.error().code() != Errc::out_of_memory
               ? std::move(draft)
               : shed_and_create(std::move(draft), sink, size_bytes, meta, budget);
  }
  /// Drops what this rank has of a store's objects, now and whatever lands later. Any thread; may wait.
  void drop(std::uint32_t store);
  /// Adds what this rank has made or adopted, and is there. Looks at copies alone, however many other objects
  /// this rank owns. Any thread.
  void count(MemoryUsage& usage);
  /// This process has adopted what a dead one of its node had: copies, too. Marks of its flights are gone
  /// then.
  void adopt();

 private:
  [[nodiscard]] Result<std::uint64_t> generation(const Key& key, const WaitBudget& budget) const;
  [[nodiscard]] Result<Copy> open(ObjectView copy, const Key& key, std::uint64_t generation, Path path);
  template <class Each>
  void for_each_own(Each each);
  void note_own(const Key& entry);
  [[nodiscard]] Result<std::shared_ptr<Room>> try_room(const Key& key, const ObjectRecord& record,
                                                       const WaitBudget& budget);
  [[nodiscard]] Result<ObjectDraft> shed_and_create(Result<ObjectDraft> refused, Sink& sink,
                                                    std::uint64_t size_bytes, const ObjectMeta& meta,
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
  /// Copies that this rank owns, and such as others have taken out of sight since for_each_own() was here.
  std::vector<Key> own_ LOCUM_GUARDED_BY(mutex_);
  std::size_t tidy_at_ LOCUM_GUARDED_BY(mutex_) = 64;  ///< so many of them make it worth a look
};

}  // namespace locum
