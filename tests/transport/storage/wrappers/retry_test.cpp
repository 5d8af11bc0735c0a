#include <gtest/gtest.h>

#include <chrono>
#include <string>
#include <vector>

#include "tests/transport/storage/wrappers/wrappers.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::tests {
namespace {

TEST_F(Wrappers, RetryAsksAgain) {
  const auto backend = over("retry+probe:?retry.times=3&retry.ms=1");
  keep({"s", "a"}, "1");
  probe_->fail({{Errc::peer_lost}, {Errc::timeout}});
  EXPECT_EQ(load(*backend, {"s", "a"}), "1");
  EXPECT_EQ(probe_->calls().size(), 3U);
  probe_->fail({{Errc::peer_lost}, {Errc::peer_lost}, {Errc::timeout}, {Errc::timeout}});
  EXPECT_EQ(load(*backend, {"s", "a"}), "timeout") << "the last one's error";
  EXPECT_EQ(probe_->calls().size(), 3U);
  probe_->fail({{Errc::system}, {Errc::system}});
  EXPECT_EQ(load(*backend, {"s", "a"}), "system");
  EXPECT_EQ(probe_->calls().size(), 1U) << "it would fail again";
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(backend->list("s", {}, soon()).value(), Names{"a"});
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(backend->drop("s", soon())), Errc::peer_lost) << "nobody could count what was dropped";
  (void)probe_->calls();
  const auto slow = over("retry+probe:?retry.ms=600000&retry.longest_ms=600000");
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(load(*slow, {"s", "a"}), "peer_lost") << "another attempt would be too late";
  EXPECT_EQ(probe_->calls().size(), 1U);
  const auto slowest = storage::retried(probe_, {.first_pause = std::chrono::milliseconds::max(),
                                                 .longest_pause = std::chrono::milliseconds::max()})
                           .value();
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(load(*slowest, {"s", "a"}), "peer_lost");
  EXPECT_EQ(probe_->calls().size(), 1U);
  EXPECT_EQ(code_of(wrapped("retry+probe:?retry.times=0", probe_)), Errc::invalid_argument);
  EXPECT_EQ(code_of(wrapped("retry+probe:?retry.ms=0", probe_)), Errc::invalid_argument);
}

TEST_F(Wrappers, RetryChangesNothingTwice) {
  const auto backend = over("retry+probe:?retry.ms=1");
  const auto put = [&](std::string_view name, std::uint64_t revision, Expect expect,
                       std::uint64_t expected = 0) {
    NewRecord one = record("mine", revision);
    one.expect = expect;
    one.expected_revision = expected;
    return backend->store({"s", name}, one, soon());
  };
  probe_->fail({{Errc::timeout, true}});
  EXPECT_TRUE(put("a", 11, Expect::absent)) << "it was stored, and only the answer was lost";
  EXPECT_EQ(probe_->calls(), (Names{"store s/a", "load s/a"}));
  probe_->fail({{Errc::peer_lost}});
  EXPECT_TRUE(put("b", 12, Expect::absent));
  EXPECT_EQ(probe_->calls(), (Names{"store s/b", "load s/b", "store s/b"}));
  probe_->fail({{Errc::timeout, true}, {Errc::timeout}});
  EXPECT_TRUE(put("c", 13, Expect::absent)) << "at first it could not be found out";
  probe_->fail({{Errc::timeout, true}});
  EXPECT_TRUE(put("a", 14, Expect::revision, 11));
  probe_->fail({{Errc::timeout, true}});
  EXPECT_TRUE(put("a", 15, Expect::anything));
  EXPECT_EQ(code_of(put("a", 16, Expect::absent)), Errc::key_exists) << "the first attempt was refused";
  // Another record: was ours there before it, or never?
  probe_->fail({{Errc::timeout}});
  EXPECT_EQ(code_of(put("a", 16, Expect::absent)), Errc::timeout);
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(put("a", 17, Expect::revision, 11)), Errc::peer_lost);
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(put("none", 17, Expect::revision, 11)), Errc::peer_lost);
  probe_->fail({{Errc::peer_lost}});
  EXPECT_TRUE(backend->remove({"s", "a"}, 0, soon()).value());
  probe_->fail({{Errc::peer_lost, true}});
  EXPECT_EQ(code_of(backend->remove({"s", "b"}, 0, soon())), Errc::peer_lost) << "who removed it?";
  EXPECT_FALSE(backend->remove({"s", "b"}, 0, soon()).value());
}

TEST_F(Wrappers, RetryAsksAgainForWhatFailedOfABatch) {
  const auto backend = over("retry+probe:?retry.ms=1");
  const std::vector<RecordKey> keys{{"s", "a"}, {"s", "b"}};
  const std::vector<NewRecord> records{record("1", 1), record("2", 2)};
  std::vector<Result<void>> stored(2);
  probe_->fail({{Errc::timeout, true}});
  backend->batches()->store(keys, records, stored, soon());
  EXPECT_TRUE(stored[0] && stored[1]);
  EXPECT_EQ(probe_->calls(), (Names{"store s/a", "store s/b", "load s/a"}));
  std::vector<Result<LoadedRecord>> loaded(2, Result<LoadedRecord>(no_such_object()));
  probe_->fail({{Errc::peer_lost}, {Errc::peer_lost}});
  backend->batches()->load(keys, whole_record, loaded, soon());
  EXPECT_EQ(text_of(loaded[0]) + text_of(loaded[1]), "12");
  std::vector<Result<bool>> removed(2, Result<bool>(false));
  probe_->fail({{Errc::peer_lost}});
  backend->batches()->remove(keys, removed, soon());
  EXPECT_TRUE(removed[0].value() && removed[1].value());
}

}  // namespace
}  // namespace locum::tests
