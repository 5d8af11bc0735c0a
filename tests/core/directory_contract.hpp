#pragma once

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <iterator>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "tests/core/node_process.hpp"

/// Contract tests of the Directory port, for every implementation: INSTANTIATE_TEST_SUITE_P(…,
/// DirectoryContract, …) with a maker of new nodes. One program simulates several processes; random
/// operations are compared with a plain std::map.
namespace locum::tests {

/// The steps of a connector's put: publishes and binds; an object that cannot be bound is tombstoned again.
inline Result<Sealed> put_name(const NodeProcess& process, std::uint32_t store, std::string_view name,
                               std::uint64_t word, const SealOptions& options = {}) {
  const Key key = process.publish(store, word, name).value();
  const auto generation = process.directory->bind(key, options);
  if (!generation) {
    EXPECT_TRUE(process.table->tombstone(key)) << "a refused bind changes nothing";
    return generation.error();
  }
  return Sealed{key, *generation};
}

/// The word of the named object; the pin is released.
inline Result<std::uint64_t> get_name(const NodeProcess& process, std::uint32_t store,
                                      std::string_view name) {
  const auto pin = process.directory->find(store, name);
  if (!pin) {
    return pin.error();
  }
  const std::uint64_t word = process.word(*pin);
  process.table->release(pin->id);
  return word;
}

class DirectoryContract : public testing::TestWithParam<NodeMaker> {
 protected:
  static constexpr std::uint32_t store = 7;

  [[nodiscard]] static std::uint64_t hash(std::string_view name) { return name_hash(store, name); }
  /// Nothing that the processes made is left, and nothing is pinned.
  void expect_empty() {
    for (const NodeProcess& process : node_) {
      Owned owned;
      (void)process.collect(Effort::thorough, &owned);
      EXPECT_EQ(owned.pinned.objects, 0U);
      EXPECT_EQ(process.arena->usage().used, 0U);
    }
  }

  std::vector<NodeProcess> node_ = GetParam().make(3);
  const NodeProcess& first_ = node_[0];
  const NodeProcess& second_ = node_[1];
  const NodeProcess& third_ = node_[2];
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DirectoryContract);

/// The names of a node as a std::map.
class DirectoryModel {
 public:
  explicit DirectoryModel(const std::vector<NodeProcess>& node) : node_(node) {}

