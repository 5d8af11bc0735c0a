#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <memory_resource>
#include <utility>

#include "core/async/node_client.hpp"
#include "core/base/block_pool.hpp"
#include "core/copies/copy_leases.hpp"
#include "core/copies/flight.hpp"
#include "core/copies/node_copies.hpp"
#include "core/copies/one_sided_reads.hpp"
#include "core/rpc/nodes.hpp"

namespace locum {

/// Asks for an object of another node, to be had in memory of this process, but not if its block has more
/// than `most_bytes`. REQUIRES: there is a node that has such keys.
[[nodiscard]] Asked ask_alone(const NodeClient& client, const Key& key, std::uint64_t most_bytes,
                              Deadline::Clock::time_point until);
/// What ask_alone() was answered with; an empty view if the block has more. \param generation of its name, if
/// the owner may not know it; else 0
[[nodiscard]] Result<ObjectView> had_alone(const Key& key, std::uint64_t generation, std::uint64_t most_bytes,
                                           Result<NodeAnswer> answer);

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
/// Who drives waits for no memory, and may find no room at once for what is to land. Then the operation that
/// began the flight is told how much there is to come: it goes to a thread, which makes room, however long
/// that takes, and has the owner asked again. Where nobody waits for that operation it does not wait there
/// either: if others of the node are to give memory back first, it tries again a little later, and a little
/// later than that. As long as there is no room, until its deadline, the flight waits.
class Flights final : public std::enable_shared_from_this<Flights> {
 public:
  using Clock = Nodes::Clock;

  /// \param lease how long copies may be shown after their owner's node has allowed it
  Flights(std::shared_ptr<NodeCopies> copies, std::shared_ptr<Exchange> exchange,
          std::shared_ptr<Nodes> nodes, std::shared_ptr<OneSidedReads> reads, int own_rank,
          std::chrono::milliseconds timeout, Clock::duration lease);

  /// The object, if this node has a copy and may show it without a question; else an empty view. Any thread.
  /// \param generation of its name, if the copy does not know it; else 0
  [[nodiscard]] Result<ObjectView> at_hand(const Key& key, std::uint64_t generation, const NodeClient& client,
                                           const WaitBudget& budget) const;
  /// The object, if this node has a copy; else an empty view. Asks the owner's node if that has not allowed
  /// it for a lease: `peer_lost` if it cannot be asked, and its copies are gone.
  /// \param path how the copy came, if this process has brought it
  [[nodiscard]] Task<Result<ObjectView>> look(Key key, std::uint64_t generation, const NodeClient& client,
                                              Clock::time_point until, Path path = Path::shm_view);

  /// The object, in place in the node's memory if it can be there.
  /// \param generation of its name, if the owner may not know it; else 0
  [[nodiscard]] Task<Result<ObjectView>> get(Key key, std::uint64_t generation, const NodeClient& client,
                                             Clock::time_point until);

  using Ending = Flight::Ending;  ///< what a joiner is told
  /// Has `then` called when that flight of this rank has ended, at once if it has. Only by who drives.
  void join(const Key& key, std::uint64_t generation, std::function<void(Ending)> then);
  /// Ends the flights that read one-sidedly or wait for room, which nothing else can end early. Only by who
  /// drives.
  void close(const Error& error) noexcept;

 private:
  using Number = std::pair<Key, std::uint64_t>;  ///< of an object, and of the mark of the flight
  using Wanted = std::shared_ptr<Flight::Wish>;
  using Entry = std::pair<const Number, Flight>;
  class Joining;

  [[nodiscard]] bool may_show(const NodeCopies::Copy& copy, int owner, Clock::time_point now) const;
  void want(const Wanted& wish) noexcept;
  void start(const Wanted& wish, std::uint64_t in_place_of) noexcept;
  void take_off(const Wanted& wish, const NodeCopies::Mark& mark);
  void ask_owner(Entry& entry);
  void wait_for_room(Entry& entry);
  void miss_room(const Number& number) noexcept;
  [[nodiscard]] NodeCopies::Made room_for(const Key& key, const Flight::Lack& lack, const WaitBudget& budget);
  void go_on(const Wanted& wish, std::uint64_t mark, const std::shared_ptr<NodeCopies::Room>& room) noexcept;
  void put_off(const Wanted& wish, std::uint64_t mark, Clock::duration pause) noexcept;
  void look_for_room_again(const Number& number) noexcept;
  void limit(const Wanted& wish, const Flight& flight);
  void ask_mate(const Wanted& wish, const NodeCopies::Mark& mark);
  void answered(Entry& entry, const Result<NodeAnswer>& answer) noexcept;
  [[nodiscard]] bool read(Entry& entry, const NodeAnswer& answer);
  void read_ended(const Number& number, std::uint64_t reading, bool good, const NodeAnswer& answer) noexcept;
  void land(const Number& number, const Result<NodeAnswer>& answer) noexcept;

  const std::shared_ptr<NodeCopies> copies_;
  const std::shared_ptr<Exchange> exchange_;
  const std::shared_ptr<Nodes> nodes_;
  const std::shared_ptr<OneSidedReads> reads_;
  const std::uint32_t own_rank_;
  const std::chrono::milliseconds timeout_;
  CopyLeases leases_;
  std::atomic<bool> closed_{false};
  std::uint64_t last_reading_ = 0;
  BlockPool pool_;
  std::pmr::map<Number, Flight> flights_{&pool_};  ///< of this rank; only by who drives
};

}  // namespace locum
