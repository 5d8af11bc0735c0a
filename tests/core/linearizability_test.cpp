#include "tests/core/linearizability.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/core/name_register.hpp"

namespace locum::tests {
namespace {

using Verdict = Judgement::Verdict;

/// Short notation for histories.
struct HistoryBuilder {
  std::size_t begin(int client, NameAct act, std::uint64_t value = 0, std::uint64_t expected = 0) {
    return history.begin({.client = client, .act = act, .name = "x", .value = value, .expected = expected});
  }
  void end(std::size_t number, NameAnswer reply, std::uint64_t value = 0, std::uint64_t generation = 0,
           bool yes = false) {
    history.end(number, {.value = value, .generation = generation, .yes = yes, .reply = reply});
  }
  void wrote(std::size_t number, std::uint64_t generation) { end(number, NameAnswer::done, 0, generation); }
  void put(std::uint64_t value, std::uint64_t generation) {
    wrote(begin(0, NameAct::put, value), generation);
  }
  void replace(std::uint64_t value, std::uint64_t expected, std::uint64_t generation) {
    wrote(begin(0, NameAct::replace, value, expected), generation);
  }
  void got(std::uint64_t value, std::uint64_t generation) {
    end(begin(1, NameAct::get), NameAnswer::done, value, generation);
  }
  void got_nothing() { end(begin(1, NameAct::get), NameAnswer::not_found); }
  void evicted(bool yes, std::uint64_t expected = 0) {
    end(begin(2, NameAct::evict, 0, expected), NameAnswer::done, 0, 0, yes);
  }
  void existed(bool yes) { end(begin(2, NameAct::exists), NameAnswer::done, 0, 0, yes); }
  void refused(NameAct act, std::uint64_t expected, NameAnswer reply) {
    end(begin(3, act, 99, expected), reply);
  }
  [[nodiscard]] Verdict verdict() const { return judge(history).verdict; }