  void put(std::size_t process, std::uint32_t store, const std::string& name) {
    const auto sealed = put_name(node_[process], store, name, ++last_word_);
    if (live_.contains({store, name})) {
      RC_ASSERT(errc_of(sealed) == Errc::key_exists);
      RC_ASSERT(sealed.error().key() == Error(Errc::key_exists, {}).about(name).key());
    } else {
      RC_ASSERT(sealed.has_value());
      bind(store, name, *sealed);
    }
  }
  /// \param expectation the generation to replace. 0: any; 1: the live one; 2: another one
  void replace(std::size_t process, std::uint32_t store, const std::string& name, int expectation) {
    const auto found = live_.find({store, name});
    const std::uint64_t right = found == live_.end() ? 99 : found->second.sealed.generation;
    const std::uint64_t expected = expectation == 0 ? 0 : expectation == 1 ? right : right + 1;
    const auto sealed = put_name(node_[process], store, name, ++last_word_, {SealMode::replace, expected});
    if (expectation != 0 && found == live_.end()) {
      RC_ASSERT(errc_of(sealed) == Errc::not_found);
    } else if (expectation == 2) {
      RC_ASSERT(errc_of(sealed) == Errc::stale);
    } else {
      RC_ASSERT(sealed.has_value());
      if (found != live_.end()) {
        RC_ASSERT(errc_of(node_[process].table->pin(found->second.sealed.key)) == Errc::not_found);
        past_.push_back(found->second.sealed.key);
      }
      bind(store, name, *sealed);
    }
  }
  void look(std::size_t process, std::uint32_t store, const std::string& name) const {
    const auto found = live_.find({store, name});
    const auto pin = node_[process].directory->find(store, name);
    const std::uint64_t generation = node_[process].directory->generation(name_hash(store, name)).value();
    if (found == live_.end()) {
      RC_ASSERT(errc_of(pin) == Errc::not_found);
      RC_ASSERT(generation == 0U);
      return;
    }
    RC_ASSERT(pin.has_value());
    RC_ASSERT(pin->key == found->second.sealed.key);
    RC_ASSERT(pin->generation == found->second.sealed.generation);
    RC_ASSERT(node_[process].word(*pin) == found->second.word);
    RC_ASSERT(generation == found->second.sealed.generation);
    node_[process].table->release(pin->id);
  }
  /// \param which the object to unbind. 0: whichever is live; 1: the live one by its key; 2: an earlier one
  void unbind(std::size_t process, std::uint32_t store, const std::string& name, int which) {
    const auto found = live_.find({store, name});
    Key only;
    if (which == 1 && found != live_.end()) {
      only = found->second.sealed.key;
    } else if (which == 2 && !past_.empty()) {
      only = past_[last_word_ % past_.size()];
    }
    const bool hits = found != live_.end() && (!only.valid() || only == found->second.sealed.key);
    const auto unbound = node_[process].directory->unbind(store, name, only);
    RC_ASSERT(unbound.has_value());
    RC_ASSERT(*unbound == hits);
    if (hits) {
      RC_ASSERT(errc_of(node_[process].table->pin(found->second.sealed.key)) == Errc::not_found);
      past_.push_back(found->second.sealed.key);
      live_.erase(found);
    }
  }
  void list(std::size_t process, std::uint32_t store, const std::string& prefix) const {
    std::vector<std::string> expected;
    for (const auto& [place, bound] : live_) {
      if (place.first == store && place.second.starts_with(prefix)) {
        expected.push_back(place.second);
      }
    }
    auto names = node_[process].directory->names(store, prefix);
    RC_ASSERT(names.has_value());
    std::ranges::sort(*names);
    RC_ASSERT(*names == expected);
  }

 private:
  struct Bound {
    Sealed sealed;
    std::uint64_t word = 0;
  };

  void bind(std::uint32_t store, const std::string& name, const Sealed& sealed) {
    std::uint64_t& last = last_generation_[{store, name}];
    RC_ASSERT(sealed.generation > last);
    last = sealed.generation;
    live_[{store, name}] = {sealed, last_word_};
  }

