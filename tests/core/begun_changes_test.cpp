// Asynchronous puts and evictions of names on other nodes: any number concurrently, and their results after a
// cancellation, a death or a close.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/client/distributed.hpp"
#include "core/store.hpp"
#include "tests/core/forwarding_directory.hpp"
#include "tests/core/full_arena.hpp"
#include "tests/core/future_nodes.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;
using tests::code_of;

class BegunChanges : public tests::FutureNodes {
 protected:
  [[nodiscard]] std::string away(const std::string& stem) {
    return world_.name_at(0, reader_.number(), stem);
  }
  [[nodiscard]] std::string here(const std::string& stem) {
    return world_.name_at(1, reader_.number(), stem);
  }
  [[nodiscard]] std::vector<std::string> names(int number) {
    std::vector<std::string> made;
    for (int i = 0; i < number; ++i) {
      made.push_back(away("name " + std::to_string(i) + "."));
    }
    return made;
  }
  [[nodiscard]] std::uint64_t sent() { return world_.network().counters().sent.messages; }
  [[nodiscard]] auto now() { return world_.network().now(); }
  void pass(std::chrono::nanoseconds time) { world_.network().run_for(time); }
  [[nodiscard]] std::vector<AsyncResult<Key>> put_all(const std::vector<std::string>& all) {
    std::vector<AsyncResult<Key>> puts;
    for (std::size_t at = 0; at < all.size(); ++at) {
      puts.push_back(reader_.put_async(all[at], static_cast<double>(at)));
    }
    return puts;
  }
  void expect_empty_window() {
    EXPECT_EQ(world_.rank(2).links->window(CountsUntil::it_is_got)->levels(), Window::Levels{});
  }
  /// After the reading rank has dropped its objects.
  void expect_reader_left_nothing() {
    const auto dropped = world_.connector(2).drop(reader_.number());
    EXPECT_TRUE(dropped || mortal_.is_dead_node(0)) << dropped.error();
    pass(20s);
    expect_only_the_registry();
    expect_empty_window();
  }
};

TEST_F(BegunChanges, PutAThousandNamesInTheTimeOfOne) {
  const auto all = names(1000);
  const std::uint64_t before = sent();
  const auto began = now();
  auto puts = put_all(all);
  EXPECT_FALSE(puts.front().ready());
  ASSERT_TRUE(when_all(puts));
  EXPECT_LE(now() - began, 4ms);
  EXPECT_EQ(sent() - before, 2000U) << "a request and a reply each";
  for (std::size_t at = 0; at < all.size(); ++at) {
    const auto found = maker_.get<double>(all[at]);
    ASSERT_TRUE(found) << found.error();
    EXPECT_EQ(**found, static_cast<double>(at));
    EXPECT_EQ(reader_.info(puts[at].get().value()).value().name, all[at]);
  }
  EXPECT_EQ(snapshot(read_->metrics()).writes[static_cast<std::size_t>(Path::shm_copy)].operations, 1000U);
}

TEST_F(BegunChanges, HaveTheValueWhenTheyReturn) {
  std::vector<double> value(count, 1.0);
  const auto named = reader_.put_async(away("value"), value);
  const auto unnamed = reader_.put_async(value);
  const auto at_home = reader_.put_async(here("value"), value);
  EXPECT_TRUE(unnamed.ready()) << "no other node is involved";
  EXPECT_TRUE(at_home.ready());
  EXPECT_FALSE(named.ready());
  std::ranges::fill(value, -1.0);
  value = {};
  pass(10ms);  // no thread calls the library
  ASSERT_TRUE(named.ready());
  for (const auto& put : {named, unnamed, at_home}) {
    const auto found = maker_.get<double[]>(put.get().value()).value();
    EXPECT_EQ(found[count - 1], 1.0);
  }
}

