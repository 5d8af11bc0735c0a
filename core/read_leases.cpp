#include "core/read_leases.hpp"

#include <utility>

namespace locum {

ReadLeases::ReadLeases(std::shared_ptr<RemoteMemory> remote, std::shared_ptr<Exchange> exchange,
                       std::chrono::milliseconds patience)
    : remote_(std::move(remote)), exchange_(std::move(exchange)), patience_(patience) {}

std::optional<ReadLeases::Grant> ReadLeases::grant(int rank, const Key& key,
                                                   std::shared_ptr<const PinnedObject> object,
                                                   std::span<const std::byte> block) {
  const auto known = of_rank_.find(rank);
  if (!remote_ || exchange_->is_lost(rank) || (known != of_rank_.end() && known->second >= most_of_a_rank)) {
    return std::nullopt;
  }
  auto exposed = expose(key, block);
  if (!exposed) {
    return std::nullopt;
  }
  const Number number{rank, ++last_};
  const std::chrono::nanoseconds duration = patience_ + std::chrono::nanoseconds(block.size());
  const auto until = exchange_->now() + duration;
  const RemoteKey opens = exposed->key();
  leases_.emplace(number, Lease{key, std::move(exposed), std::move(object), until});
  ++of_rank_[rank];
  due_.emplace(until, number);
  watch();
  return Grant{number.second, duration, opens};
}

std::shared_ptr<const ReadLeases::Exposed> ReadLeases::expose(const Key& key,
                                                              std::span<const std::byte> block) {
  std::weak_ptr<const Exposed>& shared = shared_[key];
  auto exposed = shared.lock();
  if (!exposed) {
    const auto exposure = remote_->expose(block);
    if (!exposure) {
      shared_.erase(key);
      return nullptr;
    }
    exposed = std::make_shared<const Exposed>(remote_, *exposure);
    shared = exposed;
  }
  return exposed;
}

void ReadLeases::release(int rank, std::uint64_t number) {
  if (const auto lease = leases_.find({rank, number}); lease != leases_.end()) {
    end(lease);
  }
}

void ReadLeases::forget(int rank) {
  for (auto lease = leases_.lower_bound({rank, 0}); lease != leases_.end() && lease->first.first == rank;) {
    lease = end(lease);
  }
}

void ReadLeases::close() {
  while (!leases_.empty()) {
    end(leases_.begin());
  }
  remote_.reset();
}

ReadLeases::Held::iterator ReadLeases::end(Held::iterator lease) {
  due_.erase({lease->second.until, lease->first});
  if (const auto rank = of_rank_.find(lease->first.first); --rank->second == 0) {
    of_rank_.erase(rank);
  }
  const Key key = lease->second.key;
  const auto next = leases_.erase(lease);
  if (const auto shared = shared_.find(key); shared != shared_.end() && shared->second.expired()) {
    shared_.erase(shared);
  }
  return next;
}

// One alarm for the first of them; where that has ended before, it looks for the next.
void ReadLeases::watch() {
  if (due_.empty() || due_.begin()->first >= watching_) {
    return;
  }
  watching_ = due_.begin()->first;
  exchange_->call_at(watching_, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) {
      self->watching_ = Clock::time_point::max();
      self->end_overdue();
      self->watch();
    }
  });
}

// The bytes may become others from here on; that they are exposed does no harm.
void ReadLeases::end_overdue() {
  const auto now = exchange_->now();
  while (!due_.empty() && due_.begin()->first <= now) {
    Lease& lease = leases_.at(due_.begin()->second);
    due_.erase(due_.begin());
    lease.object.reset();
    shared_.erase(lease.key);
  }
}

}  // namespace locum