  const std::vector<NodeProcess>& node_;
  std::map<std::pair<std::uint32_t, std::string>, Bound> live_;
  std::map<std::pair<std::uint32_t, std::string>, std::uint64_t> last_generation_;
  std::vector<Key> past_;
  std::uint64_t last_word_ = 0;
};

TEST_P(DirectoryContract, DoesWhatAMapWouldDo) {
  const std::vector<std::string> names{
      "a", "a/b", "a/c", "größe", std::string("a\0b", 3), std::string(3000, 'l')};
  const bool held = rc::check([&] {
    const auto node = GetParam().make(3);
    DirectoryModel model(node);
    const auto steps = *rc::gen::scale(
        4.0, rc::gen::container<std::vector<std::tuple<int, std::uint16_t, std::uint16_t, int>>>(
                 rc::gen::tuple(rc::gen::inRange(0, 8), rc::gen::arbitrary<std::uint16_t>(),
                                rc::gen::arbitrary<std::uint16_t>(), rc::gen::inRange(0, 3))));
    for (const auto& [what, who, which, how] : steps) {
      const std::size_t process = who % node.size();
      const std::uint32_t in_store = 1U + who / 3U % 2U;
      const std::string& name = names[which % names.size()];
      switch (what) {
        case 0:
        case 1:
          model.put(process, in_store, name);
          break;
        case 2:
        case 3:
          model.replace(process, in_store, name, how);
          break;
        case 4:
          model.unbind(process, in_store, name, how);
          break;
        case 5:
          model.list(process, in_store, name.substr(0, static_cast<std::size_t>(how)));
          break;
        default:
          model.look(process, in_store, name);
      }
    }
    for (const std::string& name : names) {
      for (const std::uint32_t in_store : {1U, 2U}) {
        model.look(0, in_store, name);
        model.unbind(1, in_store, name, 0);
      }
    }
    for (const NodeProcess& process : node) {
      Owned owned;
      (void)process.collect(Effort::thorough, &owned);
      RC_ASSERT(owned.pinned.objects == 0U);
      RC_ASSERT(process.arena->usage().used == 0U);
    }
  });
  EXPECT_TRUE(held) << "rapidcheck has printed the shrunk steps and the seed above";
}

TEST_P(DirectoryContract, ShowsABoundNameToEveryProcess) {
  const Key key = first_.publish(store, 42, "density").value();
  EXPECT_EQ(errc_of(second_.directory->find(store, "density")), Errc::not_found) << "published, not bound";
  const Pin unbound = first_.table->pin(key).value();
  EXPECT_EQ(unbound.generation, 0U);
  first_.table->release(unbound.id);
  const std::uint64_t generation = first_.directory->bind(key, {}).value();
  EXPECT_GT(generation, 0U);
  for (const NodeProcess& process : node_) {
    const Pin pin = process.directory->find(store, "density").value();
    EXPECT_EQ(pin.key, key);
    EXPECT_EQ(pin.generation, generation);
    EXPECT_EQ(process.table->describe(pin.id).generation, generation);
    EXPECT_EQ(process.word(pin), 42U);
    EXPECT_EQ(process.directory->generation(hash("density")).value(), generation);
    process.table->release(pin.id);
  }
  EXPECT_EQ(errc_of(second_.directory->find(store + 1, "density")), Errc::not_found) << "another store";
  EXPECT_EQ(errc_of(second_.directory->find(store, "densit")), Errc::not_found);
  EXPECT_EQ(second_.directory->generation(hash("densit")).value(), 0U);
  EXPECT_EQ(errc_of(first_.directory->bind(Key{store, key.creator, ~0ULL}, {})), Errc::not_found);
}

TEST_P(DirectoryContract, PinsWhatItFinds) {
  (void)put_name(first_, store, "x", 1).value();
  const Pin pin = second_.directory->find(store, "x").value();
  EXPECT_TRUE(third_.directory->unbind(store, "x", {}).value());
  EXPECT_TRUE(first_.collect(Effort::thorough).empty());
  EXPECT_EQ(second_.word(pin), 1U);
  second_.table->release(pin.id);
  EXPECT_EQ(first_.collect(Effort::thorough), std::vector<std::uint64_t>{1});
}

TEST_P(DirectoryContract, LeavesALiveNameToWhoPutItFirst) {
  (void)put_name(first_, store, "x", 1).value();
  const auto refused = put_name(second_, store, "x", 2);
  EXPECT_EQ(errc_of(refused), Errc::key_exists);
  EXPECT_EQ(refused.error().key(), "x");
  EXPECT_EQ(get_name(third_, store, "x").value(), 1U);
  EXPECT_TRUE(put_name(second_, store + 1, "x", 3)) << "stores are apart";
}

TEST_P(DirectoryContract, ReplacesAndTombstonesWhatWasThere) {
  EXPECT_EQ(errc_of(put_name(first_, store, "x", 0, {SealMode::replace, 5})), Errc::not_found);
  const Sealed first = put_name(first_, store, "x", 1, {SealMode::replace}).value();
  const Sealed second = put_name(second_, store, "x", 2, {SealMode::replace, first.generation}).value();
  EXPECT_GT(second.generation, first.generation);
  EXPECT_EQ(errc_of(third_.table->pin(first.key)), Errc::not_found);
  EXPECT_EQ(errc_of(put_name(third_, store, "x", 3, {SealMode::replace, first.generation})), Errc::stale);
  EXPECT_EQ(get_name(third_, store, "x").value(), 2U);
  const Sealed third = put_name(third_, store, "x", 3, {SealMode::replace}).value();
  EXPECT_EQ(get_name(first_, store, "x").value(), 3U);
  EXPECT_EQ(first_.directory->generation(hash("x")).value(), third.generation);
}

TEST_P(DirectoryContract, UnbindsWhicheverObjectOrOnlyOne) {
  const Sealed old = put_name(first_, store, "x", 1).value();
  const Sealed live = put_name(second_, store, "x", 2, {SealMode::replace}).value();
  EXPECT_FALSE(third_.directory->unbind(store, "x", old.key).value()) << "no longer that object";
  EXPECT_FALSE(third_.directory->unbind(store, "y", {}).value());
  EXPECT_FALSE(third_.directory->unbind(store + 1, "x", {}).value());
  EXPECT_EQ(get_name(first_, store, "x").value(), 2U);
  EXPECT_TRUE(third_.directory->unbind(store, "x", live.key).value());
  EXPECT_EQ(errc_of(first_.directory->find(store, "x")), Errc::not_found);
  EXPECT_EQ(errc_of(first_.table->pin(live.key)), Errc::not_found);
  EXPECT_EQ(first_.directory->generation(hash("x")).value(), 0U);
  EXPECT_FALSE(third_.directory->unbind(store, "x", {}).value()) << "gone already";

  const Sealed again = put_name(first_, store, "x", 3).value();
  EXPECT_GT(again.generation, live.generation) << "generations of a name only grow";
  EXPECT_TRUE(second_.directory->unbind(store, "x", {}).value());
  expect_empty();
}

TEST_P(DirectoryContract, TakesNamesOfAnyBytesAndLengths) {
  std::vector<std::string> names{std::string(max_name_bytes, 'n'), std::string(max_name_bytes - 1, 'n'),
                                 std::string("nul\0inside", 10), std::string("nul\0Inside", 10)};
  for (int byte = 0; byte < 256; ++byte) {
    names.emplace_back(1, static_cast<char>(byte));
  }
  for (std::size_t at = 0; at < names.size(); ++at) {
    ASSERT_TRUE(put_name(node_[at % 3], store, names[at], at));
  }
  for (std::size_t at = 0; at < names.size(); ++at) {
    EXPECT_EQ(get_name(node_[(at + 1) % 3], store, names[at]).value(), at);
  }
  auto listed = second_.directory->names(store, {}).value();
  std::ranges::sort(listed);
  std::ranges::sort(names);
  EXPECT_EQ(listed, names);
}

TEST_P(DirectoryContract, ListsLiveNamesWithAPrefix) {
  for (const std::string_view name : {"a", "a/1", "a/2", "b", "gone"}) {
    (void)put_name(first_, store, name, 1).value();
  }
  (void)put_name(second_, store + 1, "a/other", 1).value();
  (void)put_name(second_, store, "a/1", 2, {SealMode::replace}).value();
  EXPECT_TRUE(second_.directory->unbind(store, "gone", {}).value());
  const auto listed = [&](std::string_view prefix) {
    auto names = third_.directory->names(store, prefix).value();
    std::ranges::sort(names);
    return names;
  };
  using Names = std::vector<std::string>;
  EXPECT_EQ(listed(""), (Names{"a", "a/1", "a/2", "b"}));
  EXPECT_EQ(listed("a/"), (Names{"a/1", "a/2"}));
  EXPECT_EQ(listed("a/11"), Names{});
  EXPECT_EQ(third_.directory->names(store + 2, {}).value(), Names{});
}

TEST_P(DirectoryContract, ListsNamesThatLiveThroughoutOnceWhileOthersComeAndGo) {
  constexpr int kept_names = 40;
  for (int at = 0; at < kept_names; ++at) {
    (void)put_name(first_, store, "kept/" + std::to_string(at), 1).value();
  }
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t round = 0; round < 1000; ++round) {
      (void)put_name(second_, store, "coming/" + std::to_string(round), round).value();
      (void)put_name(second_, store, "kept/" + std::to_string(round % kept_names), round, {SealMode::replace})
          .value();
      EXPECT_TRUE(second_.directory->unbind(store, "coming/" + std::to_string(round), {}).value());
      (void)second_.collect(Effort::amortised);
    }
    done = true;
  });
  do {
    const auto names = third_.directory->names(store, "kept/").value();
    EXPECT_EQ(names.size(), static_cast<std::size_t>(kept_names));
    EXPECT_EQ(std::set<std::string>(names.begin(), names.end()).size(), names.size());
  } while (!done);
  writer.join();
}

