// Objects shared by all ranks, and the cost of reading them; the same on one node and, if
// LOCUM_RANKS_PER_NODE splits the machine, across nodes, whose ranks share one copy of another node's object.
#include <gtest/gtest.h>
#include <mpi.h>

#include <array>
#include <chrono>
#include <cstdint>
#include <fstream>
#include <numeric>
#include <optional>
#include <sstream>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "mpi/runtime/runtime.hpp"
#include "tests/mpi/job.hpp"

namespace locum {
namespace {

using namespace std::chrono_literals;

class SharingRanks : public testing::Test {
 protected:
  static std::vector<double> values_of(int rank) {
    std::vector<double> values(1000 + static_cast<std::size_t>(rank) * 100);
    std::iota(values.begin(), values.end(), rank * 1e6);
    return values;
  }

  std::uint64_t copied_bytes() const {
    std::uint64_t bytes = 0;
    for (std::size_t path = 0; path < path_count; ++path) {
      if (path != static_cast<std::size_t>(Path::shm_view)) {
        bytes += runtime_.metrics().reads[path].bytes;
      }
    }
    return bytes;
  }
  std::uint64_t views() const {
    return runtime_.metrics().reads[static_cast<std::size_t>(Path::shm_view)].operations;
  }

  /// Summed over all ranks. Collective.
  static std::uint64_t sum_of_all(std::uint64_t own) {
    std::uint64_t sum = 0;
    MPI_Allreduce(&own, &sum, 1, MPI_UINT64_T, MPI_SUM, MPI_COMM_WORLD);
    return sum;
  }
  static bool is_first_of_node() {
    int first = 0;
    while (!job::same_node(first)) {
      ++first;
    }
    return first == job::rank();
  }
  /// If every rank reads the object that each rank made with values_of(): how many objects are transferred to
  /// a node from another one, and their bytes; the sum over all nodes. Collective.
  struct Arrivals {
    std::uint64_t objects = 0;
    std::uint64_t bytes = 0;
  };
  static Arrivals arrivals() {
    Arrivals own;
    for (int rank = 0; rank < job::size(); ++rank) {
      if (is_first_of_node() && !job::same_node(rank)) {
        ++own.objects;
        own.bytes += values_of(rank).size() * sizeof(double);
      }
    }
    return {sum_of_all(own.objects), sum_of_all(own.bytes)};
  }

