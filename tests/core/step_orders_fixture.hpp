#pragma once

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <semaphore>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "core/node/local.hpp"
#include "core/step_reader.hpp"
#include "core/step_side.hpp"
#include "core/step_writer.hpp"
#include "core/steps/stream.hpp"
#include "tests/core/hooked_connector.hpp"

namespace locum::tests {

/// Streams of steps on one node, between ranks that do what a test decides between two lines of the library.
class StepOrders : public ::testing::Test {
 protected:
  /// Whether that is the name of such a record, as "/joined/0".
  static bool is_of(std::string_view name, std::string_view record) {
    return name.find(record) != std::string_view::npos;
  }
  /// A rank of its own, whose close() is its death for streams that it has not left.
  std::unique_ptr<Session> rank() {
    SessionOptions options{.incarnation = 7};
    options.options.collective_timeout = std::chrono::seconds(60);
    auto session = std::make_unique<Session>(connector_, std::make_shared<Metrics>(), options);
    session->announce();
    return session;
  }
  /// Of a side.
  std::uint64_t number() { return ++sides_; }
  StepSide side(std::size_t index = 0, std::size_t count = 1, std::uint64_t number = 0) {
    return {*session_, index, count, number != 0 ? number : ++sides_};
  }
  /// Writes a step of one value, "n".
  static void write(StepWriter& out, int value) {
    constexpr std::chrono::seconds patience{10};
    auto step = out.begin({.deadline = patience}).value();
    step.put("n", value);
    step.end({.deadline = patience}).value();
  }
  /// `out`, which has step 0 and whose first reader has released it, writes step 1; meanwhile it hides step 0
  /// to look whether another reader wants it, and `late` joins and looks for it in that moment. Then `late`
  /// reads both steps.
  void join_while_a_step_is_hidden(StepWriter& out, StepReader& late);
  std::vector<std::string> records() const { return store_.keys().value(); }

  std::shared_ptr<HookedConnector> connector_ = std::make_shared<HookedConnector>(open_local({}));
  std::unique_ptr<Session> session_ = rank();
  Store store_ = detail::Stream::open_store(*session_).value();

 private:
  std::uint64_t sides_ = 0;
};

inline void StepOrders::join_while_a_step_is_hidden(StepWriter& out, StepReader& late) {
  using namespace std::chrono_literals;
  std::binary_semaphore has_joined(0);
  std::binary_semaphore may_decide(0);
  connector_->on_create([&](std::string_view name) {
    if (is_of(name, "/from/")) {
      has_joined.release();
      EXPECT_TRUE(may_decide.try_acquire_for(30s));
    }
    return false;
  });
  Errc seen{};
  std::thread joining;
  std::atomic<int> hidden = 0;
  connector_->on_evict([&](std::string_view name) {
    if (is_of(name, "/step/0") && hidden++ == 0) {  // the writer does not know the other reader yet
      joining = std::thread([&] { seen = late.next(100ms).error().code(); });
      EXPECT_TRUE(has_joined.try_acquire_for(30s));
    }
  });
  const auto writer = std::this_thread::get_id();
  connector_->on_got([&](std::string_view name, bool) {
    if (std::this_thread::get_id() == writer && is_of(name, "/joined/1") && joining.joinable()) {
      may_decide.release();
      joining.join();  // the step is hidden as long as this reader looks
    }
  });
  write(out, 1);
  connector_->on_create({});
  connector_->on_evict({});
  connector_->on_got({});
  ASSERT_EQ(hidden, 1);
  ASSERT_FALSE(joining.joinable());
  EXPECT_EQ(seen, Errc::timeout);
  for (std::uint64_t number = 0; number < 2; ++number) {
    const auto step = late.next(10s);
    ASSERT_TRUE(step) << step.error().what();
    EXPECT_EQ(step->number(), number);
  }
}

}  // namespace locum::tests
