// Writers and readers of shards that are killed.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <map>
#include <memory>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include <locum/epochs.hpp>
#include <locum/files.hpp>
#include <locum/shards.hpp>

#include "tests/shm/child.hpp"
#include "tests/transport/storage/killed_writer.hpp"
#include "tests/transport/storage/shards/watched_memory.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/json/text.hpp"

namespace locum::tests {
namespace shard_kills {

constexpr std::uint64_t samples_of_shard = 200;

ShardStore<std::uint64_t> store_in(const std::string& folder) {
  return ShardStore<std::uint64_t>(Files("file://" + folder + "?sync=0"), "s",
                                   {.codec = "", .block_bytes = 1024});
}

std::vector<std::uint64_t> numbers(std::uint64_t first) {
  std::vector<std::uint64_t> samples(samples_of_shard);
  for (std::uint64_t& sample : samples) {
    sample = first++;
  }
  return samples;
}

/// A step of a rank: samples that it has consumed, and its state behind them.
struct Step {
  std::vector<std::uint64_t> samples;
  EpochState state;
};

/// Consumes samples, and writes each few of them with the state behind them, as one line.
void consume(const std::string& folder, const EpochOptions& options, const EpochState& before,
             std::uint64_t rank, std::uint64_t ranks) {
  const int log =
      ::open((folder + "/log" + std::to_string(rank)).c_str(), O_WRONLY | O_CREAT | O_APPEND, 0666);
  auto reader = epochs(store_in(folder), options).resume(before).reader(rank, ranks);
  for (std::uint64_t step = 0;; ++step) {
    std::ostringstream line;
    bool is_end = false;
    for (std::uint64_t left = 1 + (step + rank) % 5; left > 0 && !is_end; --left) {
      const auto next = reader.next().value();
      is_end = !next;
      line << (next ? std::to_string(*next) + ' ' : "");
    }
    line << '|' << storage::json_text_of(reader.state().value().record(), true).value();  // ends the line
    if (::write(log, line.str().data(), line.str().size()) < 0 || is_end) {
      return;
    }
  }
}

/// Reads the lines of a rank that are whole.
std::vector<Step> steps_of(const std::string& folder, std::uint64_t rank) {
  std::ifstream in(folder + "/log" + std::to_string(rank));
  std::vector<Step> steps;
  for (std::string line; std::getline(in, line) && !in.eof();) {
    const std::size_t bar = line.find('|');
    Step step{.samples = {},
              .state = EpochState::of(storage::read_json(line.substr(bar + 1)).value()).value()};
    std::istringstream samples(line.substr(0, bar));
    for (std::uint64_t sample = 0; samples >> sample;) {
      step.samples.push_back(sample);
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

std::vector<std::uint64_t> rest_of(const std::string& folder, const EpochOptions& options,
                                   const EpochState& state) {
  std::vector<std::uint64_t> rest;
  auto reader = epochs(store_in(folder), options).resume(state).reader(0, 1);
  for (auto next = reader.next().value(); next; next = reader.next().value()) {
    rest.push_back(*next);
  }
  return rest;
}

}  // namespace shard_kills

using namespace shard_kills;

// LOCUM_SHARD_KILLS=200 of the long tests.
TEST(KilledShards, AreThereAsAWholeOrNotAtAll) {
  std::mt19937 random(21);
  const std::uint64_t kills = number_in("LOCUM_SHARD_KILLS", 25);
  for (std::uint64_t kill = 0; kill < kills; ++kill) {
    const TemporaryFolder folder;
    const std::string said = said_until_killed(
        [&](int acknowledged) {
          const auto store = store_in(folder.path());
          for (std::uint64_t number = 0;; ++number) {
            store.set(numbers(number), {.key = std::to_string(100'000 + number)}).value();
            if (::write(acknowledged, "x", 1) != 1) {
              return;
            }
          }
        },
        random() % 20, std::chrono::microseconds(random() % 3000));
    const auto store = store_in(folder.path());
    std::uint64_t found = 0;
    for (const std::string& key : store.keys()) {
      EXPECT_EQ(key, std::to_string(100'000 + found));
      const auto shard = store.get(key).value();
      std::vector<std::uint64_t> samples;
      for (const std::uint64_t sample : shard) {
        samples.push_back(sample);
      }
      EXPECT_EQ(samples, numbers(found));
      ++found;
    }
    EXPECT_GE(found, said.size());
    EXPECT_LE(found, said.size() + 1);
    EXPECT_EQ(store.samples().value(), found * samples_of_shard);
    // Of the shard that was not finished nothing is in the way.
    EXPECT_TRUE(store.set(numbers(found), {.key = std::to_string(100'000 + found)}));
  }
}

TEST(KilledEpochs, GoOnExactlyOnceOnAnyNumberOfRanks) {
  std::mt19937 random(22);
  const std::uint64_t kills = number_in("LOCUM_SHARD_KILLS", 25);
  const TemporaryFolder folder;
  {
    const auto store = store_in(folder.path());
    for (std::uint64_t shard = 0; shard < 12; ++shard) {
      ASSERT_TRUE(store.set(numbers(shard * samples_of_shard), {.key = std::to_string(100 + shard)}));
    }
  }
  for (std::uint64_t kill = 0; kill < kills;) {
    const EpochOptions options{.seed = random(), .shuffle_block = 50 + random() % 500, .count = 2};
    std::vector<std::uint64_t> left = rest_of(folder.path(), options, {});
    ASSERT_EQ(left.size(), 2 * 12 * samples_of_shard);
    EpochState state;
    for (; !left.empty() && kill < kills; ++kill) {
      const std::uint64_t ranks = 1 + random() % 7;
      std::vector<std::unique_ptr<Child>> children;
      for (std::uint64_t rank = 0; rank < ranks; ++rank) {
        std::filesystem::remove(folder.path() + "/log" + std::to_string(rank));
        children.push_back(std::make_unique<Child>([&, rank] {
          consume(folder.path(), options, state, rank, ranks);
          return std::string();
        }));
      }
      using Clock = std::chrono::steady_clock;
      for (const auto end = Clock::now() + std::chrono::microseconds(random() % 30'000);
           Clock::now() < end;) {
      }
      for (auto& child : children) {
        child->kill();
      }
      std::vector<EpochState> states;
      std::map<std::uint64_t, int> consumed;
      for (std::uint64_t rank = 0; rank < ranks; ++rank) {
        (void)children[rank]->wait();
        states.push_back(
            epochs(store_in(folder.path()), options).resume(state).reader(rank, ranks).state().value());
        for (const Step& step : steps_of(folder.path(), rank)) {
          for (const std::uint64_t sample : step.samples) {
            ++consumed[sample];
          }
          states.back() = step.state;
        }
      }
      const auto joined = EpochState::join(states);
      ASSERT_TRUE(joined) << joined.error();
      state = *joined;
      // In the order as before, without what was consumed: of a sample of two epochs the earlier one first,
      // unless a rank was in the second already.
      const auto rest = rest_of(folder.path(), options, state);
      ASSERT_EQ(
          rest.size() +
              [&] {
                std::uint64_t all = 0;
                for (const auto& [sample, times] : consumed) {
                  all += static_cast<std::uint64_t>(times);
                }
                return all;
              }(),
          left.size());
      std::map<std::uint64_t, int> balance;
      for (const std::uint64_t sample : left) {
        ++balance[sample];
      }
      for (const std::uint64_t sample : rest) {
        --balance[sample];
      }
      for (const auto& [sample, times] : balance) {
        const auto found = consumed.find(sample);
        ASSERT_EQ(times, found == consumed.end() ? 0 : found->second) << sample;
      }
      // What is left is in the same order: a subsequence of what was left before.
      auto at = left.begin();
      for (const std::uint64_t sample : rest) {
        at = std::find(at, left.end(), sample);
        ASSERT_NE(at, left.end()) << "sample " << sample << " is out of order";
        ++at;
      }
      left = rest;
    }
  }
}

// Seen from outside: the largest memory of a process that reads much more than a block.
TEST(EpochMemory, IsThatOfTwoBlocks) {
  if (has_watched_memory) {
    GTEST_SKIP() << "the sanitizer keeps freed memory";
  }
  constexpr std::uint64_t shards = 128;
  constexpr std::uint64_t samples = 64;  // of 16 KiB: a shard has 1 MiB, a block 4 MiB
  using Sample = std::array<std::uint64_t, 2048>;
  const TemporaryFolder folder;
  const auto open = [&] {
    return ShardStore<Sample>(Files("file://" + folder.path() + "?sync=0"), "m", {.codec = ""});
  };
  for (std::uint64_t shard = 0; shard < shards; ++shard) {
    ASSERT_TRUE(open().set(std::vector<Sample>(samples, Sample{shard}), {.key = std::to_string(shard)}));
  }
  const Ending ending = in_child([&] {
    rusage before{};
    ::getrusage(RUSAGE_SELF, &before);
    auto reader = epochs(open(), {.shuffle_block = 4 * samples}).reader(0, 1);
    std::uint64_t read = 0;
    while (reader.next().value()) {
      ++read;
    }
    EXPECT_EQ(read, shards * samples);
    rusage after{};
    ::getrusage(RUSAGE_SELF, &after);
    return std::to_string(after.ru_maxrss - before.ru_maxrss);  // KiB
  });
  ASSERT_EQ(ending.exit_code, 0) << ending.said;
  EXPECT_LT(std::stol(ending.said), 40 << 10);  // of 128 MiB; two blocks are 8 MiB
}

}  // namespace locum::tests