TEST_P(DirectoryContract, WaitsUntilThereIsSomethingToFind) {
  using std::chrono::seconds;
  const auto now = Deadline::Clock::now();
  const auto refused = second_.directory->wait(store, "never", now + std::chrono::milliseconds(5));
  EXPECT_EQ(errc_of(refused), Errc::timeout);
  EXPECT_EQ(refused.error().key(), "never");
  EXPECT_GE(Deadline::Clock::now(), now + std::chrono::milliseconds(5));
  EXPECT_EQ(errc_of(second_.directory->wait(store, "never", now)), Errc::timeout);

  (void)put_name(first_, store, "here", 1).value();
  const Pin here = second_.directory->wait(store, "here", now).value();
  EXPECT_EQ(second_.word(here), 1U) << "an existing name is found even after the deadline";
  second_.table->release(here.id);

  for (std::uint64_t at = 0; at < 50; ++at) {
    const std::string name = "later/" + std::to_string(at);
    std::thread putter([&] { (void)put_name(first_, store, name, at).value(); });
    const auto found = second_.directory->wait(store, name, Deadline::Clock::now() + seconds(20));
    putter.join();
    ASSERT_TRUE(found) << found.error();
    EXPECT_EQ(second_.word(*found), at);
    second_.table->release(found->id);
  }
}