  Runtime runtime_{MPI_COMM_WORLD, {.memory_bytes = 64_MiB, .timeout = 20s, .collective_timeout = 20s}};
  Store store_ = runtime_.store("fields");
};

// The kernel's name for the mapping at `address`; empty if there is none.
std::string mapping_at(const void* address) {
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  std::ifstream maps("/proc/self/maps");
  for (std::string line; std::getline(maps, line);) {
    std::istringstream fields(line);
    std::uintptr_t first = 0;
    std::uintptr_t end = 0;
    char dash = 0;
    fields >> std::hex >> first >> dash >> end;
    if (wanted >= first && wanted < end) {
      return line;
    }
  }
  return {};
}

bool in_node_memory(const void* address) {
  const std::string line = mapping_at(address);
  return line.find("/dev/shm/") != std::string::npos || line.find("memfd:locum") != std::string::npos;
}

// Checks the object that rank `maker` made, with values from `first` on.
void expect_whole(std::span<const double> seen, int maker, int first) {
  // Small values of other nodes arrive in messages, for each rank separately.
  const bool shared = job::same_node(maker) || seen.size_bytes() > 4096;
  EXPECT_EQ(in_node_memory(seen.data()), shared) << mapping_at(seen.data());
  double expected = first * 1e6;
  for (const double value : seen) {
    ASSERT_EQ(value, expected);
    expected += 1;
  }
}

TEST_F(SharingRanks, EveryRankReadsEverybodysObjectsByKeyInPlace) {
  const std::vector<Key> keys = job::everybodys(store_.put(values_of(job::rank())).value());
  const std::uint64_t copied = copied_bytes();
  const std::uint64_t viewed = views();
  const std::uint64_t messages = runtime_.metrics().messages;
  for (int rank = 0; rank < job::size(); ++rank) {
    const auto view = store_.get<double[]>(keys[static_cast<std::size_t>(rank)]).value();
    EXPECT_EQ(view.size(), values_of(rank).size());
    expect_whole({view.begin(), view.end()}, rank, rank);
  }
  const Arrivals arrived = arrivals();
  const auto all = static_cast<std::uint64_t>(job::size()) * static_cast<std::uint64_t>(job::size());
  EXPECT_EQ(sum_of_all(copied_bytes() - copied), arrived.bytes)
      << "each object was transferred to each node once";
  EXPECT_EQ(sum_of_all(views() - viewed), all - arrived.objects);
  if (job::one_node()) {
    EXPECT_EQ(runtime_.metrics().messages, messages);
  }
}

TEST_F(SharingRanks, EveryRankReadsEverybodysObjectsByNameInPlace) {
  EXPECT_TRUE(store_.put("T/" + std::to_string(job::rank()), values_of(job::rank())));
  job::barrier();
  const std::uint64_t copied = copied_bytes();
  for (int rank = 0; rank < job::size(); ++rank) {
    const auto view = store_.get<double[]>("T/" + std::to_string(rank)).value();
    expect_whole({view.begin(), view.end()}, rank, rank);
  }
  EXPECT_EQ(sum_of_all(copied_bytes() - copied), arrivals().bytes)
      << "each object was transferred to each node once";
}

TEST_F(SharingRanks, AWriterWritesStraightIntoTheMemoryThatOthersRead) {
  Key key;
  if (job::rank() == job::last()) {
    auto writer = store_.create<double>({10, 20}).value();
    EXPECT_TRUE(in_node_memory(writer.data()));
    std::iota(writer.data(), writer.data() + 200, job::rank() * 1e6);
    key = writer.seal().value();
  }
  key = job::from(job::last(), key);
  const auto view = store_.get<double[]>(key).value();
  EXPECT_EQ(view.size(), 200U);
  expect_whole({view.begin(), view.end()}, job::last(), job::last());
}

// Of a field of another node only the requested part is transferred.
TEST_F(SharingRanks, EveryRankReadsSomeOfEverybodysFields) {
  const Extents extents(8, 32, 512);
  auto writer = store_.create<double>("field/" + std::to_string(job::rank()), extents).value();
  std::iota(writer.begin(), writer.end(), job::rank() * 1e6);
  (void)writer.seal().value();
  job::barrier();
  const std::uint64_t copied = copied_bytes();
  const Hyperslab box{.start = {1, 2, 3}, .count = {3, 30, 250}, .stride = {2, 1, 2}};
  std::uint64_t expected = 0;
  for (int rank = 0; rank < job::size(); ++rank) {
    const std::string name = "field/" + std::to_string(rank);
    const auto row = store_.get<double[]>(name, {.part = {.offset = 1000, .count = 3000}}).value();
    const auto packed = store_.get<double[]>(name, {.slab = box}).value();
    EXPECT_EQ(in_node_memory(row.data()), job::same_node(rank));
    expected += packed.size_bytes() + (job::same_node(rank) ? 0 : row.size_bytes());
    ASSERT_EQ(row.size(), 3000U);
    for (std::size_t at = 0; at < row.size(); ++at) {
      ASSERT_EQ(row[at], rank * 1e6 + 1000.0 + static_cast<double>(at));
    }
    ASSERT_EQ(packed.extents(), box.count);
    std::size_t at = 0;
    for (std::uint64_t plane = 1; plane < 7; plane += 2) {
      for (std::uint64_t line = 2; line < 32; ++line) {
        for (std::uint64_t cell = 3; cell < 503; cell += 2) {
          ASSERT_EQ(packed[at++], rank * 1e6 + static_cast<double>((plane * 32 + line) * 512 + cell));
        }
      }
    }
  }
  EXPECT_EQ(copied_bytes(), copied + expected);
}

TEST_F(SharingRanks, AHandleGoesThroughMpiAndResolves) {
  static_assert(sizeof(Handle) == 64);
  const int next = (job::rank() + 1) % job::size();
  const int previous = (job::rank() + job::size() - 1) % job::size();
  const Proxy<double[]> mine = store_.put_proxy(values_of(job::rank())).value();
  const Handle sent = mine.handle();
  Handle received;
  MPI_Sendrecv(&sent, sizeof sent, MPI_BYTE, next, 0, &received, sizeof received, MPI_BYTE, previous, 0,
               MPI_COMM_WORLD, MPI_STATUS_IGNORE);
  const std::uint64_t copied = copied_bytes();
  const auto stand_in = runtime_.proxy<double[]>(received);
  EXPECT_EQ(stand_in.size_bytes(), values_of(previous).size() * sizeof(double));
  std::size_t index = 0;
  for (const double value : *stand_in) {
    ASSERT_EQ(value, previous * 1e6 + static_cast<double>(index++));
  }
  EXPECT_EQ(index, values_of(previous).size());
  EXPECT_EQ(copied_bytes(), copied + (job::same_node(previous) ? 0 : stand_in.size_bytes()));
  job::barrier();
}

struct Mesh {
  static constexpr std::string_view locum_type_name = "tests.mesh";

