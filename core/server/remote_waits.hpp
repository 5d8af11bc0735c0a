#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/async/name_answer.hpp"
#include "core/async/operation.hpp"
#include "core/base/intrusive_list.hpp"
#include "core/copies/node_copies.hpp"
#include "core/node/node_memory.hpp"
#include "core/node/promised.hpp"
#include "core/rpc/alarm.hpp"
#include "core/rpc/nodes.hpp"
#include "core/rpc/rpc_channel.hpp"

namespace locum {

class AwaitedPromise;

/// The promises that operations of this rank wait for, and the names at home on this node. However many wait
/// for one, it costs one request to the node of its maker, and one reply; or, where it was made on this
/// node and of a name, a look whenever the directory tells of a name. Each waits until its own deadline:
/// where that of the request is earlier, it is asked again then. By who drives.
///
/// The ranks of a node share a request, too: the first to wait puts a mark into the node's memory (see
/// NodeCopies), sends the request, and replies to the others, which ask it. If it dies or closes, the next
/// one sends the request; if it cannot put a mark, it asks only for itself.
///
/// A waiter that is not wanted any more is dropped within a fifth of the patience with silent ranks. After
/// the last one the request is withdrawn, by another one without patience.
class RemoteWaits : public std::enable_shared_from_this<RemoteWaits> {
 public:
  using Clock = RpcChannel::Clock;

  /// Most promises of other nodes that are waited for without a waiting thread: the makers' node keeps
  /// NameWaiters::most_of_rank for a rank, of which threads need some, and looks up all of them when its
  /// directory notifies it.
  static constexpr std::size_t most_ahead = 1024;

  /// A rank of this node that waits through this one.
  struct NodePeer {
    int rank = 0;
    std::uint32_t call = 0;
    Clock::time_point until;
  };

  /// \param watcher is notified by the directory when look_here() is due
  RemoteWaits(NodeMemory memory, std::shared_ptr<RpcChannel> channel, std::shared_ptr<Nodes> nodes,
              std::shared_ptr<NodeCopies> marks, std::shared_ptr<NameWatcher> watcher,
              LostNodePeers lost_node_peers);

  /// Checks the awaited promises of this node.
  void look_here() noexcept;
  /// Checks one.
  void look_here(const Key& promised) noexcept;
  /// Replies to a rank of this node when a promise of another one is set or over; `stale`, at once, if this
  /// rank does not ask for the node (any more). A rank has one request for a promise: a later one replaces
  /// it, so that no rank fills this one's memory.
  void join(const Key& promised, const NodePeer& node_peer);
  /// That rank of this node does not wait for it any more, and gets a reply that says so.
  void leave(const Key& promised, int node_peer) noexcept;
  /// That rank is lost.
  void forget(int node_peer) noexcept;
  /// Ends all waits, present and future, with this error.
  void close(const Error& error) noexcept;
  /// Number of awaited promises.
  [[nodiscard]] std::size_t size() const noexcept { return entries_.size(); }

 private:
  friend class AwaitedPromise;
  class Request;

  /// None of them has been told.
  using Queue = IntrusiveList<AwaitedPromise>;
  struct Entry {
    std::string name;
    Queue waiting{};
    std::vector<NodePeer> node_peers{};  ///< only if there is a mark
    std::shared_ptr<Request> request{};  ///< open; none for a promise of this node
    Clock::time_point asked_until{};
    std::optional<NodeCopies::Mark> mark{};  ///< this rank asks for the node
    int left_alone = 0;                      ///< how often a rank that was asked stopped asking
    std::uint64_t asked_by = 0;              ///< generation of the mark of the node peer that was asked
    std::uint64_t of_no_use = 0;             ///< generation of a mark whose rank does not ask
    bool is_ahead = false;                   ///< counts among the most_ahead

    [[nodiscard]] bool is_awaited() const noexcept { return !waiting.empty() || !node_peers.empty(); }
  };
  using Entries = std::unordered_map<Key, Entry>;

