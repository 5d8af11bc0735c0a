#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <thread>
#include <unordered_map>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/base/thread_start.hpp"
#include "core/key.hpp"
#include "core/ports/connector.hpp"

namespace locum::detail {

/// Evicts the objects of stores with a lifetime (StoreOptions::lifetime), on a thread of its own, which there
/// is if there is such a store. Where the connector does not know when objects expire, it looks at the
/// objects that the ranks of this node own, and counts from when it first saw each: so those that were
/// adopted from a dead rank expire, too, and puts and gets cost nothing. Any thread may call.
class Expiry {
 public:
  Expiry(std::shared_ptr<Connector> connector, ThreadStart on_start);
  Expiry(const Expiry&) = delete;
  Expiry& operator=(const Expiry&) = delete;
  ~Expiry();

  /// How long after its lifetime an object may still be found, at most, as long as the machine has time for
  /// the thread: twice an eighth of it, within these bounds.
  static constexpr std::chrono::milliseconds shortest_interval{20};
  static constexpr std::chrono::milliseconds longest_interval{1000};
  [[nodiscard]] static std::chrono::milliseconds interval_of(std::chrono::milliseconds lifetime) noexcept;

  /// The store was opened. Called again, nothing changes.
  void add(std::uint32_t store, std::chrono::milliseconds lifetime) LOCUM_EXCLUDES(mutex_);
  void remove(std::uint32_t store) LOCUM_EXCLUDES(mutex_);
  /// Ends the thread.
  void close() noexcept LOCUM_EXCLUDES(mutex_);
  /// In a process forked from the one that uses this: the thread is not there.
  void disown() noexcept LOCUM_ALONE;

 private:
  using Clock = Deadline::Clock;
  struct Store {
    std::uint32_t number = 0;
    std::chrono::milliseconds lifetime{0};
    std::chrono::milliseconds interval{0};
    Clock::time_point next;
    std::unordered_map<Key, Clock::time_point> seen;  ///< for the thread only
  };
  void work() noexcept LOCUM_EXCLUDES(mutex_);
  static void sweep(Connector& connector, Store& store);

  const std::shared_ptr<Connector> connector_;
  const ThreadStart on_start_;
  Mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::shared_ptr<Store>> stores_ LOCUM_GUARDED_BY(mutex_);
  bool closed_ LOCUM_GUARDED_BY(mutex_) = false;
  std::thread thread_ LOCUM_GUARDED_BY(mutex_);
  bool disowned_ = false;
};

}  // namespace locum::detail
