#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "core/async/node_client.hpp"
#include "core/copies/copy_leases.hpp"
#include "core/copies/node_copies.hpp"
#include "core/path.hpp"
#include "core/rpc/nodes.hpp"

namespace locum {

/// The error where the node of an object answered what cannot be true of it.
[[nodiscard]] Error senseless_answer(const Key& key);
/// Whether this says that somebody was faster, and has marked, replaced or removed what stands here.
[[nodiscard]] bool is_overtaken(const Error& error) noexcept;

/// One flight: brings one object of another node into the memory of this one (see Flights, which owns it,
/// asks the owner and moves it on). It knows what was asked, where the answer is to land, and who waits for
/// it. Only for who drives.
struct Flight {
  using Clock = Nodes::Clock;

  /// What a joiner is told when the flight has ended.
  enum class Ending : std::uint8_t {
    look,   ///< look again what the node has
    alone,  ///< ask the owner for yourself
  };
  /// A flight that waits for room, and for how much.
  struct Lack {
    std::uint64_t mark = 0;
    ObjectRecord record;
  };
  /// What became of a wish.
  struct Outcome {
    Ending ending = Ending::look;
    Path path = Path::shm_view;  ///< look: how the copy came, if this rank brought it
    std::optional<Result<ObjectView>> found = std::nullopt;  ///< for who began the flight alone
    std::optional<Lack> lack = std::nullopt;                 ///< it is not over: for who began it alone
  };
  /// An operation that wants an object, and waits for what becomes of that.
  struct Wish {
    Wish(const Key& wanted, std::uint64_t of_name, Clock::time_point until)
        : key(wanted), generation(of_name), deadline(until) {}

    /// What it is granted first counts.
    void grant(Outcome what) noexcept {
      if (!std::exchange(granted_, true)) {
        outcome.tell(std::move(what));
      }
    }

    const Key key;
    const std::uint64_t generation;
    const Clock::time_point deadline;
    Told<Outcome> outcome;

   private:
    bool granted_ = false;
  };

  /// Whether there was no room at once, and nobody has made any.
  [[nodiscard]] bool is_to_wait() const noexcept { return lacking && !sought; }
  /// Whether it goes on when there is room.
  [[nodiscard]] bool is_without_room() const noexcept { return !wish || pauses; }
  /// Whether only the end of a one-sided read, or who makes room, moves it on.
  [[nodiscard]] bool is_held_up() const noexcept { return reading != 0 || is_without_room(); }
  /// Where the block of an answer is to land; null: in memory of this process, but if the flight is to wait
  /// for room.
  [[nodiscard]] std::shared_ptr<HeldObject> make_room(const Key& key, std::span<const std::byte> body,
                                                      std::uint64_t block_bytes, NodeCopies& copies);
  /// The owner is to be asked again, to send what was not read: elsewhere, because the room may still be
  /// written to.
  void begin_again() noexcept;
  /// Makes a copy for the node of what the owner answered, if it can be one; else nothing is left here before
  /// anybody is told.
  /// \param leases where that of the node asked, `owner`, is noted
  [[nodiscard]] Outcome settle(const Key& key, const Result<NodeAnswer>& answer, NodeCopies& copies,
                               CopyLeases& leases, int owner);
  /// It has ended: tells all who wait for it.
  void end(Outcome outcome);

  std::shared_ptr<Wish> wish;    ///< of who began it; null: that one makes room
  std::uint64_t generation = 0;  ///< of the name
  Kind kind = Kind::copy;        ///< of the question to the owner
  Clock::time_point asked{};     ///< the owner
  NodeCopies::Mark mark;
  Clock::time_point deadline{};
  std::uint64_t reading = 0;  ///< number of the one-sided read that is under way; 0: none
  std::shared_ptr<NodeCopies::Room> room{};
  std::optional<ObjectRecord> lacking{};  ///< what there was no room for at once
  bool sought = false;                    ///< room for that
  bool pauses = false;                    ///< and it is sought again a little later
  std::vector<std::function<void(Ending)>> joined{};
};

}  // namespace locum