  std::string name;
  std::vector<std::array<int, 3>> triangles;
  std::optional<double> spacing;

  template <class Archive>
  void serialize(Archive& archive) {
    archive(name, triangles, spacing);
  }
  friend bool operator==(const Mesh&, const Mesh&) = default;
};

TEST_F(SharingRanks, AValueOfAnotherRankIsDecodedOncePerProcess) {
  const Mesh mesh{"wing", {{0, 1, 2}, {2, 3, 0}}, 0.25};
  if (job::rank() == job::last()) {
    EXPECT_TRUE(store_.put("mesh/v1", mesh));
  }
  job::barrier();
  const std::uint64_t decodes = runtime_.metrics().decodes;
  const auto first = store_.get<Mesh>("mesh/v1").value();
  const auto second = store_.get<Mesh>("mesh/v1").value();
  EXPECT_EQ(*first, mesh);
  EXPECT_EQ(&*first, &*second);
  EXPECT_EQ(runtime_.metrics().decodes, decodes + 1);
  const auto other = store_.get<std::vector<int>>("mesh/v1");
  ASSERT_FALSE(other.has_value());
  EXPECT_EQ(other.error().code(), Errc::type_mismatch);
  job::barrier();
}

TEST_F(SharingRanks, ALiveNameIsTakenForAll) {
  if (job::rank() == 0) {
    EXPECT_TRUE(store_.put("mesh", 17));
  }
  job::barrier();
  const auto again = store_.put("mesh", 18);
  ASSERT_FALSE(again.has_value());
  EXPECT_EQ(again.error().code(), Errc::key_exists);
  EXPECT_EQ(*store_.get<int>("mesh").value(), 17);
  job::barrier();
}

TEST_F(SharingRanks, OneOfAllRanksGetsANameThatAllWant) {
  for (int i = 0; i < 50; ++i) {
    const std::string name = "wanted/" + std::to_string(i);
    job::barrier();
    const auto key = store_.put(name, job::rank());
    const std::vector<int> won = job::everybodys(key.has_value() ? 1 : 0);
    EXPECT_EQ(std::accumulate(won.begin(), won.end(), 0), 1) << name;
    EXPECT_TRUE(key || key.error().code() == Errc::key_exists);
    const int seen = *store_.get<int>(name).value();
    EXPECT_EQ(won[static_cast<std::size_t>(seen)], 1) << "the value is not the winner's";
  }
  job::barrier();
}

TEST_F(SharingRanks, AReplacedNameIsNewForAllAndItsOldHandleStale) {
  Handle first;
  if (job::rank() == 0) {
    first = store_.put_proxy("clock", 1).value().handle();
  }
  first = job::from(0, first);
  const auto old_view = store_.get<int>("clock").value();
  const auto old_proxy = runtime_.proxy<int>(first);
  job::barrier();
  if (job::rank() == job::last()) {
    EXPECT_TRUE(store_.replace("clock", 2));
  }
  job::barrier();
  EXPECT_EQ(*store_.get<int>("clock").value(), 2);
  EXPECT_EQ(*old_view, 1);
  const auto resolved = old_proxy.get();
  ASSERT_FALSE(resolved.has_value());
  EXPECT_EQ(resolved.error().code(), Errc::stale);
  job::barrier();
}

TEST_F(SharingRanks, WhatOneRankEvictsNoRankFinds) {
  for (int evicting = 0; evicting < job::size(); ++evicting) {
    Key key;
    if (job::rank() == 0) {
      key = store_.put("gone", values_of(7)).value();
    }
    key = job::from(0, key);
    const auto view = store_.get<double[]>(key).value();
    job::barrier();
    if (job::rank() == evicting) {
      EXPECT_EQ(store_.evict(key).value_or(false), true);
    }
    job::barrier();
    EXPECT_EQ(store_.get<double[]>(key).error().code(), Errc::not_found);
    EXPECT_EQ(store_.get<double[]>("gone").error().code(), Errc::not_found);
    EXPECT_EQ(store_.exists(key).value_or(true), false);
    EXPECT_EQ(store_.evict(key).value_or(true), false);
    expect_whole({view.begin(), view.end()}, 0, 7);
    job::barrier();
  }
}

TEST_F(SharingRanks, AWaitingRankGetsWhatAnotherPutsLater) {
  if (job::rank() == job::last() && job::size() > 1) {
    // Every other rank has announced that it is about to wait; most of them do by now.
    job::barrier();
    EXPECT_TRUE(store_.put("later", 42));
  } else {
    job::barrier();
    if (job::size() == 1) {
      EXPECT_TRUE(store_.put("later", 42));
    }
    const auto view = store_.wait<int>("later", 10s);
    ASSERT_TRUE(view.has_value()) << view.error().what();
    EXPECT_EQ(**view, 42);
  }
  const auto never = store_.wait<int>("never", 30ms);
  ASSERT_FALSE(never.has_value());
  EXPECT_EQ(never.error().code(), Errc::timeout);
  job::barrier();
}

TEST_F(SharingRanks, NamesOfAllRanksAreListed) {
  EXPECT_TRUE(store_.put("a/" + std::to_string(job::rank()), job::rank()));
  EXPECT_TRUE(store_.put("b/" + std::to_string(job::rank()), job::rank()));
  job::barrier();
  std::vector<std::string> expected;
  for (int rank = 0; rank < job::size(); ++rank) {
    expected.push_back("a/" + std::to_string(rank));
  }
  EXPECT_EQ(store_.keys("a/").value(), expected);
  job::barrier();
}

TEST_F(SharingRanks, ACollectionIsOneForAllAndAnyRankClearsIt) {
  const Store step = store_.collection("step42").value();
  const Store ghosts = step.collection("ghosts").value();
  const std::string mine = std::to_string(job::rank());
  EXPECT_TRUE(step.put(mine, job::rank()));
  EXPECT_TRUE(ghosts.put(mine, values_of(job::rank())));
  EXPECT_TRUE(store_.put("step4/" + mine, job::rank()));
  job::barrier();
  const auto ranks = static_cast<std::uint64_t>(job::size());
  for (int rank = 0; rank < job::size(); ++rank) {
    EXPECT_EQ(*step.get<int>(std::to_string(rank)).value(), rank);
    EXPECT_EQ(ghosts.get<double[]>(std::to_string(rank)).value()[0], rank * 1e6);
  }
  EXPECT_EQ(step.size().value(), 2 * ranks);
  EXPECT_EQ(ghosts.size().value(), ranks);
  job::barrier();
  // All at once: each object is evicted once.
  EXPECT_EQ(sum_of_all(ghosts.clear().value()), ranks);
  job::barrier();
  EXPECT_EQ(step.size().value(), ranks);
  job::barrier();
  if (job::rank() == job::last()) {
    EXPECT_EQ(step.clear({.deadline = 20s}).value(), ranks) << "also what other ranks made";
  }
  job::barrier();
  EXPECT_EQ(step.keys().value(), std::vector<std::string>());
  EXPECT_FALSE(step.exists("0").value());
  EXPECT_EQ(store_.size().value(), ranks);
  job::barrier();
}

TEST_F(SharingRanks, ObjectsExpireForAllRanks) {
  const std::string own = std::to_string(job::rank());
  const Store shortly = store_.collection("shortly", {.lifetime = 50ms}).value();
  const std::vector<Key> unnamed = job::everybodys(store_.put(1, {.lifetime = 50ms}).value());
  const std::vector<Key> named = job::everybodys(shortly.put(own, values_of(job::rank())).value());
  EXPECT_TRUE(shortly.put("kept/" + own, 2, {.lifetime = 1h}));
  job::barrier();
  for (const Key& key : named) {
    (void)store_.get<double[]>(key);  // a node that is fast enough has a copy now
  }
  // Ten times as long as it may take.
  const auto latest = std::chrono::steady_clock::now() + 20s;
  const auto is_gone = [&](const auto& id) {
    while (store_.exists(id).value()) {
      if (std::chrono::steady_clock::now() > latest) {
        return false;
      }
      std::this_thread::sleep_for(5ms);
    }
    return true;
  };
  for (int rank = 0; rank < job::size(); ++rank) {
    const std::string name = std::to_string(rank);
    EXPECT_TRUE(is_gone("shortly/" + name));
    EXPECT_TRUE(is_gone(named[static_cast<std::size_t>(rank)]));
    EXPECT_TRUE(is_gone(unnamed[static_cast<std::size_t>(rank)]));
    const auto info = shortly.info("kept/" + name).value();
    EXPECT_TRUE(info.expires_at && *info.expires_at > std::chrono::system_clock::now() + 50min);
  }
  job::barrier();
  // The name of what has expired is free, also while nobody has evicted that.
  for (int round = 0; round < 3; ++round) {
    const auto again = store_.put("again/" + own, values_of(job::rank()), {.lifetime = 1ms});
    EXPECT_TRUE(again) << again.error();
    // Another node, at which the name is at home, counts anew, in whole milliseconds.
    const auto end = std::chrono::system_clock::now() + 3ms;
    while (std::chrono::system_clock::now() <= end) {
      std::this_thread::sleep_for(1ms);
    }
  }
  EXPECT_TRUE(store_.put("again/" + own, 3));
  job::barrier();
  for (int rank = 0; rank < job::size(); ++rank) {
    EXPECT_EQ(*store_.get<int>("again/" + std::to_string(rank)).value(), 3);
  }
  job::barrier();
}

TEST_F(SharingRanks, ADroppedStoreIsGoneForAllAndItsNameFree) {
  const std::string own = "x/" + std::to_string(job::rank());
  const std::vector<Key> keys = job::everybodys(store_.put(own, values_of(job::rank())).value());
  EXPECT_TRUE(store_.put(values_of(0)));
  Store other = runtime_.store("other");
  EXPECT_TRUE(other.put(own, 5));
  const auto view = store_.get<double[]>(keys[0]).value();
  job::barrier();

  runtime_.drop("fields");
  EXPECT_EQ(store_.get<double[]>(own).error().code(), Errc::closed);
  expect_whole({view.begin(), view.end()}, 0, 0);
  EXPECT_EQ(*other.get<int>(own).value(), 5);

  Store again = runtime_.store("fields");
  EXPECT_TRUE(again.keys("").value().empty());
  for (const Key& key : keys) {
    EXPECT_FALSE(again.get<double[]>(key).has_value());
  }
  job::barrier();
  EXPECT_TRUE(again.put(own, 6));
  job::barrier();
  EXPECT_EQ(*again.get<int>("x/0").value(), 6);
  job::barrier();
  runtime_.drop("fields");
  runtime_.drop("fields");
  runtime_.drop("what nobody opened");
}

// Whatever level MPI was initialised with: no thread here calls it.
TEST_F(SharingRanks, ThreadsOfARankUseTheStoreAtOnce) {
  constexpr int threads = 3;
  constexpr int rounds = 200;
  std::vector<int> failures(threads, 0);
  {
    std::vector<std::jthread> running;
    for (int thread = 0; thread < threads; ++thread) {
      running.emplace_back([&, thread] {
        const std::string prefix = std::to_string(job::rank()) + "/" + std::to_string(thread) + "/";
        for (int round = 0; round < rounds; ++round) {
          const std::string name = prefix + std::to_string(round);
          const bool fine = store_.put(name, round).has_value() && *store_.get<int>(name).value() == round &&
                            store_.evict(name).value_or(false);
          failures[static_cast<std::size_t>(thread)] += fine ? 0 : 1;
        }
      });
    }
  }
  EXPECT_EQ(failures, std::vector<int>(threads, 0));
  EXPECT_TRUE(store_.keys(std::to_string(job::rank()) + "/").value().empty());
}

}  // namespace
}  // namespace locum
