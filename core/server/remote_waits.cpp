#include "core/server/remote_waits.hpp"

#include <algorithm>

#include "core/ports/directory.hpp"
#include "core/rpc/call_error.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

// How often waiters and makers are checked, within the time in which a rank is found lost.
constexpr int waits_in_patience = 5;

Error too_many_promises() {
  static const Error* const error = new Error(Errc::out_of_memory,
                                              "this rank waits for too many promises of other nodes; wait "
                                              "for this one by resolving its proxy, or for others first");
  return *error;
}

const Error& asks_no_more() {
  static const Error* const error =
      new Error(Errc::stale, "this rank no longer waits for that promise; ask again");
  return *error;
}

Error for_node_peers(const Error& error) noexcept {
  switch (error.code()) {
    case Errc::out_of_memory:
      return asks_no_more();
    case Errc::closed:
      return call_error::closed_meanwhile(error);
    default:
      return error;
  }
}

// Number of failures after which a rank asks the maker's node itself.
constexpr int most_left_alone = 4;

/// A request whose reply is ignored.
class TakenBack final : public NodeRequest {
 public:
  using NodeRequest::NodeRequest;

 private:
  void told(Result<NodeReply> /*reply*/) noexcept override {}
};

}  // namespace

/// What the channel owns of a request. The waits may be destroyed when it ends.
class RemoteWaits::Request final : public NodeRequest {
 public:
  Request(std::weak_ptr<RemoteWaits> waits, const Key& promised, std::span<const std::byte> body, Bulk name,
          Clock::time_point until)
      : NodeRequest(Kind::await, body, std::move(name), until),
        waits_(std::move(waits)),
        promised_(promised) {}

  /// The last rank that was asked.
  [[nodiscard]] int rank() const noexcept { return asked(); }

 private:
  void told(Result<NodeReply> reply) noexcept override {
    if (const auto waits = waits_.lock()) {
      waits->answered(promised_, this, std::move(reply));
    }
  }

  const std::weak_ptr<RemoteWaits> waits_;
  const Key promised_;
};

RemoteWaits::RemoteWaits(NodeMemory memory, std::shared_ptr<RpcChannel> channel, std::shared_ptr<Nodes> nodes,
                         std::shared_ptr<NodeCopies> marks, std::shared_ptr<NameWatcher> watcher,
                         LostNodePeers lost_node_peers)
    : memory_(std::move(memory)),
      channel_(std::move(channel)),
      nodes_(std::move(nodes)),
      marks_(std::move(marks)),
      watcher_(std::move(watcher)),
      lost_node_peers_(std::move(lost_node_peers)),
      between_looks_(Clock::duration(channel_->options().patience) / waits_in_patience),
      due_(*channel_, [this](Clock::time_point now) { do_due(now); }) {
  (void)too_many_promises();
  (void)promise_not_set();
  (void)asks_no_more();
}

// The name of a promise's mark: no object has such a key, so that a search for an object never finds it.
Key RemoteWaits::marked(const Key& promised) noexcept {
  constexpr std::uint32_t no_creator = 0x8000'0000U;
  return {promised.store, promised.creator | no_creator, promised.serial};
}

Key RemoteWaits::key_of_name(std::uint32_t store, const std::string& name) const noexcept {
  Key key{store, static_cast<std::uint32_t>(channel_->options().rank),
          name_hash(store, name) & ~promised_bit};
  // Another name may have the same hash.
  for (auto at = entries_.find(key); at != entries_.end() && at->second.name != name;
       at = entries_.find(key)) {
    key.serial = (key.serial + 1) & ~promised_bit;
  }
  return key;
}

bool RemoteWaits::is_here(const Key& promised) const noexcept {
  return nodes_->of_creator(promised.creator) == nodes_->own();
}

// A waiter that cannot be registered is told so.
void RemoteWaits::join(AwaitedPromise& one) {
  if (closed_) {
    return one.told_.tell(*closed_);
  }
  if (nodes_->of_creator(one.promised_.creator) < 0) {
    return one.told_.tell(no_such_object());  // not the name of a promise
  }
  auto at = entries_.find(one.promised_);
  const bool is_new = at == entries_.end();
  if (is_new) {
    const bool is_ahead = one.for_ == AwaitedPromise::For::later_use && !is_here(one.promised_);
    if (is_ahead && ahead_ >= most_ahead) {
      return one.told_.tell(too_many_promises());
    }
    at = entries_.try_emplace(one.promised_, Entry{.name = one.name_, .is_ahead = is_ahead}).first;
    ahead_ += is_ahead ? 1 : 0;
  }
  at->second.waiting.push(one);
  due_.set(std::min(one.until_, channel_->now() + between_looks_));
  if (is_new) {
    begin(at);
  }
}

