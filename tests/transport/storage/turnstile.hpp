#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/backend.hpp"
#include "transport/storage/memory/simple.hpp"

namespace locum::tests {

inline constexpr int all_calls = std::numeric_limits<int>::max();

/// Records in memory. Once it is shut, calls that load wait until they may pass, in the order of their
/// arrival.
class Turnstile final : public Backend {
 public:
  /// Of who waits for calls to come.
  static constexpr std::chrono::seconds patience{20};

  explicit Turnstile(BackendTraits traits) : traits_(traits) {}

  const BackendTraits& traits() const noexcept override { return traits_; }
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    {
      MutexLock lock(mutex_);
      ++(last_bytes == whole_record ? wholes_ : ends_);
      const int mine = wholes_ + ends_;
      held_.emplace_back(key.name);
      changed_.notify_all();
      while (mine > may_pass_) {
        (void)lock.wait_until(changed_, Deadline::Clock::now() + patience);
      }
      held_.erase(std::ranges::find(held_, key.name));
    }
    return in_->load(key, last_bytes, deadline);
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    return in_->store(key, record, deadline);
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    return in_->remove(key, revision, deadline);
  }

  /// From now on so many calls may pass, counted from the last time that none might.
  void let_pass(int calls) {
    const MutexLock lock(mutex_);
    may_pass_ = calls;
    wholes_ = calls == 0 ? 0 : wholes_;
    ends_ = calls == 0 ? 0 : ends_;
    changed_.notify_all();
  }
  /// Whether so many calls come within that time.
  [[nodiscard]] bool have_come(int calls, std::chrono::milliseconds within = patience) {
    const auto until = Deadline::Clock::now() + within;
    MutexLock lock(mutex_);
    while (wholes_ + ends_ < calls && Deadline::Clock::now() < until) {
      (void)lock.wait_until(changed_, until);
    }
    return wholes_ + ends_ >= calls;
  }
  /// Whether so many calls for such names wait to pass, before patience ends.
  [[nodiscard]] ::testing::AssertionResult are_held(std::ptrdiff_t calls, std::string_view prefix = {}) {
    const auto until = Deadline::Clock::now() + patience;
    MutexLock lock(mutex_);
    for (;;) {
      const std::ptrdiff_t held =
          std::ranges::count_if(held_, [&](const std::string& name) { return name.starts_with(prefix); });
      if (held == calls) {
        return ::testing::AssertionSuccess();
      }
      if (Deadline::Clock::now() >= until) {
        return ::testing::AssertionFailure()
               << held << " of " << held_.size() << " are: " << ::testing::PrintToString(held_);
      }
      (void)lock.wait_until(changed_, until);
    }
  }
  /// Calls that asked for a whole record.
  [[nodiscard]] int wholes() {
    const MutexLock lock(mutex_);
    return wholes_;
  }
  /// Calls that asked for the end of one.
  [[nodiscard]] int ends() {
    const MutexLock lock(mutex_);
    return ends_;
  }

 private:
  const BackendTraits traits_;
  const std::shared_ptr<Backend> in_ = storage::open_simple(parse_url("simple:").value()).value();
  Mutex mutex_;
  std::condition_variable changed_;
  int may_pass_ LOCUM_GUARDED_BY(mutex_) = all_calls;
  std::vector<std::string> held_ LOCUM_GUARDED_BY(mutex_);  ///< the names that are asked for
  int wholes_ LOCUM_GUARDED_BY(mutex_) = 0;
  int ends_ LOCUM_GUARDED_BY(mutex_) = 0;
};

inline std::shared_ptr<Turnstile> turnstile(bool loads_ends, std::uint64_t largest_record) {
  return std::make_shared<Turnstile>(
      BackendTraits{.scheme = "gate", .largest_record = largest_record, .loads_ends = loads_ends});
}

}  // namespace locum::tests
