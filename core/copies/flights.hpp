#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <memory_resource>
#include <optional>
#include <utility>
#include <variant>

#include "core/async/node_client.hpp"
#include "core/base/block_pool.hpp"
#include "core/copies/copy_leases.hpp"
#include "core/copies/flight.hpp"
#include "core/copies/node_copies.hpp"
#include "core/copies/one_sided_reads.hpp"
#include "core/rpc/rpc_channel.hpp"

namespace locum {

/// Fetches objects of other nodes into this node's memory, each of them once, however many threads and ranks
/// of the node want it at a time. A *flight* is a separate operation; its task fly() is sequential: ask the
/// owner; read one-sidedly if it grants a lease, and request what was not read; make room if there was none
/// at once, and ask again; publish the copy, and tell all waiters.
///
/// 1. An operation that wants an object (get()) marks a flight and begins it, or joins the one whose mark it
/// finds: within its own rank by a wish (Flight::Wish), at another rank of the node by a request to that
/// rank. If that rank dies, one of the joiners takes its mark over.
/// 2. Each wish gets its outcome once, at its own deadline at the latest. The flight continues.
/// 3. A fetched object is shared if the owner has added this node to those that may have a copy, and there is
/// room. Otherwise it is only for the operation that began the flight, and joiners request it for themselves:
/// nobody would have notified a joiner of an eviction in between.
/// 4. No step of the driver waits for memory. Room that takes longer is made on the thread of the operation
/// that began the flight (Flight::Wish::lend()), within that operation's time: after that the others begin
/// anew. If no thread waits for the operation, the background thread makes it, and retries later instead of
/// waiting.
/// 5. A flight that has landed, or was given up, is no longer in flights_: the rest of its task has no
/// effect.
class Flights final : public std::enable_shared_from_this<Flights> {
 public:
  using Clock = Nodes::Clock;

  /// \param client on which the flights run
  /// \param lease how long copies may be shown after the owner's node has allowed it
  Flights(std::shared_ptr<NodeCopies> copies, std::shared_ptr<RpcChannel> channel, const NodeClient& client,
          std::shared_ptr<OneSidedReads> reads, int own_rank, Clock::duration lease);

  using Entry = NodeCopies::Entry;
  /// Returns what this node has for an object: with a view if that is a copy that may be shown without a
  /// request. Any thread.
  /// \param generation of its name, if the copy does not know it; else 0
  [[nodiscard]] Result<Entry> at_hand(const Key& key, std::uint64_t generation,
                                      const WaitBudget& budget) const;
  /// Returns what this node has for an object: with a view if that is a copy. Asks the owner's node if the
  /// lease is over: `peer_lost` if it cannot be asked, and its copies are dropped.
  /// \param path of the copy, if this process has fetched it
  [[nodiscard]] Task<Result<Entry>> look(Key key, std::uint64_t generation, Clock::time_point until,
                                         Path path = Path::shm_view);

  /// Returns the object, in place in the node's memory if possible. It looks again only if another process
  /// was faster, or the awaited flight has ended.
  /// \param generation of its name, if the owner may not know it; else 0
  /// \param here what look() or at_hand() of the same call has seen: no copy
  [[nodiscard]] Task<Result<ObjectView>> get(Key key, std::uint64_t generation, Clock::time_point until,
                                             Entry here);

  using Ending = Flight::Ending;  ///< outcome for a joiner
  /// Waits until this rank's flight with this mark has ended.
  [[nodiscard]] Task<Ending> join(Key key, std::uint64_t mark);
  /// Ends all flights: with `error` for the operations that began them. Only on the driver, when the channel
  /// has closed.
  void close(const Error& error) noexcept;

 private:
  using Number = std::pair<Key, std::uint64_t>;  ///< the object, and the generation of the flight's mark
  using Wanted = std::shared_ptr<Flight::Wish>;

  [[nodiscard]] bool may_show(const Entry& copy, int owner, Clock::time_point now) const;
  [[nodiscard]] Task<Flight::Outcome> bring(Key key, std::uint64_t generation, Clock::time_point until,
                                            const Entry& here);
  [[nodiscard]] std::optional<Flight::Outcome> said_by_node_peer(int node_peer,
                                                                 const Result<NodeReply>& reply,
                                                                 Clock::time_point until) const;
  void begin(const Wanted& wish, const NodeCopies::Mark& mark);
  void limit(const Wanted& wish, const Flight& flight);
  [[nodiscard]] Task<std::monostate> fly(Wanted began, NodeCopies::Mark mark, Clock::time_point deadline);
  [[nodiscard]] std::optional<LeaseHeld> lease_in(const Result<NodeReply>& reply, const Key& key,
                                                  Clock::time_point asked);
  [[nodiscard]] Task<bool> read(const LeaseHeld& lease, NodeReply& reply, CopyPlace& place);
  [[nodiscard]] Task<std::monostate> make_room(const Number& number, CopyPlace& place,
                                               Clock::time_point until);
  [[nodiscard]] Flight::Outcome settle(const Flight::Wish& began, const NodeCopies::Mark& mark,
                                       const Result<NodeReply>& reply, const CopyPlace& place,
                                       Clock::time_point asked);
  [[nodiscard]] Flight::Outcome failed(const Key& key, const NodeCopies::Mark& mark, const Error& error);
  void miss_room(const Number& number) noexcept;
  void give_up(const Number& number, const Error& error) noexcept;
  void land(const Number& number, Flight::Outcome outcome) noexcept;

  const std::shared_ptr<NodeCopies> copies_;
  const std::shared_ptr<RpcChannel> channel_;
  const NodeClient& client_;
  const Nodes& nodes_;
  const std::shared_ptr<OneSidedReads> reads_;
  const std::uint32_t own_rank_;
  CopyLeases leases_;
  // Used by the driver.
  std::optional<Error> closed_;
  BlockPool pool_;
  std::pmr::map<Number, Flight> flights_{&pool_};  ///< of this rank
};

}  // namespace locum
