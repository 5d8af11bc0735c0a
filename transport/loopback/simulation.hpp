#pragma once

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <set>
#include <string>
#include <tuple>
#include <vector>

#include "transport/loopback/body.hpp"
#include "transport/loopback/schedule.hpp"

namespace locum::loopback {

/// Prints the sentence and ends the process: the test, or what it tests, does what no program may.
[[noreturn]] void misuse(const std::string& sentence);

/// Thrown out of Transport::sleep() when the rank is dead: a program of it goes no further than this. A
/// program that unwinds may sleep all the same; then only time passes.
struct Killed : std::exception {
  [[nodiscard]] const char* what() const noexcept override {
    return "this rank was killed by the simulation";
  }
};

/// Many ranks in one thread of control, on a clock that stands still while anybody computes. Whatever
/// happens, happens at a moment, one thing after the other, and is a consequence of what the test has asked
/// for.
///
/// Of each rank two may be called. Its *hook* stands for the thread that serves it while nobody waits: it is
/// called when there is something for the rank, when it was woken, and at the moment that it asked for
/// itself. And one who *sleeps* in its Transport::sleep(): a body begun by start(), or the test's own code.
/// What comes goes to the sleeper if it has armed the transport, else to the hook.
///
/// Not for several threads: wake() too is called within the simulation only.
class Simulation {
 public:
  using Clock = Transport::Clock;
  using Action = Schedule::Action;
  /// Serves its rank; returns when it wants to be called although nothing comes (Moment::max(): never). Must
  /// not sleep.
  using Hook = std::function<Moment()>;

  explicit Simulation(int ranks);
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  [[nodiscard]] int size() const noexcept { return static_cast<int>(ranks_.size()); }
  [[nodiscard]] Moment now() const noexcept { return now_; }
  void at(Moment moment, Action action) { schedule_.add(std::max(moment, now_), std::move(action)); }
  void after(std::chrono::nanoseconds delay, Action action) { at(now_ + delay, std::move(action)); }

  /// Who serves this rank from now on; replaces who did. It is called once at once, to say when it wants to
  /// be.
  void on_ready(int rank, Hook hook);
  /// Begins a program that may sleep, in its turn with all others. Killed ends it without a word. It must
  /// end, in run() at the latest: whatever it uses has to live until then. REQUIRES: between two of its
  /// sleeps it waits for nothing else.
  void start(std::function<void()> program);
  /// Stops a rank as SIGSTOP does: neither its hook nor who sleeps on it goes on. Messages go on coming.
  void pause(int rank);
  void resume(int rank);
  /// Lets everything else go on until that moment: how a program of that rank waits beside another one that
  /// sleeps in its transport. Ends as sleep() does if the rank is dead.
  void linger(int rank, Moment moment);
  [[nodiscard]] bool alive(int rank) const noexcept { return rank_at(rank).alive; }

  /// The next thing that happens, unless that is after `limit`: false.
  bool step(Moment limit = Moment::max());
  /// Until all programs have ended. Throws what one of them threw, or std::logic_error if those that are left
  /// can never go on; before, all ranks are killed, so that all programs end.
  void run();
  /// Until `done()` says so, `limit` has come, or nothing is left that could happen; what done() says then.
  bool run_until(const std::function<bool()>& done, Moment limit = Moment::max());
  void run_for(std::chrono::nanoseconds time);
  /// Until nothing is under way. Hooks that want to be called later do not count.
  void run_until_idle();

  /// How many things have happened.
  [[nodiscard]] std::uint64_t events() const noexcept { return events_; }

 protected:
  virtual ~Simulation();

  /// Called once for each rank when no program may go on living.
  virtual void kill_all() = 0;
  /// To be called by a derived class's destructor: ends all programs.
  void end_bodies() noexcept;

  /// There is something for that rank: said by what happens (announce) or by who just runs (announce_soon).
  void announce(int rank);
  void announce_soon(int rank);
  /// All that was there has been taken.
  void taken(int rank) noexcept { rank_at(rank).something = false; }
  /// The rank is dead. Who sleeps on it goes on, and from now on in a time of its own that does nothing but
  /// pass.
  void bury(int rank);

  [[nodiscard]] bool arm(int rank) noexcept;
  void sleep(int rank, Moment moment);
  void wake(int rank);
  [[nodiscard]] Moment now_of(int rank) const noexcept;

 private:
  struct Rank {
    Hook hook;
    Body* sleeper = nullptr;  // who sleeps, if not the test's own code
    Moment sleeps_until;
    Moment hook_due = Moment::max();
    Moment afterlife;
    std::vector<std::weak_ptr<Body*>> to_resume;  // who lingered, and whose moment came while it was paused
    bool asleep = false;
    bool armed = false;
    bool woken = false;
    bool something = false;
    bool paused = false;
    bool alive = true;
  };
  enum class Whose : std::uint8_t { sleeper, hook };
  using Alarm = std::tuple<Moment, int, Whose>;

  [[nodiscard]] Rank& rank_at(int rank) { return ranks_.at(static_cast<std::size_t>(rank)); }
  [[nodiscard]] const Rank& rank_at(int rank) const { return ranks_.at(static_cast<std::size_t>(rank)); }
  [[nodiscard]] bool may_go_on(const Rank& rank) const noexcept;
  void attend(int rank);
  void call_hook(int rank);
  void ring(const Alarm& alarm);
  void continue_body(Body& body);
  void end_lingering(int rank, const std::weak_ptr<Body*>& waits);
  void pass_afterlife(int rank, Moment moment);
  void end_if_killed(const Rank& rank) const;
  void sleep_in_test(int rank);
  [[nodiscard]] std::string sleepers() const;

  Moment now_;
  Schedule schedule_;
  std::set<Alarm> alarms_;
  std::vector<Rank> ranks_;
  std::vector<std::shared_ptr<Body>> bodies_;
  Body* running_ = nullptr;
  int hooked_ = -1;  // the rank whose hook is being called
  std::uint64_t events_ = 0;
  std::uint64_t events_at_this_moment_ = 0;
};

}  // namespace locum::loopback
