#pragma once

// The contract of a shared backend as tests, beside that of a backend that is used alone
// (backend_contract.hpp). Several ranks run each test together: threads of the test (in_threads()), or
// processes, on one host or on several. Include it in one source file of a test, and instantiate both suites:
//
//   using locum::tests::SharedBackendContract;
//   INSTANTIATE_TEST_SUITE_P(Tape, SharedBackendContract,
//                            ::testing::Values(locum::tests::in_threads({"tape", make_tape, open_tape})),
//                            locum::tests::shared_backend_name);
//
// Processes instantiate it with a `run` of their own, which calls the given function with the rank of its
// process; all of them run the same tests in the same order, as those of an MPI program do.

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include <locum/ports/backend.hpp>
#include <locum/testing/contract_rank.hpp>

namespace locum::tests {

class SharedBackendContract : public ::testing::TestWithParam<SharedBackendFactory> {
 protected:
  /// Returns why a backend is not tested; null: it is. The same for all ranks.
  using Lacks = const char* (*)(Backend& backend);

  static void by_ranks(const std::function<void(RankSteps&)>& body) { by_ranks(nothing, body); }
  /// Skips the test, with the reason, if `lacks` returns one.
  static void by_ranks(Lacks lacks, const std::function<void(RankSteps&)>& body) {
    std::atomic<const char*> lacking{nullptr};
    GetParam().run([&](const ContractRank& place) {
      SCOPED_TRACE("rank " + std::to_string(place.rank));
      RankSteps mine(place);
      if (const char* const reason = lacks(mine.backend()); reason != nullptr) {
        lacking = reason;
      } else {
        body(mine);
      }
    });
    if (lacking != nullptr) {
      GTEST_SKIP() << lacking;
    }
  }
  static const char* nothing(Backend& /*backend*/) { return nullptr; }
  static const char* atomic_changes(Backend& backend) {
    return backend.traits().is_atomic ? nullptr : "this backend is not atomic";
  }
  static const char* lists(Backend& backend) {
    return backend.traits().lists ? nullptr : "this backend does not list names";
  }
  static const char* expiry(Backend& backend) {
    return backend.traits().expires ? nullptr
                                    : "this backend removes nothing that has expired: the library does";
  }
  static const char* pushes(Backend& backend) {
    return backend.traits().pushes ? nullptr : "this backend wakes nobody: who waits asks again";
  }
  static const char* atomic_batches(Backend& backend) {
    return backend.batches() == nullptr ? "this backend has no batches" : atomic_changes(backend);
  }
  static std::string filled(std::size_t size, int seed) {
    std::string text(size, 'x');
    for (std::size_t at = 0; at < size; ++at) {
      text[at] = static_cast<char>(at * 7 + at / 251 + static_cast<std::size_t>(seed));
    }
    return text;
  }
};

TEST_P(SharedBackendContract, ShowsEachWhatTheOthersStore) {
  by_ranks([](RankSteps& mine) {
    std::vector<std::size_t> sizes{0, 1, 1000, 20'000, 300'000};
    std::erase_if(sizes, [&](std::size_t size) { return size > mine.traits().largest_record; });
    const auto name_of = [](int rank, std::size_t size) {
      return std::to_string(rank) + "-" + std::to_string(size);
    };
    for (const int round : {1, 2}) {  // stored, and replaced
      const auto revision = static_cast<std::uint64_t>(round);
      mine.step([&] {
        for (const std::size_t size : sizes) {
          const auto stored =
              mine.store(name_of(mine.rank(), size), filled(size, 10 * round + mine.rank()), revision);
          EXPECT_TRUE(stored) << stored.error();
        }
      });
      mine.step([&] {
        for (int other = 0; other < mine.size(); ++other) {
          for (const std::size_t size : sizes) {
            const std::string name = name_of(other, size);
            const auto found = mine.backend().load(mine.key(name), whole_record, RankSteps::soon());
            ASSERT_TRUE(found) << name << ": " << found.error();
            EXPECT_EQ(found->revision, revision) << name;
            EXPECT_TRUE(RankSteps::text_of(*found) == filled(size, 10 * round + other)) << name;
          }
        }
      });
    }
    mine.step([&] {
      for (const std::size_t size : sizes) {
        EXPECT_TRUE(mine.removes(name_of(mine.next(), size))) << "another rank's";
      }
    });
    mine.step([&] {
      for (int other = 0; other < mine.size(); ++other) {
        for (const std::size_t size : sizes) {
          EXPECT_EQ(mine.load(name_of(other, size)).substr(0, 20), "not_found");
        }
      }
    });
  });
}

TEST_P(SharedBackendContract, LetsOneOfAllRanksPutAName) {
  by_ranks(atomic_changes, [](RankSteps& mine) {
    constexpr std::size_t rounds = 60;
    const auto name_of = [](std::size_t at) { return "n" + std::to_string(at); };
    std::string won(rounds, '0');
    for (std::size_t at = 0; at < rounds; ++at) {  // each is a race that all begin together
      mine.step([&] {
        const auto stored = mine.store(name_of(at), std::to_string(mine.rank()),
                                       static_cast<std::uint64_t>(mine.rank()) + 1, Expect::absent);
        EXPECT_TRUE(stored || stored.error().code() == Errc::key_exists) << stored.error();
        won[at] = stored ? '1' : '0';
      });
    }
    const std::vector<int> winners = mine.only_ones(won);
    for (std::size_t at = 0; at < rounds; ++at) {
      EXPECT_EQ(mine.load(name_of(at)), std::to_string(winners[at])) << at;
    }
  });
}

TEST_P(SharedBackendContract, LosesNoChangeOfAllRanks) {
  by_ranks(atomic_changes, [](RankSteps& mine) {
    constexpr int times = 25;
    mine.step([&] {
      if (mine.rank() == mine.last()) {
        EXPECT_TRUE(mine.store("count", "0", 1));
      }
    });
    mine.step([&] {
      const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
      for (int done = 0; done < times;) {
        ASSERT_LT(Deadline::Clock::now(), end) << "only " << done << " changes were made";
        const auto now = mine.backend().load(mine.key("count"), whole_record, RankSteps::soon());
        ASSERT_TRUE(now) << now.error();
        const auto changed = mine.store("count", std::to_string(std::stoi(RankSteps::text_of(*now)) + 1),
                                        now->revision + 1, Expect::revision, now->revision);
        ASSERT_TRUE(changed || changed.error().code() == Errc::stale) << changed.error();
        done += changed ? 1 : 0;
      }
    });
    EXPECT_EQ(mine.load("count"), std::to_string(times * mine.size()));
  });
}

TEST_P(SharedBackendContract, LetsOneOfAllRanksReplaceOrRemoveARevision) {
  by_ranks(atomic_changes, [](RankSteps& mine) {
    constexpr std::size_t rounds = 60;
    const auto name_of = [](std::size_t at) { return "n" + std::to_string(at); };
    const auto removes = [](int rank, std::size_t at) {
      return (static_cast<std::size_t>(rank) + at) % 2 == 0;
    };
    mine.step([&] {
      for (std::size_t at = static_cast<std::size_t>(mine.rank()); at < rounds;
           at += static_cast<std::size_t>(mine.size())) {
        EXPECT_TRUE(mine.store(name_of(at), "first", 100 + at));
      }
    });
    mine.step([&] {
      for (std::size_t at = 0; at < rounds; ++at) {
        EXPECT_FALSE(mine.removes(name_of(at), 99)) << "it has another revision";
      }
    });
    std::string won(rounds, '0');
    for (std::size_t at = 0; at < rounds; ++at) {
      mine.step([&] {
        if (removes(mine.rank(), at)) {
          won[at] = mine.removes(name_of(at), 100 + at) ? '1' : '0';
          return;
        }
        const auto stored =
            mine.store(name_of(at), std::to_string(mine.rank()),
                       1000 + static_cast<std::uint64_t>(mine.rank()), Expect::revision, 100 + at);
        EXPECT_TRUE(stored || stored.error().code() == Errc::stale ||
                    stored.error().code() == Errc::not_found)
            << stored.error();
        won[at] = stored ? '1' : '0';
      });
    }
    const std::vector<int> winners = mine.only_ones(won);
    for (std::size_t at = 0; at < rounds; ++at) {
      EXPECT_EQ(mine.load(name_of(at)), removes(winners[at], at) ? "not_found" : std::to_string(winners[at]))
          << at;
    }
  });
}

TEST_P(SharedBackendContract, ShowsNoPartOfWhatAllRanksReplace) {
  by_ranks([](RankSteps& mine) {
    constexpr std::size_t small = 100;
    constexpr std::size_t large = 50'000;
    const auto text_of = [](int rank, std::size_t at_least) {
      return std::string(at_least + static_cast<std::size_t>(rank), static_cast<char>('a' + rank % 26));
    };
    const auto size = static_cast<std::uint64_t>(mine.size());
    const auto store = [&](std::uint64_t round, std::size_t at_least) {
      const auto stored = mine.store("a", text_of(mine.rank(), at_least),
                                     (round + 1) * size + static_cast<std::uint64_t>(mine.rank()));
      EXPECT_TRUE(stored) << stored.error();
    };
    // The size of the record shows which rank has stored it; bytes and revision have to be of the same rank.
    const auto look = [&](std::uint64_t last_bytes, bool is_at_rest) {
      const auto seen = mine.backend().load(mine.key("a"), last_bytes, RankSteps::soon());
      if (!seen && seen.error().code() == Errc::not_found && !mine.traits().is_atomic && !is_at_rest) {
        return;  // it was moved from one place to another
      }
      ASSERT_TRUE(seen) << seen.error();
      const std::size_t at_least = seen->size_bytes < large ? small : large;
      const std::uint64_t rank = seen->size_bytes - at_least;
      ASSERT_LT(rank, size) << seen->size_bytes << " bytes";
      EXPECT_EQ(seen->revision % size, rank);
      EXPECT_GE(seen->bytes.size(), std::min(last_bytes, seen->size_bytes));
      EXPECT_TRUE(text_of(static_cast<int>(rank), at_least).ends_with(RankSteps::text_of(*seen)));
    };
    mine.step([&] { store(0, small); });
    mine.step([&] {
      for (std::uint64_t round = 1; round <= 40; ++round) {
        store(round, round % 2 == 0 ? small : large);
        look(whole_record, false);
        look(50, false);
      }
    });
    look(whole_record, true);
  });
}

TEST_P(SharedBackendContract, ListsAndDropsWhatAllRanksStore) {
  by_ranks(lists, [](RankSteps& mine) {
    constexpr int names = 40;
    const auto name_of = [](const char* kind, int rank, int at) {
      return kind + std::to_string(rank) + "-" + std::to_string(at);
    };
    std::vector<std::string> all;
    for (int other = 0; other < mine.size(); ++other) {
      for (int at = 0; at < names; ++at) {
        all.push_back(name_of("a", other, at));
      }
    }
    std::ranges::sort(all);
    mine.step([&] {
      for (int at = 0; at < names; ++at) {
        EXPECT_TRUE(mine.store(name_of("a", mine.rank(), at), "x", 1));
      }
    });
    // Names that exist throughout are listed once each, whatever is replaced, stored and removed meanwhile.
    mine.step([&] {
      for (int at = 0; at < names; ++at) {
        if (mine.rank() % 2 == 0) {
          const std::string passing = name_of("b", mine.rank(), at);
          EXPECT_TRUE(mine.store(passing, "x", 2));
          EXPECT_TRUE(mine.removes(passing));
          EXPECT_TRUE(mine.store(name_of("a", mine.rank(), at), "replaced", 3));
        } else if (at % 4 == 0) {
          auto seen = mine.sorted();
          std::erase_if(seen, [](const std::string& name) { return name.starts_with('b'); });
          EXPECT_EQ(seen, all);
        }
      }
    });
    mine.step([&] {
      EXPECT_EQ(mine.sorted(), all);
      EXPECT_EQ(mine.sorted("a" + std::to_string(mine.next()) + "-").size(), static_cast<std::size_t>(names));
    });
    mine.step([&] {
      if (mine.rank() == mine.last()) {
        EXPECT_EQ(mine.backend().drop(mine.space(), RankSteps::soon()).value(), all.size());
      }
    });
    mine.step([&] {
      EXPECT_TRUE(mine.sorted().empty());
      EXPECT_EQ(mine.load(name_of("a", mine.next(), 0)), "not_found");
    });
    // A rank that stores in a space that others drop meanwhile gets no error.
    mine.step([&] {
      for (int at = 0; at < names; ++at) {
        if (mine.rank() % 2 == 0) {
          const auto stored = mine.store(name_of("c", mine.rank(), at), "x", 3, Expect::absent);
          EXPECT_TRUE(stored) << stored.error();
        } else {
          const auto dropped = mine.backend().drop(mine.space(), RankSteps::soon());
          EXPECT_TRUE(dropped) << dropped.error();
        }
      }
    });
    mine.step([&] { EXPECT_TRUE(mine.backend().drop(mine.space(), RankSteps::soon())); });
    mine.step([&] { EXPECT_TRUE(mine.sorted().empty()); });
  });
}

TEST_P(SharedBackendContract, RemovesForAllRanksWhatHasExpired) {
  by_ranks(expiry, [](RankSteps& mine) {
    const auto store_for = [&](const std::string& name, std::chrono::milliseconds lifetime) {
      NewRecord record;
      record.bytes = std::as_bytes(std::span("x", 1));
      record.revision = 1;
      record.lifetime = lifetime;
      return mine.backend().store(mine.key(name), record, RankSteps::soon());
    };
    const auto name_of = [](const char* kind, int rank) { return kind + std::to_string(rank); };
    mine.step([&] {
      EXPECT_TRUE(store_for(name_of("brief", mine.rank()), std::chrono::milliseconds(200)));
      EXPECT_TRUE(store_for(name_of("long", mine.rank()), std::chrono::hours(1)));
    });
    mine.step([&] {
      const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
      for (int other = 0; other < mine.size(); ++other) {
        const std::string brief = name_of("brief", other);
        while (mine.load(brief) == "x" && Deadline::Clock::now() < end) {
          std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
        EXPECT_EQ(mine.load(brief), "not_found");
        EXPECT_EQ(mine.load(name_of("long", other)), "x");
      }
    });
    // The name is free for all ranks, and one gets it.
    if (mine.traits().is_atomic) {
      bool has_won = false;
      mine.step([&] { has_won = mine.store("brief0", "again", 2, Expect::absent).has_value(); });
      (void)mine.only_ones(has_won ? "1" : "0");
      EXPECT_EQ(mine.load("brief0"), "again");
    }
  });
}

TEST_P(SharedBackendContract, WakesRanksThatAwaitWhatAnotherStores) {
  by_ranks(pushes, [](RankSteps& mine) {
    int calls = 0;
    const auto await = [&](const std::string& name) {
      const auto end = Deadline::Clock::now() + std::chrono::seconds(60);
      while (mine.load(name) != "x" && Deadline::Clock::now() < end) {
        mine.backend().await(mine.key(name), std::chrono::seconds(5));
        ++calls;
      }
      EXPECT_EQ(mine.load(name), "x") << "it was stored, and is not loaded";
    };
    // Ranks take turns, each after the one before it. A rank that is not woken sleeps for a second or more.
    constexpr int laps = 8;
    const int turns = laps * mine.size();
    const auto begin = Deadline::Clock::now();
    mine.step([&] {
      for (int turn = mine.rank(); turn < turns; turn += mine.size()) {
        if (turn > 0) {
          await("turn" + std::to_string(turn - 1));
        }
        EXPECT_TRUE(mine.store("turn" + std::to_string(turn), "x", 1));
      }
    });
    EXPECT_LT(Deadline::Clock::now() - begin, turns * std::chrono::milliseconds(500));
    // All wait for the last rank, which stores late.
    calls = 0;
    const auto start = Deadline::Clock::now();
    mine.step([&] {
      if (mine.rank() == mine.last()) {
        for (const auto until = start + std::chrono::milliseconds(300); Deadline::Clock::now() < until;
             ++calls) {
          mine.backend().await(mine.key("never"), until);
        }
        EXPECT_TRUE(mine.store("go", "x", 1));
      } else {
        await("go");
      }
    });
    const auto waited = std::chrono::duration<double>(Deadline::Clock::now() - start);
    EXPECT_LT(calls, 5 + 20 * waited.count()) << "who waits sleeps, as long as nothing is stored";
  });
}

TEST_P(SharedBackendContract, DoesWhatAllRanksDoAtOnceToTheSameNames) {
  by_ranks(atomic_batches, [](RankSteps& mine) {
    RecordBatches* const together = mine.backend().batches();
    constexpr std::size_t count = 100;
    std::vector<std::string> names;
    std::vector<RecordKey> keys;
    for (std::size_t at = 0; at < count; ++at) {
      names.push_back("n" + std::to_string(at));
    }
    const std::string text = std::to_string(mine.rank());
    NewRecord record;
    record.bytes = std::as_bytes(std::span(text));
    record.revision = static_cast<std::uint64_t>(mine.rank()) + 1;
    record.expect = Expect::absent;
    const std::vector<NewRecord> records(count, record);
    for (const std::string& name : names) {
      keys.push_back(mine.key(name));
    }
    std::string won(count, '0');
    mine.step([&] {
      std::vector<Result<void>> stored(count);
      together->store(keys, records, stored, RankSteps::soon());
      for (std::size_t at = 0; at < count; ++at) {
        EXPECT_TRUE(stored[at] || stored[at].error().code() == Errc::key_exists) << stored[at].error();
        won[at] = stored[at] ? '1' : '0';
      }
    });
    const std::vector<int> winners = mine.only_ones(won);
    mine.step([&] {
      std::vector<Result<LoadedRecord>> loaded(count,
                                               Result<LoadedRecord>(Error(Errc::cancelled, "never set")));
      together->load(keys, whole_record, loaded, RankSteps::soon());
      for (std::size_t at = 0; at < count; ++at) {
        ASSERT_TRUE(loaded[at]) << loaded[at].error();
        EXPECT_EQ(RankSteps::text_of(*loaded[at]), std::to_string(winners[at]));
        EXPECT_EQ(loaded[at]->revision, static_cast<std::uint64_t>(winners[at]) + 1);
      }
    });
    std::string removed(count, '0');
    mine.step([&] {
      std::vector<Result<bool>> gone(count, Result<bool>(Error(Errc::cancelled, "never set")));
      together->remove(keys, gone, RankSteps::soon());
      for (std::size_t at = 0; at < count; ++at) {
        removed[at] = gone[at].value() ? '1' : '0';
      }
    });
    (void)mine.only_ones(removed);
    for (const std::string& name : names) {
      EXPECT_EQ(mine.load(name), "not_found") << name;
    }
  });
}

}  // namespace locum::tests
