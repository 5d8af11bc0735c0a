#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <vector>

#include "tests/transport/storage/wrappers/wrappers.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::tests {
namespace {

class Two : public Wrappers {
 protected:
  const std::shared_ptr<ProbeBackend> second_ = std::make_shared<ProbeBackend>();
  [[nodiscard]] std::string in_second(const RecordKey& key) const { return load(second_->kept(), key); }
};

TEST_F(Two, FallbackLoadsWhatTheFirstCannotSay) {
  const auto backend = storage::with_fallback(probe_, second_);
  keep({"s", "a"}, "first");
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(second_->kept().store({"s", name}, record("second"), soon()));
  }
  EXPECT_EQ(load(*backend, {"s", "a"}), "first");
  EXPECT_EQ(second_->calls(), Names());
  EXPECT_EQ(load(*backend, {"s", "b"}), "second");
  EXPECT_EQ(load(*backend, {"s", "c"}), "not_found");
  for (const Errc code : {Errc::peer_lost, Errc::timeout}) {
    probe_->fail({{code}});
    EXPECT_EQ(load(*backend, {"s", "a"}), "second");
    probe_->fail({{code}});
    EXPECT_EQ(load(*backend, {"s", "c"}), to_string(code)) << "the first may have it";
  }
  probe_->fail({{Errc::corrupt}});
  EXPECT_EQ(load(*backend, {"s", "a"}), "corrupt") << "somebody has to know";
  auto names = backend->list("s", {}, soon()).value();
  EXPECT_EQ(names, (Names{"a", "b"}));
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(backend->list("s", {}, soon()).value().size(), 2U);
  second_->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(backend->list("s", {}, soon())), Errc::peer_lost);
  const auto before = Deadline::Clock::now();
  (void)backend->load({"s", "a"}, 0, before + std::chrono::hours(1));
  EXPECT_LE(probe_->last_deadline().moment(std::chrono::hours(9)), before + std::chrono::minutes(31));
  ASSERT_TRUE(backend->store({"s", "n"}, record("new"), soon()));
  EXPECT_EQ(in_second({"s", "n"}), "not_found");
  std::vector<Result<LoadedRecord>> loaded(2, Result<LoadedRecord>(no_such_object()));
  const std::vector<RecordKey> keys{{"s", "a"}, {"s", "b"}};
  backend->batches()->load(keys, whole_record, loaded, soon());
  EXPECT_EQ(text_of(loaded[0]) + text_of(loaded[1]), "firstsecond");
}

TEST_F(Two, FanoutChangesBoth) {
  const auto backend = storage::fanned_out(probe_, second_);
  ASSERT_TRUE(backend->store({"s", "a"}, record("1", 4), soon()));
  EXPECT_EQ(kept({"s", "a"}) + in_second({"s", "a"}), "11");
  NewRecord absent = record("2", 5);
  absent.expect = Expect::absent;
  EXPECT_EQ(code_of(backend->store({"s", "a"}, absent, soon())), Errc::key_exists);
  EXPECT_EQ(in_second({"s", "a"}), "1");
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(code_of(backend->store({"s", "a"}, record("2"), soon())), Errc::peer_lost);
  EXPECT_EQ(in_second({"s", "a"}), "1");
  second_->fail({{Errc::peer_lost}});
  const auto half = backend->store({"s", "a"}, record("3", 6), soon());
  ASSERT_EQ(code_of(half), Errc::system);
  EXPECT_TRUE(holds(half.error().text(), "not in the second")) << half.error();
  EXPECT_EQ(kept({"s", "a"}) + in_second({"s", "a"}), "31");
  EXPECT_FALSE(backend->remove({"s", "a"}, 5, soon()).value());
  EXPECT_EQ(in_second({"s", "a"}), "1");
  EXPECT_TRUE(backend->remove({"s", "a"}, 0, soon()).value());
  EXPECT_EQ(kept({"s", "a"}) + in_second({"s", "a"}), "not_foundnot_found");
  const std::vector<RecordKey> keys{{"s", "a"}, {"s", "b"}};
  const std::vector<NewRecord> records{absent, absent};
  std::vector<Result<void>> stored(2);
  keep({"s", "b"}, "other");
  backend->batches()->store(keys, records, stored, soon());
  EXPECT_TRUE(stored[0]);
  EXPECT_EQ(code_of(stored[1]), Errc::key_exists);
  EXPECT_EQ(in_second({"s", "a"}) + in_second({"s", "b"}), "2not_found");
  ASSERT_TRUE(backend->drop("s", soon()));
  EXPECT_EQ(in_second({"s", "a"}), "not_found");
}

// A store has to be gone from both.
TEST_F(Two, FanoutDropsWhatTheSecondDoesNotList) {
  const auto forgetful = std::make_shared<ProbeBackend>(BackendTraits{.scheme = "forgetful", .lists = false});
  const auto backend = storage::fanned_out(probe_, forgetful);
  for (const char* name : {"a", "b"}) {
    ASSERT_TRUE(backend->store({"s", name}, record("1"), soon()));
  }
  ASSERT_TRUE(backend->store({"t", "a"}, record("2"), soon()));
  (void)forgetful->calls();
  EXPECT_EQ(backend->drop("s", soon()).value(), 2U);
  auto calls = forgetful->calls();
  std::ranges::sort(calls);
  EXPECT_EQ(calls, (Names{"remove s/a", "remove s/b"}));
  EXPECT_EQ(load(forgetful->kept(), {"s", "a"}) + load(forgetful->kept(), {"t", "a"}), "not_found2");
  EXPECT_EQ(kept({"s", "b"}), "not_found");
}

TEST_F(Two, HoldNamesThatBothHold) {
  const auto files = std::make_shared<ProbeBackend>(BackendTraits{.scheme = "files",
                                                                  .largest_record = 5000,
                                                                  .longest_name = 200,
                                                                  .name_bytes = NameBytes::file_name,
                                                                  .lists = false});
  const BackendTraits copy = storage::fanned_out(probe_, files)->traits();
  EXPECT_EQ(copy.longest_name, 200U);
  EXPECT_EQ(copy.name_bytes, NameBytes::file_name);
  EXPECT_EQ(copy.largest_record, 5000U);
  EXPECT_TRUE(copy.lists);
  const auto behind = storage::with_fallback(probe_, files);
  EXPECT_EQ(behind->traits().name_bytes, NameBytes::file_name);
  EXPECT_FALSE(behind->traits().lists);
  EXPECT_EQ(code_of(behind->list("s", {}, soon())), Errc::unsupported);
  EXPECT_EQ(code_of(wrapped("fanout+probe:", probe_)), Errc::invalid_argument);
  EXPECT_EQ(code_of(wrapped("fanout+probe:?fanout.to=no_url", probe_)), Errc::invalid_argument);
  EXPECT_EQ(code_of(wrapped("fallback+probe:?fallback.to=tape:", probe_)), Errc::unsupported);
  EXPECT_EQ(code_of(wrapped("fallback+probe:?fallback.to=simple:%3Fcolour%3Dred", probe_)),
            Errc::invalid_argument);
  EXPECT_TRUE(wrapped("fallback+probe:?fallback.to=checksum%2Bsimple:", probe_));
}

}  // namespace
}  // namespace locum::tests
