// Objects that leave the memory of their node for its disk, under MPI.
#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <cstring>
#include <filesystem>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/sanitized.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;
using tests::code_of;

constexpr std::uint64_t memory_bytes = tests::sanitized ? 16_MiB : 32_MiB;

RuntimeOptions options_for(const std::string& folder) {
  return {.memory_bytes = memory_bytes, .timeout = 60s, .collective_timeout = 60s, .spill_folder = folder};
}

int ranks_of_my_node() {
  int count = 0;
  for (int rank = 0; rank < job::size(); ++rank) {
    count += job::same_node(rank) ? 1 : 0;
  }
  return count;
}

/// The objects of the job, as every rank knows them.
struct Field {
  int maker;
  int number;
  int version = 0;

  [[nodiscard]] std::string name() const { return std::to_string(maker) + "." + std::to_string(number); }
  /// From 64 KiB to 3 MiB.
  [[nodiscard]] std::vector<double> value() const {
    const auto count = static_cast<std::size_t>(8192 + number * 7919 % 49 * 8192);
    std::vector<double> values(count);
    for (std::size_t i = 0; i < count; ++i) {
      values[i] = maker * 1e9 + number * 1e5 + version + static_cast<double>(i % 1000);
    }
    return values;
  }
};

bool is_right(const Store& store, const Field& field) {
  const auto view = store.get<double[]>(field.name());
  EXPECT_TRUE(view) << field.name() << ": " << view.error();
  if (!view) {
    return false;
  }
  const auto value = field.value();
  const bool same = view->size() == value.size() &&
                    std::memcmp(value.data(), view->data(), value.size() * sizeof(double)) == 0;
  EXPECT_TRUE(same) << field.name();
  return same;
}

