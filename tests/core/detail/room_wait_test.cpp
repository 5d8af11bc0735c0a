// Puts that wait for room, in one process: what ends their wait.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/coded_store.hpp"
#include "core/containers.hpp"
#include "core/ports/memory_monitor.hpp"
#include "core/raw_store.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/forwarding_connector.hpp"
#include "tests/core/sample_codecs.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum::tests::room_wait_test {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t memory_bytes = 1000;
constexpr std::size_t large = 600;  // only one of these at a time

/// Counts the sleeps of calls that wait.
class CountingMonitor final : public MemoryMonitor {
 public:
  explicit CountingMonitor(MemoryMonitor& behind) : behind_(behind) {}
  std::uint32_t arm() noexcept override { return behind_.arm(); }
  void sleep(std::uint32_t armed, Moment until) noexcept override {
    sleeps_.fetch_add(1);
    behind_.sleep(armed, until);
  }
  ViewedMemory viewed(std::size_t most) override { return behind_.viewed(most); }
  [[nodiscard]] int sleeps() const { return sleeps_.load(); }

 private:
  MemoryMonitor& behind_;
  std::atomic<int> sleeps_{0};
};

class MonitoredConnector final : public ForwardingConnector {
 public:
  explicit MonitoredConnector(const std::shared_ptr<Connector>& behind)
      : ForwardingConnector(behind), monitor(*behind->capability<MemoryMonitor>()) {}
  Capability* find_capability(const std::type_info& type) noexcept override {
    return type == typeid(MemoryMonitor) ? &monitor : ForwardingConnector::find_capability(type);
  }

  CountingMonitor monitor;
};

class Room : public ::testing::Test {
 protected:
  [[nodiscard]] static std::vector<std::byte> value() { return std::vector<std::byte>(large, std::byte{7}); }

  /// Runs the call on another thread; once that sleeps, `free` on this one.
  template <class Call>
  auto meanwhile(Call call, const std::function<void()>& free) {
    using Outcome = std::invoke_result_t<Call>;
    std::vector<Outcome> outcomes;
    const int before = connector_->monitor.sleeps();
    {
      const std::jthread waiter([&] { outcomes.push_back(call()); });
      const auto latest = Deadline::Clock::now() + 20s;
      while (connector_->monitor.sleeps() == before && Deadline::Clock::now() < latest) {
        std::this_thread::yield();
      }
      EXPECT_GT(connector_->monitor.sleeps(), before) << "it does not wait";
      free();
    }
    return std::move(outcomes.front());
  }

  const std::shared_ptr<MonitoredConnector> connector_ =
      std::make_shared<MonitoredConnector>(open_local({.memory_bytes = memory_bytes}));
  const Session session_{connector_, std::make_shared<Metrics>()};
  const Store store_ = session_.open("fields").value();
};

TEST_F(Room, IsNotWaitedForByDefault) {
  ASSERT_TRUE(store_.put(value()));
  EXPECT_EQ(code_of(store_.put(value())), Errc::out_of_memory);
  EXPECT_EQ(code_of(store_.put(value(), {.when_full = WhenFull::fail, .deadline = 20s})),
            Errc::out_of_memory);
  EXPECT_EQ(connector_->monitor.sleeps(), 0);
}

TEST_F(Room, IsThereOnceAnotherThreadEvicts) {
  const Key first = store_.put(value()).value();
  const auto second =
      meanwhile([&] { return store_.put("b", value(), {.when_full = WhenFull::wait, .deadline = 20s}); },
                [&] { EXPECT_TRUE(store_.evict(first).value()); });
  ASSERT_TRUE(second) << second.error();
  EXPECT_EQ(store_.get<std::byte[]>("b").value().size(), large);
}

TEST_F(Room, IsWaitedForByAllCallsThatStore) {
  constexpr RoomPolicy wait = WhenFull::wait;
  const std::vector<std::string> text{std::string(large, 'x')};
  const std::vector<double> numbers(2 * large / sizeof(double));  // half the bytes by the codec
  const std::vector<std::function<Result<Key>()>> calls{
      [&] { return store_.put(value(), {.when_full = wait}); },
      [&] { return store_.put("a", text, {.when_full = wait, .deadline = 20s}); },
      [&] { return store_.put("a", numbers, {.codec = tests::Narrow{}, .when_full = wait}); },
      [&] { return store_.with(tests::Narrow{}).put(numbers, {.when_full = wait}); },
      [&] { return store_.replace("a", value(), {.when_full = wait, .deadline = 20s}); },
      [&] { return store_.put_bytes(value(), {.when_full = wait}); },
      [&] { return store_.put_bytes("a", value(), {.when_full = wait}); },
      [&] { return store_.create<char>({600}, {.when_full = wait}).value().seal(); },
      [&] { return store_.create<char>("a", {600}, {.when_full = wait}).value().seal(); },
      [&] {
        return store_.raw().create("a", ElementType::of<char>(), {600}, {.when_full = wait}).value().seal();
      },
      [&] {
        return store_.raw().put({value(), ElementType::of<char>(), {600}}, {.when_full = wait});
      },
      [&] {
        return Result<Key>(store_.put_proxy(value(), {.populate = false, .when_full = wait}).value().key());
      },
      [&] { return store_.put_batch(std::vector{value()}, {.when_full = wait}).at(0); },
  };
  for (std::size_t at = 0; at < calls.size(); ++at) {
    const Key held = store_.put(value()).value();
    const auto stored = meanwhile(calls[at], [&] { EXPECT_TRUE(store_.evict(held).value()); });
    ASSERT_TRUE(stored) << at << ": " << stored.error();
    ASSERT_TRUE(store_.evict(*stored).value()) << at;
  }
}

