#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <variant>
#include <vector>

#include "core/async/node_client.hpp"
#include "core/copies/node_copies.hpp"
#include "core/path.hpp"
#include "core/rpc/nodes.hpp"

namespace locum {

/// The error where the node of an object answered what cannot be true of it.
[[nodiscard]] Error senseless_answer(const Key& key);
/// Whether this says that somebody was faster, and has marked, replaced or removed what stands here.
[[nodiscard]] bool is_overtaken(const Error& error) noexcept;
/// What a node answered that was asked for a copy of this object; nothing if it cannot be true of it.
[[nodiscard]] std::optional<CopyWords> copy_in(std::span<const std::byte> body, const Key& key);

/// One flight, and who waits for it: what Flights knows of it besides its task. Only for who drives.
struct Flight {
  using Clock = Nodes::Clock;

  /// What a joiner is told when the flight has ended.
  enum class Ending : std::uint8_t {
    look,   ///< look again what the node has
    alone,  ///< ask the owner for yourself
  };
  /// What became of a wish.
  struct Outcome {
    Ending ending = Ending::look;
    Path path = Path::shm_view;  ///< look: how the copy came, if this rank brought it
    std::optional<Result<ObjectView>> found = std::nullopt;  ///< for who began the flight alone
  };
  class Wish;

  NodeCopies::Mark mark;
  Clock::time_point deadline;
  std::shared_ptr<Wish> began;  ///< the wish of who began it
  std::vector<std::shared_ptr<Wish>> joined{};
  Held<OperationOf<std::monostate>> task{};  ///< not wanted any more once the flight has landed
  bool lacks_room = false;
};

/// An operation that wants an object, and waits for what becomes of that (see Flights::bring()). That of who
/// began a flight lends it its thread where the flight needs one: as host of the flight's task, which has
/// that run wherever it is run itself. Only for who drives, but lend().
class Flight::Wish final : public Operation::Host {
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
  /// What it was granted. REQUIRES: is_over().
  [[nodiscard]] Outcome& outcome() noexcept { return *outcome_; }
  [[nodiscard]] bool is_over() const noexcept { return outcome_ && !is_to_lend(); }
  /// To be awaited by its operation: that it was granted something, or is to lend a thread. REQUIRES: neither
  /// is so yet.
  [[nodiscard]] Told<bool>& change() noexcept { return change_.emplace(); }

  [[nodiscard]] bool is_to_lend() const noexcept { return !borrower_.empty(); }
  /// Runs the flight in this thread, which may work, until that needs it no more. REQUIRES: is_to_lend().
  /// \param wanted whether anybody wants what this operation brings
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
  std::optional<Told<bool>> change_;
  Operation::Wanting borrower_;
};

/// Where the block of a copy lands: in room for it in the node's memory. What must not be shared, or has no
/// room, lands in memory of this process.
class CopyPlace final : public BulkPlace {
 public:
  CopyPlace(NodeCopies& copies, const Key& key) noexcept : copies_(copies), key_(key) {}

  /// None where there is no room at once: then lacks_room().
  [[nodiscard]] Place place(std::span<const std::byte> body, std::uint64_t block_bytes) override;
  /// The same, but null where there is no room, or no copy may be.
  [[nodiscard]] std::shared_ptr<HeldObject> room(std::span<const std::byte> body, std::uint64_t block_bytes);
  /// Whether there was no room at once, and nobody has tried to make any.
  [[nodiscard]] bool lacks_room() const noexcept { return lacking_ && !sought_; }
  /// Makes it, or finds that there is none. False: that is to be tried again a little later. In a thread that
  /// may work.
  [[nodiscard]] bool make_room(const WaitBudget& budget);
  /// Lands elsewhere from now on, because the room may still be written to.
  void begin_again() noexcept;
  /// That in which this block has landed; null: in none.
  [[nodiscard]] NodeCopies::Room* room_of(const std::shared_ptr<HeldObject>& block) const noexcept {
    return room_ && block.get() == &room_->block() ? room_.get() : nullptr;
  }

 private:
  NodeCopies& copies_;
  const Key key_;
  std::shared_ptr<NodeCopies::Room> room_;
  std::optional<ObjectRecord> lacking_;  ///< what there was no room for at once
  bool sought_ = false;                  ///< for that
};

}  // namespace locum
