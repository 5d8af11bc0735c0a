#include "core/detail/expiry.hpp"

#include <algorithm>
#include <new>
#include <system_error>
#include <utility>

#include "core/node/promised.hpp"
#include "core/ports/expiring.hpp"

namespace locum::detail {

namespace {

/// A backend is asked for each of its records, which may take long.
constexpr std::chrono::milliseconds shortest_of_backends{1000};
constexpr std::chrono::milliseconds longest_of_backends{60'000};

// An unset promise has no value yet that could expire.
bool is_promise(Connector& connector, const Key& key) {
  const auto found = connector.get_some(Address(key), Facts(), shortest_of_backends);
  return found && is_promise_record(found->type_hash());
}

}  // namespace

Expiry::Expiry(std::shared_ptr<Connector> connector, ThreadStart on_start)
    : connector_(std::move(connector)), on_start_(std::move(on_start)) {}

Expiry::~Expiry() {
  close();
}

std::chrono::milliseconds Expiry::interval_of(std::chrono::milliseconds lifetime) noexcept {
  return std::clamp(lifetime / 8, shortest_interval, longest_interval);
}

void Expiry::add(std::uint32_t store, std::chrono::milliseconds lifetime) {
  Expiring* const itself = connector_->expiring();
  if (itself != nullptr) {
    itself->expire(store, lifetime);
  }
  const MutexLock lock(mutex_);
  if (closed_ || std::ranges::any_of(stores_, [&](const auto& known) { return known->number == store; })) {
    return;
  }
  auto added = std::make_shared<Store>();
  added->number = store;
  added->lifetime = lifetime;
  added->interval = itself != nullptr ? std::clamp(lifetime / 4, shortest_of_backends, longest_of_backends)
                                      : interval_of(lifetime);
  added->next = Clock::now() + added->interval;
  stores_.push_back(std::move(added));
  if (!thread_.joinable()) {
    thread_ = std::thread([this] { work(); });
  }
  changed_.notify_all();
}

void Expiry::remove(std::uint32_t store) {
  const MutexLock lock(mutex_);
  std::erase_if(stores_, [&](const auto& known) { return known->number == store; });
}

void Expiry::work() noexcept {
  if (on_start_) {
    on_start_("locum expiry");
  }
  for (;;) {
    std::shared_ptr<Store> due;
    {
      MutexLock lock(mutex_);
      while (!closed_) {
        const auto first = std::ranges::min_element(stores_, {}, [](const auto& one) { return one->next; });
        if (first == stores_.end()) {
          (void)lock.wait_until(changed_, Clock::now() + longest_of_backends);
        } else if ((*first)->next > Clock::now()) {
          (void)lock.wait_until(changed_, (*first)->next);
        } else {
          due = *first;
          break;
        }
      }
      if (closed_) {
        return;
      }
    }
    try {
      sweep(*connector_, *due);
    } catch (const std::bad_alloc&) {
      // What it did not see this time it sees the next time.
    }
    const MutexLock lock(mutex_);
    due->next = Clock::now() + due->interval;
  }
}

void Expiry::sweep(Connector& connector, Store& store) {
  if (Expiring* const itself = connector.expiring()) {
    return itself->sweep(store.number, store.interval);
  }
  const auto now = Clock::now();
  std::unordered_map<Key, Clock::time_point> seen;
  for (const Key& key : connector.keys_of_node(store.number)) {
    const auto known = store.seen.find(key);
    const auto since = known == store.seen.end() ? now : known->second;
    const bool has_expired = now - since >= store.lifetime && !is_promise(connector, key);
    if (!has_expired || !connector.evict(Address(key), store.interval)) {
      seen.emplace(key, since);  // an eviction that failed is tried again
    }
  }
  store.seen.swap(seen);
}

void Expiry::close() noexcept {
  if (disowned_) {
    return;
  }
  std::thread thread;
  {
    const MutexLock lock(mutex_);
    closed_ = true;
    thread.swap(thread_);
    changed_.notify_all();
  }
  if (thread.joinable()) {
    thread.join();
  }
}

void Expiry::disown() noexcept {
  disowned_ = true;
  // Never destroyed: it is joinable for ever.
  static_cast<void>(new (std::nothrow) std::thread(std::move(thread_)));
}

}  // namespace locum::detail