/// A watcher that wakes the test's thread.
class WatcherOfTest final : public NameWatcher {
 public:
  void bound() noexcept override {
    const std::lock_guard lock(mutex_);
    ++told_;
    condition_.notify_all();
  }
  void bound_by_who_tells() noexcept override {
    const std::lock_guard lock(mutex_);
    ++noted_;
  }
  [[nodiscard]] int told() {
    const std::lock_guard lock(mutex_);
    return told_;
  }
  [[nodiscard]] int noted() {
    const std::lock_guard lock(mutex_);
    return noted_;
  }
  /// Whether it was notified more than `seen` times.
  [[nodiscard]] bool notified_after(int seen) {
    std::unique_lock lock(mutex_);
    return condition_.wait_for(lock, std::chrono::seconds(20), [&] { return told_ > seen; });
  }

 private:
  std::mutex mutex_;
  std::condition_variable condition_;
  int told_ = 0;
  int noted_ = 0;
};

// Whether another process binds the name, or this one. A name bound between watch() and find() is found.
TEST_P(DirectoryContract, TellsWhoWatchesOfEachNameThatIsBound) {
  const auto watcher = std::make_shared<WatcherOfTest>();
  for (std::uint64_t at = 0; at < 200; ++at) {
    const std::string name = "watched/" + std::to_string(at);
    const NodeProcess& maker = node_[at % 3];
    std::thread putter([&] { (void)put_name(maker, store, name, at).value(); });
    for (;;) {
      const int seen = watcher->told();
      EXPECT_TRUE(second_.directory->watch(hash(name), watcher));
      const auto found = get_name(second_, store, name);
      if (found) {
        EXPECT_EQ(*found, at);
        break;
      }
      if (!watcher->notified_after(seen)) {
        ADD_FAILURE() << "no notification of " << name;
        break;
      }
    }
    putter.join();
    const bool last = HasFailure();
    ASSERT_FALSE(last);
  }
}

