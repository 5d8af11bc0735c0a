// What stores do over whatever backend: collections, waits, failures, and the times of calls.

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <thread>
#include <vector>

#include "core/promise.hpp"
#include "core/report.hpp"
#include "core/serializers.hpp"
#include "tests/core/code_of.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "tests/transport/storage/wrappers/probe_backend.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

// Names with a '/', some of them too long for the backend: they become hashes there.
TEST(CollectionsOverBackends, AreListedAndCleared) {
  const TemporaryFolder folder;
  for (const std::string& url :
       {std::string("memory:"), std::string("simple:"), "file://" + folder.path() + "/files?sync=0",
        "pack://" + folder.path() + "/pack?sync=0", std::string("prefix+simple:?prefix.name=mine")}) {
    SCOPED_TRACE(url);
    const Store store = open(url).value();
    const Store step = store.collection("step 42").value();
    const Store ghosts = step.collection("ghosts").value();
    const std::string too_long(300, 'n');
    const std::vector<std::string> names{"T", too_long};
    for (const std::string& name : names) {
      ASSERT_TRUE(step.put(name, 1));
      ASSERT_TRUE(ghosts.put(name, 2));
      ASSERT_TRUE(store.put("step 4/" + name, 3));
    }
    EXPECT_EQ(*store.get<int>("step 42/ghosts/" + too_long).value(), 2);
    EXPECT_EQ(ghosts.keys().value(), names);
    EXPECT_EQ(step.size().value(), 4U);
    EXPECT_EQ(step.get<int>("U").error().key(), "step 42/U");
    EXPECT_EQ(ghosts.clear({.deadline = std::chrono::seconds(20)}).value(), 2U);
    EXPECT_EQ(step.keys().value(), names);
    EXPECT_EQ(step.clear().value(), 2U);
    EXPECT_EQ(store.size().value(), 2U);
  }
  EXPECT_EQ(open("null:").value().collection("step 42").value().clear().value(), 0U);
}

// Its name and type are behind it in memory: what is stored under another name would be lost.
TEST(StoresOverBackends, RefuseWhatWasWrittenPastItsEnd) {
  const Store store = open("simple:").value();
  auto writer = store.create<std::uint8_t>("T", {100}).value();
  std::fill_n(writer.begin(), writer.size() + 8, std::uint8_t{7});
  EXPECT_EQ(code_of(writer.seal()), Errc::corrupt);
  EXPECT_TRUE(store.keys().value().empty());
  EXPECT_TRUE(store.put("T", 1)) << "the name is free";
}

// One look at what has a hash for its name, and one request to remove all: in order, where threads would make
// them in any.
TEST(CollectionsOverBackends, AreClearedInBatchesOfTheBackend) {
  const auto probe = std::make_shared<ProbeBackend>(
      BackendTraits{.scheme = "probe", .longest_name = 40, .name_bytes = NameBytes::file_name});
  const Store step = open_session(probe).value().open("run").value().collection("step").value();
  const std::string too_long(40, 'n');
  const std::vector<std::string> names{"T", "U", too_long};
  for (const std::string& name : names) {
    ASSERT_TRUE(step.put(name, 1));
  }
  const Key unnamed = step.put(2).value();
  (void)probe->calls();
  const auto gone = step.evict_batch(std::vector<std::string>{"T", "T", "V", too_long});
  EXPECT_TRUE(gone[0].value());
  EXPECT_FALSE(gone[1].value());
  EXPECT_FALSE(gone[2].value());
  EXPECT_TRUE(gone[3].value());
  auto calls = probe->calls();
  ASSERT_EQ(calls.size(), 5U);
  EXPECT_TRUE(calls[0].starts_with("load run/@h")) << calls[0];
  EXPECT_EQ(calls[1], "remove run/step%2fT");
  EXPECT_EQ(calls[3], "remove run/step%2fV");
  EXPECT_EQ("load" + calls[4].substr(6), calls[0]);
  EXPECT_TRUE(step.evict_batch(std::vector<Key>{unnamed})[0].value());

  probe->fail({{Errc::peer_lost}});
  const auto failed = step.evict_batch(std::vector<std::string>{"U"});
  EXPECT_EQ(code_of(failed[0]), Errc::peer_lost);
  EXPECT_EQ(failed[0].error().key(), "step/U");
  EXPECT_EQ(step.clear().value(), 1U);
}

// The one call that fails is not what decides whether something is there.
TEST(AFailingBackend, IsNotTakenForAnEmptyOne) {
  const auto probe = std::make_shared<ProbeBackend>(
      BackendTraits{.scheme = "probe", .longest_name = 40, .name_bytes = NameBytes::file_name});
  const Store mine = open_session(probe).value().open("run").value();
  const std::string too_long(100, 'n');
  ASSERT_TRUE(mine.put(too_long, 1));
  const auto after = [](std::size_t calls) {
    std::deque<ProbeBackend::Failure> failures(calls);
    failures.push_back({Errc::peer_lost});
    return failures;
  };
  // Of this name there is a hash; the record itself has the name.
  probe->fail(after(1));
  EXPECT_EQ(code_of(mine.keys()), Errc::peer_lost);
  EXPECT_EQ(mine.keys().value(), std::vector<std::string>{too_long});

  // Another process looks through the registry for the store of a handle. What fills the stand-in here would
  // take the failures, too.
  const Handle handle = mine.put_proxy(7, {.populate = false}).value().handle();
  for (std::size_t calls = 0; calls < 3; ++calls) {
    const Session theirs = open_session(probe).value();
    (void)probe->calls();
    probe->fail(after(calls));
    EXPECT_EQ(code_of(theirs.proxy<int>(handle).get()), Errc::peer_lost)
        << calls << ' ' << testing::PrintToString(probe->calls());
    EXPECT_EQ(*theirs.proxy<int>(handle).get().value(), 7);
  }

  // A promise that is not set yet.
  const auto promise = mine.promise<int>().value();
  const Handle promised = promise.proxy().handle();
  const Session theirs = open_session(probe).value();
  EXPECT_EQ(code_of(theirs.proxy<int>(promised).get(std::chrono::milliseconds(0))), Errc::timeout);
  std::size_t failed = 0;
  for (std::size_t calls = 0; calls < 6; ++calls) {
    probe->fail(after(calls));
    const auto code = code_of(theirs.proxy<int>(promised).get(std::chrono::milliseconds(0)));
    EXPECT_TRUE(code == Errc::timeout || code == Errc::peer_lost) << calls << ": " << to_string(code);
    failed += code == Errc::peer_lost ? 1 : 0;
    probe->fail({});
  }
  EXPECT_GE(failed, 2U) << "looking for the value, and for what tells that it is not set";
}

