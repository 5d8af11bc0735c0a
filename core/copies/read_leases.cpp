#include "core/copies/read_leases.hpp"

#include <algorithm>

#include "core/object/object_wire.hpp"

namespace locum {

namespace {

// The interval of queries to a reader: longer than it takes to detect a dead one.
constexpr int recall_patiences = 2;

}  // namespace

ReadLeases::ReadLeases(std::shared_ptr<RemoteMemory> remote, std::shared_ptr<RpcChannel> channel,
                       std::chrono::milliseconds patience)
    : remote_(std::move(remote)),
      channel_(std::move(channel)),
      patience_(patience),
      overdue_(*channel_, [this](Clock::time_point now) { end_overdue(now); }) {}

std::optional<ReadLeases::Grant> ReadLeases::grant(int rank, const Key& key,
                                                   std::shared_ptr<const PinnedObject> object,
                                                   std::span<const std::byte> block) {
  const auto known = of_rank_.find(rank);
  if (!remote_ || channel_->is_lost(rank) || (known != of_rank_.end() && known->second >= most_of_a_rank)) {
    return std::nullopt;
  }
  auto exposed = expose(key, block);
  if (!exposed) {
    return std::nullopt;
  }
  const Number number{rank, ++last_};
  const std::chrono::nanoseconds duration = patience_ + std::chrono::nanoseconds(block.size());
  const auto until = channel_->now() + duration;
  const RemoteKey opens = exposed->key();
  leases_.emplace(number, Lease{key, std::move(exposed), std::move(object), until});
  due_.emplace(until, number);
  overdue_.set(until);
  ++of_rank_[rank];
  return Grant{number.second, duration, opens};
}

bool ReadLeases::Exposed::expose(std::span<const std::byte> memory) {
  const auto exposure = remote_->expose(memory);
  if (exposure) {
    exposure_ = *exposure;
  }
  return exposure.has_value();
}

std::shared_ptr<const ReadLeases::Exposed> ReadLeases::expose(const Key& key,
                                                              std::span<const std::byte> block) {
  if (const auto shared = shared_.find(key); shared != shared_.end()) {
    if (auto exposed = shared->second.lock()) {
      return exposed;
    }
  }
  const auto exposed = std::make_shared<Exposed>(remote_);
  if (!exposed->expose(block)) {
    return nullptr;
  }
  shared_[key] = exposed;
  return exposed;
}

void ReadLeases::release(int rank, std::uint64_t number) noexcept {
  if (const auto lease = leases_.find({rank, number}); lease != leases_.end()) {
    end(lease);
  }
}

void ReadLeases::forget(int rank) noexcept {
  for (auto lease = leases_.lower_bound({rank, 0}); lease != leases_.end() && lease->first.first == rank;) {
    lease = end(lease);
  }
}

void ReadLeases::close() noexcept {
  while (!leases_.empty()) {
    end(leases_.begin());
  }
  remote_.reset();
}

ReadLeases::Held::iterator ReadLeases::end(Held::iterator lease) noexcept {
  due_.erase({lease->second.due, lease->first});
  if (const auto rank = of_rank_.find(lease->first.first); --rank->second == 0) {
    of_rank_.erase(rank);
  }
  const Key key = lease->second.key;
  const auto next = leases_.erase(lease);
  drop_unshared(key);
  return next;
}

void ReadLeases::drop_unshared(const Key& key) noexcept {
  if (const auto shared = shared_.find(key); shared != shared_.end() && shared->second.expired()) {
    shared_.erase(shared);
  }
}

std::size_t ReadLeases::running() const noexcept {
  const auto runs = [](const auto& lease) { return lease.second.object != nullptr; };
  return static_cast<std::size_t>(std::ranges::count_if(leases_, runs));
}

// Ends those whose time is over, and queries their readers. The bytes may change from here on; their
// remaining exposed does no harm.
void ReadLeases::end_overdue(Clock::time_point now) noexcept {
  while (!due_.empty() && due_.begin()->first <= now) {
    auto next = due_.extract(due_.begin());
    const Number number = next.value().second;
    Lease& lease = leases_.find(number)->second;
    lease.due = now + recall_patiences * patience_;
    next.value().first = lease.due;
    due_.insert(std::move(next));
    if (std::exchange(lease.object, nullptr)) {
      shared_.erase(lease.key);
    }
    recall(number);
  }
  if (!due_.empty()) {
    overdue_.set(due_.begin()->first);
  }
}

/// The query whether a reader still reads under an expired lease.
class ReadLeases::Recall final : public Call {
 public:
  Recall(std::weak_ptr<ReadLeases> leases, const Number& number)
      : leases_(std::move(leases)), number_(number) {}

  std::span<std::byte> landing(std::span<const std::byte> /*body*/,
                               std::uint64_t /*bytes*/) noexcept override {
    return {};
  }
  // A closed reader sends nothing more, and loses nothing if its connection breaks. Any other
  // outcome does not mean that the read has ended: the query is repeated when the lease is due.
  void ended(const Result<Reply>& outcome, const std::shared_ptr<Call>& /*self*/) noexcept override {
    const auto leases = leases_.lock();
    const bool is_over = outcome ? read_words<std::uint8_t>(outcome->body) == std::uint8_t{0}
                                 : outcome.error().code() == Errc::closed;
    if (leases && is_over) {
      leases->release(number_.first, number_.second);
    }
  }

 private:
  const std::weak_ptr<ReadLeases> leases_;
  const Number number_;
};

void ReadLeases::recall(const Number& number) noexcept {
  const EndReadWords over{number.second};
  channel_->ask(number.first, Kind::recall_read, words(over), {},
                channel_->now() + recall_patiences * patience_,
                std::make_shared<Recall>(weak_from_this(), number));
}

}  // namespace locum
