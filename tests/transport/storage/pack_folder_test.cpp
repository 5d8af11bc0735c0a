// A pack for each collection: pack:FOLDER?files=collection.

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/promise.hpp"
#include "tests/shm/child.hpp"
#include "tests/transport/storage/next_process.hpp"
#include "tests/transport/storage/pack_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/open.hpp"
#include "transport/storage/pack/folder.hpp"

namespace locum::tests {
namespace {

class PackFolder : public ::testing::Test {
 protected:
  [[nodiscard]] Result<std::shared_ptr<Backend>> opened(const std::string& options = "&sync=0") const {
    return pack_of(path_, "?files=collection" + options);
  }
  [[nodiscard]] std::string url() const { return "pack://" + path_ + "?files=collection&sync=0"; }
  static Deadline soon() { return std::chrono::seconds(60); }
  /// All files below the folder that are packs of records, and what compacting may have left of some.
  [[nodiscard]] std::set<std::string> files() const {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(path_)) {
      if (entry.is_regular_file() && entry.path().filename() != ".packs") {
        found.insert(std::filesystem::relative(entry.path(), path_).string());
      }
    }
    return found;
  }
  static std::vector<std::string> sorted(Backend& of, std::string_view space, std::string_view prefix) {
    auto names = of.list(space, prefix, soon()).value();
    std::ranges::sort(names);
    return names;
  }