/// Takes everything, and keeps nothing.
class ForgetfulBackend final : public Backend {
 public:
  const BackendTraits& traits() const noexcept override { return traits_; }
  Result<LoadedRecord> load(const RecordKey&, std::uint64_t, Deadline) override {
    return Error(Errc::not_found, "forgotten");
  }
  Result<void> store(const RecordKey&, const NewRecord&, Deadline) override { return {}; }
  Result<bool> remove(const RecordKey&, std::uint64_t, Deadline) override { return false; }
  Result<std::vector<std::string>> list(std::string_view, std::string_view, Deadline) override {
    return std::vector<std::string>{};
  }

 private:
  const BackendTraits traits_{.scheme = "forgetful"};
};

TEST(AFailingBackend, ThatKeepsNothingIsToldFrom) {
  const auto session = open_session(std::make_shared<ForgetfulBackend>());
  ASSERT_TRUE(session) << session.error();
  const auto store = session->open("run");
  EXPECT_EQ(code_of(store), Errc::corrupt);
  EXPECT_NE(std::string(store.error().what()).find("not found afterwards"), std::string::npos)
      << store.error();
}

// The backend has been asked for both before they are there.
TEST(WaitsOverBackends, GoOnInTheBackground) {
  const auto probe = std::make_shared<ProbeBackend>();
  const Store mine = open_session(probe).value().open("run").value();
  const Session theirs = open_session(probe).value();
  const Store same = theirs.open("run").value();
  auto promise = mine.promise<int>().value();
  const auto asked_for_a_value = [&] {
    const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
    for (std::size_t loads = 0; loads == 0 && Deadline::Clock::now() < end;) {
      const auto calls = probe->calls();
      loads = static_cast<std::size_t>(
          std::ranges::count_if(calls, [](const auto& call) { return call.starts_with("load run/"); }));
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  };
  (void)probe->calls();
  auto coming = same.wait_async<int>("a", std::chrono::seconds(60));
  asked_for_a_value();
  const auto stand_in = theirs.proxy<int>(promise.proxy().handle());
  stand_in.prefetch();
  asked_for_a_value();
  EXPECT_FALSE(coming.ready());
  ASSERT_TRUE(mine.put("a", 1));
  ASSERT_TRUE(promise.set(2));
  const auto put = coming.get();
  ASSERT_TRUE(put) << put.error();
  EXPECT_EQ(**put, 1);
  const auto set = stand_in.get(std::chrono::seconds(60));
  ASSERT_TRUE(set) << set.error();
  EXPECT_EQ(**set, 2);
  EXPECT_EQ(**same.wait_async<int>("a").get(), 1) << "what is there already is fetched";
}

// As a file's user sees it: all in the folder of the store.
TEST(CollectionsOverBackends, AreInTheNamesOfFiles) {
  const TemporaryFolder folder;
  const Store step =
      open("file://" + folder.path() + "?sync=0&store=run").value().collection("step42").value();
  ASSERT_TRUE(step.put("T", 1));
  EXPECT_TRUE(std::filesystem::is_regular_file(folder.path() + "/run/step42%2fT"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() + "/run/step42"));
}

// Of what was stored or brought: not of what failed, nor of looks at what there is, nor of the store's own
// record.
TEST(Backends, TellHowLongCallsTook) {
  const auto session = open_session("simple:").value();
  const Store store = session.open("s").value();
  ASSERT_TRUE(store.put("a", 1));
  ASSERT_FALSE(store.put("a", 2));
  ASSERT_TRUE(store.put_async("b", 2).get());
  ASSERT_TRUE(store.get<int>("a"));
  ASSERT_TRUE(store.get_async<int>("b").get());
  ASSERT_FALSE(store.get<int>("nobody"));
  ASSERT_TRUE(store.info("a"));
  ASSERT_TRUE(store.exists("a"));
  const std::array<std::string, 3> names{"a", "b", "nobody"};
  ASSERT_TRUE(store.get_batch<int>(names)[1]);
  const RankReport report = session.report();
  constexpr auto storage = static_cast<std::size_t>(Path::storage);
  EXPECT_EQ(report.writes[storage].timed, 2U);
  EXPECT_EQ(report.reads[storage].timed, 4U);
  EXPECT_GT(report.reads[storage].median_ns, 0U);
  EXPECT_GE(report.reads[storage].p99_ns, report.reads[storage].median_ns);
  const std::string text = to_text(std::span(&report, 1));
  EXPECT_NE(text.find("locum: how long calls took\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  storage put"), std::string::npos) << text;
}

}  // namespace
}  // namespace locum::tests