  History history;
};

TEST(Linearizability, TakesWhatASequenceWouldSay) {
  HistoryBuilder history;
  history.got_nothing();
  history.existed(false);
  history.evicted(false);
  history.refused(NameAct::replace, 4, NameAnswer::not_found);
  history.put(1, 5);
  history.got(1, 5);
  history.existed(true);
  history.refused(NameAct::put, 0, NameAnswer::key_exists);
  history.refused(NameAct::replace, 4, NameAnswer::stale);
  history.replace(2, 5, 9);
  history.replace(3, 0, 10);
  history.got(3, 10);
  history.evicted(false, 9);
  history.got(3, 10);
  history.evicted(true);
  history.got_nothing();
  history.replace(4, 0, 12);
  history.got(4, 12);
  history.evicted(true, 12);
  history.evicted(false, 12);
  history.got_nothing();
  EXPECT_EQ(history.verdict(), Verdict::linearizable) << judge(history.history).why;
}

TEST(Linearizability, RefusesEachAnswerThatASequenceWouldNotGive) {
  const std::vector<std::function<void(HistoryBuilder&)>> wrong_results{
      [](HistoryBuilder& history) { history.got_nothing(); },
      [](HistoryBuilder& history) { history.got(2, 5); },
      [](HistoryBuilder& history) { history.got(1, 6); },
      [](HistoryBuilder& history) { history.existed(false); },
      [](HistoryBuilder& history) { history.evicted(false); },
      [](HistoryBuilder& history) { history.put(2, 6); },
      [](HistoryBuilder& history) { history.refused(NameAct::replace, 5, NameAnswer::stale); },
      [](HistoryBuilder& history) { history.refused(NameAct::replace, 5, NameAnswer::not_found); },
      [](HistoryBuilder& history) { history.refused(NameAct::replace, 0, NameAnswer::stale); },
      [](HistoryBuilder& history) { history.refused(NameAct::get, 0, NameAnswer::key_exists); },
      [](HistoryBuilder& history) { history.replace(2, 4, 6); },
      [](HistoryBuilder& history) { history.replace(2, 0, 5); },
      [](HistoryBuilder& history) { history.evicted(true, 4); },
      [](HistoryBuilder& history) { history.evicted(false, 5); },
      [](HistoryBuilder& history) { history.evicted(true, 5), history.got(1, 5); },
      [](HistoryBuilder& history) { history.evicted(false, 4), history.got_nothing(); },
      [](HistoryBuilder& history) { history.evicted(true), history.evicted(true); },
      [](HistoryBuilder& history) { history.evicted(true), history.existed(true); },
      [](HistoryBuilder& history) { history.evicted(true), history.got(1, 5); },
      [](HistoryBuilder& history) { history.evicted(true), history.put(2, 4); },
      [](HistoryBuilder& history) {
        history.evicted(true), history.refused(NameAct::put, 0, NameAnswer::key_exists);
      },
      [](HistoryBuilder& history) {
        history.evicted(true), history.refused(NameAct::replace, 5, NameAnswer::stale);
      },
  };
  for (std::size_t i = 0; i < wrong_results.size(); ++i) {
    HistoryBuilder history;
    history.put(1, 5);
    ASSERT_EQ(history.verdict(), Verdict::linearizable);
    wrong_results[i](history);
    const Judgement judgement = judge(history.history);
    EXPECT_EQ(judgement.verdict, Verdict::contradiction) << "wrong result " << i;
    EXPECT_NE(judgement.why.find("none of these fits"), std::string::npos);
  }
}

TEST(Linearizability, LetsOverlappingOperationsChooseTheirOrder) {
  // Two concurrent puts: one succeeds, and a concurrent get returns either value or nothing.
  for (const int seen : {0, 1, 2}) {
    HistoryBuilder history;
    const auto first = history.begin(0, NameAct::put, 1);
    const auto second = history.begin(1, NameAct::put, 2);
    const auto get = history.begin(2, NameAct::get);
    history.end(get, seen == 0 ? NameAnswer::not_found : NameAnswer::done, static_cast<std::uint64_t>(seen),
                7);
    history.wrote(first, 7);
    history.end(second, NameAnswer::key_exists);
    EXPECT_EQ(history.verdict(), seen == 2 ? Verdict::contradiction : Verdict::linearizable) << seen;
  }
  // A get must not return an older value than a get that ended before it began.
  HistoryBuilder history;
  history.put(1, 1);
  const auto replace = history.begin(0, NameAct::replace, 2);
  history.got(2, 2);
  history.got(1, 1);
  history.wrote(replace, 2);
  EXPECT_EQ(history.verdict(), Verdict::contradiction);
}

TEST(Linearizability, TakesTheUnknownAsDoneLateOrNever) {
  {
    HistoryBuilder history;  // never
    history.end(history.begin(0, NameAct::put, 1), NameAnswer::unknown);
    history.got_nothing();
    history.put(2, 1);
    EXPECT_EQ(history.verdict(), Verdict::linearizable);
  }
  {
    HistoryBuilder
        history;  // late, long after its client gave up; its generation is first reported to a reader
    history.end(history.begin(0, NameAct::put, 1), NameAnswer::unknown);
    history.got_nothing();
    history.got(1, 8);
    history.got(1, 8);
    history.refused(NameAct::put, 0, NameAnswer::key_exists);
    EXPECT_EQ(history.verdict(), Verdict::linearizable) << judge(history.history).why;
    history.got(1, 9);
    EXPECT_EQ(history.verdict(), Verdict::contradiction) << "its generation was 8";
  }
  {
    HistoryBuilder history;  // once and not again
    (void)history.begin(0, NameAct::put, 1);
    history.got(1, 8);
    history.evicted(true);
    EXPECT_EQ(history.verdict(), Verdict::linearizable);
    history.got(1, 8);
    EXPECT_EQ(history.verdict(), Verdict::contradiction);
  }
  {
    HistoryBuilder history;  // not before it began
    history.got(1, 8);
    (void)history.begin(0, NameAct::put, 1);
    EXPECT_EQ(history.verdict(), Verdict::contradiction);
  }
  {
    HistoryBuilder history;  // an eviction
    history.put(1, 1);
    (void)history.begin(2, NameAct::evict);
    history.got(1, 1);
    history.got_nothing();
    EXPECT_EQ(history.verdict(), Verdict::linearizable);
    history.got(1, 1);
    EXPECT_EQ(history.verdict(), Verdict::contradiction);
  }
}

TEST(Linearizability, JudgesEachNameAlone) {
  History history;
  for (const std::string name : {"a", "b"}) {
    const auto put = history.begin({.act = NameAct::put, .name = name, .value = 1});
    history.end(put, {.generation = 1, .reply = NameAnswer::done});
  }
  EXPECT_EQ(judge(history).verdict, Verdict::linearizable);
  const auto get = history.begin({.act = NameAct::get, .name = "b"});
  history.end(get, {.reply = NameAnswer::not_found});
  const Judgement judgement = judge(history);
  EXPECT_EQ(judgement.verdict, Verdict::contradiction);
  EXPECT_EQ(judgement.why.find("\"b\":"), 0U) << judgement.why;
  EXPECT_NE(judgement.why.find("client 0 [4, 5] get \"b\" -> not_found"), std::string::npos) << judgement.why;
}

TEST(Linearizability, SaysWhenItCannotDecide) {
  HistoryBuilder history;
  for (std::uint64_t i = 1; i <= 40; ++i) {
    (void)history.begin(static_cast<int>(i), NameAct::replace, i);
  }
  history.got(41, 1);
  const Judgement judgement = judge(history.history, 1000);
  EXPECT_EQ(judgement.verdict, Verdict::undecided);
  EXPECT_LE(judgement.states, 1001U);
}

/// A sequential store, and concurrent clients: their operations take effect between beginning and end. Some
/// never get a result, and some of those never take effect.
class RandomStore {
 public:
  RandomStore(std::uint32_t seed, int clients, std::size_t steps, bool with_unknown)
      : random_(seed), clients_(static_cast<std::size_t>(clients)), with_unknown_(with_unknown) {
    for (std::size_t step = 0; step < steps; ++step) {
      act(static_cast<int>(below(clients_.size())));
    }
  }
  History history;

