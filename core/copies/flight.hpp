#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "core/async/node_client.hpp"
#include "core/copies/node_copies.hpp"
#include "core/rpc/nodes.hpp"
#include "core/value/path.hpp"

namespace locum {

/// Whether this error means that another process was faster, and has marked, replaced or removed the entry.
[[nodiscard]] bool is_overtaken(const Error& error) noexcept;
/// The reply of a node to a request for a copy of this object; none if it is invalid.
[[nodiscard]] std::optional<CopyWords> copy_in(std::span<const std::byte> body, const Key& key);

/// One flight, and its waiters: the state that Flights keeps besides its task. Only on the driver.
struct Flight {
  using Clock = Nodes::Clock;

  /// What a joiner does when the flight has ended.
  enum class Ending : std::uint8_t {
    look,   ///< look in the node's memory again
    alone,  ///< request the object from the owner for itself only
  };
  /// Outcome of a wish.
  struct Outcome {
    Ending ending = Ending::look;
    Path path = Path::shm_view;  ///< look: path of the copy, if this rank fetched it
    std::optional<Result<ObjectView>> found = std::nullopt;  ///< only for the wish that began the flight
  };
  class Wish;

  NodeCopies::Mark mark;
  Clock::time_point deadline;
  std::shared_ptr<Wish> began;  ///< the wish that began it
  std::vector<std::shared_ptr<Wish>> joined{};
  Held<OperationOf<std::monostate>> task{};  ///< its result is not wanted once the flight has landed
  bool lacks_room = false;
};

/// An operation that wants an object, and waits for the outcome (see Flights::bring()). The operation that
/// began a flight lends its thread if the flight needs one: as host of the flight's task, which runs wherever
/// the operation runs. Only on the driver, except lend().
class Flight::Wish final : public Operation::Scheduler {
 public:
  Wish(const Key& wanted, std::uint64_t of_name, Clock::time_point until)
      : key(wanted), generation(of_name), deadline(until) {}

  /// What it is granted first counts.
  void grant(Outcome what) noexcept {
    if (!outcome_) {
      outcome_.emplace(std::move(what));
      call();
    }
  }
  /// The outcome. REQUIRES: is_over().
  [[nodiscard]] Outcome& outcome() noexcept { return *outcome_; }
  [[nodiscard]] bool is_over() const noexcept { return outcome_ && !is_to_lend(); }
  /// Awaited by its operation: until it has an outcome, or is to lend a thread. REQUIRES: neither is the case
  /// yet.
  [[nodiscard]] OneShot<bool>& change() noexcept { return change_.emplace(); }

  [[nodiscard]] bool is_to_lend() const noexcept { return !borrower_.empty(); }
  /// Runs the flight on this thread, which may wait, until it no longer needs it. REQUIRES: is_to_lend().
  /// \param wanted whether the result of this operation is still wanted
  void lend(const WaitBudget& budget, bool wanted) noexcept;

  void take(Operation& flight) noexcept override { borrower_.push(flight); }
  void call() noexcept override {
    if (change_) {
      change_->tell(true);
    }
  }

  const Key key;
  const std::uint64_t generation;
  const Clock::time_point deadline;

 private:
  std::optional<Outcome> outcome_;
  std::optional<OneShot<bool>> change_;
  Operation::Wanting borrower_;
};

/// Memory for the block of a copy: room in the node's memory. A block that must not be shared, or has no
/// room, is received in private memory.
class CopyPlace final : public BulkPlace {
 public:
  CopyPlace(NodeCopies& copies, const Key& key) noexcept : copies_(copies), key_(key) {}

  /// None if there is no room at once: then lacks_room().
  [[nodiscard]] Place place(std::span<const std::byte> body, std::uint64_t block_bytes) override;
  /// The same, but null if there is no room, or no copy is allowed.
  [[nodiscard]] std::shared_ptr<ReceivedBlock> room(std::span<const std::byte> body,
                                                    std::uint64_t block_bytes);
  /// Whether there was no room at once, and none has been made yet.
  [[nodiscard]] bool lacks_room() const noexcept { return lacking_ && !sought_; }
  /// Makes it, or finds that there is none. False: retry a little later. On a thread that may wait.
  [[nodiscard]] bool make_room(const WaitBudget& budget);
  /// Uses other memory from now on, because the room may still be written to.
  void begin_again() noexcept;
  /// The room that contains this block; null: none.
  [[nodiscard]] NodeCopies::Room* room_of(const std::shared_ptr<ReceivedBlock>& block) const noexcept {
    return room_ && block.get() == &room_->block() ? room_.get() : nullptr;
  }

 private:
  NodeCopies& copies_;
  const Key key_;
  std::shared_ptr<NodeCopies::Room> room_;
  std::optional<ObjectRecord> lacking_;  ///< the object that had no room at once
  bool sought_ = false;                  ///< whether room was sought for it
};

}  // namespace locum