// Byte objects and written objects are bound in the same way.
TEST_F(BegunChanges, OfBytesAndOfWriters) {
  std::vector<std::byte> bytes(count, std::byte{7});
  auto writer = reader_.create<double>(away("written"), {count}).value();
  std::ranges::fill(writer, 2.5);
  auto taken = reader_.create<double>(away("bytes"), {count}).value();
  const auto raw = reader_.put_bytes_async(away("bytes"), bytes);
  const auto unnamed = reader_.put_bytes_async(bytes);
  const auto sealed = writer.seal_async();
  EXPECT_EQ(writer.data(), nullptr);
  EXPECT_TRUE(unnamed.ready());
  EXPECT_FALSE(raw.ready() || sealed.ready());
  bytes = {};
  pass(10ms);
  ASSERT_TRUE(raw.ready() && sealed.ready());
  EXPECT_EQ(maker_.get_bytes(away("bytes")).value()[count - 1], std::byte{7});
  EXPECT_EQ(maker_.get_bytes(unnamed.get().value()).value().size(), count);
  EXPECT_EQ(maker_.get<double[]>(away("written")).value()[count - 1], 2.5);
  EXPECT_EQ(reader_.info(away("written")).value().key, sealed.get().value());
  const auto late = taken.seal_async();
  EXPECT_FALSE(late.ready());
  EXPECT_EQ(code_of(late.get()), Errc::key_exists);
  EXPECT_EQ(code_of(reader_.put_bytes_async("", {}).get()), Errc::invalid_argument);
  const auto writes = snapshot(read_->metrics()).writes;
  EXPECT_EQ(writes[static_cast<std::size_t>(Path::shm_view)].operations, 1U);
  EXPECT_EQ(writes[static_cast<std::size_t>(Path::shm_copy)].operations, 2U);
  for (const Key& key : {raw.get().value(), unnamed.get().value(), sealed.get().value()}) {
    EXPECT_TRUE(reader_.evict_async(key).get().value());
  }
  expect_nothing_left({});
}

TEST_F(BegunChanges, SealAWriterThoughNobodyWantsToKnow) {
  auto writer = reader_.create<double>(away("written"), {count}).value();
  std::ranges::fill(writer, 2.5);
  writer.seal_async().cancel();
  pass(10ms);
  EXPECT_EQ(maker_.get<double[]>(away("written")).value()[0], 2.5);
  EXPECT_TRUE(reader_.evict_async(away("written")).get().value());
  expect_empty_window();
  expect_nothing_left({});
}

TEST_F(BegunChanges, SayWhatTheCallsThatWaitWould) {
  const std::string name = away("name");
  const Key first = reader_.put(name, 1.0).value();
  const auto again = reader_.put_async(name, 2.0);
  const auto stale = reader_.replace_async(name, 3.0, {.expected_generation = 77});
  const auto absent = reader_.replace_async(away("absent"), 3.0, {.expected_generation = 77});
  const auto nobodys = reader_.evict_async(away("nobody's"));
  const std::string own = here("own");
  const auto at_home = reader_.evict_async(own);
  pass(10ms);
  ASSERT_TRUE(again.ready() && stale.ready() && absent.ready() && nobodys.ready());
  EXPECT_EQ(code_of(again.get()), Errc::key_exists);
  EXPECT_EQ(again.get().error().key(), name) << "the error has the name";
  EXPECT_EQ(code_of(stale.get()), Errc::stale);
  EXPECT_EQ(code_of(absent.get()), Errc::not_found);
  EXPECT_FALSE(nobodys.get().value());
  EXPECT_FALSE(at_home.get().value());
  EXPECT_EQ(*maker_.get<double>(name).value(), 1.0) << "unchanged";
  EXPECT_EQ(code_of(reader_.put_async("", 1.0).get()), Errc::invalid_argument);
  EXPECT_EQ(code_of(reader_.evict_async("").get()), Errc::invalid_argument);
  EXPECT_TRUE(reader_.evict_async(first).get().value());
  EXPECT_FALSE(reader_.evict_async(first).get().value());
  expect_nothing_left({});
}

