#include "core/nodes.hpp"

#include <algorithm>
#include <new>
#include <string>
#include <utility>

#include "core/hash.hpp"
#include "core/object_wire.hpp"

namespace locum {

namespace {

Error all_lost(int node) {
  return Error(Errc::peer_lost,
               "no rank of node " + std::to_string(node) +
                   " is alive or can be reached; its objects, and the names at home there, are lost");
}

// What must not be done twice: a put that was evicted meanwhile would come back.
bool may_be_asked_again(Kind kind) {
  return kind != Kind::bind && kind != Kind::unbind && kind != Kind::evict;
}

Error lost_meanwhile(const Error& cause) {
  return Error(Errc::peer_lost,
               "the rank that was asked died before it could say whether it had done so; look what is there, "
               "and try again, which asks another rank of its node",
               cause.text());
}

}  // namespace

/// A question to a node, of its ranks one after the other until one of them lives.
class Nodes::Inquiry final : public Call {
 public:
  struct Words {
    std::span<const int> ranks;  ///< of the node
    std::size_t next = 0;        ///< the one to be asked next: its place among them
    std::size_t left = 0;        ///< how many are to be asked yet
    int node = 0;
    Kind kind = Kind::ping;
    std::vector<std::byte> body;
    Bulk bulk;
    Clock::time_point deadline;
    Then then;
    Place place;
  };

  Inquiry(std::shared_ptr<Exchange> exchange, Words words)
      : exchange_(std::move(exchange)), words_(std::move(words)) {}

  /// Asks the next rank; false if none is left.
  static bool ask_next(const std::shared_ptr<Exchange>& exchange, Words words) {
    int rank = -1;
    while (words.left > 0 && (rank < 0 || exchange->is_lost(rank))) {
      rank = words.ranks[words.next];
      words.next = (words.next + 1) % words.ranks.size();
      --words.left;
    }
    if (rank < 0 || exchange->is_lost(rank)) {
      words.then(all_lost(words.node));
      return false;
    }
    const auto inquiry = std::make_shared<Inquiry>(exchange, std::move(words));
    const Words& kept = inquiry->words_;
    exchange->ask(rank, kept.kind, kept.body, kept.bulk, kept.deadline, inquiry);
    return true;
  }

  std::span<std::byte> landing(std::span<const std::byte> body, std::uint64_t bulk_bytes) noexcept override {
    try {
      block_ = words_.place ? words_.place(body, bulk_bytes) : nullptr;
      if (!block_) {
        const auto wire = read_words<ObjectWire>(body);
        block_ = std::make_shared<HeldObject>(bulk_bytes, wire ? wire->record.size_bytes : 0);
      }
      return block_->memory();
    } catch (const std::bad_alloc&) {
      return {};
    }
  }

  void ended(const Result<Answer>& outcome) noexcept override {
    const bool needs_memory = outcome && !outcome->bulk.empty() && !block_;
    const std::span<std::byte> memory =
        needs_memory ? landing(outcome->body, outcome->bulk.size()) : std::span<std::byte>();
    Words words = std::move(words_);
    if (!outcome) {
      if (outcome.error().code() != Errc::peer_lost) {
        words.then(outcome.error());
      } else if (may_be_asked_again(words.kind)) {
        (void)ask_next(exchange_, std::move(words));
      } else {
        words.then(lost_meanwhile(outcome.error()));
      }
      return;
    }
    NodeAnswer answer;
    answer.body.assign(outcome->body);
    answer.block_bytes = outcome->bulk.size();
    answer.path = outcome->path;
    if (needs_memory) {
      if (memory.empty()) {
        words.then(Error(Errc::out_of_memory, "there was no memory for an answer"));
        return;
      }
      std::copy(outcome->bulk.begin(), outcome->bulk.end(), memory.begin());
    }
    answer.block = std::move(block_);
    words.then(std::move(answer));
  }

 private:
  const std::shared_ptr<Exchange> exchange_;
  Words words_;
  std::shared_ptr<HeldObject> block_;
};

Nodes::Nodes(const std::vector<int>& node_of_rank, int own_rank, std::shared_ptr<Exchange> exchange)
    : node_of_rank_(node_of_rank),
      own_rank_(own_rank),
      own_(node_of_rank[static_cast<std::size_t>(own_rank)]),
      ranks_(static_cast<std::size_t>(*std::max_element(node_of_rank.begin(), node_of_rank.end()) + 1)),
      exchange_(std::move(exchange)) {
  for (std::size_t rank = 0; rank < node_of_rank.size(); ++rank) {
    ranks_[static_cast<std::size_t>(node_of_rank[rank])].push_back(static_cast<int>(rank));
  }
}

int Nodes::home(std::uint32_t store, std::uint64_t name_hash) const noexcept {
  if (store == 0) {
    return 0;
  }
  // Mixed once more: the directory of a node takes its shards from the same hash.
  const std::uint64_t mixed = detail::fold_multiply(name_hash ^ 0x9E3779B97F4A7C15U, 0xD6E8FEB86659FD93U);
  __extension__ using Wide = unsigned __int128;
  return static_cast<int>((static_cast<Wide>(mixed) * ranks_.size()) >> 64U);
}

bool Nodes::is_lost(int node) const {
  return std::ranges::all_of(ranks(node), [this](int rank) { return exchange_->is_lost(rank); });
}

void Nodes::ask(int node, Kind kind, std::vector<std::byte> body, Bulk bulk, Clock::time_point deadline,
                Then then, Place place) {
  const std::vector<int>& order = ranks(node);
  (void)Inquiry::ask_next(
      exchange_, {order, static_cast<std::size_t>(own_rank_) % order.size(), order.size(), node, kind,
                  std::move(body), std::move(bulk), deadline, std::move(then), std::move(place)});
}

void Nodes::ask_rank(int rank, Kind kind, std::vector<std::byte> body, Clock::time_point deadline,
                     Then then) {
  const int node = of_creator(static_cast<std::uint32_t>(rank));
  const std::vector<int>& order = ranks(node);
  const auto place = static_cast<std::size_t>(std::ranges::find(order, rank) - order.begin());
  (void)Inquiry::ask_next(exchange_,
                          {order, place, 1, node, kind, std::move(body), {}, deadline, std::move(then), {}});
}

}  // namespace locum