  const TemporaryFolder folder_;
  const std::string path_ = folder_.path() + "/above/run17";
};

using Files = std::set<std::string>;
using Names = std::vector<std::string>;

TEST_F(PackFolder, HasAFileForEachCollection) {
  const Names names{"@h/x",
                    "@k17",
                    "T",
                    "a.b/.x",
                    std::string(300, 'l') + "/T",
                    "step42/@T",
                    "step42/T",
                    "step42/ghosts/T",
                    "step43/T"};
  auto packs = opened().value();
  for (const std::string& name : names) {
    ASSERT_TRUE(store_text(*packs, {"s", name}, name));
  }
  ASSERT_TRUE(store_text(*packs, {"a/b", "step42/T"}, "other"));
  ASSERT_TRUE(store_text(*packs, {"@stores", "s"}, "registered"));
  const Files there = files();
  EXPECT_EQ(there.size(), 7U);
  for (const char* file : {"s/@outside.pack", "s/a.b.pack", "s/step42.pack", "s/step43.pack",
                           "a%2fb/step42.pack", "@stores/@outside.pack"}) {
    EXPECT_TRUE(there.contains(file)) << file;
  }
  packs.reset();
  packs = opened().value();
  for (const std::string& name : names) {
    EXPECT_EQ(load_text(*packs, {"s", name}), name);
  }
  EXPECT_EQ(load_text(*packs, {"a/b", "step42/T"}), "other");
  EXPECT_EQ(sorted(*packs, "s", {}), names);
  EXPECT_EQ(sorted(*packs, "s", "step"), (Names{"step42/@T", "step42/T", "step42/ghosts/T", "step43/T"}));
  EXPECT_EQ(sorted(*packs, "s", "step42/"), (Names{"step42/@T", "step42/T", "step42/ghosts/T"}));
  EXPECT_EQ(sorted(*packs, "s", "step42/g"), Names{"step42/ghosts/T"});
  EXPECT_EQ(sorted(*packs, "s", "@k"), Names{"@k17"});
  EXPECT_EQ(sorted(*packs, "s", "@h"), Names{"@h/x"});
  EXPECT_EQ(sorted(*packs, "s", "lll"), Names{names[4]});
  EXPECT_TRUE(sorted(*packs, "s", "step44/").empty());
  EXPECT_TRUE(store_text(*packs, {"s", std::string("\0promise/1", 10)}, "of the library"));
  EXPECT_EQ(files(), there) << "who only asks makes no file";
}

TEST_F(PackFolder, ResolvesTheHandlesOfAnEarlierProcess) {
  expect_handles_in_the_next_process(url());
}

TEST_F(PackFolder, RemovesTheFileWithItsLastRecord) {
  for (const char* sync : {"&sync=0", "&sync=1"}) {
    const auto packs = opened(sync).value();
    ASSERT_TRUE(store_text(*packs, {"s", "c/a"}, std::string(100'000, 'a')));
    ASSERT_TRUE(store_text(*packs, {"s", "c/b"}, "b"));
    ASSERT_TRUE(store_text(*packs, {"s", "d/a"}, "d"));
    const auto view = packs->load({"s", "c/a"}, whole_record, soon()).value();
    EXPECT_TRUE(packs->remove({"s", "c/a"}, 0, soon()).value());
    EXPECT_TRUE(files().contains("s/c.pack"));
    EXPECT_TRUE(packs->remove({"s", "c/b"}, 0, soon()).value());
    EXPECT_EQ(files(), Files{"s/d.pack"});
    EXPECT_EQ(view.bytes.back(), std::byte{'a'}) << "of the file that has no name any more";
    EXPECT_EQ(load_text(*packs, {"s", "c/b"}), "not_found");
    EXPECT_FALSE(packs->remove({"s", "c/b"}, 0, soon()).value());
    ASSERT_TRUE(store_text(*packs, {"s", "c/b"}, "again"));
    EXPECT_EQ(load_text(*packs, {"s", "c/b"}), "again");
    EXPECT_EQ(code_of(store_text(*packs, {"s", "e/a"}, "e", 2, Expect::revision)), Errc::not_found);
    EXPECT_TRUE(packs->remove({"s", "c/b"}, 0, soon()).value());
  }
  EXPECT_EQ(files(), Files{"s/d.pack"}) << "closing removes a file in which nothing was stored";
}

TEST_F(PackFolder, RemovesTheFileOfACollectionThatIsCleared) {
  const Store store = open(url() + "&store=fields").value();
  const Store step = store.collection("step42").value();
  for (int at = 0; at < 5000; ++at) {
    (void)step.put("T" + std::to_string(at), at).value();
  }
  (void)step.collection("ghosts").value().put("T", 1).value();
  (void)store.put("T", 2).value();
  EXPECT_TRUE(files().contains("fields/step42.pack"));
  EXPECT_EQ(step.clear().value(), 5001U);
  EXPECT_EQ(files(), (Files{"@locum/@outside.pack", "@stores/@outside.pack", "fields/@outside.pack"}));
  EXPECT_EQ(store.keys().value(), Names{"T"});
}

TEST_F(PackFolder, DropsAStoreWithItsFolder) {
  const auto packs = opened().value();
  const auto reader = opened("&read=1").value();
  for (int at = 0; at < 100; ++at) {
    ASSERT_TRUE(store_text(*packs, {"s", "c" + std::to_string(at) + "/a"}, "s"));
  }
  ASSERT_TRUE(store_text(*packs, {"s", "a"}, "s"));
  ASSERT_TRUE(store_text(*packs, {"t", "a"}, "t"));
  EXPECT_EQ(load_text(*reader, {"s", "c7/a"}) + load_text(*reader, {"s", "a"}), "ss");
  const auto view = packs->load({"s", "a"}, whole_record, soon()).value();
  EXPECT_EQ(packs->drop("s", soon()).value(), 101U);
  EXPECT_EQ(packs->drop("s", soon()).value(), 0U);
  EXPECT_EQ(files(), Files{"t/@outside.pack"});
  EXPECT_FALSE(std::filesystem::exists(path_ + "/s"));
  EXPECT_EQ(view.bytes.front(), std::byte{'s'});
  for (Backend* const each : {packs.get(), reader.get()}) {
    EXPECT_EQ(load_text(*each, {"s", "a"}) + load_text(*each, {"s", "c7/a"}), "not_foundnot_found");
    EXPECT_TRUE(each->list("s", {}, soon()).value().empty());
    EXPECT_EQ(load_text(*each, {"t", "a"}), "t");
  }
  ASSERT_TRUE(store_text(*packs, {"s", "a"}, "again"));
  EXPECT_EQ(load_text(*reader, {"s", "a"}), "again");
}

// Others wait until the store is gone, and find it as it is then.
TEST_F(PackFolder, IsMadeInTheWorkingFolder) {
  const std::filesystem::path before = std::filesystem::current_path();
  std::filesystem::current_path(folder_.path());
  const auto made = open_backend("pack:run17?files=collection");
  std::filesystem::current_path(before);
  ASSERT_TRUE(made) << made.error();
  ASSERT_TRUE(store_text(**made, {"s", "c/a"}, "1")) << "and stays there";
  EXPECT_TRUE(std::filesystem::exists(folder_.path() + "/run17/s/c.pack"));
  EXPECT_EQ((*made)->drop("s", soon()).value(), 1U);
  EXPECT_FALSE(std::filesystem::exists(folder_.path() + "/run17/s"));
}

TEST_F(PackFolder, DropsWhileOthersStore) {
  const auto packs = opened().value();
  std::atomic<bool> is_over{false};
  std::vector<std::thread> writers;
  for (int mine = 0; mine < 3; ++mine) {
    writers.emplace_back([&, mine] {
      const std::string name = "c" + std::to_string(mine) + "/a";
      for (std::uint64_t round = 1; !is_over; ++round) {
        EXPECT_TRUE(store_text(*packs, {"s", name}, std::to_string(round), round));
        const std::string found = load_text(*packs, {"s", name});
        EXPECT_TRUE(found == std::to_string(round) || found == "not_found") << found;
        EXPECT_TRUE(packs->list("s", {}, soon()));
      }
    });
  }
  std::uint64_t dropped = 0;
  const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
  while (dropped < 30 && !HasFailure() && Deadline::Clock::now() < end) {
    const auto now = packs->drop("s", soon());
    if (now) {
      dropped += *now;
    } else {
      ADD_FAILURE() << now.error();
    }
  }
  is_over = true;
  for (std::thread& writer : writers) {
    writer.join();
  }
  EXPECT_GE(dropped, 30U);
}

TEST_F(PackFolder, IsReadWhileItIsWritten) {
  EXPECT_EQ(code_of(opened("&read=1")), Errc::not_found);
  std::filesystem::create_directories(path_);
  EXPECT_EQ(code_of(opened("&read=1")), Errc::not_found) << "a folder of something else";
  const auto writer = opened().value();
  const auto reader = opened("&read=1").value();
  EXPECT_EQ(load_text(*reader, {"s", "c/a"}), "not_found");
  EXPECT_TRUE(reader->list("s", {}, soon()).value().empty());
  for (int round = 0; round < 3; ++round) {
    ASSERT_TRUE(store_text(*writer, {"s", "c/a"}, "1"));
    EXPECT_EQ(load_text(*reader, {"s", "c/a"}), "1");
    ASSERT_TRUE(store_text(*writer, {"s", "c/b"}, "2"));
    EXPECT_EQ(load_text(*reader, {"s", "c/b"}), "2");
    EXPECT_EQ(sorted(*reader, "s", {}), (Names{"c/a", "c/b"}));
    ASSERT_TRUE(writer->remove({"s", "c/a"}, 0, soon()).value());
    EXPECT_EQ(sorted(*reader, "s", "c/"), Names{"c/b"});
    ASSERT_TRUE(writer->remove({"s", "c/b"}, 0, soon()).value());
    EXPECT_TRUE(files().empty());
    EXPECT_EQ(load_text(*reader, {"s", "c/b"}), "not_found");
    EXPECT_TRUE(reader->list("s", "c/", soon()).value().empty());
  }
  const std::vector<RecordKey> keys{{"s", "c/a"}, {"s", "d/a"}};
  std::vector<Result<void>> stored(2);
  reader->batches()->store(keys, std::vector<NewRecord>(2), stored, soon());
  std::vector<Result<bool>> removed(2, Result<bool>(true));
  reader->batches()->remove(keys, removed, soon());
  for (std::size_t at = 0; at < keys.size(); ++at) {
    EXPECT_EQ(code_of(stored[at]), Errc::unsupported);
    EXPECT_EQ(code_of(removed[at]), Errc::unsupported);
  }
  EXPECT_EQ(code_of(store_text(*reader, {"s", "c/a"}, "x")), Errc::unsupported);
  EXPECT_EQ(code_of(reader->remove({"s", "c/a"}, 0, soon())), Errc::unsupported);
  EXPECT_EQ(code_of(reader->drop("s", soon())), Errc::unsupported);
}

TEST_F(PackFolder, SaysWhoWritesIt) {
  auto first = opened().value();
  ASSERT_TRUE(store_text(*first, {"s", "c/a"}, "1"));
  const std::string who = "is being written by process " + std::to_string(::getpid()) + " on ";
  for (const auto& other : {opened(), pack_of(path_ + "/s/c.pack")}) {
    ASSERT_EQ(code_of(other), Errc::system);
    EXPECT_NE(other.error().text().find(who), std::string::npos) << other.error();
  }
  const Ending other = in_child([&] { return opened().error().text(); });
  EXPECT_NE(other.said.find(who), std::string::npos) << other.said;
  first.reset();
  EXPECT_TRUE(opened());
}

TEST_F(PackFolder, IsNoFileAndAFileIsNoFolder) {
  const std::string file = folder_.path() + "/file.pack";
  ASSERT_TRUE(pack_of(file));
  ASSERT_TRUE(opened());
  for (const char* reads : {"", "&read=1"}) {
    const auto as_folder = pack_of(file, std::string("?files=collection") + reads);
    ASSERT_EQ(code_of(as_folder), Errc::invalid_argument);
    EXPECT_NE(as_folder.error().text().find("is a file, and files=collection takes a folder"),
              std::string::npos)
        << as_folder.error();
    const auto as_file = pack_of(path_, std::string("?files=one") + reads);
    ASSERT_EQ(code_of(as_file), Errc::invalid_argument);
    EXPECT_NE(as_file.error().text().find("open it with ?files=collection"), std::string::npos)
        << as_file.error();
  }
  EXPECT_EQ(code_of(pack_of(file, "?files=some")), Errc::invalid_argument);
  EXPECT_TRUE(pack_of(path_ + "/", "?files=collection")) << "as one writes folders";
}

// A step is a collection: there may be more than a process may have files.
TEST_F(PackFolder, KeepsFewFilesOpen) {
  const Ending limited = in_child([&] {
    const rlimit limit{storage::most_open_packs + 40, storage::most_open_packs + 40};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    const auto writer = opened().value();
    const std::size_t steps = 2 * storage::most_open_packs;
    for (std::size_t step = 0; step < steps; ++step) {
      EXPECT_TRUE(store_text(*writer, {"s", std::to_string(step) + "/T"}, std::to_string(step)));
    }
    for (std::size_t step = 0; step < steps; ++step) {
      EXPECT_EQ(load_text(*writer, {"s", std::to_string(step) + "/T"}), std::to_string(step));
    }
    EXPECT_EQ(writer->list("s", {}, soon()).value().size(), steps);
    return std::string();
  });
  EXPECT_EQ(limited.exit_code, 0) << limited.said;
  const Ending reading = in_child([&] {
    const rlimit limit{storage::most_open_packs + 40, storage::most_open_packs + 40};
    EXPECT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
    EXPECT_EQ(opened("&read=1").value()->list("s", {}, soon()).value().size(), 2 * storage::most_open_packs);
    return std::string();
  });
  EXPECT_EQ(reading.exit_code, 0) << reading.said;
}

TEST_F(PackFolder, TakesACollectionFromAnotherOne) {
  {
    const Store store = open(url() + "&store=fields").value();
    (void)store.collection("step42").value().put("T", std::string("hot")).value();
  }
  const TemporaryFolder other;
  const std::string other_url = "pack://" + other.path() + "/run18?files=collection&sync=0&store=fields";
  (void)open(other_url).value().put("T", 1).value();
  std::filesystem::copy_file(path_ + "/fields/step42.pack", other.path() + "/run18/fields/step42.pack");
  const Store store = open(other_url).value();
  const auto taken = store.collection("step42").value().get<std::string>("T").value();
  EXPECT_EQ(*taken, "hot");
  EXPECT_EQ(store.collection("step42").value().clear().value(), 1U);
}

TEST_F(PackFolder, RefusesAFileThatWasRenamed) {
  ASSERT_TRUE(store_text(*opened().value(), {"s", "c/a"}, "1"));
  std::filesystem::rename(path_ + "/s/c.pack", path_ + "/s/d.pack");
  for (const char* options : {"&sync=0", "&read=1"}) {
    const auto packs = opened(options).value();
    const auto found = packs->load({"s", "d/a"}, whole_record, soon());
    ASSERT_EQ(code_of(found), Errc::invalid_argument);
    EXPECT_NE(found.error().text().find("has records of 's/c.pack'"), std::string::npos) << found.error();
    EXPECT_EQ(code_of(packs->list("s", {}, soon())), Errc::invalid_argument)
        << "nothing is left out silently";
    EXPECT_EQ(load_text(*packs, {"s", "c/a"}), "not_found");
  }
}

TEST_F(PackFolder, CompactsAllPacksWhenItIsOpened) {
  {
    const auto packs = opened().value();
    for (std::uint64_t round = 1; round <= 20; ++round) {
      for (const char* name : {"a", "c/a", "d/a"}) {
        ASSERT_TRUE(store_text(*packs, {"s", name}, std::string(10'000, 'a'), round));
      }
    }
  }
  const auto packs = opened("&compact=1").value();
  for (const char* file : {"/s/@outside.pack", "/s/c.pack", "/s/d.pack"}) {
    EXPECT_LT(std::filesystem::file_size(path_ + file), 12'000U) << file;
  }
  EXPECT_EQ(packs->load({"s", "d/a"}, whole_record, soon()).value().revision, 20U);
}

TEST_F(PackFolder, RepairsAllPacksWhenItIsOpened) {
  {
    const auto packs = opened().value();
    for (const char* name : {"c/a", "c/b"}) {
      ASSERT_TRUE(store_text(*packs, {"s", name}, "text"));
    }
  }
  std::fstream(path_ + "/s/c.pack").seekp(130) << "damage";
  EXPECT_EQ(load_text(*opened().value(), {"s", "c/b"}), "corrupt");
  EXPECT_EQ(load_text(*opened("&repair=1").value(), {"s", "c/b"}), "text");
  EXPECT_EQ(load_text(*opened().value(), {"s", "c/b"}), "text");
}

TEST_F(PackFolder, PutsTheResultsOfABatchWhereTheyBelong) {
  const auto packs = opened().value();
  ASSERT_TRUE(store_text(*packs, {"s", "d/b"}, "old", 4));
  const Names names{"c/a", "d/a", "a", "c/b", "d/b", "c/a"};
  std::vector<RecordKey> keys;
  std::vector<NewRecord> records;
  for (const std::string& name : names) {
    keys.push_back({"s", name});
    records.push_back({.owner = {}, .bytes = std::as_bytes(std::span(name)), .revision = 5});
    records.back().expect = Expect::absent;
  }
  std::vector<Result<void>> stored(keys.size());
  packs->batches()->store(keys, records, stored, soon());
  std::vector<Result<LoadedRecord>> loaded(keys.size(),
                                           Result<LoadedRecord>(Error(Errc::cancelled, "never set")));
  packs->batches()->load(keys, whole_record, loaded, soon());
  for (std::size_t at = 0; at < keys.size(); ++at) {
    EXPECT_EQ(code_of(stored[at]), at < 4 ? Errc{} : Errc::key_exists) << at;
    EXPECT_EQ(loaded[at].value().revision, at == 4 ? 4U : 5U) << at;
  }
  keys.push_back({"s", "e/a"});
  std::vector<Result<bool>> removed(keys.size(), Result<bool>(Error(Errc::cancelled, "never set")));
  packs->batches()->remove(keys, removed, soon());
  for (std::size_t at = 0; at < keys.size(); ++at) {
    EXPECT_EQ(removed[at].value(), at < 5) << at;
  }
  EXPECT_TRUE(files().empty());
}

}  // namespace
}  // namespace locum::tests