 private:
  struct Client {
    std::optional<std::size_t> number;
    bool effective = false;
    bool silent = false;
    NameOperation told;
  };
  struct Name {
    bool bound = false;
    std::uint64_t value = 0;
    std::uint64_t generation = 0;
  };

  std::size_t below(std::size_t count) { return random_() % count; }

  void act(int id) {
    Client& client = clients_[static_cast<std::size_t>(id)];
    if (!client.number) {
      NameOperation operation;
      operation.client = id;
      operation.act = static_cast<NameAct>(below(5));
      operation.name = std::string(1, static_cast<char>('a' + below(2)));
      operation.value = ++last_value_;
      if (operation.act == NameAct::replace && below(3) > 0) {
        operation.expected = last_generation_ == 0 ? 1 : 1 + below(last_generation_);
        if (below(2) == 0 && name(operation.name).generation != 0) {
          operation.expected = name(operation.name).generation;
        }
      }
      client = {history.begin(operation), false, with_unknown_ && below(12) == 0, {}};
    } else if (!client.effective && (!client.silent || below(2) == 0)) {
      client.told = serve(history.operations()[*client.number]);
      client.effective = true;
    } else {
      if (client.silent) {
        client.told.reply = NameAnswer::unknown;
        if (below(2) == 0 && client.effective) {
          client = {};
          return;  // never ends
        }
      }
      if (client.silent && !client.effective) {
        client = {};
        return;
      }
      history.end(*client.number, client.told);
      client = {};
    }
  }