// Objects of this node, of the other one, and one whose name has its home on the third rank's node.
TEST_F(BegunChanges, ReplaceWhatever) {
  const std::string name = away("name");
  const std::string own = here("own");
  for (const auto& each : {name, own}) {
    ASSERT_TRUE(maker_.put(each, std::vector<double>(count, 1.0)));
    const auto old = reader_.get<double[]>(each).value();
    const auto second = reader_.replace_async(each, std::vector<double>(count, 2.0));
    ASSERT_TRUE(second.get());
    EXPECT_EQ(maker_.get<double[]>(each).value()[0], 2.0);
    EXPECT_FALSE(maker_.exists(old.key()).value());
    EXPECT_FALSE(reader_.exists(old.key()).value());
    EXPECT_EQ(old[0], 1.0) << "views stay";
    ASSERT_TRUE(maker_.replace_async(each, std::vector<double>(count, 3.0)).get());
    EXPECT_EQ(reader_.get<double[]>(each).value()[0], 3.0);
    EXPECT_FALSE(reader_.exists(second.get().value()).value());
    EXPECT_TRUE(reader_.evict_async(each).get().value());
    EXPECT_FALSE(maker_.exists(each).value());
  }
  expect_nothing_left({});
}

TEST_F(BegunChanges, EvictAThousandInTheTimeOfOne) {
  std::vector<Key> keys;
  for (int i = 0; i < 500; ++i) {
    keys.push_back(maker_.put(1.0 * i).value());
  }
  const auto all = names(500);
  for (const std::string& name : all) {
    ASSERT_TRUE(maker_.put(name, 1.0));
  }
  const std::uint64_t before = sent();
  const auto began = now();
  std::vector<AsyncResult<bool>> gone;
  for (std::size_t at = 0; at < keys.size(); ++at) {
    gone.push_back(reader_.evict_async(keys[at]));
    gone.push_back(reader_.evict_async(all[at]));
  }
  ASSERT_TRUE(when_all(gone));
  EXPECT_LE(now() - began, 4ms);
  EXPECT_EQ(sent() - before, 2000U) << "a request and a reply each";
  EXPECT_TRUE(std::ranges::all_of(gone, [](const auto& each) { return each.get().value(); }));
  EXPECT_EQ(read_->metrics().evictions, 1000U);
  EXPECT_FALSE(maker_.exists(keys[77]).value());
  EXPECT_FALSE(maker_.exists(all[77]).value());
  gone.clear();
  expect_nothing_left({});
}

// An object of which both nodes have a copy: both copies are gone when the eviction has ended.
TEST_F(BegunChanges, EvictCopiesToo) {
  const std::string name = away("name");
  const Key foreign = maker_.put(name, std::vector<double>(count, 1.0)).value();
  const Key own = reader_.put(std::vector<double>(count, 2.0)).value();
  for (const Key& key : {foreign, own}) {
    ASSERT_TRUE(maker_.get<double[]>(key));
    ASSERT_TRUE(reader_.get<double[]>(key));
    const auto gone = reader_.evict_async(key);
    EXPECT_FALSE(gone.ready()) << "the other node still has a view";
    pass(20ms);
    ASSERT_TRUE(gone.ready());
    EXPECT_TRUE(gone.get().value());
    EXPECT_FALSE(reader_.get<double[]>(key));
    EXPECT_FALSE(maker_.get<double[]>(key));
  }
  EXPECT_FALSE(maker_.exists(name).value());
  expect_nothing_left({});
}

TEST_F(BegunChanges, AreMadeThoughNobodyWantsToKnow) {
  const auto all = names(1500);  // more than the window
  (void)put_all(all);
  const auto cancelled = reader_.put_async(away("cancelled"), 1.0);
  cancelled.cancel();
  EXPECT_EQ(code_of(cancelled.get()), Errc::cancelled);
  pass(100ms);
  for (const std::string& name : all) {
    ASSERT_TRUE(maker_.exists(name).value()) << name;
  }
  EXPECT_TRUE(maker_.exists(away("cancelled")).value());
  for (const std::string& name : all) {
    reader_.evict_async(name);
  }
  reader_.evict_async(away("cancelled")).cancel();
  pass(100ms);
  EXPECT_EQ(read_->metrics().evictions, 1501U) << "counted nevertheless";
  expect_empty_window();
  expect_nothing_left({});
}

