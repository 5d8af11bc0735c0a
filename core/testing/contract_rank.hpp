#pragma once

// The ranks that run the tests of shared_backend_contract.hpp together: threads or processes.

#include <gtest/gtest.h>

#include <algorithm>
#include <barrier>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <locum/ports/backend.hpp>
#include <locum/testing/backend_contract.hpp>

namespace locum::tests {

/// One of the ranks that run a test together.
struct ContractRank {
  int rank = 0;
  int size = 2;
  std::shared_ptr<Backend> backend;  ///< as this rank has opened it, at the place that all share
  std::string space;  ///< the same for all ranks, and empty; at most 40 bytes, which file names may have
  std::function<void()> barrier;  ///< returns when all ranks have called it
};

struct SharedBackendFactory {
  std::string name;
  /// Calls a function concurrently for each rank of this process, and returns when all have returned.
  std::function<void(const std::function<void(const ContractRank&)>&)> run;

  friend std::ostream& operator<<(std::ostream& out, const SharedBackendFactory& factory) {
    return out << factory.name;
  }
};

inline std::string shared_backend_name(const ::testing::TestParamInfo<SharedBackendFactory>& info) {
  return info.param.name;
}

/// Runs ranks as threads. Each opens the backend by itself, if by its traits others can.
inline SharedBackendFactory in_threads(BackendFactory factory, int size = 4) {
  std::string name = factory.name;
  return {std::move(name), [factory = std::move(factory), size](const auto& body) {
            std::vector<ContractRank> ranks;
            std::barrier<> together(size);
            for (int rank = 0; rank < size; ++rank) {
              const bool opens =
                  rank > 0 && factory.again && ranks.front().backend->traits().shared_by != SharedBy::process;
              ranks.push_back({rank, size,
                               rank == 0 ? factory.make()
                               : opens   ? factory.again()
                                         : ranks.front().backend,
                               "s", [&together] { together.arrive_and_wait(); }});
            }
            std::vector<std::thread> threads;
            for (const ContractRank& one : ranks) {
              threads.emplace_back([&body, &one] { body(one); });
            }
            for (std::thread& thread : threads) {
              thread.join();
            }
          }};
}

/// Steps of a rank in a test: all ranks have ended a step before one of them begins the next.
class RankSteps : public BackendCalls {
 public:
  explicit RankSteps(const ContractRank& place) : place_(place) {}

  [[nodiscard]] int rank() const noexcept { return place_.rank; }
  [[nodiscard]] int size() const noexcept { return place_.size; }
  [[nodiscard]] int last() const noexcept { return place_.size - 1; }
  [[nodiscard]] int next() const noexcept { return (place_.rank + 1) % place_.size; }
  [[nodiscard]] Backend& backend() const noexcept { return *place_.backend; }
  [[nodiscard]] const BackendTraits& traits() const noexcept { return place_.backend->traits(); }
  [[nodiscard]] const std::string& space() const noexcept { return place_.space; }
  [[nodiscard]] RecordKey key(std::string_view name) const noexcept { return {place_.space, name}; }

  /// Runs a step. A rank whose step fails goes on with the next one, as the others do.
  void step(const std::function<void()>& what) const {
    try {
      what();
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
    place_.barrier();
  }
  Result<void> store(const std::string& name, std::string_view text, std::uint64_t revision,
                     Expect expect = Expect::anything, std::uint64_t expected = 0) const {
    return BackendCalls::store(backend(), key(name), text, revision, expect, expected);
  }
  [[nodiscard]] std::string load(const std::string& name) const {
    return BackendCalls::load(backend(), key(name));
  }
  [[nodiscard]] bool removes(const std::string& name, std::uint64_t revision = 0) const {
    return backend().remove(key(name), revision, soon()).value();
  }
  [[nodiscard]] std::vector<std::string> sorted(std::string_view prefix = {}) const {
    auto names = backend().list(space(), prefix, soon()).value();
    std::ranges::sort(names);
    return names;
  }
  /// Returns the text of each rank, exchanged by the backend in another space. Takes a step of its own.
  [[nodiscard]] std::vector<std::string> everybodys(const std::string& mine) {
    const std::string told_in = space() + "-told";
    const std::string before = std::to_string(++told_) + '-';
    step([&] {
      const auto told = BackendCalls::store(backend(), {told_in, before + std::to_string(rank())}, mine, 1);
      EXPECT_TRUE(told) << told.error();
    });
    std::vector<std::string> all;
    for (int other = 0; other < size(); ++other) {
      all.push_back(BackendCalls::load(backend(), {told_in, before + std::to_string(other)}));
    }
    return all;
  }
  /// Returns, for each of many actions, the one rank that has made it; -1 is a failure of this test. `done`
  /// has a '1' for each action that this rank has made.
  [[nodiscard]] std::vector<int> only_ones(const std::string& done) {
    const std::vector<std::string> all = everybodys(done);
    std::vector<int> who(done.size(), -1);
    for (std::size_t at = 0; at < done.size(); ++at) {
      int ranks = 0;
      for (int other = 0; other < size(); ++other) {
        const std::string& theirs = all[static_cast<std::size_t>(other)];
        EXPECT_EQ(theirs.size(), done.size()) << "rank " << other << " says: " << theirs;
        if (at < theirs.size() && theirs[at] == '1') {
          who[at] = other;
          ++ranks;
        }
      }
      EXPECT_EQ(ranks, 1) << "ranks have done what one had to do, the " << at << "th";
    }
    return who;
  }

 private:
  const ContractRank& place_;
  int told_ = 0;
};

}  // namespace locum::tests
