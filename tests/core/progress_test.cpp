#include "core/progress.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <future>
#include <memory>

namespace locum {
namespace {

using namespace std::chrono_literals;

/// Nothing ever comes. Each look for messages takes a microsecond of its clock, a sleep lasts until its
/// moment, or until wake() if that is for ever.
class SilentTransport final : public Transport {
 public:
  Result<Sending> send(int /*to*/, std::span<const std::byte> /*header*/, std::span<const std::byte> /*bulk*/,
                       std::uint64_t /*ticket*/) override {
    return Sending::done;
  }
  void forget(int /*rank*/) noexcept override {}
  bool progress(Receiver& /*receiver*/) override {
    now_.fetch_add(1);
    ++looks;
    return false;
  }
  bool arm() override { return true; }
  void sleep(Clock::time_point moment) override {
    if (looks_before_sleep < 0) {
      looks_before_sleep = looks.load();
      slept.set_value();
    }
    if (moment == Clock::time_point::max()) {
      woken_.get_future().wait();
    } else {
      now_.store(std::chrono::duration_cast<std::chrono::microseconds>(moment.time_since_epoch()).count());
    }
  }
  void wake() noexcept override {
    if (!is_woken_.exchange(true)) {
      woken_.set_value();
    }
  }
  [[nodiscard]] Clock::time_point now() const noexcept override {
    return Clock::time_point(std::chrono::microseconds(now_.load()));
  }

  std::atomic<int> looks{0};
  std::atomic<int> looks_before_sleep{-1};
  std::promise<void> slept;

 private:
  std::atomic<std::int64_t> now_{1'000'000};
  std::atomic<bool> is_woken_{false};
  std::promise<void> woken_;
};

struct Side {
  explicit Side(Progress::Options options)
      : exchange(std::make_shared<Exchange>(transport, std::make_shared<Metrics>(), ExchangeOptions{})),
        progress(transport, exchange, std::move(options)) {}

  std::shared_ptr<SilentTransport> transport = std::make_shared<SilentTransport>();
  std::shared_ptr<Exchange> exchange;
  Progress progress;
};

TEST(Progress, AWaiterLooksForMessagesAsLongAsItIsToldBeforeItSleeps) {
  Side side({.spin = 50us, .helper = false, .on_helper_start = {}});
  const Pending never;
  EXPECT_FALSE(side.progress.wait(never, side.progress.now() + 1s));
  EXPECT_EQ(side.transport->looks_before_sleep, 50);
}

TEST(Progress, AWaiterSleepsAtOnceWhereCoresAreShort) {
  Side side({.spin = 0us, .helper = false, .on_helper_start = {}});
  const Pending never;
  EXPECT_FALSE(side.progress.wait(never, side.progress.now() + 1s));
  EXPECT_EQ(side.transport->looks_before_sleep, 1);
}

TEST(Progress, TheHelperSleepsAtOnceHoweverLongAWaiterLooks) {
  Side side({.spin = 24h, .helper = true, .on_helper_start = {}});
  ASSERT_EQ(side.transport->slept.get_future().wait_for(60s), std::future_status::ready);
  EXPECT_EQ(side.transport->looks_before_sleep, 1);
}

}  // namespace
}  // namespace locum