TEST_F(BegunChanges, AreCancelledAtEveryStep) {
  for (std::uint64_t steps = 0;; ++steps) {
    const std::string name = away("name");
    const std::string old = away("old");
    const Key foreign = put(1);
    ASSERT_TRUE(maker_.put(old, 1.0));
    auto made = std::make_optional(reader_.put_async(name, 5.0));
    auto replaced = std::make_optional(reader_.replace_async(old, 6.0));
    auto gone = std::make_optional(reader_.evict_async(foreign));
    for (std::uint64_t step = 0; step < steps && !(made->ready() && replaced->ready() && gone->ready());
         ++step) {
      ASSERT_TRUE(world_.network().step());
    }
    const bool all = made->ready() && replaced->ready() && gone->ready();
    for (auto* const each : {&made, &replaced}) {
      const bool ended = (*each)->ready();
      (*each)->cancel();
      EXPECT_EQ(code_of((*each)->get()), ended ? Errc{} : Errc::cancelled) << steps;
      each->reset();
    }
    gone->cancel();
    gone.reset();
    pass(100ms);
    EXPECT_EQ(*maker_.get<double>(name).value(), 5.0) << steps;
    EXPECT_EQ(*maker_.get<double>(old).value(), 6.0) << steps;
    EXPECT_FALSE(maker_.exists(foreign).value()) << steps;
    EXPECT_TRUE(maker_.evict(name).value());
    EXPECT_TRUE(maker_.evict(old).value());
    if (all) {
      EXPECT_GT(steps, 3U);
      break;
    }
  }
  expect_nothing_left({});
}

TEST_F(BegunChanges, EndAtTheirDeadlineAndAreSettledThen) {
  const std::string name = away("name");
  world_.network().cut(0, 2, loopback::Cut::hold);
  const auto began = now();
  const auto put = reader_.put_async(name, 1.0, {.deadline = now() + 50ms});
  const auto gone = reader_.evict_async(away("other"), {.deadline = now() + 50ms});
  EXPECT_EQ(code_of(put.get()), Errc::timeout);
  EXPECT_EQ(code_of(gone.get()), Errc::timeout);
  EXPECT_LE(now() - began, 200ms);
  world_.network().heal();
  pass(20s);
  EXPECT_EQ(maker_.exists(name).value(), reader_.exists(name).value());
  expect_reader_left_nothing();
}

TEST_F(BegunChanges, SayThatTheHomeHasDied) {
  auto puts = put_all(names(20));
  std::vector<AsyncResult<bool>> gone;
  for (int i = 0; i < 20; ++i) {
    gone.push_back(reader_.evict_async(away("gone " + std::to_string(i) + ".")));
  }
  pass(500us);
  mortal_.kill_node(0);
  const auto began = now();
  int told = 0;
  while (auto put = when_any(puts)) {
    EXPECT_EQ(code_of(put->get()), Errc::peer_lost);
    ++told;
  }
  ASSERT_TRUE(when_all(gone));
  EXPECT_TRUE(
      std::ranges::all_of(gone, [](const auto& each) { return code_of(each.get()) == Errc::peer_lost; }));
  EXPECT_EQ(told, 20);
  EXPECT_LE(now() - began, 6s);
  expect_reader_left_nothing();
}

// The rank that serves the request dies at each step; the other rank of its node takes over as the home.
TEST_F(BegunChanges, AreSettledWhereOneRankOfTheHomeDies) {
  const auto all = names(8);
  auto puts = put_all(all);
  pass(1500us);  // the requests have arrived, the replies have not
  mortal_.kill(0);
  ASSERT_TRUE(when_all(puts));
  pass(20s);
  for (std::size_t at = 0; at < all.size(); ++at) {
    const auto found = reader_.get<double>(all[at]);
    const auto put = puts[at].get();
    EXPECT_TRUE(put || put.error().code() == Errc::peer_lost) << put.error();
    EXPECT_TRUE(found || found.error().code() == Errc::not_found);
    if (put) {
      EXPECT_TRUE(found);
    }
    if (found) {
      EXPECT_EQ(**found, static_cast<double>(at));
      EXPECT_TRUE(reader_.evict_async(all[at]).get().value());
    }
  }
  puts.clear();
  expect_reader_left_nothing();
}

