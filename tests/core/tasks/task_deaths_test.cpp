// A rank that uses a queue of tasks dies between every two of its changes: the others lose nothing.
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/task_queue.hpp"
#include "tests/core/code_of.hpp"
#include "tests/core/forwarding_connector.hpp"
#include "tests/core/session_fixture.hpp"

namespace locum::tests {
namespace {

using namespace std::chrono_literals;

/// Makes so many changes, and none after that: as that of a process that dies then.
class MortalConnector final : public ForwardingConnector {
 public:
  using ForwardingConnector::ForwardingConnector;

  void die_after(int changes) { changes_left_ = changes; }
  /// For what others do in place of the dead: they break its promises.
  void revive() { changes_left_ = none; }
  [[nodiscard]] bool is_dead() const { return changes_left_ < 0; }

  NowOrTask<Sealed> seal_or_task(const ObjectDraft& draft, const SealOptions& options, CountsUntil counts,
                                 WaitBudget budget) override {
    if (!may_change()) {
      behind().discard(draft);
      return {dead()};
    }
    return ForwardingConnector::seal_or_task(draft, options, counts, budget);
  }
  NowOrTask<bool> evict_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    return may_change() ? ForwardingConnector::evict_or_task(address, counts, budget)
                        : NowOrTask<bool>{dead()};
  }
  Result<ObjectView> get(const Address& address, WaitBudget budget) override {
    return is_dead() ? Result<ObjectView>(dead()) : ForwardingConnector::get(address, budget);
  }
  Result<ObjectView> wait(const Address& address, Deadline deadline, const Wanted& wanted) override {
    return is_dead() ? Result<ObjectView>(dead()) : ForwardingConnector::wait(address, deadline, wanted);
  }

 private:
  static constexpr int none = 1'000'000;

  [[nodiscard]] static Error dead() { return Error(Errc::system, "this rank is dead"); }
  [[nodiscard]] bool may_change() {
    if (changes_left_ > 0 && changes_left_ < none) {
      --changes_left_;
      return true;
    }
    if (changes_left_ == 0) {
      changes_left_ = -1;
    }
    return changes_left_ == none;
  }

  int changes_left_ = none;
};

using Queue = TaskQueue<std::uint64_t>;

/// What a rank knows to have done.
struct Known {
  std::set<std::uint64_t> put;
  std::set<std::uint64_t> done;
  std::set<std::uint64_t> begun;  ///< done() was called, and may have been carried out
};

void put(Queue& queue, std::uint64_t task, Known& known) {
  if (queue.put(task)) {
    known.put.insert(task);
  }
}

void take(Queue& queue, bool is_to_be_done, Known& known) {
  if (auto task = queue.take(1ms); task && is_to_be_done) {
    known.begun.insert(**task);
    if (task->done()) {
      known.done.insert(**task);
    }
  }
}

/// All that a rank may do to a queue.
void work(Queue& queue, Known& known) {
  put(queue, 10, known);
  take(queue, true, known);
  take(queue, false, known);
  put(queue, 11, known);
  {
    const auto held = queue.take(1ms);
    for (int turn = 0; turn < 40; ++turn) {  // of which the records are swept
      put(queue, 20 + static_cast<std::uint64_t>(turn), known);
      take(queue, true, known);
    }
  }
  for (int turn = 0; turn < 4; ++turn) {
    take(queue, true, known);
  }
  take(queue, true, known);  // nothing comes
  put(queue, 12, known);
  (void)queue.close();
}

/// What is wrong when a rank dies after so many changes; whether it died.
bool die_after(int changes, std::string& wrong) {
  SessionFixture survivor({}, {.incarnation = 3});
  const auto connector = std::make_shared<MortalConnector>(survivor.connector);
  const Session victim(connector, std::make_shared<Metrics>(), {.incarnation = 3});
  Queue tasks(survivor.store(), "tasks");
  Known known;
  for (const std::uint64_t task : {1, 2, 3}) {
    put(tasks, task, known);
  }
  bool died = false;
  {
    Queue theirs(victim.open("fields").value(), "tasks");
    connector->die_after(changes);
    work(theirs, known);
    died = connector->is_dead();
    connector->revive();
    victim.close();
  }
  if (!died) {
    return false;
  }
  const auto closed = tasks.close();
  std::set<std::uint64_t> taken;
  auto task = closed ? tasks.take(60s) : Result<TakenTask<std::uint64_t>>(closed.error());
  for (; task; task = tasks.take(60s)) {
    if (!taken.insert(**task).second || known.done.contains(**task) || !task->done()) {
      wrong += "task " + std::to_string(**task) + " came again; ";
    }
  }
  if (task.error().code() != Errc::end_of_stream) {
    wrong += std::string(task.error().what()) + "; ";
  }
  for (const std::uint64_t one : known.put) {
    if (!taken.contains(one) && !known.begun.contains(one)) {
      wrong += "task " + std::to_string(one) + " was lost; ";
    }
  }
  return true;
}

TEST(TaskDeaths, LoseNothingWheneverARankDies) {
  std::atomic<int> next = 0;
  std::atomic<int> deaths = 0;
  std::array<std::string, 12> wrong;
  std::vector<std::thread> threads;
  for (auto& mine : wrong) {
    threads.emplace_back([&] {
      for (int changes = next++;; changes = next++) {
        std::string what;
        if (!die_after(changes, what)) {
          return;
        }
        ++deaths;
        if (!what.empty()) {
          mine += "after " + std::to_string(changes) + " changes: " + what + "\n";
        }
      }
    });
  }
  for (auto& thread : threads) {
    thread.join();
  }
  for (const std::string& what : wrong) {
    EXPECT_EQ(what, "");
  }
  EXPECT_GT(deaths, 200);
}

/// Of some values it says that the node is lost which had them.
class ForgetfulConnector final : public ForwardingConnector {
 public:
  using ForwardingConnector::ForwardingConnector;

