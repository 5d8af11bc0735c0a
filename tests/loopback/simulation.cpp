#include "tests/loopback/simulation.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <stdexcept>
#include <utility>

namespace locum::loopback {
namespace {

// Start of simulated time: far from both ends of the clock.
constexpr Moment beginning{std::chrono::hours(1000)};

}  // namespace

void misuse(const std::string& sentence) {
  std::fprintf(stderr, "loopback network: %s\n", sentence.c_str());
  std::abort();
}

Simulation::Simulation(int ranks) : now_(beginning) {
  if (ranks < 1) {
    throw Error(Errc::invalid_argument, "a network needs at least one rank");
  }
  ranks_.resize(static_cast<std::size_t>(ranks));
}

Simulation::~Simulation() = default;

void Simulation::on_ready(int rank, Hook hook) {
  rank_at(rank).hook = std::move(hook);
  at(now_, [this, rank] { call_hook(rank); });
}

void Simulation::start(std::function<void()> program) {
  bodies_.push_back(std::make_shared<Body>([run = std::move(program)] {
    try {
      run();
    } catch (const Killed&) {  // ends the program
    }
  }));
  at(now_, [this, began = std::weak_ptr<Body>(bodies_.back())] {
    if (const auto body = began.lock()) {
      continue_body(*body);
    }
  });
}

void Simulation::pause(int rank) {
  rank_at(rank).paused = true;
}

void Simulation::resume(int rank) {
  rank_at(rank).paused = false;
  for (auto& waits : std::exchange(rank_at(rank).to_resume, {})) {
    at(now_, [this, rank, waits = std::move(waits)] { end_lingering(rank, waits); });
  }
  at(now_, [this, rank] {
    attend(rank);
    if (rank_at(rank).hook_due <= now_) {
      call_hook(rank);
    }
  });
}

bool Simulation::step(Moment limit) {
  if (running_ != nullptr || hooked_ >= 0) {
    misuse("a hook or a program within the simulation runs the simulation");
  }
  const Moment alarm = alarms_.empty() ? Moment::max() : std::get<Moment>(*alarms_.begin());
  const Moment next = std::min(schedule_.next(), alarm);
  if (next == Moment::max() || next > limit) {
    return false;
  }
  if (next > now_) {
    now_ = next;
    events_at_this_moment_ = 0;
  } else if (++events_at_this_moment_ > 1'000'000 + 16 * ranks_.size() * ranks_.size()) {
    misuse("millions of events happen at one moment: something reschedules itself without advancing time");
  }
  ++events_;
  if (schedule_.next() <= alarm) {
    schedule_.take()();
  } else {
    const Alarm first = *alarms_.begin();
    alarms_.erase(alarms_.begin());
    ring(first);
  }
  return true;
}

void Simulation::run() {
  try {
    while (!bodies_.empty()) {
      if (!step()) {
        throw std::logic_error("nothing can happen any more, but " + sleepers());
      }
    }
  } catch (...) {
    end_bodies();
    throw;
  }
}

bool Simulation::run_until(const std::function<bool()>& done, Moment limit) {
  while (!done()) {
    if (!step(limit)) {
      now_ = limit == Moment::max() ? now_ : std::max(now_, limit);
      return done();
    }
  }
  return true;
}

void Simulation::run_for(std::chrono::nanoseconds time) {
  (void)run_until([] { return false; }, now_ + time);
}

void Simulation::run_until_idle() {
  while (!schedule_.empty()) {
    step();
  }
}

void Simulation::end_bodies() noexcept {
  std::erase_if(bodies_, [](const auto& body) { return !body->begun(); });
  kill_all();
  while (!bodies_.empty()) {
    try {
      continue_body(*bodies_.back());
    } catch (...) {  // the first failure is already being thrown, or nobody is left to catch one
    }
  }
}

void Simulation::announce(int rank) {
  rank_at(rank).something = true;
  attend(rank);
}

void Simulation::announce_soon(int rank) {
  rank_at(rank).something = true;
  at(now_, [this, rank] {
    if (rank_at(rank).something) {
      attend(rank);
    }
  });
}

void Simulation::bury(int rank) {
  Rank& dead = rank_at(rank);
  dead.alive = false;
  dead.paused = false;
  dead.afterlife = now_;
  alarms_.erase({dead.hook_due, rank, Whose::hook});
  dead.hook_due = Moment::max();
  if (dead.asleep) {
    at(now_, [this, rank] { attend(rank); });
  }
}

bool Simulation::arm(int rank) noexcept {
  Rank& own = rank_at(rank);
  own.armed = !own.something;
  return own.armed;
}

void Simulation::wake(int rank) {
  rank_at(rank).woken = true;
  at(now_, [this, rank] {
    if (rank_at(rank).woken) {
      attend(rank);
    }
  });
}

Moment Simulation::now_of(int rank) const noexcept {
  const Rank& own = rank_at(rank);
  return own.alive ? now_ : own.afterlife;
}

void Simulation::sleep(int rank, Moment moment) {
  Rank& own = rank_at(rank);
  if (hooked_ >= 0) {
    misuse("the hook of rank " + std::to_string(hooked_) + " sleeps; it has to return the moment instead");
  }
  if (own.asleep) {
    misuse("two threads sleep at once in the transport of rank " + std::to_string(rank));
  }
  if (own.alive) {
    own.asleep = true;
    own.sleeps_until = moment;
    if (may_go_on(own)) {
      // a reason to return at once
    } else if (running_ == nullptr) {
      sleep_in_test(rank);
    } else {
      own.sleeper = running_;
      if (moment != Moment::max()) {
        alarms_.emplace(moment, rank, Whose::sleeper);
      }
      running_->yield();
      own.sleeper = nullptr;
      alarms_.erase({moment, rank, Whose::sleeper});
    }
    own.asleep = false;
  } else {
    pass_afterlife(rank, moment);
  }
  own.armed = false;
  own.woken = false;
  end_if_killed(own);
}

void Simulation::linger(int rank, Moment moment) {
  if (hooked_ >= 0) {
    misuse("the hook of rank " + std::to_string(hooked_) + " waits; it has to return the moment instead");
  }
  Rank& own = rank_at(rank);
  if (!own.alive) {
    pass_afterlife(rank, moment);
  } else if (running_ == nullptr) {
    (void)run_until([] { return false; }, moment);
  } else {
    const auto waits = std::make_shared<Body*>(running_);
    at(moment, [this, rank, waits = std::weak_ptr(waits)] { end_lingering(rank, waits); });
    running_->yield();
  }
  end_if_killed(own);
}

// Unless it was ended before. The sleeper of a paused rank continues when the rank does.
void Simulation::end_lingering(int rank, const std::weak_ptr<Body*>& waits) {
  const auto body = waits.lock();
  if (!body) {
    return;
  }
  if (Rank& own = rank_at(rank); own.paused) {
    own.to_resume.push_back(waits);
  } else {
    continue_body(**body);
  }
}

void Simulation::pass_afterlife(int rank, Moment moment) {
  if (moment != Moment::max()) {
    Rank& own = rank_at(rank);
    own.afterlife = std::max(own.afterlife, moment);
  } else if (running_ == nullptr || std::uncaught_exceptions() > 0) {
    misuse("rank " + std::to_string(rank) + " is dead, and waits for something without a deadline");
  }
}

void Simulation::end_if_killed(const Rank& rank) const {
  if (!rank.alive && running_ != nullptr && std::uncaught_exceptions() == 0) {
    throw Killed();
  }
}

// The test's own code sleeps: all other events happen meanwhile.
void Simulation::sleep_in_test(int rank) {
  const Rank& own = rank_at(rank);
  while (!may_go_on(own)) {
    if (step(own.paused ? Moment::max() : own.sleeps_until)) {
      continue;
    }
    if (own.paused || own.sleeps_until == Moment::max()) {
      misuse("nothing can happen any more, but " + sleepers());
    }
    now_ = std::max(now_, own.sleeps_until);
  }
}

bool Simulation::may_go_on(const Rank& rank) const noexcept {
  return rank.asleep && !rank.paused &&
         (!rank.alive || rank.woken || (rank.armed && rank.something) || now_ >= rank.sleeps_until);
}

// The sleeper, if it waits for that, else the hook.
void Simulation::attend(int rank) {
  Rank& own = rank_at(rank);
  if (!may_go_on(own)) {
    call_hook(rank);
  } else if (own.sleeper != nullptr) {
    continue_body(*own.sleeper);
  }
}

void Simulation::call_hook(int rank) {
  Rank& own = rank_at(rank);
  if (!own.hook || own.paused || !own.alive) {
    return;
  }
  struct Hooked {
    int& rank;
    ~Hooked() { rank = -1; }
  };
  own.woken = false;
  hooked_ = rank;
  const Moment due = [&] {
    const Hooked hooked{hooked_};
    return own.hook();
  }();
  alarms_.erase({own.hook_due, rank, Whose::hook});
  own.hook_due = own.alive ? due : Moment::max();
  if (own.hook_due != Moment::max()) {
    alarms_.emplace(own.hook_due, rank, Whose::hook);
  }
}

void Simulation::ring(const Alarm& alarm) {
  const int rank = std::get<int>(alarm);
  if (std::get<Whose>(alarm) == Whose::hook) {
    call_hook(rank);  // not while it is paused; resume() looks at hook_due
  } else {
    attend(rank);
  }
}

void Simulation::continue_body(Body& body) {
  struct Running {
    Simulation& simulation;
    Body& body;
    ~Running() {
      simulation.running_ = nullptr;
      if (body.ended()) {
        std::erase_if(simulation.bodies_, [&](const auto& each) { return each.get() == &body; });
      }
    }
  };
  running_ = &body;
  const Running running{*this, body};
  body.resume();
}

std::string Simulation::sleepers() const {
  std::string text = "still asleep are ranks";
  for (std::size_t rank = 0; rank < ranks_.size(); ++rank) {
    if (ranks_[rank].asleep) {
      text += ' ' + std::to_string(rank) + (ranks_[rank].paused ? " (paused)" : "");
    }
  }
  return text;
}

}  // namespace locum::loopback