  Name& name(const std::string& text) { return names_.at(static_cast<std::size_t>(text[0] - 'a')); }

  NameOperation serve(const NameOperation& operation) {
    Name& at = name(operation.name);
    NameOperation told;
    told.reply = NameAnswer::done;
    switch (operation.act) {
      case NameAct::put:
        if (at.bound) {
          told.reply = NameAnswer::key_exists;
          return told;
        }
        break;
      case NameAct::replace:
        if (operation.expected != 0 && !at.bound) {
          told.reply = NameAnswer::not_found;
          return told;
        }
        if (operation.expected != 0 && at.generation != operation.expected) {
          told.reply = NameAnswer::stale;
          return told;
        }
        break;
      case NameAct::get:
        told.reply = at.bound ? NameAnswer::done : NameAnswer::not_found;
        told.value = at.value;
        told.generation = at.generation;
        return told;
      case NameAct::exists:
        told.yes = at.bound;
        return told;
      case NameAct::evict:
        told.yes = at.bound;
        at = {};
        return told;
    }
    at = {true, operation.value, ++last_generation_};
    told.generation = at.generation;
    return told;
  }

  std::mt19937 random_;
  std::vector<Client> clients_;
  const bool with_unknown_;
  std::array<Name, 2> names_;
  std::uint64_t last_value_ = 0;
  std::uint64_t last_generation_ = 0;
};

/// A history of these operations, at the moments that they contain.
History history_of(std::vector<NameOperation> operations) {
  std::vector<std::pair<std::uint64_t, std::size_t>> moments;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    moments.emplace_back(operations[i].began, i);
    if (operations[i].ended != ~0ULL) {
      moments.emplace_back(operations[i].ended, i);
    }
  }
  std::ranges::sort(moments);
  History history;
  std::vector<std::optional<std::size_t>> numbers(operations.size());
  for (const auto& [moment, i] : moments) {
    if (numbers[i]) {
      history.end(*numbers[i], operations[i]);
    } else {
      NameOperation asked = operations[i];
      asked.reply = NameAnswer::unknown;
      asked.ended = ~0ULL;
      numbers[i] = history.begin(asked);
    }
  }
  return history;
}

TEST(Linearizability, AcceptsWhatARightStoreSays) {
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    const RandomStore store(seed, 1 + static_cast<int>(seed % 8), 600, seed % 2 == 0);
    const Judgement judgement = judge(store.history);
    ASSERT_EQ(judgement.verdict, Verdict::linearizable) << "seed " << seed << '\n' << judgement.why;
  }
}

/// Changes one result into a certainly wrong one; false if there is none to change.
bool corrupt_one_result(std::vector<NameOperation>& operations, std::mt19937& random) {
  for (int attempt = 0; attempt < 200; ++attempt) {
    NameOperation& victim = operations[random() % operations.size()];
    if (victim.reply != NameAnswer::done || victim.act != NameAct::get) {
      continue;
    }
    switch (random() % 3) {
      case 0:  // a value that nobody wrote
        victim.value = 1'000'000;
        return true;
      case 1: {  // a generation that its writer was not given
        const auto writer = std::ranges::find_if(operations, [&](const NameOperation& each) {
          return each.act != NameAct::get && each.value == victim.value && each.reply == NameAnswer::done;
        });
        if (writer == operations.end()) {
          continue;
        }
        victim.generation += 1;
        return true;
      }
      default:  // a value that had been overwritten before the get began
        for (const NameOperation& old : operations) {
          const bool wrote = (old.act == NameAct::put || old.act == NameAct::replace) &&
                             old.name == victim.name && old.reply == NameAnswer::done &&
                             old.value != victim.value;
          const bool over = std::ranges::any_of(operations, [&](const NameOperation& each) {
            return each.act == NameAct::replace && each.reply == NameAnswer::done &&
                   each.name == victim.name && each.began > old.ended && each.ended < victim.began;
          });
          if (wrote && over) {
            victim.value = old.value;
            victim.generation = old.generation;
            return true;
          }
        }
    }
  }
  return false;
}