  void lose_values() { has_lost_ = true; }
  Result<ObjectView> get(const Address& address, WaitBudget budget) override {
    return as_known(address, ForwardingConnector::get(address, budget));
  }
  NowOrTask<ObjectView> get_or_task(const Address& address, const Selection& selection, CountsUntil counts,
                                    Deadline deadline) override {
    auto made = ForwardingConnector::get_or_task(address, selection, counts, deadline);
    return {as_known(address, std::move(made.found)), std::move(made.coming)};
  }
  NowOrTask<bool> exists_or_task(const Address& address, CountsUntil counts, WaitBudget budget) override {
    auto made = ForwardingConnector::exists_or_task(address, counts, budget);
    const bool is_lost = has_lost_ && address.name.empty() && made.found && !*made.found;
    return is_lost ? NowOrTask<bool>{lost()} : std::move(made);
  }

 private:
  static Error lost() { return Error(Errc::peer_lost, "the node of this value is lost"); }
  [[nodiscard]] Result<ObjectView> as_known(const Address& address, Result<ObjectView> found) const {
    const bool is_lost =
        has_lost_ && address.name.empty() && !found && found.error().code() == Errc::not_found;
    return is_lost ? Result<ObjectView>(lost()) : std::move(found);
  }

  bool has_lost_ = false;
};

// Whether a task is over is told by its value, until its records are swept: a node that is lost in between
// tells nothing any more.
TEST(TaskDeaths, OfTheNodeWhoseTasksAreDoneEndNoWait) {
  SessionFixture fixture({}, {.incarnation = 3});
  const auto connector = std::make_shared<ForgetfulConnector>(fixture.connector);
  const Session session(connector, std::make_shared<Metrics>(), {.incarnation = 3});
  Queue tasks(session.open("fields").value(), "tasks");
  for (std::uint64_t task = 0; task < 5; ++task) {
    ASSERT_TRUE(tasks.put(task));
    auto taken = tasks.take(20s);
    ASSERT_TRUE(taken) << taken.error();
    ASSERT_TRUE(taken->done());
  }
  connector->lose_values();
  ASSERT_TRUE(tasks.close());
  EXPECT_EQ(code_of(tasks.take(20s)), Errc::end_of_stream);
}

}  // namespace
}  // namespace locum::tests
