#pragma once

#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>

#include "core/step_side.hpp"
#include "core/steps/stream.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum::tests {

/// Streams of steps on one node, between the threads of a process.
class Steps : public ::testing::Test {
 protected:
  [[nodiscard]] StepSide side(std::size_t index = 0, std::size_t count = 1, std::uint64_t number = 0) {
    return {*node.session, index, count, number != 0 ? number : ++sides_};
  }
  /// Opens the store of all streams, which stays open then: what opening it needs is not counted.
  void open_store() const { (void)detail::Stream::open_store(*node.session).value(); }
  [[nodiscard]] std::size_t objects() const { return node.connector->usage().own_objects; }

  SessionFixture node{{}, {.incarnation = 7}};

 private:
  std::uint64_t sides_ = 0;
};

}  // namespace locum::tests
