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

#include "tests/loopback/body.hpp"
#include "tests/loopback/schedule.hpp"

namespace locum::loopback {

/// Prints the sentence and ends the process: the test, or the tested code, breaks the simulation's rules.
[[noreturn]] void misuse(const std::string& sentence);

/// Thrown out of Transport::sleep() when the rank is dead: a program on it ends here. Code that unwinds may
/// still sleep; that only advances time.
struct Killed : std::exception {
  [[nodiscard]] const char* what() const noexcept override {
    return "this rank was killed by the simulation";
  }
};

/// Many ranks in one thread of control, on a clock that stands still while code runs. Each event has its
/// moment, events happen one after the other, and all follow from the calls of the test.
///
/// A rank has two entry points. Its *hook* represents the thread that serves it while nobody waits: it is
/// called when there is a message for the rank, when it was woken, and at the moment that it asked for. And a
/// *sleeper* in its Transport::sleep(): a body begun by start(), or the test's own code. Messages go to the
/// sleeper if it has armed the transport, else to the hook.
///
/// Not for several threads: also wake() is called within the simulation only.
class Simulation {
 public:
  using Clock = Transport::Clock;
  using Action = Schedule::Action;
  /// Serves its rank; returns the next moment at which it wants to be called without a message
  /// (Moment::max(): never). Must not sleep.
  using Hook = std::function<Moment()>;

  explicit Simulation(int ranks);
  Simulation(const Simulation&) = delete;
  Simulation& operator=(const Simulation&) = delete;

  [[nodiscard]] int size() const noexcept { return static_cast<int>(ranks_.size()); }
  [[nodiscard]] Moment now() const noexcept { return now_; }
  void at(Moment moment, Action action) { schedule_.add(std::max(moment, now_), std::move(action)); }
  void after(std::chrono::nanoseconds delay, Action action) { at(now_ + delay, std::move(action)); }

  /// Sets the hook of this rank; replaces an earlier one. It is called once at once, to return its first
  /// moment.
  void on_ready(int rank, Hook hook);
  /// Begins a program that may sleep, in turn with all others. Killed ends it silently. It must end, in run()
  /// at the latest: everything it uses has to live until then. REQUIRES: between two of its sleeps it waits
  /// for nothing else.
  void start(std::function<void()> program);
  /// Stops a rank like SIGSTOP: neither its hook nor its sleeper runs. Messages still arrive.
  void pause(int rank);
  void resume(int rank);
  /// Lets all other events happen until that moment: how a program of that rank waits beside another one that
  /// sleeps in its transport. Ends as sleep() does if the rank is dead.
  void linger(int rank, Moment moment);
  [[nodiscard]] bool alive(int rank) const noexcept { return rank_at(rank).alive; }

  /// Runs the next event, unless that is after `limit`: false.
  bool step(Moment limit = Moment::max());
  /// Runs until all programs have ended. Rethrows what one of them threw, or throws std::logic_error if the
  /// remaining ones can never continue; before that, all ranks are killed, so that all programs end.
  void run();
  /// Runs until `done()` is true, `limit` has come, or no event is left; returns the last done().
  bool run_until(const std::function<bool()>& done, Moment limit = Moment::max());
  void run_for(std::chrono::nanoseconds time);
  /// Runs until nothing is in transfer. Moments that hooks asked for do not count.
  void run_until_idle();

  /// Number of events so far.
  [[nodiscard]] std::uint64_t events() const noexcept { return events_; }

 protected:
  virtual ~Simulation();

  /// Called once for each rank when all programs have to end.
  virtual void kill_all() = 0;
  /// Called by a derived class's destructor: ends all programs.
  void end_bodies() noexcept;

  /// A message is available for that rank: reported by an event (announce) or by running code
  /// (announce_soon).
  void announce(int rank);
  void announce_soon(int rank);
  /// All available messages have been received.
  void taken(int rank) noexcept { rank_at(rank).something = false; }
  /// The rank is dead. Its sleeper continues, and from now on its sleeps only advance a private time.
  void bury(int rank);

  [[nodiscard]] bool arm(int rank) noexcept;
  void sleep(int rank, Moment moment);
  void wake(int rank);
  [[nodiscard]] Moment now_of(int rank) const noexcept;

 private:
  struct Rank {
    Hook hook;
    Body* sleeper = nullptr;  // the sleeper, if not the test's own code
    Moment sleeps_until;
    Moment hook_due = Moment::max();
    Moment afterlife;
    std::vector<std::weak_ptr<Body*>> to_resume;  // lingering bodies, due while the rank was paused
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