TEST_F(Room, IsThereOnceTheLastViewOfAnEvictedObjectEnds) {
  const Key first = store_.put(std::vector<std::byte>(390)).value();
  const Key second = store_.put(std::vector<std::byte>(390)).value();
  auto view = store_.get<std::byte[]>(first).value();
  EXPECT_TRUE(store_.evict(first).value());
  const auto third =
      meanwhile([&] { return store_.put(value(), {.when_full = WhenFull::wait, .deadline = 20s}); },
                [&] {
                  EXPECT_TRUE(store_.evict(second).value());
                  view = {};
                });
  EXPECT_TRUE(third) << third.error();
}

TEST_F(Room, ThatDoesNotComeInTimeIsATimeoutThatSaysWhoUsesTheMemory) {
  ASSERT_TRUE(store_.put(value()));
  const auto begun = Deadline::Clock::now();
  const auto refused = store_.put("b", value(), {.when_full = WhenFull::wait, .deadline = 50ms});
  ASSERT_EQ(code_of(refused), Errc::timeout);
  EXPECT_GE(Deadline::Clock::now() - begun, 50ms);
  EXPECT_EQ(refused.error().key(), "b");
  EXPECT_EQ(refused.error().rank(), 0);
  EXPECT_NE(refused.error().text().find("asked for 600 bytes"), std::string::npos) << refused.error();
  EXPECT_EQ(code_of(store_.get<std::byte[]>("b")), Errc::not_found);
}

TEST_F(Room, ThatOwnViewsTakeIsAnErrorAtOnceThatNamesThem) {
  ASSERT_TRUE(store_.put("mine", value()));
  const auto view = store_.get<std::byte[]>("mine").value();
  const auto copy = view;
  const auto refused = store_.put(value(), {.when_full = WhenFull::wait, .deadline = 1h});
  ASSERT_EQ(code_of(refused), Errc::out_of_memory);
  const std::string& text = refused.error().text();
  EXPECT_NE(text.find("\"mine\" (600 bytes, views: 2)"), std::string::npos) << text;
  EXPECT_EQ(connector_->monitor.sleeps(), 0);
  EXPECT_TRUE(store_.evict("mine").value());
  EXPECT_EQ(code_of(store_.put(value(), {.when_full = WhenFull::wait, .deadline = 1h})), Errc::out_of_memory)
      << "evicted, but still viewed";
}

TEST_F(Room, ForMoreThanTheNodeHasIsNotWaitedFor) {
  EXPECT_EQ(code_of(store_.put_bytes(std::vector<std::byte>(memory_bytes + 1),
                                     {.when_full = WhenFull::wait, .deadline = 1h})),
            Errc::out_of_memory);
  EXPECT_EQ(connector_->monitor.sleeps(), 0);
}

TEST_F(Room, IsNotWaitedForOnceTheStoreIsDroppedOrTheSessionClosed) {
  ASSERT_TRUE(store_.put(value()));
  const auto put = [&] { return store_.put(value(), {.when_full = WhenFull::wait, .deadline = 1h}); };
  EXPECT_EQ(code_of(meanwhile(put, [&] { session_.close(); })), Errc::closed);

  const Session other(connector_, std::make_shared<Metrics>());
  const Store dropped = other.open("others").value();
  const auto put_there = [&] { return dropped.put(value(), {.when_full = WhenFull::wait, .deadline = 1h}); };
  EXPECT_EQ(code_of(meanwhile(put_there, [&] { EXPECT_TRUE(other.drop("others")); })), Errc::closed);
}

TEST_F(Room, IsNeverWaitedForByAsynchronousPuts) {
  const PutOptions<std::vector<std::byte>> waiting{.when_full = WhenFull::wait};
  EXPECT_EQ(code_of(store_.put_async(value(), waiting).get()), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.put_async("a", value(), waiting).get()), Errc::invalid_argument);
  EXPECT_EQ(code_of(store_.replace_async("a", value(), {.when_full = WhenFull::wait}).get()),
            Errc::invalid_argument);
  EXPECT_FALSE(store_.exists("a").value());
}

// What was stored so far becomes visible: otherwise nobody could evict it.
TEST_F(Room, IsMadeForABatchLargerThanTheMemoryByThoseWhoReadItsBeginning) {
  std::vector<std::pair<std::string, std::vector<std::byte>>> objects;
  for (int at = 0; at < 20; ++at) {
    objects.emplace_back("n" + std::to_string(at), std::vector<std::byte>(200, static_cast<std::byte>(at)));
  }
  std::vector<Result<Key>> keys;
  const std::jthread writer(
      [&] { keys = store_.put_batch(objects, {.when_full = WhenFull::wait, .deadline = 20s}); });
  for (const auto& [name, bytes] : objects) {
    const auto view = store_.wait<std::byte[]>(name, 20s);
    ASSERT_TRUE(view) << name << ": " << view.error();
    EXPECT_EQ(view->span()[0], bytes.front());
    EXPECT_TRUE(store_.evict(name).value());
  }
}

TEST_F(Room, CannotBeWaitedForWhereTheConnectorDoesNotTellOfIt) {
  const auto silent = std::make_shared<ForwardingConnector>(open_local({.memory_bytes = memory_bytes}));
  const Session session(silent, std::make_shared<Metrics>());
  const Store store = session.open("fields").value();
  EXPECT_EQ(code_of(store.put(value(), {.when_full = WhenFull::wait})), Errc::unsupported);
  EXPECT_TRUE(store.put(value()));
}

}  // namespace
}  // namespace locum::tests::room_wait_test
