// Processes that put batches into a store are killed at any instant: a batch that was acknowledged is there,
// and each object of the one that was being put is there, whole, or not. LOCUM_BATCH_KILLS: how many, of each
// backend; LOCUM_BATCH_KILL_SEED: of the first.

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdint>
#include <iostream>
#include <random>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/shm/child.hpp"
#include "tests/transport/storage/backends_on_disk.hpp"
#include "tests/transport/storage/killed_writer.hpp"
#include "tests/transport/storage/temporary_folder.hpp"
#include "transport/storage/open.hpp"

namespace locum::tests {
namespace {

constexpr std::uint64_t objects_in_batch = 12;

using Batch = std::vector<std::pair<std::string, std::vector<std::uint64_t>>>;

/// Always the same for a seed; each has objects of several sizes, up to 160 KB.
Batch batch_of(std::uint64_t seed, std::uint64_t number) {
  std::minstd_rand random(static_cast<std::uint32_t>(seed * 7919 + number));
  Batch batch;
  for (std::uint64_t at = 0; at < objects_in_batch; ++at) {
    const std::size_t size = 1 + (random() % 10 == 0 ? random() % 20'000 : random() % 300);
    batch.emplace_back(std::to_string(number) + "/" + std::to_string(at),
                       std::vector<std::uint64_t>(size, number * objects_in_batch + at));
  }
  return batch;
}

void put_batches(const std::string& url, std::uint64_t seed, int said) {
  const Store store = open(url).value();
  for (std::uint64_t number = 0;; ++number) {
    for (const auto& key : store.put_batch(batch_of(seed, number))) {
      (void)key.value();
    }
    if (::write(said, "+", 1) != 1) {
      return;
    }
  }
}

/// How many objects of the batch after those that were acknowledged are there.
std::uint64_t objects_begun(const std::string& url, std::uint64_t seed, std::uint64_t acknowledged) {
  const Store store = open(url).value();
  std::uint64_t begun = 0;
  for (std::uint64_t number = 0; number <= acknowledged; ++number) {
    for (const auto& [name, value] : batch_of(seed, number)) {
      const auto found = store.get<std::uint64_t[]>(name);
      if (number == acknowledged && !found && found.error().code() == Errc::not_found) {
        continue;
      }
      if (!std::ranges::equal(found.value(), value)) {
        throw std::runtime_error(name + " is another value");
      }
      begun += number == acknowledged ? 1 : 0;
    }
  }
  if (store.keys().value().size() != acknowledged * objects_in_batch + begun) {
    throw std::runtime_error("there are other names than those that were put");
  }
  return begun;
}

class BatchKill : public ::testing::TestWithParam<BackendOnDisk> {};

TEST_P(BatchKill, LosesNoBatchThatWasPut) {
  const std::uint64_t kills = number_in("LOCUM_BATCH_KILLS", 4);
  const std::uint64_t first_seed = number_in("LOCUM_BATCH_KILL_SEED", 1);
  std::uint64_t batches = 0;
  std::uint64_t in_part = 0;
  for (std::uint64_t seed = first_seed; seed < first_seed + kills; ++seed) {
    SCOPED_TRACE(seed);
    const TemporaryFolder folder;
    const bool syncs = seed % 2 == 0;
    const std::string url = with_folder(GetParam().url, folder.path()) + "sync=" + (syncs ? '1' : '0');
    std::minstd_rand random(static_cast<std::uint32_t>(seed * 7919));
    const std::size_t least = 1 + random() % (syncs ? 4 : 20);
    const std::chrono::microseconds later(random() % (syncs ? 3000 : 1000));
    const std::string said = said_until_killed([&](int to) { put_batches(url, seed, to); }, least, later);
    // In a process of its own: RocksDB's threads do not go with a fork.
    const Ending checked = in_child([&] { return std::to_string(objects_begun(url, seed, said.size())); });
    ASSERT_EQ(checked.exit_code, 0) << "after " << said.size() << " batches: " << checked.said;
    const std::uint64_t begun = std::stoull(checked.said);
    batches += said.size();
    in_part += begun > 0 && begun < objects_in_batch ? 1 : 0;
  }
  std::cout << kills << " kills after " << batches << " batches; of " << in_part << " a part was there\n";
}

/// The stable ones: a preview may lose more.
std::vector<BackendOnDisk> backends_that_outlive_kills() {
  std::vector<BackendOnDisk> all = backends_on_disk();
  std::erase_if(all, [](const BackendOnDisk& one) { return one.stability != Stability::stable; });
  return all;
}

INSTANTIATE_TEST_SUITE_P(Backends, BatchKill, ::testing::ValuesIn(backends_that_outlive_kills()),
                         [](const auto& of) { return of.param.name; });

}  // namespace
}  // namespace locum::tests