TEST(Linearizability, RefusesWhatALyingStoreSays) {
  int wrong_results = 0;
  for (std::uint32_t seed = 1; seed <= 300; ++seed) {
    const RandomStore store(seed, 1 + static_cast<int>(seed % 8), 300, seed % 2 == 0);
    std::vector<NameOperation> operations = store.history.operations();
    std::mt19937 random(seed);
    if (corrupt_one_result(operations, random)) {
      ++wrong_results;
      const Judgement judgement = judge(history_of(operations));
      ASSERT_EQ(judgement.verdict, Verdict::contradiction)
          << "seed " << seed << ", " << judgement.states << " states";
    }
  }
  EXPECT_GT(wrong_results, 250);
}

// Tries every order of every choice of the unknown ones.
bool is_linearizable(const std::vector<NameOperation>& operations, std::vector<bool>& told,
                     const NameRegister& state) {
  std::uint64_t first_end = ~0ULL;
  bool complete = true;
  for (std::size_t i = 0; i < operations.size(); ++i) {
    if (!told[i] && operations[i].reply != NameAnswer::unknown) {
      first_end = std::min(first_end, operations[i].ended);
      complete = false;
    }
  }
  if (complete) {
    return true;
  }
  for (std::size_t i = 0; i < operations.size(); ++i) {
    const auto after = told[i] || operations[i].began > first_end ? std::nullopt : state.after(operations[i]);
    if (after) {
      told[i] = true;
      const bool can = is_linearizable(operations, told, *after);
      told[i] = false;
      if (can) {
        return true;
      }
    }
  }
  return false;
}

TEST(Linearizability, AgreesWithTryingEveryOrder) {
  // Random results, so that some histories are linearizable and some are not; few values and generations, so
  // that they coincide.
  int linearizable = 0;
  constexpr int histories = 20'000;
  for (std::uint32_t seed = 1; seed <= histories; ++seed) {
    std::mt19937 random(seed);
    std::vector<NameOperation> operations(2 + random() % 5);
    std::vector<std::uint64_t> moments(2 * operations.size());
    for (std::size_t i = 0; i < moments.size(); ++i) {
      moments[i] = i;
    }
    std::shuffle(moments.begin(), moments.end(), random);
    for (std::size_t i = 0; i < operations.size(); ++i) {
      NameOperation& operation = operations[i];
      operation.act = static_cast<NameAct>(random() % 5);
      operation.name = "x";
      operation.value = 1 + random() % 3;
      operation.expected = random() % 3;
      operation.generation = random() % 4;
      operation.yes = random() % 2 == 0;
      operation.reply = random() % 2 == 0 ? NameAnswer::done : static_cast<NameAnswer>(random() % 5);
      operation.began = std::min(moments[2 * i], moments[2 * i + 1]);
      operation.ended = std::max(moments[2 * i], moments[2 * i + 1]);
    }
    std::vector<bool> told(operations.size());
    const bool can = is_linearizable(operations, told, {});
    linearizable += can ? 1 : 0;
    const Judgement judgement = judge(history_of(operations));
    ASSERT_EQ(judgement.verdict, can ? Verdict::linearizable : Verdict::contradiction)
        << "seed " << seed << '\n'
        << judgement.why;
  }
  EXPECT_GT(linearizable, histories / 20);
  EXPECT_LT(linearizable, histories - histories / 20);
}

TEST(Linearizability, JudgesThousandsOfOperationsInTime) {
  const auto start = std::chrono::steady_clock::now();
  const RandomStore store(7, 16, 30'000, false);
  const Judgement judgement = judge(store.history);
  EXPECT_EQ(judgement.verdict, Verdict::linearizable);
  EXPECT_GT(store.history.operations().size(), 9'000U);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(60))
      << judgement.states << " states";
}

}  // namespace
}  // namespace locum::tests