  void join(AwaitedPromise& one);
  void begin(Entries::iterator at);
  void ask(Entries::iterator at);
  /// By which a name that is waited for is kept here: no promise's key.
  [[nodiscard]] Key key_of_name(std::uint32_t store, const std::string& name) const noexcept;
  [[nodiscard]] static Key marked(const Key& promised) noexcept;
  [[nodiscard]] int reply_to(const Key& promised, Entry& entry);
  [[nodiscard]] bool goes_on(const Entry& entry, const Error& error, Clock::time_point now) const noexcept;
  void take_back(const Key& promised, const Entry& entry) noexcept;
  void dismiss_late(Entry& entry, Clock::time_point now) noexcept;
  void answer_node_peers(Entry& entry, const Result<NodeReply>& reply) noexcept;
  void answered(const Key& promised, const Request* request, Result<NodeReply> reply) noexcept;
  [[nodiscard]] bool is_here(const Key& promised) const noexcept;
  [[nodiscard]] std::optional<Result<NameAnswer>> look(const Key& promised, const std::string& name) noexcept;
  [[nodiscard]] static Queue take_over(Entry& entry, Clock::time_point now) noexcept;
  [[nodiscard]] Entries::iterator end(Entries::iterator at, const Result<NameAnswer>& outcome,
                                      Queue& told) noexcept;
  static void tell(Queue told) noexcept;
  void do_due(Clock::time_point now) noexcept;
  void set_due(Clock::time_point now) noexcept;

  const NodeMemory memory_;
  const std::shared_ptr<RpcChannel> channel_;
  const std::shared_ptr<Nodes> nodes_;
  const std::shared_ptr<NodeCopies> marks_;
  const std::shared_ptr<NameWatcher> watcher_;
  const LostNodePeers lost_node_peers_;
  const Clock::duration between_looks_;
  Entries entries_;
  std::size_t ahead_ = 0;
  std::optional<Error> closed_;
  Alarm due_;  ///< for checks without a notification
};

/// A promise that an operation waits for: `co_await` it for the object under its name. For a promise of this
/// node it only says that there is one: the waiter looks it up itself.
class AwaitedPromise final : public Operation::Begun, private ListLink<AwaitedPromise> {
 public:
  /// The purpose of a wait.
  enum class For : std::uint8_t {
    thread,
    later_use,  ///< `out_of_memory` if too many are awaited so
  };

  /// \param name under which it is bound; copied
  AwaitedPromise(RemoteWaits& waits, const Key& promised, const std::string& name,
                 Deadline::Clock::time_point until, For who)
      : waits_(waits), promised_(promised), name_(name), until_(until), for_(who) {}
  /// What somebody will put under a name at home here: no promise.
  AwaitedPromise(RemoteWaits& waits, std::uint32_t store, const std::string& name,
                 Deadline::Clock::time_point until)
      : waits_(waits),
        promised_{.store = store},
        name_(name),
        until_(until),
        for_(For::later_use),
        is_name_(true) {}

  [[nodiscard]] Result<NameAnswer> await_resume() { return told_.await_resume(); }

 private:
  friend class RemoteWaits;
  friend class IntrusiveList<AwaitedPromise>;

  [[nodiscard]] bool begin(Operation& operation) noexcept override {
    operation_ = &operation;
    if (is_name_) {
      promised_ = waits_.key_of_name(promised_.store, name_);
    }
    waits_.join(*this);
    return told_.is_told(operation);
  }
  [[nodiscard]] bool is_over(Deadline::Clock::time_point now) const noexcept {
    return until_ <= now || !operation_->is_wanted();
  }

  RemoteWaits& waits_;
  Key promised_;
  const std::string name_;
  const Deadline::Clock::time_point until_;
  const For for_;
  const bool is_name_ = false;
  Operation* operation_ = nullptr;
  std::optional<Result<NameAnswer>> outcome_;  ///< to be told next
  OneShot<Result<NameAnswer>> told_;
};

}  // namespace locum