// The first to wait asks alone.
void RemoteWaits::begin(Entries::iterator at) {
  if (!is_here(at->first)) {
    return ask(at);
  }
  if (const auto outcome = look(at->first, at->second.name)) {
    Queue told;
    (void)end(at, *outcome, told);
    tell(std::move(told));
  }
}

// The rank to ask: a live rank of this node that already asks; negative: the maker's node. In the latter case
// the entry has the mark, if possible.
int RemoteWaits::reply_to(const Key& promised, Entry& entry) {
  if (nodes_->ranks(nodes_->own()).size() == 1 || entry.mark || entry.left_alone > most_left_alone) {
    return -1;
  }
  auto mark = marks_->mark(marked(promised), 0);
  if (!mark && mark.error().code() == Errc::key_exists) {
    const auto found = marks_->look(marked(promised), 0, Path::shm_view, channel_->budget());
    if (!found || found->is != NodeCopies::Entry::Is::mark) {
      return -1;
    }
    const int rank = static_cast<int>(found->mark.rank);
    const bool lives = rank >= 0 && rank < channel_->options().size && rank != channel_->options().rank &&
                       nodes_->of_creator(found->mark.rank) == nodes_->own() && !channel_->is_lost(rank) &&
                       !channel_->has_closed(rank);
    const std::uint64_t generation = found->mark.generation;
    if (lives && generation != entry.of_no_use) {
      entry.asked_by = generation;
      return rank;
    }
    mark = marks_->mark(marked(promised), generation);
  }
  if (mark) {
    entry.mark = *mark;
  }
  return -1;
}

// Lasts as long as the last current waiter. May end before this returns.
void RemoteWaits::ask(Entries::iterator at) {
  auto& [promised, entry] = *at;
  const auto now = channel_->now();
  auto until = now;
  for (const AwaitedPromise& each : entry.waiting) {
    until = std::max(until, each.until_);
  }
  for (const NodePeer& each : entry.node_peers) {
    until = std::max(until, each.until);
  }
  const AwaitWords asked{.store = promised.store,
                         .patience_ns = static_cast<std::uint64_t>((until - now).count())};
  const auto request = std::make_shared<Request>(weak_from_this(), promised, words(asked),
                                                 Bulk{bytes_of_text(entry.name), nullptr}, until);
  const int node_peer = reply_to(promised, entry);
  entry.request = request;
  entry.asked_until = until;
  if (node_peer >= 0) {
    return nodes_->ask_rank(node_peer, request);
  }
  // The maker notifies the waiters, on the thread that sets it, if it is itself the rank that was asked.
  nodes_->ask(nodes_->of_creator(promised.creator), request, static_cast<int>(promised.creator));
}

// Whether to ask again: a node peer has died, or does not ask any more, or the request's time is over, while
// a waiter has more.
bool RemoteWaits::goes_on(const Entry& entry, const Error& error, Clock::time_point now) const noexcept {
  const int rank = entry.request->rank();
  const bool of_node_peer = nodes_->of_creator(static_cast<std::uint32_t>(rank)) == nodes_->own();
  switch (error.code()) {
    case Errc::timeout:
      return now >= entry.asked_until || entry.left_alone <= most_left_alone;
    case Errc::stale:
      return of_node_peer;
    case Errc::peer_lost:
    case Errc::closed:
      return of_node_peer && (channel_->is_lost(rank) || channel_->has_closed(rank));
    default:
      return false;
  }
}

