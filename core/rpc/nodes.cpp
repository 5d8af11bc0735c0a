#include "core/rpc/nodes.hpp"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

#include "core/base/hash.hpp"
#include "core/object/object_wire.hpp"

namespace locum {

namespace {

Error all_lost(int node) {
  return Error(Errc::peer_lost,
               "no rank of node " + std::to_string(node) +
                   " is alive or can be reached; its objects, and the names at home there, are lost");
}

Error all_closed(int node) {
  return Error(Errc::closed, "the ranks of node " + std::to_string(node) +
                                 " have closed the runtime; its objects, and the names at home there, were "
                                 "removed; close the runtime on all ranks together");
}

static_assert(sizeof(HyperslabWords) <= 256, "the largest arguments of a request");

// These must not be repeated: the second attempt could bring back a put that was evicted meanwhile.
bool may_be_asked_again(Kind kind) {
  return kind != Kind::bind && kind != Kind::unbind && kind != Kind::evict && kind != Kind::bind_batch &&
         kind != Kind::unbind_batch && kind != Kind::evict_batch;
}

Error lost_meanwhile(const Error& cause) noexcept {
  return Error(Errc::peer_lost,
               "a rank died or closed before replying whether it had served the request; check the state of "
               "the object, and try again: the next request goes to another rank of that node",
               cause.text());
}

}  // namespace

bool names_rank(const NodeReply& roll, int rank) noexcept {
  auto left = roll.block ? std::span<const std::byte>(roll.block->memory()) : std::span<const std::byte>();
  while (const auto named = read_words<RankWords>(left)) {
    if (static_cast<int>(named->rank) == rank) {
      return true;
    }
    left = left.subspan(sizeof(RankWords));
  }
  return false;
}

NodeRequest::NodeRequest(Kind kind, std::span<const std::byte> body, Bulk bulk, Clock::time_point deadline,
                         BulkPlace* place, Urgency urgency)
    : kind_(kind),
      urgency_(urgency),
      deadline_(deadline),
      words_(body),
      body_bytes_(body.size()),
      bulk_(std::move(bulk)),
      place_(place) {
  if (bulk_.keep != nullptr || bulk_.bytes.empty()) {
    return;
  }
  const std::span<const std::byte> theirs = std::exchange(bulk_, {}).bytes;
  if (!words_.append(theirs)) {
    const auto copy = std::make_shared<std::byte[]>(theirs.size());
    std::ranges::copy(theirs, copy.get());
    bulk_ = {{copy.get(), theirs.size()}, copy};
  }
}

bool NodeRequest::can_be_asked(int rank) const noexcept {
  return !channel_->is_lost(rank) && !channel_->has_closed(rank);
}

// A lost rank may only be cut off, and alive: as long as there is one, the node has not closed.
Error NodeRequest::nobody_left() const {
  const auto closed = [this](int rank) { return channel_->has_closed(rank); };
  return std::ranges::all_of(ranks_, closed) ? all_closed(node_) : all_lost(node_);
}

// Asks its ranks one after the other, until one of them is alive and has not closed.
void NodeRequest::ask_next(const std::shared_ptr<NodeRequest>& self) noexcept {
  int rank = -1;
  while (left_ > 0 && (rank < 0 || !can_be_asked(rank))) {
    rank = ranks_[next_];
    next_ = (next_ + 1) % ranks_.size();
    --left_;
  }
  if (rank < 0 || !can_be_asked(rank)) {
    return told(nobody_left());
  }
  const std::span<const std::byte> words(words_);
  const auto own_bulk = words.subspan(body_bytes_);
  const Bulk kept_by_this{own_bulk.empty() ? bulk_.bytes : own_bulk, nullptr};
  channel_->ask(rank, kind_, words.first(body_bytes_), kept_by_this, deadline_, self, urgency_);
}

std::span<std::byte> NodeRequest::landing(std::span<const std::byte> body,
                                          std::uint64_t bulk_bytes) noexcept {
  if (place_ != nullptr) {
    auto placed = place_->place(body, bulk_bytes);
    if (!placed) {
      return {};
    }
    block_ = std::move(*placed);
  }
  if (!block_) {
    const auto wire = read_words<ObjectWire>(body);
    block_ = ReceivedBlock::make(bulk_bytes, wire ? wire->record.size_bytes : 0);
  }
  return block_ ? block_->memory() : std::span<std::byte>();
}

void NodeRequest::ended(const Result<Reply>& outcome, const std::shared_ptr<Call>& self) noexcept {
  if (outcome) {
    told(keep(*outcome));
  } else if (outcome.error().code() != Errc::peer_lost) {
    told(outcome.error());
  } else if (may_be_asked_again(kind_)) {
    block_.reset();
    ask_next(std::static_pointer_cast<NodeRequest>(self));
  } else {
    told(lost_meanwhile(outcome.error()));
  }
}

// A `peer_lost` that a rank sends concerns a third rank: the rank itself has done what it could.
void NodeRequest::refused(const Error& error, const std::shared_ptr<Call>& self) noexcept {
  if (error.code() != Errc::closed || !channel_->has_closed(asked())) {
    return told(error);
  }
  block_.reset();
  ask_next(std::static_pointer_cast<NodeRequest>(self));
}

int NodeRequest::asked() const noexcept {
  return ranks_[(next_ + ranks_.size() - 1) % ranks_.size()];
}

Result<NodeReply> NodeRequest::keep(const Reply& reply) noexcept {
  if (!reply.bulk.empty() && !block_) {
    const std::span<std::byte> memory = landing(reply.body, reply.bulk.size());
    if (memory.size() != reply.bulk.size()) {
      return no_memory_left();
    }
    std::memcpy(memory.data(), reply.bulk.data(), memory.size());
  }
  return Result<NodeReply>(std::in_place, ShortBytes(reply.body), std::move(block_), reply.bulk.size(),
                           reply.path, asked());
}

Nodes::Nodes(const std::vector<int>& node_of_rank, int own_rank, std::shared_ptr<RpcChannel> channel)
    : node_of_rank_(node_of_rank),
      own_rank_(own_rank),
      own_(node_of_rank[static_cast<std::size_t>(own_rank)]),
      ranks_(static_cast<std::size_t>(*std::max_element(node_of_rank.begin(), node_of_rank.end()) + 1)),
      channel_(std::move(channel)) {
  for (std::size_t rank = 0; rank < node_of_rank.size(); ++rank) {
    ranks_[static_cast<std::size_t>(node_of_rank[rank])].push_back(static_cast<int>(rank));
  }
}

int Nodes::home(std::uint32_t /*store*/, std::uint64_t name_hash) const noexcept {
  // Mixed again: the directory of a node selects its shards by the same hash.
  const std::uint64_t mixed = detail::fold_multiply(name_hash ^ 0x9E3779B97F4A7C15U, 0xD6E8FEB86659FD93U);
  __extension__ using Wide = unsigned __int128;
  return static_cast<int>((static_cast<Wide>(mixed) * ranks_.size()) >> 64U);
}

bool Nodes::is_lost(int node) const {
  return std::ranges::all_of(
      ranks(node), [this](int rank) { return channel_->is_lost(rank) || channel_->has_closed(rank); });
}

bool Nodes::has_closed(int node) const {
  return std::ranges::all_of(ranks(node), [this](int rank) { return channel_->has_closed(rank); });
}

void Nodes::ask(int node, const std::shared_ptr<NodeRequest>& inquiry, int first) {
  const std::size_t size = ranks(node).size();
  const auto place = static_cast<std::size_t>(std::ranges::find(ranks(node), first) - ranks(node).begin());
  ask(node, place < size ? place : static_cast<std::size_t>(own_rank_) % size, size, inquiry);
}

void Nodes::ask_rank(int rank, const std::shared_ptr<NodeRequest>& inquiry) {
  const int node = of_creator(static_cast<std::uint32_t>(rank));
  const auto place = static_cast<std::size_t>(std::ranges::find(ranks(node), rank) - ranks(node).begin());
  ask(node, place, 1, inquiry);
}

void Nodes::ask(int node, std::size_t first_place, std::size_t count,
                const std::shared_ptr<NodeRequest>& inquiry) {
  inquiry->channel_ = channel_.get();
  inquiry->node_ = node;
  inquiry->ranks_ = ranks(node);
  inquiry->next_ = first_place;
  inquiry->left_ = count;
  inquiry->ask_next(inquiry);
}

}  // namespace locum
