#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/node/local.hpp"
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
  std::vector<std::string> records() const { return store_.keys().value(); }

  std::shared_ptr<HookedConnector> connector_ = std::make_shared<HookedConnector>(open_local({}));
  std::unique_ptr<Session> session_ = rank();
  Store store_ = detail::Stream::open_store(*session_).value();

 private:
  std::uint64_t sides_ = 0;
};

}  // namespace locum::tests