void RemoteWaits::answered(const Key& promised, const Request* request, Result<NodeReply> reply) noexcept {
  const auto at = entries_.find(promised);
  if (at == entries_.end() || at->second.request.get() != request) {
    return;  // nobody waits for it any more
  }
  Entry& entry = at->second;
  const auto now = channel_->now();
  Queue told;
  if (!reply && goes_on(entry, reply.error(), now)) {
    told = take_over(entry, now);
    dismiss_late(entry, now);
    if (reply.error().code() == Errc::stale) {
      entry.of_no_use = entry.asked_by;
    }
    entry.left_alone += now < entry.asked_until ? 1 : 0;
    entry.request.reset();
    if (entry.is_awaited()) {
      ask(at);  // a later waiter has more time
    } else {
      (void)end(at, promise_not_set(), told);
    }
    return tell(std::move(told));
  }
  answer_node_peers(entry, reply);
  (void)end(at,
            read_name_answer(*nodes_, promised.store, entry.name, nodes_->of_creator(promised.creator), true,
                             std::move(reply)),
            told);
  tell(std::move(told));
}

void RemoteWaits::join(const Key& promised, const NodePeer& node_peer) {
  const auto at = entries_.find(promised);
  if (at == entries_.end() || !at->second.mark) {
    return channel_->refuse(node_peer.rank, node_peer.call, asks_no_more());
  }
  due_.set(node_peer.until);
  auto& node_peers = at->second.node_peers;
  const auto before = std::ranges::find(node_peers, node_peer.rank, &NodePeer::rank);
  if (before == node_peers.end()) {
    return node_peers.push_back(node_peer);
  }
  const std::uint32_t call = std::exchange(*before, node_peer).call;
  channel_->refuse(node_peer.rank, call, promise_not_set());
}

// A notification may reveal the loss of other ranks.
void RemoteWaits::leave(const Key& promised, int node_peer) noexcept {
  const auto at = entries_.find(promised);
  if (at == entries_.end()) {
    return;
  }
  std::vector<NodePeer>& node_peers = at->second.node_peers;
  const auto is_that = [node_peer](const NodePeer& one) { return one.rank == node_peer; };
  for (auto one = std::ranges::find_if(node_peers, is_that); one != node_peers.end();
       one = std::ranges::find_if(node_peers, is_that)) {
    const std::uint32_t call = one->call;
    node_peers.erase(one);
    channel_->refuse(node_peer, call, promise_not_set());
  }
}

void RemoteWaits::forget(int node_peer) noexcept {
  for (auto& [promised, entry] : entries_) {
    std::erase_if(entry.node_peers, [node_peer](const NodePeer& one) { return one.rank == node_peer; });
  }
}

// They give up by themselves.
void RemoteWaits::dismiss_late(Entry& entry, Clock::time_point now) noexcept {
  std::erase_if(entry.node_peers, [&](const NodePeer& one) {
    if (one.until <= now) {
      channel_->dismiss(one.rank, one.call);
    }
    return one.until <= now;
  });
}

// Passes on the reply that this rank got, except what concerns this rank alone: that it has no memory, or
// that the ranks it asked have closed.
void RemoteWaits::answer_node_peers(Entry& entry, const Result<NodeReply>& reply) noexcept {
  for (const NodePeer& one : std::exchange(entry.node_peers, {})) {
    if (reply) {
      const auto block = reply->block;
      channel_->reply(
          one.rank, one.call, reply->body,
          {block ? std::span<const std::byte>(block->memory()) : std::span<const std::byte>(), block});
    } else {
      channel_->refuse(one.rank, one.call, for_node_peers(reply.error()));
    }
  }
}

// Nobody waits for it any more; otherwise the rank that was asked would keep the request until its time is
// over.
void RemoteWaits::take_back(const Key& promised, const Entry& entry) noexcept {
  const auto now = channel_->now();
  if (!entry.request || entry.asked_until <= now) {
    return;
  }
  const int rank = entry.request->rank();
  if (channel_->is_lost(rank) || channel_->has_closed(rank)) {
    return;
  }
  const AwaitWords asked{.store = promised.store, .patience_ns = 0};
  nodes_->ask_rank(
      rank, std::make_shared<TakenBack>(Kind::await, words(asked), Bulk{bytes_of_text(entry.name), nullptr},
                                        now + channel_->options().patience));
}