TEST(SpillOfRanks, HoldsEightTimesTheMemoryOfEachNode) {
  const job::SharedFolder folder;
  {
    Runtime runtime(MPI_COMM_WORLD, options_for(folder.path()));
    const Store store = runtime.store("fields");
    const std::uint64_t own_bytes = 8 * memory_bytes / static_cast<std::uint64_t>(ranks_of_my_node());
    std::uint64_t bytes = 0;
    int count = 0;
    std::map<int, int> versions;  // of this rank's own
    for (; bytes < own_bytes; ++count) {
      Field field{job::rank(), count};
      const auto value = field.value();
      const auto put = store.put(field.name(), value);
      ASSERT_TRUE(put) << count << ": " << put.error();
      bytes += value.size() * sizeof(double);
      if (count % 5 == 4) {  // an older one, probably on disk
        Field again{job::rank(), count / 2, 1};
        const auto replaced = store.replace(again.name(), again.value());
        ASSERT_TRUE(replaced) << replaced.error();
      }
      if (count % 7 == 6) {
        const Field gone{job::rank(), count - 3};
        ASSERT_TRUE(store.evict(gone.name()).value());
      }
    }
    job::barrier();
    const auto counts = job::everybodys(count);
    const std::set<int> makers{job::rank(), (job::rank() + 1) % job::size(),
                               (job::rank() + job::size() / 2) % job::size()};
    for (const int maker : makers) {
      const int all = counts[static_cast<std::size_t>(maker)];
      // As the maker did it.
      std::vector<int> version(static_cast<std::size_t>(all), 0);
      std::vector<bool> there(static_cast<std::size_t>(all), false);
      for (int number = 0; number < all; ++number) {
        there[static_cast<std::size_t>(number)] = true;
        if (number % 5 == 4) {
          there[static_cast<std::size_t>(number / 2)] = true;
          version[static_cast<std::size_t>(number / 2)] = 1;
        }
        if (number % 7 == 6) {
          there[static_cast<std::size_t>(number - 3)] = false;
        }
      }
      for (int number = 0; number < all; ++number) {
        const Field field{maker, number, version[static_cast<std::size_t>(number)]};
        if (there[static_cast<std::size_t>(number)]) {
          ASSERT_TRUE(is_right(store, field));
        } else {
          ASSERT_EQ(code_of(store.get<double[]>(field.name())), Errc::not_found) << field.name();
        }
      }
    }
    const std::string report = runtime.report_all();
    EXPECT_NE(report.find("objects whose bytes are on disk"), std::string::npos) << report;
    EXPECT_NE(report.find("B on disk\n"), std::string::npos) << "of the store: " << report;
    EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
    runtime.drop("fields");
    job::barrier();
    EXPECT_EQ(runtime.report_all().find("on disk"), std::string::npos);
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

TEST(SpillOfRanks, ReadsAheadAndInPartsWhatIsOnDisk) {
  const job::SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, options_for(folder.path()));
  const Store store = runtime.store("fields");
  constexpr int count = 24;
  // Two ranks of a node may have two each in its memory, and it puts a third.
  constexpr std::size_t size = memory_bytes / 16 / sizeof(double);
  std::vector<Key> own;
  for (int i = 0; i < count; ++i) {
    own.push_back(store.put(std::vector<double>(size, i + 0.5)).value());
  }
  for (int i = 0; i < count; ++i) {
    const Key key = job::from(job::last(), own[static_cast<std::size_t>(i)]);
    const auto part = store.get<double[]>(key, {.part = {.offset = size / 2, .count = 3}});
    ASSERT_TRUE(part) << part.error();
    EXPECT_EQ(part->size(), 3U);
    EXPECT_EQ((*part)[2], i + 0.5);
    EXPECT_EQ(store.info(key)->size_bytes, size * sizeof(double));
    auto coming = store.get_async<double[]>(key);
    const auto all = coming.get();
    ASSERT_TRUE(all) << all.error();
    EXPECT_EQ((*all)[size - 1], i + 0.5);
  }
  job::barrier();
}

// What lacks is not memory.
TEST(SpillOfRanks, MovesNothingForAStoreThatIsAtItsBudget) {
  const job::SharedFolder folder;
  Runtime runtime(MPI_COMM_WORLD, options_for(folder.path()));
  const Store store = runtime.store("limited", {.memory_bytes = 4_MiB});
  const std::vector<double> value(1 << 15);
  int count = 0;
  while (count < 1000 && store.put(value)) {
    ++count;
  }
  EXPECT_LT(count, 1000);
  job::barrier();
  const auto refused = store.put(value);
  EXPECT_EQ(code_of(refused), Errc::out_of_memory);
  EXPECT_NE(std::string(refused.error().what()).find("budget"), std::string::npos) << refused.error();
  job::barrier();
  EXPECT_EQ(runtime.report_all().find("on disk"), std::string::npos);
}

TEST(SpillOfRanks, FailsToOpenWithoutItsFolder) {
  const job::SharedFolder folder;
  try {
    const Runtime runtime(MPI_COMM_WORLD, options_for(folder / "missing"));
    ADD_FAILURE() << "opened";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Errc::system);
    EXPECT_NE(std::string(error.what()).find("LOCUM_SPILL_FOLDER"), std::string::npos) << error.what();
  }
}

TEST(SpillOfRanks, FailsPutsBeyondItsBound) {
  const job::SharedFolder folder;
  RuntimeOptions options = options_for(folder.path());
  options.spill_bytes = 32_MiB;
  Runtime runtime(MPI_COMM_WORLD, options);
  const Store store = runtime.store("fields");
  std::vector<Key> made;
  Result<Key> last = store.put(std::vector<double>(1 << 17));
  for (; last && made.size() < 4 * memory_bytes >> 20U; last = store.put(std::vector<double>(1 << 17))) {
    made.push_back(*last);
  }
  EXPECT_EQ(code_of(last), Errc::out_of_memory);
  EXPECT_NE(std::string(last.error().what()).find("spill_bytes"), std::string::npos) << last.error();
  for (const Key& key : made) {
    EXPECT_TRUE(store.get<double[]>(key));
  }
  job::barrier();
}

}  // namespace
}  // namespace locum
