#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/mpi/environment.hpp"
#include "tests/transport/storage/wrappers/wrappers.hpp"
#include "transport/storage/wrappers/backend_statistics.hpp"

namespace locum::tests {
namespace {

TEST_F(Wrappers, StatsCount) {
  const auto backend = over("stats+probe:?stats.name=mine");
  const auto statistics = storage::find_statistics("mine");
  ASSERT_NE(statistics, nullptr);
  ASSERT_TRUE(backend->store({"s", "a"}, record("12345"), soon()));
  for (int at = 0; at < 100; ++at) {
    EXPECT_EQ(load(*backend, {"s", "a"}), "12345");
  }
  EXPECT_EQ(load(*backend, {"s", "b"}), "not_found");
  probe_->fail({{Errc::peer_lost}});
  EXPECT_EQ(load(*backend, {"s", "a"}), "peer_lost");
  std::vector<Result<LoadedRecord>> loaded(2, Result<LoadedRecord>(no_such_object()));
  const std::vector<RecordKey> keys{{"s", "a"}, {"s", "a"}};
  backend->batches()->load(keys, whole_record, loaded, soon());
  const auto loads = statistics->of(storage::BackendCall::load);
  EXPECT_EQ(loads.calls, 104U);
  EXPECT_EQ(loads.refused, 1U);
  EXPECT_EQ(loads.errors, 1U);
  EXPECT_EQ(loads.bytes, 510U);
  EXPECT_GT(loads.median.count(), 0);
  EXPECT_LE(loads.median, loads.p99);
  EXPECT_EQ(statistics->of(storage::BackendCall::store).bytes, 5U);
  EXPECT_EQ(statistics->of(storage::BackendCall::drop).calls, 0U);
  const std::string text = to_text(*statistics);
  EXPECT_TRUE(holds(text, "load: 104 calls, 1 refused, 1 failed, 510 bytes, median ")) << text;
  EXPECT_EQ(std::ranges::count(text, '\n'), 2) << text;
  EXPECT_EQ(storage::find_statistics("yours"), nullptr);
}

TEST(BackendStatistics, KnowsHowLongCallsTake) {
  storage::BackendStatistics statistics;
  using std::chrono::nanoseconds;
  for (int at = 0; at < 98; ++at) {
    statistics.add(storage::BackendCall::load, 0, nanoseconds(1000), Errc{});
  }
  statistics.add(storage::BackendCall::load, 0, nanoseconds(1'000'000), Errc{});
  statistics.add(storage::BackendCall::load, 0, nanoseconds(1'000'000), Errc{});
  const auto loads = statistics.of(storage::BackendCall::load);
  EXPECT_GE(loads.median.count(), 1000);
  EXPECT_LE(loads.median.count(), 1250);
  EXPECT_GE(loads.p99.count(), 1'000'000);
  EXPECT_LE(loads.p99.count(), 1'250'000);
  for (int power = 0; power < 63; ++power) {
    storage::BackendStatistics one;
    const std::int64_t ns = std::int64_t{1} << power;
    one.add(storage::BackendCall::store, 0, nanoseconds(ns), Errc{});
    const std::int64_t median = one.of(storage::BackendCall::store).median.count();
    EXPECT_GE(median, ns);
    EXPECT_LE(median - ns, ns / 4);
  }
}

class Lines : public Wrappers {
 protected:
  void TearDown() override { std::filesystem::remove(path_); }
  [[nodiscard]] Names lines() const {
    std::ifstream file(path_);
    Names all;
    for (std::string line; std::getline(file, line);) {
      all.push_back(line);
    }
    return all;
  }
  void use(Backend& backend) const {
    EXPECT_TRUE(backend.store({"s", "a\nname"}, record("planted value"), soon()));
    EXPECT_EQ(load(backend, {"s", "a\nname"}), "planted value");
    probe_->fail({{Errc::peer_lost}});
    EXPECT_EQ(load(backend, {"s", "b"}), "peer_lost");
    EXPECT_FALSE(backend.remove({"s", "b"}, 0, soon()).value());
    EXPECT_TRUE(backend.list("s", "a", soon()));
    EXPECT_TRUE(backend.drop("s", soon()));
  }

