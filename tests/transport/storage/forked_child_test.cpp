// A process that was forked from one with open stores over backends uses none of them, and changes nothing of
// its parent's: neither by calls, nor by destructors, nor by exit().

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <iterator>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "core/containers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/shm/child.hpp"
#include "tests/transport/storage/backends_on_disk.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace forked_child_test {

std::vector<double> values(int version) {
  return std::vector<double>(static_cast<std::size_t>(200 + version), version + 0.5);
}

std::size_t threads_of_this_process() {
  const std::filesystem::directory_iterator all("/proc/self/task");
  return static_cast<std::size_t>(std::distance(begin(all), end(all)));
}

/// The status of a child that runs `body` and returns from main().
template <class Body>
int status_of_child(Body body) {
  static_cast<void>(std::fflush(nullptr));
  const pid_t child = ::fork();
  if (child == 0) {
    ::alarm(hangs_after_seconds);
    std::exit(body());
  }
  int status = -1;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  return status;
}

class ForkedChild : public ::testing::TestWithParam<BackendOnDisk> {
 protected:
  [[nodiscard]] std::string url() const { return with_folder(GetParam().url + "sync=0", folder_.path()); }
  [[nodiscard]] Result<Store> opened() const { return open(url(), {.timeout = std::chrono::seconds(60)}); }

  void store_names(int version) {
    for (int name = 0; name < most_names; ++name) {
      ASSERT_TRUE(store_->replace(std::to_string(name), values(version + name)));
    }
  }
  static void expect_names(const Store& store, int version) {
    for (int name = 0; name < most_names; ++name) {
      const auto found = store.get<std::vector<double>>(std::to_string(name));
      ASSERT_TRUE(found) << found.error();
      EXPECT_EQ(**found, values(version + name));
    }
  }
  /// Children, of which each ends in another way, between changes of the parent.
  void fork_and_go_on(const std::function<int()>& child) {
    store_names(0);
    ASSERT_EQ(status_of_child(child), 0);
    store_names(1);
    ASSERT_EQ(status_of_child(child), 0);
    expect_names(*store_, 1);
    store_.reset();
    const auto again = opened();
    ASSERT_TRUE(again) << again.error();
    expect_names(*again, 1);
    EXPECT_EQ(again->keys().value().size(), std::size_t{most_names});
  }

  static constexpr int most_names = 20;
  const TemporaryFolder folder_;
  std::unique_ptr<Store> store_ = std::make_unique<Store>(opened().value());
};

TEST_P(ForkedChild, GetsClosedFromEveryCall) {
  fork_and_go_on([&] {
    const bool is_closed = code_of(store_->replace("0", values(100))) == Errc::closed &&
                           code_of(store_->put(1)) == Errc::closed &&
                           code_of(store_->get<std::vector<double>>("0")) == Errc::closed &&
                           code_of(store_->evict("0")) == Errc::closed &&
                           code_of(store_->keys()) == Errc::closed;
    return is_closed ? 0 : 1;
  });
}

TEST_P(ForkedChild, MayDestroyWhatItInherits) {
  fork_and_go_on([&] {
    store_.reset();
    return 0;
  });
}

TEST_P(ForkedChild, MayDestroyABackendThatItInherits) {
  store_.reset();
  auto backend = open_backend(url()).value();
  EXPECT_EQ(status_of_child([&] {
              backend.reset();
              return 0;
            }),
            0);
  const std::string text = "1";
  NewRecord record;
  record.bytes = std::as_bytes(std::span(text));
  record.revision = 1;
  EXPECT_TRUE(backend->store({"s", "a"}, record, std::chrono::seconds(60)));
  backend.reset();
  EXPECT_TRUE(open_backend(url()).value()->load({"s", "a"}, whole_record, std::chrono::seconds(60)));
}

TEST_P(ForkedChild, OpensAStoreOfItsOwn) {
  EXPECT_EQ(status_of_child([] {
              const auto own = open("simple:");
              return own && own->put("a", 1) && own->get<int>("a") ? 0 : 1;
            }),
            0);
}

// Dropping one that has come makes room for one that queues: in the parent.
TEST_P(ForkedChild, DropsFuturesWithoutAThread) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "a thread may hold a lock of the sanitizer's allocator at the fork";
#endif
  for (int name = 0; name < most_names; ++name) {
    ASSERT_TRUE(store_->replace(std::to_string(name), values(name)));
  }
  const auto reader = open(url(), {.timeout = std::chrono::seconds(60), .prefetch_bytes = 100'000});
  const Store& read = reader ? *reader : *store_;  // a folder that one session may open at a time
  std::vector<Future<std::vector<double>>> futures;
  for (int at = 0; at < 1000; ++at) {
    futures.push_back(read.get_async<std::vector<double>>(std::to_string(at % most_names)));
  }
  EXPECT_TRUE(futures[40].get());  // many have come, and hold what there is
  EXPECT_EQ(status_of_child([&] {
              futures.clear();
              return threads_of_this_process() == 1 ? 0 : 1;
            }),
            0);
  for (int at = 0; at < 1000; ++at) {
    const auto value = futures[static_cast<std::size_t>(at)].get();
    ASSERT_TRUE(value) << value.error();
    EXPECT_EQ(**value, values(at % most_names));
  }
}

TEST(ForkedProcess, RunsContinuationsThatBelongToNoStore) {
  const auto doubled = [] {
    const auto twice =
        AsyncResult<int>(Result<int>(21)).then([](const Result<int>& one) { return 2 * *one; });
    return twice.get(std::chrono::seconds(20));
  };
  EXPECT_EQ(doubled().value(), 42);
  EXPECT_EQ(status_of_child([&] {
              const auto result = doubled();
              return result && *result == 42 ? 0 : 1;
            }),
            0);
}

INSTANTIATE_TEST_SUITE_P(OverBackends, ForkedChild, ::testing::ValuesIn(backends_on_disk()),
                         [](const auto& one) { return one.param.name; });

}  // namespace forked_child_test
}  // namespace locum::tests