// Another process must be woken nevertheless.
TEST_P(DirectoryContract, LetsItsWatcherKnowThatWhoHasBoundTellsWhoWaits) {
  const auto own = std::make_shared<WatcherOfTest>();
  const auto other = std::make_shared<WatcherOfTest>();
  EXPECT_TRUE(first_.directory->watch(hash("x"), own));
  EXPECT_TRUE(second_.directory->watch(hash("x"), other));
  (void)put_name(first_, store, "x", 1, {.caller_tells = true}).value();
  EXPECT_EQ(own->noted(), 1);
  EXPECT_TRUE(other->notified_after(0));
  EXPECT_EQ(other->noted(), 0);
}

// Each process is notified of names of its own; one process binds all of them.
TEST_P(DirectoryContract, TellsEachOfManyWhoWatchManyNames) {
  constexpr std::uint64_t count = 100;
  std::vector<std::thread> watchers;
  for (const NodeProcess* process : {&second_, &third_}) {
    watchers.emplace_back([process] {
      const auto watcher = std::make_shared<WatcherOfTest>();
      std::set<std::uint64_t> missing;
      for (std::uint64_t at = 0; at < count; ++at) {
        missing.insert(at);
      }
      while (!missing.empty()) {
        const int seen = watcher->told();
        for (auto at = missing.begin(); at != missing.end();) {
          const std::string name = "news/" + std::to_string(*at);
          EXPECT_TRUE(process->directory->watch(hash(name), watcher));
          at = get_name(*process, store, name) ? missing.erase(at) : std::next(at);
        }
        if (!missing.empty() && !watcher->notified_after(seen)) {
          ADD_FAILURE() << missing.size() << " names without a notification";
          return;
        }
      }
    });
  }
  for (std::uint64_t at = 0; at < count; ++at) {
    (void)put_name(first_, store, "news/" + std::to_string(at), at).value();
  }
  for (std::thread& each : watchers) {
    each.join();
  }
}

TEST_P(DirectoryContract, LetsOneOfManyBindingsWin) {
  constexpr std::uint64_t name_count = 100;
  std::array<std::array<std::optional<std::uint64_t>, name_count>, 3> won{};
  std::vector<std::thread> threads;
  for (std::size_t process = 0; process < 3; ++process) {
    threads.emplace_back([&, process] {
      for (std::uint64_t at = 0; at < name_count; ++at) {
        const auto sealed = put_name(node_[process], store, "contested/" + std::to_string(at), process);
        if (sealed) {
          won[process][at] = sealed->generation;
        } else {
          EXPECT_EQ(errc_of(sealed), Errc::key_exists) << sealed.error();
        }
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  std::set<std::uint64_t> generations;
  for (std::uint64_t at = 0; at < name_count; ++at) {
    const std::uint64_t winner = get_name(first_, store, "contested/" + std::to_string(at)).value();
    for (std::size_t process = 0; process < 3; ++process) {
      EXPECT_EQ(won[process][at].has_value(), process == winner);
    }
    generations.insert(won[winner][at].value());
  }
  EXPECT_EQ(generations.size(), name_count) << "each binding has its own generation";
}

// Replaced by one process, read by two: a live name is found by each look-up, and its value never goes back.
TEST_P(DirectoryContract, FindsANameThatIsReplacedThroughout) {
  (void)put_name(first_, store, "clock", 0).value();
  std::atomic<bool> done{false};
  std::thread writer([&] {
    for (std::uint64_t tick = 1; tick <= 10'000; ++tick) {
      (void)put_name(first_, store, "clock", tick, {SealMode::replace}).value();
      (void)first_.collect(Effort::amortised);
    }
    done = true;
  });
  std::vector<std::thread> readers;
  for (const NodeProcess* process : {&second_, &third_}) {
    readers.emplace_back([&, process] {
      std::uint64_t last = 0;
      do {
        const auto tick = get_name(*process, store, "clock");
        ASSERT_TRUE(tick) << tick.error();
        EXPECT_GE(*tick, last);
        last = *tick;
      } while (!done);
    });
  }
  writer.join();
  for (std::thread& reader : readers) {
    reader.join();
  }
  EXPECT_TRUE(second_.directory->unbind(store, "clock", {}).value());
  expect_empty();
}

}  // namespace locum::tests