  const std::string path_ = ::testing::TempDir() + "locum_lines_" + std::to_string(::getpid());
};

TEST_F(Lines, LogHasOneForEachCall) {
  const auto backend = over("log+probe:?log.file=" + path_);
  use(*backend);
  const Names all = lines();
  ASSERT_EQ(all.size(), 6U);
  EXPECT_TRUE(all[0].starts_with("locum probe: store space=s name=a%0Aname bytes=13 us=")) << all[0];
  EXPECT_TRUE(all[0].ends_with(" outcome=done")) << all[0];
  EXPECT_TRUE(all[2].starts_with("locum probe: load space=s name=b bytes=0 us=")) << all[2];
  EXPECT_TRUE(all[2].ends_with(" outcome=peer_lost")) << all[2];
  EXPECT_TRUE(all[3].ends_with(" outcome=absent")) << all[3];
  EXPECT_TRUE(all[5].starts_with("locum probe: drop space=s name=- ")) << all[5];
  for (const std::string& line : all) {
    EXPECT_FALSE(holds(line, "planted") || holds(line, "detail of the probe")) << line;
  }
  EXPECT_TRUE(
      wrapped("log+probe:?log.file=/dev/full", probe_).value()->store({"s", "x"}, record("1"), soon()))
      << "a line that is lost is no reason to fail";
  EXPECT_EQ(code_of(wrapped("log+probe:?log.file=/no/such/folder/x", probe_)), Errc::system);
}

TEST_F(Lines, AuditSaysWhoDidWhat) {
  use(*over("audit+probe:?audit.who=me%20too&audit.file=" + path_));
  use(*over("audit+probe:?audit.file=" + path_));
  const Names all = lines();
  ASSERT_EQ(all.size(), 12U) << "the second appends";
  EXPECT_TRUE(holds(all[0], "Z who=me%20too host=")) << all[0];
  EXPECT_TRUE(holds(all[0], " pid=" + std::to_string(::getpid()) +
                                " call=store space=s name=a%0Aname bytes=13 outcome=done"))
      << all[0];
  EXPECT_TRUE(holds(all[6], " who=uid" + std::to_string(::getuid()) + " ")) << all[6];
  EXPECT_TRUE(holds(all[8], " outcome=peer_lost")) << all[8];
  for (const std::string& line : all) {
    EXPECT_FALSE(holds(line, "planted") || holds(line, "detail of the probe")) << line;
  }
  EXPECT_EQ(std::filesystem::status(path_).permissions(),
            std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  EXPECT_EQ(code_of(wrapped("audit+probe:", probe_)), Errc::invalid_argument);
}

// Those who start the ranks of a job say it to each in their own way.
TEST_F(Lines, AuditSaysWhichRankDidIt) {
  const std::array<std::string, 4> names{"OMPI_COMM_WORLD_RANK", "PMIX_RANK", "PMI_RANK", "SLURM_PROCID"};
  const std::array<Environment, 4> kept{
      {{names[0], ""}, {names[1], ""}, {names[2], ""}, {names[3], ""}}};  // until the end of the test
  const auto store_once = [&] {
    EXPECT_TRUE(over("audit+probe:?audit.file=" + path_)->store({"s", "a"}, record("1"), soon()));
  };
  for (const std::string& name : names) {
    ::unsetenv(name.c_str());
  }
  store_once();
  for (std::size_t at = names.size(); at > 0; --at) {
    ::setenv(names[at - 1].c_str(), std::to_string(10 + at).c_str(), 1);
    store_once();
  }
  const Names all = lines();
  ASSERT_EQ(all.size(), 5U);
  EXPECT_TRUE(holds(all[0], " rank=- pid=")) << "nobody has started it as one";
  for (std::size_t at = 1; at < all.size(); ++at) {
    EXPECT_TRUE(holds(all[at], " rank=" + std::to_string(15 - at) + " pid=")) << all[at];
  }
}

TEST_F(Lines, AuditDoesNotLoseALineInSilence) {
  const auto backend = over("audit+probe:?audit.file=/dev/full");
  const auto stored = backend->store({"s", "a"}, record("1"), soon());
  ASSERT_EQ(code_of(stored), Errc::system);
  EXPECT_TRUE(holds(stored.error().text(), "store was done")) << stored.error();
  EXPECT_EQ(kept({"s", "a"}), "1");
  EXPECT_EQ(load(*backend, {"s", "b"}), "not_found") << "an error stays what it is";
}

}  // namespace
}  // namespace locum::tests
