// A process forked from a rank may do anything except use the store. Nothing that it does affects the rank.
#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <csignal>
#include <cstdlib>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <vector>

#include "core/step_writer.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/core/forked_child.hpp"
#include "tests/mpi/job.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

using tests::status_of_child;

class ForkingRank : public testing::Test {
 protected:
  static std::vector<double> values() {
    std::vector<double> all(5000);
    std::iota(all.begin(), all.end(), 1.0);
    return all;
  }

  std::optional<Runtime> runtime_{std::in_place, MPI_COMM_WORLD,
                                  RuntimeOptions{.memory_bytes = 64_MiB, .collective_timeout = 20s}};
  Store store_ = runtime_->store("fork");
  const std::string name_ = "of rank " + std::to_string(job::rank());
};

TEST_F(ForkingRank, RunsOtherPrograms) {
  const Key key = store_.put(values()).value();
  const auto view = store_.get<double[]>(key).value();
  EXPECT_EQ(std::system("exit 7"), 7 << 8);
  EXPECT_EQ(view[4999], 5000.0);
  EXPECT_TRUE(store_.evict(key).value());
}

TEST_F(ForkingRank, ChildrenReadViewsThatTheyInherit) {
  const auto view = store_.get<double[]>(store_.put(values()).value()).value();
  const int status = status_of_child([&] { return view[0] == 1.0 && view[4999] == 5000.0 ? 0 : 1; });
  EXPECT_EQ(status, 0);
}

TEST_F(ForkingRank, ChildrenGetClosedFromEveryCall) {
  const Key key = store_.put(name_, values()).value();
  auto stand_in = store_.proxy<double[]>(key).value();
  const int status = status_of_child([&] {
    const bool closed = store_.get<double[]>(key).error().code() == Errc::closed &&
                        store_.get<double[]>(name_).error().code() == Errc::closed &&
                        store_.put(1).error().code() == Errc::closed &&
                        store_.evict(key).error().code() == Errc::closed &&
                        store_.wait<int>("nobody", 1s).error().code() == Errc::closed &&
                        stand_in.get().error().code() == Errc::closed;
    const auto refused = [](auto call) {
      try {
        call();
        return false;
      } catch (const Error& error) {
        return error.code() == Errc::closed;
      }
    };
    const bool all_refused = refused([&] { runtime_->close(); }) &&
                             refused([&] { (void)runtime_->report(); }) &&
                             refused([&] { (void)runtime_->lost_ranks(); });
    return closed && all_refused ? 0 : 1;
  });
  EXPECT_EQ(status, 0);
  EXPECT_EQ(store_.get<double[]>(key).value()[10], 11.0);
}

// The pin of the rank is one bit: a child that releases its copies of the view must not clear it.
TEST_F(ForkingRank, ChildrenThatEndTheirViewsDoNotUnpin) {
  const Key key = store_.put(values()).value();
  auto view = std::make_unique<View<double[]>>(store_.get<double[]>(key).value());
  const int status = status_of_child([&] {
    auto copy = *view;
    copy = View<double[]>();
    view.reset();
    return 0;
  });
  EXPECT_EQ(status, 0);
  ASSERT_TRUE(store_.evict(key).value());
  // If it were free, the next objects of that size would overwrite it.
  std::vector<Key> others;
  for (int i = 0; i < 100; ++i) {
    others.push_back(store_.put(std::vector<double>(5000, -1.0)).value());
  }
  for (std::size_t i = 0; i < view->size(); ++i) {
    ASSERT_EQ((*view)[i], static_cast<double>(i + 1));
  }
}

// As when main() returns in the child: stores, views, streams and the runtime are destroyed.
TEST_F(ForkingRank, ChildrenMayDestroyWhatTheyInherit) {
  std::optional<StepWriter> writer(std::in_place, *runtime_, "fork", MPI_COMM_WORLD);
  const Key key = store_.put(name_, values()).value();
  std::optional<View<double[]>> view = store_.get<double[]>(key).value();
  std::optional<Store> store = store_;
  const int status = status_of_child([&] {
    view.reset();
    writer.reset();
    runtime_.reset();
    store.reset();
    return 0;
  });
  EXPECT_EQ(status, 0);
  job::barrier();
  EXPECT_EQ(store_.get<double[]>(key).value()[1], 2.0);
  EXPECT_TRUE(store_.evict(key).value());
  EXPECT_TRUE(writer->close({.deadline = 20s}));
}

}  // namespace
}  // namespace locum