TEST_F(BegunChanges, AreSettledByTheMatesOfWhoDies) {
  const auto before = world_.rank(0).node->levels();
  const auto all = names(8);
  auto puts = put_all(all);
  pass(1500us);
  read_->close();
  mortal_.kill(2);
  pass(20s);
  for (const std::string& name : all) {
    const auto there = maker_.exists(name);
    ASSERT_TRUE(there) << there.error();
    EXPECT_TRUE(!*there || maker_.evict(name).value());
  }
  pass(20s);
  (void)world_.connector(3).usage();
  (void)world_.connector(0).usage();
  EXPECT_EQ(world_.rank(0).node->levels(), before);
  expect_only_the_registry();
}

TEST_F(BegunChanges, SayThatTheRuntimeWasClosed) {
  const auto all = names(2000);
  const auto puts = put_all(all);
  const auto gone = reader_.evict_async(away("gone"));
  EXPECT_GT(world_.rank(2).links->window(CountsUntil::it_is_got)->levels().queued, 900U);
  pass(500us);
  const auto began = now();
  read_->close();
  mortal_.close_now(2);
  for (const auto& put : puts) {
    ASSERT_TRUE(put.ready());
    EXPECT_EQ(code_of(put.get()), Errc::closed);
  }
  EXPECT_EQ(code_of(gone.get()), Errc::closed);
  EXPECT_LE(now() - began, 1s);
  EXPECT_EQ(code_of(reader_.put_async("more", 1.0).get()), Errc::closed);
  EXPECT_EQ(code_of(reader_.evict_async("more").get()), Errc::closed);
  expect_empty_window();
  EXPECT_LE(world_.connector(2).usage().own_objects, 1024U) << "drafts whose request was never sent are gone";
}

/// The directory of a node on which a rank is stopped while it holds a lock.
class InterruptedDirectory final : public ForwardingDirectory {
 public:
  using ForwardingDirectory::ForwardingDirectory;

  Result<std::uint64_t> bind(const Key& key, const SealOptions& options, WaitBudget budget) override {
    return is_stuck(budget) ? locked() : ForwardingDirectory::bind(key, options, budget);
  }
  Result<bool> unbind(std::uint32_t store, std::string_view name, const Key& only,
                      WaitBudget budget) override {
    return is_stuck(budget) ? locked() : ForwardingDirectory::unbind(store, name, only, budget);
  }

  bool stuck = false;
  int tries = 0;

 private:
  // A call with an unlimited budget waits until the lock is free.
  [[nodiscard]] bool is_stuck(const WaitBudget& budget) {
    EXPECT_TRUE(!stuck || budget.is_limited()) << "no call may wait here";
    tries += stuck ? 1 : 0;
    return stuck;
  }
  [[nodiscard]] static Error locked() { return Error(Errc::timeout, "a stopped process holds the lock"); }
};

/// Two nodes; rank 1 changes names whose home is its own node.
class BegunChangesOfAStuckDirectory : public ::testing::Test {
 protected:
  tests::SimulatedNodes world{{.nodes = {.nodes = 2}}};
  const tests::LinkedRank& rank = world.rank(1);
  const std::shared_ptr<InterruptedDirectory> directory =
      std::make_shared<InterruptedDirectory>(rank.process.directory);
  const std::shared_ptr<Connector> connector =
      open_distributed({rank.process.arena, rank.process.table, directory}, rank.links);
  const std::shared_ptr<Session> session =
      std::make_shared<Session>(connector, rank.metrics, SessionOptions{.rank = 1}, world.completions(1));
  Store store = session->open("fields").value();
};

// Closing waits for no lock: an unfinished change is not retried for ever, and never on the driver.
TEST_F(BegunChangesOfAStuckDirectory, EndWhenTheRuntimeCloses) {
  directory->stuck = true;
  const auto made = store.put_async(world.name_at(1, store.number(), "a"), 1.0,
                                    {.deadline = world.network().now() + 10min});
  world.network().run_for(100ms);
  EXPECT_FALSE(made.ready());
  const int tries = directory->tries;
  session->close();
  rank.links->close();
  ASSERT_TRUE(made.ready());
  EXPECT_EQ(code_of(made.get()), Errc::timeout);
  EXPECT_LT(directory->tries, tries + 10);
}