// None: not yet. Watches first, then looks: a bind after the look is notified.
std::optional<Result<NameAnswer>> RemoteWaits::look(const Key& promised, const std::string& name) noexcept {
  memory_.directory->watch(name_hash(promised.store, name), watcher_);
  const bool is_name = !is_promised(promised);
  const auto pin = is_name ? memory_.directory->find(promised.store, name, channel_->budget())
                           : find_promised(*memory_.table, *memory_.directory, promised, name,
                                           lost_node_peers_, channel_->budget());
  if (pin) {
    memory_.table->release(pin->id);
    return NameAnswer();
  }
  if (pin.error().code() == Errc::timeout || (is_name && pin.error().code() == Errc::not_found)) {
    return std::nullopt;
  }
  return Result<NameAnswer>(pin.error());
}

// The others continue to wait.
RemoteWaits::Queue RemoteWaits::take_over(Entry& entry, Clock::time_point now) noexcept {
  Queue over;
  Queue all = std::exchange(entry.waiting, {});
  while (AwaitedPromise* const one = all.pop()) {
    if (one->is_over(now)) {
      one->outcome_.emplace(promise_not_set());
      over.push(*one);
    } else {
      entry.waiting.push(*one);
    }
  }
  return over;
}

// Tells all waiters of this rank; returns the next promise. A mark that cannot be removed is taken over by
// the next waiter, once it is told that the mark's rank does not ask.
RemoteWaits::Entries::iterator RemoteWaits::end(Entries::iterator at, const Result<NameAnswer>& outcome,
                                                Queue& told) noexcept {
  if (const auto& mark = at->second.mark) {
    marks_->unmark(marked(at->first), *mark);
  }
  Queue all = std::exchange(at->second.waiting, {});
  while (AwaitedPromise* const one = all.pop()) {
    one->outcome_.emplace(outcome);
    told.push(*one);
  }
  ahead_ -= at->second.is_ahead ? 1 : 0;
  return entries_.erase(at);
}

// The told waiter may be destroyed then, and others may have been added.
void RemoteWaits::tell(Queue told) noexcept {
  while (AwaitedPromise* const one = told.pop()) {
    one->told_.tell(std::move(*one->outcome_));
  }
}

void RemoteWaits::look_here() noexcept {
  Queue told;
  for (auto at = entries_.begin(); at != entries_.end();) {
    const auto outcome = is_here(at->first) ? look(at->first, at->second.name) : std::nullopt;
    at = outcome ? end(at, *outcome, told) : std::next(at);
  }
  tell(std::move(told));
}

void RemoteWaits::look_here(const Key& promised) noexcept {
  const auto at = entries_.find(promised);
  const auto outcome =
      at != entries_.end() && is_here(promised) ? look(promised, at->second.name) : std::nullopt;
  if (outcome) {
    Queue told;
    (void)end(at, *outcome, told);
    tell(std::move(told));
  }
}

// Ends waiters whose time is over, or that are not wanted any more, and checks for dead makers.
void RemoteWaits::do_due(Clock::time_point now) noexcept {
  Queue told;
  for (auto at = entries_.begin(); at != entries_.end();) {
    Queue over = take_over(at->second, now);
    while (AwaitedPromise* const one = over.pop()) {
      told.push(*one);
    }
    dismiss_late(at->second, now);
    if (!at->second.is_awaited()) {
      take_back(at->first, at->second);
      at = end(at, promise_not_set(), told);
      continue;
    }
    const auto outcome = is_here(at->first) ? look(at->first, at->second.name) : std::nullopt;
    at = outcome ? end(at, *outcome, told) : std::next(at);
  }
  set_due(now);
  tell(std::move(told));
}

void RemoteWaits::set_due(Clock::time_point now) noexcept {
  if (entries_.empty()) {
    return;
  }
  auto first = now + between_looks_;
  for (const auto& [promised, entry] : entries_) {
    for (const AwaitedPromise& each : entry.waiting) {
      first = std::min(first, each.until_);
    }
    for (const NodePeer& each : entry.node_peers) {
      first = std::min(first, each.until);
    }
  }
  due_.set(first);
}

void RemoteWaits::close(const Error& error) noexcept {
  closed_ = error;
  Queue told;
  for (auto at = entries_.begin(); at != entries_.end();) {
    for (const NodePeer& one : std::exchange(at->second.node_peers, {})) {
      channel_->refuse(one.rank, one.call, error);
    }
    take_back(at->first, at->second);
    at = end(at, error, told);
  }
  tell(std::move(told));
}

}  // namespace locum
