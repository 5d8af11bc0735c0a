#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <memory_resource>
#include <optional>
#include <utility>
#include <vector>

#include "block_pool.hpp"
#include "copy_leases.hpp"
#include "node_client.hpp"
#include "node_copies.hpp"
#include "nodes.hpp"
#include "one_sided_reads.hpp"

namespace locum {

/// An object of another node, in memory of this process; an empty view if its block has more than
/// `most_bytes`. \param generation of its name, if the owner may not know it; else 0. REQUIRES: there is a
/// node that has such keys.
[[nodiscard]] Result<ObjectView> fetch_alone(const NodeClient& client, const Key& key,
                                             std::uint64_t generation, std::uint64_t most_bytes,
                                             Deadline deadline);

/// Brings objects of other nodes into this node's memory, each of them once, however many threads and ranks
/// of the node want it at a time: who marks the flight asks the owner, the others join. A flight goes on when
/// who began it gives up. When the rank that has it dies, one of those who joined takes its mark over.
///
/// What lands is shared if the owner has entered this node among those that may have a copy, and the arena
/// has room. Otherwise it is for who began the flight alone, and who joined asks for himself: nobody would
/// have told a joiner of an eviction in between.
///
/// The block is read one-sidedly where the owner grants a lease; if that fails, or has not ended when the
/// lease is over, it is asked for again, to be sent by the owner to other memory.
///
/// Who drives is in haste, and may find no room at once for what is to land. Then the thread that began the
/// flight, which waits, is told how much there is to come: it makes room, however long that takes, and has
/// the owner asked again. As long as nobody does, until its deadline, the flight waits.
class Flights final : public std::enable_shared_from_this<Flights> {
 public:
  using Clock = Nodes::Clock;

  /// \param lease how long copies may be shown after their owner's node has allowed it
  Flights(std::shared_ptr<NodeCopies> copies, std::shared_ptr<Exchange> exchange,
          std::shared_ptr<Nodes> nodes, std::shared_ptr<OneSidedReads> reads, int own_rank,
          std::chrono::milliseconds timeout, Clock::duration lease);

  /// The object, if this node has a copy; else an empty view. Any thread, which waits for the owner's node if
  /// that has not allowed it for a lease: `peer_lost` if it cannot be asked, and its copies are gone.
  /// \param generation of its name, if the copy does not know it; else 0
  /// \param path how the copy came, if this process has brought it
  [[nodiscard]] Result<ObjectView> look(const Key& key, std::uint64_t generation, const NodeClient& client,
                                        Deadline deadline, Path path = Path::shm_view);

  /// The object, in place in the node's memory if it can be there. Any thread, which waits.
  /// \param generation of its name, if the owner may not know it; else 0
  [[nodiscard]] Result<ObjectView> get(const Key& key, std::uint64_t generation, const NodeClient& client,
                                       Deadline deadline);

  /// What a joiner is told when the flight has ended.
  enum class Ending : std::uint8_t {
    look,   ///< look again what the node has
    alone,  ///< ask the owner for yourself
  };
  /// Has `then` called when that flight of this rank has ended, at once if it has. Only by who drives.
  void join(const Key& key, std::uint64_t generation, std::function<void(Ending)> then);
  /// Ends the flights that read one-sidedly or wait for room, which nothing else can end early. Only by who
  /// drives.
  void close(const Error& error) noexcept;

 private:
  using Number = std::pair<Key, std::uint64_t>;  ///< of an object, and of the mark of the flight
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
  /// A thread that wants an object, and waits.
  struct Wish {
    Wish(const Key& wanted, std::uint64_t of_name, Clock::time_point until, Progress& waits_by)
        : key(wanted), generation(of_name), deadline(until), progress(waits_by) {}

    const Key key;
    const std::uint64_t generation;
    const Clock::time_point deadline;
    Progress& progress;
    Pending pending;
    Outcome outcome;
  };
  using Wanted = std::shared_ptr<Wish>;
  struct Flight {
    Wanted wish;                   ///< of who began it; null: that one makes room
    std::uint64_t generation = 0;  ///< of the name
    Kind kind = Kind::copy;        ///< of the question to the owner
    Clock::time_point asked{};     ///< the owner
    NodeCopies::Mark mark;
    Clock::time_point deadline{};
    std::uint64_t reading = 0;  ///< number of the one-sided read that is under way; 0: none
    std::shared_ptr<NodeCopies::Room> room{};
    std::optional<ObjectRecord> lacking{};  ///< what there was no room for at once
    bool sought = false;                    ///< room for that
    std::vector<std::function<void(Ending)>> joined{};
  };
  using Entry = std::pair<const Number, Flight>;
  class Joining;

  static void grant(Wish& wish, Outcome outcome);
  void want(const Wanted& wish) noexcept;
  void look_for_flight(const Wanted& wish);
  void start(const Wanted& wish, std::uint64_t in_place_of) noexcept;
  void take_off(const Wanted& wish, const NodeCopies::Mark& mark);
  void give_up(const Key& key, const NodeCopies::Mark& mark) noexcept;
  void ask_owner(Entry& entry);
  void wait_for_room(Entry& entry);
  void miss_room(const Number& number) noexcept;
  void go_on(const Wanted& wish, std::uint64_t mark, const std::shared_ptr<NodeCopies::Room>& room) noexcept;
  void ask_mate(const Wanted& wish, const NodeCopies::Mark& mark);
  [[nodiscard]] std::shared_ptr<HeldObject> make_room(Entry& entry, std::span<const std::byte> body,
                                                      std::uint64_t block_bytes) const;
  /// Whether there was no room at once, and nobody has made any.
  [[nodiscard]] static bool is_to_wait(const Flight& flight) noexcept {
    return flight.lacking && !flight.sought;
  }
  void answered(Entry& entry, const Result<NodeAnswer>& answer) noexcept;
  [[nodiscard]] bool read(Entry& entry, const NodeAnswer& answer);
  void read_ended(const Number& number, std::uint64_t reading, bool good, const NodeAnswer& answer) noexcept;
  void land(const Number& number, const Result<NodeAnswer>& answer) noexcept;
  [[nodiscard]] Outcome settle(const Key& key, Flight& flight, const Result<NodeAnswer>& answer);

  const std::shared_ptr<NodeCopies> copies_;
  const std::shared_ptr<Exchange> exchange_;
  const std::shared_ptr<Nodes> nodes_;
  const std::shared_ptr<OneSidedReads> reads_;
  const std::uint32_t own_rank_;
  const std::chrono::milliseconds timeout_;
  CopyLeases leases_;
  std::uint64_t last_reading_ = 0;
  BlockPool pool_;
  std::pmr::map<Number, Flight> flights_{&pool_};  ///< of this rank; only by who drives
};

}  // namespace locum
