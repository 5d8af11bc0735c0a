// Processes that write a pack are killed at any instant: what they were told is stored, is there.
// LOCUM_PACK_KILLS: how many; LOCUM_PACK_KILL_SEED: of the first.

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "tests/transport/storage/killed_writer.hpp"
#include "tests/transport/storage/pack_samples.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/pack/folder.hpp"
#include "transport/storage/pack/writer.hpp"

namespace locum::tests {
namespace {

constexpr std::uint32_t writers = 2;
constexpr const char* not_there = "not_found";

/// What a writer does one after the other, always the same for a seed.
class PackChanges {
 public:
  /// \param removals one in so many changes
  PackChanges(std::uint64_t seed, std::uint32_t writer, std::uint32_t removals)
      : writer_(writer), removals_(removals), random_(seed * writers + writer) {}

  struct Change {
    std::string name;
    std::string text;  ///< not_there: it is removed
  };
  Change next() {
    const std::string name = std::to_string(writer_) + "/" + std::to_string(random_() % 6);
    if (random_() % removals_ == 0) {
      return {name, not_there};
    }
    std::string text(random_() % 10 == 0 ? 60'000 + random_() % 9000 : random_() % 3000, ' ');
    for (char& one : text) {
      one = static_cast<char>(random_());
    }
    return {name, std::move(text)};
  }

 private:
  const std::uint32_t writer_;
  const std::uint32_t removals_;
  std::minstd_rand random_;
};

void make(Backend& pack, const PackChanges::Change& change) {
  if (change.text == not_there) {
    EXPECT_TRUE(pack.remove({"s", change.name}, 0, std::chrono::seconds(60)));
  } else {
    EXPECT_TRUE(store_text(pack, {"s", change.name}, change.text));
  }
}

/// What is written, and killed.
struct Form {
  std::string options;  ///< of the URL
  std::uint32_t removals;
  Result<std::shared_ptr<Backend>> (*open)(const std::string& path,
                                           const storage::PackWriterOptions& options);
};

/// Says on a pipe, by the number of the writer, that a change is made.
void change_pack(const Form& form, const std::string& path, std::uint64_t seed, int said) {
  // Now and then it waits for the disk, and often it compacts.
  const auto pack =
      form.open(path, {.syncs = seed % 4 == 0, .compacts = seed % 5 == 0, .least_dead_bytes = 200'000})
          .value();
  std::vector<std::thread> threads;
  for (std::uint32_t writer = 0; writer < writers; ++writer) {
    threads.emplace_back([&, writer] {
      PackChanges changes(seed, writer, form.removals);
      const auto number = static_cast<char>(writer);
      do {
        make(*pack, changes.next());
      } while (::write(said, &number, 1) == 1);
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
}

void lose_nothing(const Form& form) {
  const TemporaryFolder folder;
  const std::string path = folder.path() + "/run.pack";
  const std::uint64_t kills = number_in("LOCUM_PACK_KILLS", 20);
  const std::uint64_t first_seed = number_in("LOCUM_PACK_KILL_SEED", 1);
  std::map<std::string, std::string> there;
  std::uint64_t all = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + kills; ++seed) {
    SCOPED_TRACE(seed);
    std::minstd_rand random(static_cast<std::uint32_t>(seed * 7919));
    const std::uint64_t least = random() % 400;
    const std::chrono::microseconds later(random() % 500);
    const std::string said =
        said_until_killed([&](int to) { change_pack(form, path, seed, to); }, least, later);
    std::array<std::uint64_t, writers> made{};
    for (const char writer : said) {
      ++made.at(static_cast<std::size_t>(writer));
    }
    std::map<std::string, std::string> or_else;  // of a change that was being made
    for (std::uint32_t writer = 0; writer < writers; ++writer) {
      PackChanges changes(seed, writer, form.removals);
      for (std::uint64_t count = made.at(writer); count > 0; --count) {
        const auto change = changes.next();
        there[change.name] = change.text;
      }
      all += made.at(writer);
      const auto last = changes.next();
      or_else[last.name] = last.text;
    }
    const bool reads = seed % 2 == 0;
    const auto pack = reads && made[0] + made[1] > 0 ? pack_of(path, form.options + "&read=1")
                                                     : pack_of(path, form.options);
    ASSERT_TRUE(pack) << pack.error();
    for (std::uint32_t writer = 0; writer < writers; ++writer) {
      for (int at = 0; at < 6; ++at) {
        const std::string name = std::to_string(writer) + "/" + std::to_string(at);
        const std::string text = load_text(**pack, {"s", name});
        const auto known = there.find(name);
        const std::string expected = known == there.end() ? not_there : known->second;
        const auto other = or_else.find(name);
        ASSERT_TRUE(text == expected || (other != or_else.end() && text == other->second))
            << name << ": " << text.size() << " bytes, not " << expected.size();
        there[name] = text;
      }
    }
  }
  EXPECT_GT(all, kills * 20);
  std::cout << kills << " kills after " << all << " changes\n";
}

TEST(PackKill, LosesNothingThatWasStored) {
  lose_nothing({"?files=one", 8, [](const std::string& path, const storage::PackWriterOptions& options) {
                  auto pack = storage::open_pack_writer(path, options);
                  return pack ? Result<std::shared_ptr<Backend>>(std::move(*pack)) : pack.error();
                }});
}

// Each writer has a collection, and so a file, which it often takes the last record away from.
TEST(PackKill, LosesNothingThatWasStoredInAFolder) {
  lose_nothing({"?files=collection", 2, storage::open_pack_folder});
}

// And what is left of it in the folder is removed.
TEST(PackKill, DropsAllOrNothingOfAStore) {
  using Clock = std::chrono::steady_clock;
  constexpr std::size_t collections = 10;
  const auto opened = [](const TemporaryFolder& folder) {
    return pack_of(folder.path(), "?files=collection&sync=0").value();
  };
  const auto store_all = [](Backend& packs) {
    for (std::size_t at = 0; at < collections; ++at) {
      EXPECT_TRUE(store_text(packs, {"s", std::to_string(at) + "/T"}, "x"));
    }
  };
  const auto dropped = [](Backend& packs) { return packs.drop("s", std::chrono::seconds(60)); };
  std::chrono::nanoseconds drop_takes{};
  {
    const TemporaryFolder folder;
    const auto packs = opened(folder);
    store_all(*packs);
    const auto begin = Clock::now();
    EXPECT_EQ(dropped(*packs).value(), collections);
    drop_takes = Clock::now() - begin;
  }
  const std::uint64_t kills = number_in("LOCUM_PACK_KILLS", 20);
  const std::uint64_t first_seed = number_in("LOCUM_PACK_KILL_SEED", 1);
  std::uint64_t all_left = 0;
  std::uint64_t none_left = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + kills; ++seed) {
    SCOPED_TRACE(seed);
    const TemporaryFolder folder;
    const auto later = drop_takes * (seed * 7919 % 100) / 80;
    const std::string said = said_until_killed(
        [&](int to) {
          const auto packs = opened(folder);
          do {
            store_all(*packs);
          } while (::write(to, "+", 1) == 1 && dropped(*packs) && ::write(to, "-", 1) == 1);
        },
        1, later);
    const std::size_t left = opened(folder)->list("s", {}, std::chrono::seconds(60)).value().size();
    if (said.back() == '+') {
      EXPECT_TRUE(left == 0 || left == collections) << left << " of " << collections;
      ++(left == 0 ? none_left : all_left);
    }
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
      EXPECT_FALSE(entry.path().filename().string().starts_with(".removed")) << entry.path();
    }
  }
  EXPECT_GT(all_left + none_left, 0U);
  std::cout << kills << " kills, within a drop " << all_left << " before it was done and " << none_left
            << " after\n";
}

}  // namespace
}  // namespace locum::tests
