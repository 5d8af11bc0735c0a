#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/async/lookup.hpp"
#include "core/async/windows.hpp"
#include "core/client/links.hpp"
#include "core/ports/now_or_task.hpp"
#include "core/server/remote_waits.hpp"

namespace locum {

/// An object fetched ahead of use, or the error.
struct Ahead {
  std::optional<Window::Way> way;  ///< its share of the window; outlives the object
  Result<ObjectView> found;
};

/// Finds objects of all nodes: by key at the node whose memory holds it, by name at the name's home. Its
/// tasks are parts of operations of the links' client; the links keep it alive until they have ended (see
/// Links::keep()). Any thread may call.
class RemoteReader final {
 public:
  /// \param local this node's own objects, and the names at home here
  RemoteReader(NodeMemory memory, std::shared_ptr<Connector> local, const Links& links);

  [[nodiscard]] const NodeClient& client() const noexcept { return *client_; }
  /// Whether the search for an object begins at this node: for a key of its own, one that no rank has made,
  /// or a name at home here.
  [[nodiscard]] bool begins_here(const Address& address) const noexcept;
  /// What needs no request.
  struct AtHand {
    Result<ObjectView> found;  ///< an empty view if a request is needed
    /// Whether this node has neither a copy of the object with that key nor a flight.
    bool has_no_copy = false;
  };
  /// Returns the object, if it needs no request. Looks at the node's copies at most once.
  [[nodiscard]] AtHand at_hand(const Address& address, const WaitBudget& budget);
  /// The object of a name at home here, if it needs no request; else an empty view.
  [[nodiscard]] Result<ObjectView> at_hand(ObjectView entry);
  /// The node whose memory holds the object with that key; negative for a nonexistent rank.
  [[nodiscard]] int owner(const Key& key) const noexcept { return nodes_.of_creator(key.creator); }
  /// The node that decides about the name of an address.
  [[nodiscard]] int home_of(const Address& address) const noexcept;
  /// Blocks up to this size are included in the first reply.
  [[nodiscard]] std::uint64_t inline_bytes() const noexcept { return inline_bytes_; }
  /// The object. REQUIRES: no thread waits for a name at home here.
  [[nodiscard]] Task<Result<ObjectView>> find(Lookup wanted);
  /// find() of a name whose home has already sent the record of its object. REQUIRES: plausible(), of an
  /// existing rank.
  [[nodiscard]] Task<Result<ObjectView>> find_behind(Lookup name, ObjectWire said);
  /// find(), as soon as it fits the window: its time counts from then. Keeps the reader alive, because
  /// possibly nobody waits for it.
  [[nodiscard]] static Task<Ahead> find_ahead(std::shared_ptr<RemoteReader> reader, Lookup wanted,
                                              CountsUntil until);
  /// Names of a store that begin so, of all nodes, in ascending order; those live throughout exactly once.
  [[nodiscard]] Task<Result<std::vector<std::string>>> names(std::uint32_t store, std::string prefix,
                                                             Deadline::Clock::time_point until);
  /// Finds a promised object once it is set, or that of any other name once it is put; its time, and its
  /// share of the window, count from then. REQUIRES: by name, and the lookup waits.
  [[nodiscard]] static Task<Ahead> find_awaited(std::shared_ptr<RemoteReader> reader, Lookup wanted,
                                                CountsUntil until);
  /// Whether so many of these wait that no other one should be begun.
  [[nodiscard]] bool awaits_many() const noexcept {
    return awaiting_.load(std::memory_order_relaxed) >= Window::longest_queue;
  }
  /// Whether it exists. REQUIRES: begins_here().
  [[nodiscard]] Result<bool> exists_here(const Address& address, const WaitBudget& budget);
  /// The same, wherever the search begins.
  [[nodiscard]] Task<Result<bool>> exists(Lookup wanted);

 private:
  [[nodiscard]] bool is_here(const Key& key) const noexcept {
    const int node = owner(key);
    return node == nodes_.own() || node < 0;
  }
  /// Returns an object that was fetched ahead of use, with its share of the window of `turn`.
  [[nodiscard]] static Ahead arrived(Turn& turn, Result<ObjectView> found);
  [[nodiscard]] int home_of(const Lookup& wanted) const noexcept { return home_of(wanted.address()); }
  [[nodiscard]] Task<Result<NameAnswer>> await(const Lookup& wanted, const Key& promised,
                                               AwaitedPromise::For who);
  [[nodiscard]] Task<Result<NameAnswer>> await_ahead(const Lookup& wanted, const Key& promised);
  [[nodiscard]] Task<Result<NameAnswer>> await_name(const Lookup& wanted);
  [[nodiscard]] Task<Result<ObjectView>> anywhere(const Lookup& wanted);
  [[nodiscard]] ReplyAwaiter ask_whether(const Lookup& wanted) const;
  [[nodiscard]] Task<Result<ObjectView>> here(const Lookup& wanted);
  [[nodiscard]] Task<Result<ObjectView>> elsewhere(const Lookup& wanted, ObjectWire said);
  [[nodiscard]] Task<Result<ObjectView>> by_name(const Lookup& wanted);
  [[nodiscard]] Result<ObjectView> look_here(const Lookup& wanted, const WaitBudget& budget,
                                             ObjectWire& said);
  [[nodiscard]] ReplyAwaiter request(const Lookup& wanted, int home, Urgency urgency) const;
  [[nodiscard]] Task<Result<ObjectView>> fetch_some(const Lookup& wanted, Key key,
                                                    std::uint64_t generation) const;
  [[nodiscard]] Task<Result<ObjectView>> behind(const Lookup& wanted, ObjectWire wire);
  [[nodiscard]] Task<Error> absent(const Lookup& wanted, Error error);

  const NodeMemory memory_;
  const std::shared_ptr<Connector> local_;
  const NodeClient* const client_;  ///< owned by the links, which keep this alive
  const std::shared_ptr<Flights> flights_;
  const std::uint64_t inline_bytes_;
  const Windows windows_;
  const Nodes& nodes_;
  const std::shared_ptr<RemoteWaits> waits_;
  std::atomic<std::uint32_t> awaiting_{0};  ///< promises and names, ahead of use
};

}  // namespace locum
