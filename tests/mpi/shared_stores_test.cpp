// What all ranks change at once in one store: over a backend that they share, and in the memory of the nodes
// in front of it. Over a folder, and over what LOCUM_TEST_BACKENDS names.

#include <gtest/gtest.h>
#include <mpi.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "core/serializers.hpp"
#include "mpi/runtime/runtime.hpp"
#include "tests/core/code_of.hpp"
#include "tests/mpi/job.hpp"
#include "tests/mpi/shared_folder.hpp"
#include "tests/mpi/shared_urls.hpp"

namespace locum {
namespace {

using tests::code_of;

/// Opens a new store over each, one after the other. Collective.
void in_each_store(const std::function<void(const Store&)>& body) {
  const job::SharedFolder folder;
  const std::string name = std::filesystem::path(folder.path()).filename();  // servers have none of that name
  const auto in = [&](const std::string& store, const std::string& url) {
    SCOPED_TRACE(url);
    Runtime runtime(MPI_COMM_WORLD, {.memory_bytes = 64_MiB});
    body(runtime.store(store, {.connector = url}));
    job::barrier();
  };
  for (const std::string& url : job::shared_urls(folder.path())) {
    in(name, url);
    if (job::is_durable(url)) {
      in(name + "_through", "nodes+" + url);
      in(name + "_back", job::with_option("nodes+" + url, "nodes.write=back"));
    }
  }
}

/// Of many things of which each was to be done by one rank: who it was, where `done` of that rank is 1.
std::vector<int> only_ones(const std::vector<char>& done) {
  std::vector<char> all(done.size() * static_cast<std::size_t>(job::size()));
  MPI_Allgather(done.data(), static_cast<int>(done.size()), MPI_CHAR, all.data(),
                static_cast<int>(done.size()), MPI_CHAR, MPI_COMM_WORLD);
  std::vector<int> who(done.size(), -1);
  for (std::size_t at = 0; at < done.size(); ++at) {
    int ranks = 0;
    for (int rank = 0; rank < job::size(); ++rank) {
      if (all[static_cast<std::size_t>(rank) * done.size() + at] != 0) {
        who[at] = rank;
        ++ranks;
      }
    }
    EXPECT_EQ(ranks, 1) << "ranks have done what one had to do, the " << at << "th";
  }
  return who;
}

std::string name_of(std::size_t at) {
  return "name" + std::to_string(at);
}

TEST(StoresOfAllRanks, GiveANameToOne) {
  in_each_store([](const Store& store) {
    std::vector<char> won(10, 0);
    for (std::size_t at = 0; at < won.size(); ++at) {
      job::barrier();
      const auto put = store.put(name_of(at), job::rank());
      EXPECT_TRUE(put || code_of(put) == Errc::key_exists) << put.error();
      won[at] = put ? 1 : 0;
    }
    const std::vector<int> winners = only_ones(won);
    for (std::size_t at = 0; at < won.size(); ++at) {
      EXPECT_EQ(*store.get<int>(name_of(at)).value(), winners[at]) << at;
    }
  });
}

TEST(StoresOfAllRanks, LoseNoChange) {
  in_each_store([](const Store& store) {
    constexpr int times = 10;
    if (job::rank() == job::last()) {
      EXPECT_TRUE(store.put("count", 0));
    }
    job::barrier();
    const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
    for (int done = 0; done < times && Deadline::Clock::now() < end;) {
      const std::uint64_t generation = store.info("count").value().generation;  // or an earlier one
      const int read = *store.get<int>("count").value();
      const auto changed = store.replace("count", read + 1, {.expected_generation = generation});
      EXPECT_TRUE(changed || code_of(changed) == Errc::stale) << changed.error();
      done += changed || code_of(changed) != Errc::stale ? 1 : 0;
    }
    job::barrier();
    EXPECT_EQ(*store.get<int>("count").value(), times * job::size());
  });
}

TEST(StoresOfAllRanks, DoEachOfABatchForOne) {
  in_each_store([](const Store& store) {
    std::map<std::string, int> objects;
    std::vector<std::string> names;
    for (std::size_t at = 0; at < 40; ++at) {
      objects[name_of(at)] = job::rank();
    }
    for (const auto& [name, rank] : objects) {
      names.push_back(name);
    }
    std::vector<char> won;
    job::barrier();
    for (const auto& put : store.put_batch(objects)) {
      EXPECT_TRUE(put || code_of(put) == Errc::key_exists) << put.error();
      won.push_back(put ? 1 : 0);
    }
    const std::vector<int> winners = only_ones(won);
    const auto found = store.get_batch<int>(names);
    for (std::size_t at = 0; at < names.size(); ++at) {
      EXPECT_EQ(*found[at].value(), winners[at]) << at;
    }
    job::barrier();
    std::vector<char> evicted;
    for (const auto& gone : store.evict_batch(names)) {
      EXPECT_TRUE(gone) << gone.error();
      evicted.push_back(gone && *gone ? 1 : 0);
    }
    (void)only_ones(evicted);
    for (const std::string& name : names) {
      EXPECT_EQ(code_of(store.get<int>(name)), Errc::not_found);
    }
  });
}

TEST(StoresOfAllRanks, ListAndClearWhatAllHavePut) {
  in_each_store([](const Store& store) {
    constexpr std::size_t each = 20;
    const Store step = store.collection("step").value();
    for (std::size_t at = 0; at < each; ++at) {
      EXPECT_TRUE(step.put(std::to_string(job::rank()) + "." + std::to_string(at), job::rank()));
    }
    job::barrier();
    const auto all = step.size();
    if (code_of(all) == Errc::unsupported) {
      return;  // this backend lists nothing
    }
    EXPECT_EQ(all.value(), each * static_cast<std::size_t>(job::size()));
    EXPECT_EQ(step.keys(std::to_string(job::last()) + ".").value().size(), each);
    job::barrier();
    if (job::rank() == job::last()) {
      EXPECT_EQ(step.clear().value(), *all);
    }
    job::barrier();
    EXPECT_EQ(step.size().value(), 0U);
    EXPECT_EQ(code_of(step.get<int>("0.0")), Errc::not_found);
  });
}

TEST(StoresOfAllRanks, EvictForAllWhatHasExpired) {
  in_each_store([](const Store& store) {
    const auto brief = [](int rank) { return "brief" + std::to_string(rank); };
    EXPECT_TRUE(store.put(brief(job::rank()), job::rank(), {.lifetime = std::chrono::milliseconds(200)}));
    EXPECT_TRUE(
        store.put("long" + std::to_string(job::rank()), job::rank(), {.lifetime = std::chrono::hours(1)}));
    job::barrier();
    const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
    for (int rank = 0; rank < job::size(); ++rank) {
      while (store.get<int>(brief(rank)) && Deadline::Clock::now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
      }
      EXPECT_EQ(code_of(store.get<int>(brief(rank))), Errc::not_found);
      EXPECT_EQ(*store.get<int>("long" + std::to_string(rank)).value(), rank);
    }
    job::barrier();
    const auto again = store.put(brief(0), 100 + job::rank());
    EXPECT_TRUE(again || code_of(again) == Errc::key_exists) << again.error();
    EXPECT_EQ(*store.get<int>(brief(0)).value(), 100 + only_ones({again ? '\1' : '\0'}).front());
  });
}

}  // namespace
}  // namespace locum
