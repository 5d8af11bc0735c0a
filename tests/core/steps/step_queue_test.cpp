#include "core/steps/step_queue.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <semaphore>
#include <string_view>
#include <thread>

#include "core/node/local.hpp"
#include "core/step_reader.hpp"
#include "core/step_writer.hpp"
#include "tests/core/forwarding_connector.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

/// Lets the writer hide step 1 while the reader says that it has begun it, and show it again before the
/// reader gives it up. Nobody waits for longer than `patience`, so that other orders end, too.
class CrossingConnector final : public ForwardingConnector {
 public:
  using ForwardingConnector::ForwardingConnector;

  Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta, WaitBudget budget) override {
    if (cross && is_begun(meta.name) && !begun.test_and_set()) {
      reader_begins.release();
      (void)hidden.try_acquire_for(patience);
    }
    return ForwardingConnector::create(size_bytes, meta, budget);
  }
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    if (cross && is_begun(address.name) && !given_up.test_and_set()) {
      gives_up.release();
      (void)went_on.try_acquire_for(patience);
    }
    if (cross && address.name.ends_with("/step/2")) {
      went_on.release();
    }
    auto evicted = ForwardingConnector::evict_or_task(address, counts, budget);
    if (cross && address.name.ends_with("/step/1") && !hid.test_and_set()) {
      hidden.release();
      (void)gives_up.try_acquire_for(patience);
    }
    return evicted;
  }

  static constexpr auto patience = 500ms;
  std::atomic<bool> cross{false};
  std::binary_semaphore reader_begins{0};

 private:
  static bool is_begun(std::string_view name) { return name.find("/begun/1/") != std::string_view::npos; }

  std::atomic_flag begun;
  std::atomic_flag hid;
  std::atomic_flag given_up;
  std::counting_semaphore<> hidden{0};
  std::counting_semaphore<> gives_up{0};
  std::counting_semaphore<> went_on{0};
};

// Both left step 1, and the writer dropped step 2 instead: of two steps that there was room for, the reader
// got neither.
TEST(StepQueue, DropsNoOtherStepForOneThatTheReaderGaveUp) {
  const auto connector = std::make_shared<CrossingConnector>(open_local({}));
  const Session session(connector, std::make_shared<Metrics>());
  session.announce();
  StepWriter out({session, 0, 1, 1}, "s", {.queue_steps = 2, .when_full = WhenFull::drop_oldest});
  StepReader in({session, 0, 1, 2}, "s");
  const auto write = [&] {
    auto step = out.begin({.deadline = 10s}).value();
    step.put("n", 1);
    static_cast<const Result<void>&>(step.end({.deadline = 10s})).value();
  };
  write();
  EXPECT_EQ(in.next(10s).value().number(), 0U);
  write();
  write();
  connector->cross = true;
  std::uint64_t read = 0;
  std::thread reader([&] { read = in.next(10s).value().number(); });
  ASSERT_TRUE(connector->reader_begins.try_acquire_for(10s));
  write();
  reader.join();
  connector->cross = false;
  EXPECT_LE(read, 2U) << "steps 1 and 2 are both lost, though only one of them had to be dropped";
}

}  // namespace
}  // namespace locum::tests