TEST_F(BegunChangesOfAStuckDirectory, AreTriedAgain) {
  const auto name = [&](int number) {
    return world.name_at(1, store.number(), std::to_string(number) + ".");
  };
  ASSERT_TRUE(store.put(name(0), 0.0));
  directory->stuck = true;
  const auto made = store.put_async(name(1), 1.0);
  const auto gone = store.evict_async(name(0));
  const auto late = store.put_async(name(2), 2.0, {.deadline = world.network().now() + 300ms});
  EXPECT_FALSE(made.ready() || gone.ready());
  world.network().run_for(400ms);
  EXPECT_FALSE(made.ready() || gone.ready());
  EXPECT_EQ(code_of(late.get()), Errc::timeout) << "at its deadline";
  EXPECT_GT(directory->tries, 20);
  EXPECT_LT(directory->tries, 100);
  directory->stuck = false;
  world.network().run_for(60ms);
  ASSERT_TRUE(made.ready() && gone.ready());
  EXPECT_EQ(*store.get<double>(name(1)).value(), 1.0);
  EXPECT_TRUE(gone.get().value());
  EXPECT_FALSE(store.exists(name(0)).value());
  EXPECT_FALSE(store.exists(name(2)).value());
  EXPECT_EQ(connector->usage().own_objects, 2U) << "the successful put, and the store; not the failed one";
  session->close();
}

/// Rank 0, alone on its node, is the home of the names, and has no memory for them as long as the test says
/// so.
class PutsAtAFullHome : public ::testing::Test {
 protected:
  ~PutsAtAFullHome() override { session_->close(); }
  [[nodiscard]] std::vector<AsyncResult<Key>> put_some(int number) {
    std::vector<AsyncResult<Key>> puts;
    full_ = tests::Full::for_now;
    for (int i = 0; i < number; ++i) {
      puts.push_back(store_.put_async(world_.name_at(0, store_.number(), std::to_string(i) + "."), 1.0 * i));
    }
    return puts;
  }

  tests::Full full_ = tests::Full::no;
  tests::SimulatedNodes world_{
      {.nodes = {.nodes = 2, .wrap_arena = [this](int rank, std::shared_ptr<Arena> arena) {
                   return rank == 0
                              ? std::make_shared<tests::FullArena>(std::move(arena), [this] { return full_; })
                              : std::move(arena);
                 }}}};
  const std::shared_ptr<Session> session_ = tests::session_of(world_.rank(1), 1, world_.completions(1));
  Store store_ = session_->open("fields").value();
};

// Each retries repeatedly, and none waits for another one.
TEST_F(PutsAtAFullHome, AreMadeWhenThereIsRoom) {
  const auto puts = put_some(50);
  world_.network().run_for(200ms);
  EXPECT_TRUE(std::ranges::none_of(puts, [](const auto& put) { return put.ready(); }));
  full_ = tests::Full::no;
  world_.network().run_for(60ms);
  for (const auto& put : puts) {
    ASSERT_TRUE(put.ready());
    EXPECT_TRUE(put.get()) << put.get().error();
  }
}

TEST_F(PutsAtAFullHome, SayThatThereIsNone) {
  const auto puts = put_some(5);
  const auto began = world_.network().now();
  ASSERT_TRUE(when_all(puts));
  EXPECT_GE(world_.network().now() - began, 4s);
  EXPECT_LE(world_.network().now() - began, 6s);
  for (const auto& put : puts) {
    EXPECT_EQ(code_of(put.get()), Errc::out_of_memory);
  }
  EXPECT_EQ(world_.connector(1).usage().own_objects, 1U) << "the store";
}

TEST_F(PutsAtAFullHome, EndWhereTheRuntimeIsClosed) {
  const auto puts = put_some(5);
  world_.network().run_for(100ms);  // some requests are sent, some pause before a retry
  session_->close();
  world_.network().start([&] { world_.rank(1).links->close(); });
  world_.network().run();
  for (const auto& put : puts) {
    ASSERT_TRUE(put.ready());
    EXPECT_EQ(code_of(put.get()), Errc::closed);
  }
}

}  // namespace
}  // namespace locum::tests
