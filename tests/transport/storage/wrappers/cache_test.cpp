#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>

#include "tests/transport/storage/wrappers/wrappers.hpp"
#include "transport/storage/wrappers/wrapper.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::tests {
namespace {

TEST_F(Wrappers, CacheAsksOnce) {
  const auto backend = over("cache+probe:?cache.ms=3600000&cache.bytes=2000");
  ASSERT_TRUE(backend->store({"s", "a"}, record("1", 5), soon()));
  (void)probe_->calls();
  EXPECT_EQ(load(*backend, {"s", "a"}) + load(*backend, {"s", "a"}), "11");
  EXPECT_EQ(probe_->calls(), Names{"load s/a"});
  keep({"s", "a"}, "other's");
  EXPECT_EQ(load(*backend, {"s", "a"}), "1") << "others' changes are seen later";
  EXPECT_EQ(backend->load({"s", "a"}, 0, soon()).value().revision, 5U);
  // What this wrapper changes, or fails to change, is asked for again.
  NewRecord expects = record("2", 6);
  expects.expect = Expect::revision;
  expects.expected_revision = 5;
  EXPECT_EQ(code_of(backend->store({"s", "a"}, expects, soon())), Errc::stale);
  EXPECT_EQ(load(*backend, {"s", "a"}), "other's");
  ASSERT_TRUE(backend->store({"s", "a"}, record("3"), soon()));
  EXPECT_EQ(load(*backend, {"s", "a"}), "3");
  ASSERT_TRUE(backend->remove({"s", "a"}, 0, soon()).value());
  EXPECT_EQ(load(*backend, {"s", "a"}), "not_found");
  keep({"s", "a"}, "4");
  EXPECT_EQ(load(*backend, {"s", "a"}), "4") << "what is missing is asked for each time";
  ASSERT_TRUE(backend->drop("s", soon()));
  EXPECT_EQ(load(*backend, {"s", "a"}), "not_found");
}

// In code no URL bounds the numbers.
TEST_F(Wrappers, CacheKeepsForEverIfItIsToldTo) {
  const auto backend = storage::cached(probe_, {.longest = std::chrono::milliseconds::max()}).value();
  keep({"s", "a"}, "1");
  EXPECT_EQ(load(*backend, {"s", "a"}) + load(*backend, {"s", "a"}), "11");
  EXPECT_EQ(probe_->calls(), Names{"load s/a"});
}

TEST_F(Wrappers, CacheKeepsToItsBytesAndItsTime) {
  const auto backend = over("cache+probe:?cache.ms=3600000&cache.bytes=2000");
  const std::string large(1000, 'x');
  for (const char* name : {"a", "b", "huge"}) {
    keep({"s", name}, name == std::string("huge") ? large + large : large);
    (void)load(*backend, {"s", name});
  }
  (void)probe_->calls();
  EXPECT_EQ(load(*backend, {"s", "b"}), large);
  EXPECT_EQ(probe_->calls(), Names());
  EXPECT_EQ(load(*backend, {"s", "a"}), large) << "it made room for b";
  EXPECT_EQ(load(*backend, {"s", "huge"}), large + large);
  EXPECT_EQ(probe_->calls(), (Names{"load s/a", "load s/huge"}));
  const auto short_time = over("cache+probe:?cache.ms=1");
  keep({"s", "c"}, "1");
  EXPECT_EQ(load(*short_time, {"s", "c"}), "1");
  keep({"s", "c"}, "2");
  const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
  while (load(*short_time, {"s", "c"}) != "2") {
    ASSERT_LT(Deadline::Clock::now(), end);
  }
  EXPECT_EQ(code_of(wrapped("cache+probe:?cache.bytes=0", probe_)), Errc::invalid_argument);
}

/// Calls a function when a record was loaded, before it is returned.

class Interrupted final : public storage::Wrapper {
 public:
  Interrupted(std::shared_ptr<Backend> inner, std::function<void()> then)
      : Wrapper(std::move(inner)), then_(std::move(then)) {}
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    auto loaded = inner().load(key, last_bytes, deadline);
    then_();
    return loaded;
  }

 private:
  const std::function<void()> then_;
};

TEST_F(Wrappers, CacheDoesNotKeepWhatWasChangedWhileItWasLoaded) {
  std::function<void()> then = [] {};
  const auto backend = storage::cached(std::make_shared<Interrupted>(probe_, [&] { then(); })).value();
  keep({"s", "a"}, "1");
  then = [&] { EXPECT_TRUE(backend->store({"s", "a"}, record("2"), soon())); };
  EXPECT_EQ(load(*backend, {"s", "a"}), "1") << "as of when it was asked for";
  then = [] {};
  EXPECT_EQ(load(*backend, {"s", "a"}), "2");
}

}  // namespace
}  // namespace locum::tests
