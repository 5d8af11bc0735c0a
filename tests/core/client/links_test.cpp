#include "core/client/links.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <thread>

#include "tests/core/queue_transport.hpp"
#include "tests/core/simulated_nodes.hpp"

namespace locum::tests::links_test {
namespace {

// The thread that watches the node's processes adopts whenever one dies, also while another thread closes the
// links. The flag orders nothing between the two threads, so that ThreadSanitizer reports everything that
// they share without a lock, in either order.
TEST(Links, TakeAnEstateWhileAnotherThreadClosesThem) {
  const auto ranks = link_plain_nodes({.nodes = 2, .helper = true}, queue_transports(2));
  const std::shared_ptr<Links> links = ranks[0].links;
  std::atomic<bool> closed{false};
  std::thread watch([&] {
    bool last = false;
    // An endless row of steps would keep the driver busy: ranks do not die that often.
    for (int dead = 0; !last; ++dead) {
      last = closed.load(std::memory_order_relaxed);
      if (dead < 100) {
        links->settle_dead_binds();
      }
      EXPECT_EQ(links->awaited(), 0U);
    }
  });
  links->close();
  closed.store(true, std::memory_order_relaxed);
  watch.join();
}

}  // namespace
}  // namespace locum::tests::links_test
