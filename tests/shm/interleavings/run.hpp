#pragma once

#include <pthread.h>
#include <ucontext.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "tests/shm/interleavings/room.hpp"
#include "tests/shm/interleavings/schedule.hpp"
#include "tests/shm/interleavings/words.hpp"

namespace locum::tests {

inline constexpr std::size_t stack_bytes = 256 * 1024;
inline constexpr std::size_t interruptions = 4;     // of a random run, about; deaths included
inline constexpr std::size_t most_steps = 100'000;  // of one run, before it counts as endless

struct Fiber {
  ucontext_t context{};
  std::function<void()> body;
  std::function<bool()> ready;  ///< empty: at any time
  std::size_t number = 0;
  int process = 0;
  bool may_wait = false;  ///< for ever
  bool ended = false;
  bool dead = false;
  bool yielded = false;  ///< no other thread has changed anything since
};

struct Choice {
  std::size_t taken;
  std::size_t of;
};

struct Owner {
  Fiber* fiber = nullptr;
  bool dead = false;
};

/// One interleaving: decides which thread takes each step. The functions that compiler and linker insert
/// (hooks.cpp) call it.
class Run {
 public:
  Run(const Search& bounds, Words& words, std::vector<Choice>& path, std::size_t number, std::size_t expected)
      : bounds_(bounds),
        words_(words),
        path_(path),
        random_(number),
        expected_(std::max(expected, interruptions)) {
    path.reserve(most_steps);
    words.reserve(most_steps);
    heap().clear();
    mappings().clear_bytes();
    mappings().clear();
  }
  Run(const Run&) = delete;
  Run& operator=(const Run&) = delete;
  ~Run();

  Fiber& add(int process, std::function<void()> body, bool may_wait) {
    auto fiber = std::make_unique<Fiber>();
    fiber->body = std::move(body);
    fiber->number = fibers_.size();
    fiber->process = process;
    fiber->may_wait = may_wait;
    ::getcontext(&fiber->context);
    fiber->context.uc_stack.ss_sp = stack_of(fiber->number);
    fiber->context.uc_stack.ss_size = stack_bytes;
    ::makecontext(&fiber->context, &Run::enter, 0);
    fibers_.push_back(std::move(fiber));
    return *fibers_.back();
  }

  void go() {
    running_ = true;
    resume(next(false));
    look_now();
    running_ = false;
    for (const auto& fiber : fibers_) {
      if (wrong_.empty() && !fiber->ended && !fiber->dead && !fiber->may_wait) {
        wrong_ = "no thread can take a step: thread " + std::to_string(fiber->number) + " waits for ever";
      }
    }
  }
  /// After the run: ends a helping thread.
  void end(Fiber& fiber) {
    resume(&fiber);
    if (!fiber.ended) {
      std::fputs("a thread of the library does not end\n", stderr);
      std::abort();
    }
  }

  /// Before an access to this word, or to unknown memory.
  void step(const volatile void* word = nullptr, bool changes = true) {
    if (!running_ || current_ == nullptr) {
      return;
    }
    if (++steps_ > most_steps) {
      report("the threads go round in circles");
    }
    if (changes) {
      for (const auto& fiber : fibers_) {
        fiber->yielded = fiber->yielded && fiber.get() == current_;
      }
    }
    look_now();
    // Checked before it is noted: all runs that begin the same way continue the same way.
    const bool matters = word == nullptr || words_.is_shared(word);
    if (word != nullptr) {
      words_.note(word, current_->number, changes);
    }
    if (matters) {
      ++moments_;
      switch_to(next(true));
    }
  }
  void yield() {
    if (running_ && current_ != nullptr) {
      current_->yielded = true;
      step(nullptr, false);
    }
  }
  void wait(std::function<bool()> ready) {
    if (current_ == nullptr) {
      std::fputs("the scene waits for its own threads\n", stderr);
      std::abort();
    }
    current_->ready = std::move(ready);
    if (running_) {
      switch_to(next(false));
    } else if (!current_->ready()) {
      switch_to(nullptr);
    }
    current_->ready = {};
  }
  void report(std::string wrong) {
    wrong_ = wrong_.empty() ? std::move(wrong) : wrong_;
    if (current_ != nullptr) {
      switch_to(nullptr);
    }
  }

  int lock(pthread_mutex_t* mutex, bool waits, bool robust) {
    const auto is_to_be_had = [this, mutex, robust] {
      const auto owner = owners_.find(mutex);
      return owner == owners_.end() || (owner->second.dead && robust);
    };
    step(mutex, waits || is_to_be_had());
    if (!is_to_be_had()) {
      if (!waits) {
        return EBUSY;
      }
      wait(is_to_be_had);
    }
    Owner& owner = owners_[mutex];
    const bool inherited = owner.dead;
    owner = {.fiber = current_ == nullptr ? &scene_ : current_};
    return inherited ? EOWNERDEAD : 0;
  }
  int unlock(pthread_mutex_t* mutex) {
    step(mutex);
    owners_.erase(mutex);
    return 0;
  }
  void sleep(const std::uint32_t* word, std::uint32_t expected) {
    step(word);
    if (*word == expected) {
      sleepers_.emplace_back(word, current_);
      wait([this, self = current_] {
        return std::none_of(sleepers_.begin(), sleepers_.end(),
                            [&](const auto& each) { return each.second == self; });
      });
    }
  }
  void wake(const std::uint32_t* word) {
    step(word);
    std::erase_if(sleepers_, [&](const auto& each) { return each.first == word; });
  }

  void forbid(const void* memory, std::size_t bytes) {
    forbidden_.emplace_back(static_cast<const std::byte*>(memory), bytes);
  }
  /// Before each access to memory.
  void look_at(const volatile void* at) {
    for (const auto& [begin, bytes] : forbidden_) {
      if (at >= begin && at < begin + bytes) {
        forbidden_.clear();
        report("memory was touched after its end");
      }
    }
  }
  void unmap(void* memory, std::size_t bytes) {
    forbid(memory, bytes);
    unmapped_.emplace_back(memory, bytes);
  }

  void always(std::function<std::string()> look) { always_ = std::move(look); }
  [[nodiscard]] std::size_t moments() const { return moments_; }
  [[nodiscard]] Fiber* current() const { return current_; }
  [[nodiscard]] bool has_died(int process) const { return std::ranges::find(died_, process) != died_.end(); }
  [[nodiscard]] const std::string& wrong() const { return wrong_; }
  Fiber& fiber(std::size_t index) { return *fibers_[index]; }
  [[nodiscard]] std::size_t fibers() const { return fibers_.size(); }

 private:
  static void enter();
  // Checks the condition that must never be violated.
  void look_now() {
    if (always_) {
      running_ = false;
      std::string now = always_();
      running_ = true;
      if (!now.empty()) {
        report(std::move(now));
      }
    }
  }
  static void* stack_of(std::size_t number) {
    static Room room(16 * stack_bytes, PROT_READ | PROT_WRITE);
    room.clear();
    return static_cast<std::byte*>(room.take((number + 1) * stack_bytes, 1)) + number * stack_bytes;
  }

  [[nodiscard]] bool ready(const Fiber& fiber) {
    if (fiber.ended || fiber.dead || fiber.yielded || !fiber.ready) {
      return !fiber.ended && !fiber.dead && !fiber.yielded;
    }
    running_ = false;  // reads of the condition are not steps
    const bool is_so = fiber.ready();
    running_ = true;
    return is_so;
  }
  // The first option is the one that costs no interruption, if there is one.
  std::size_t choose(std::size_t options, bool first_is_free) {
    if (options < 2) {
      return 0;
    }
    if (bounds_.sample != 0) {
      if (!first_is_free) {
        return random_() % options;
      }
      const bool other = random_() % expected_ < interruptions;
      return other ? 1 + random_() % (options - 1) : 0;
    }
    if (at_ == path_.size()) {
      path_.push_back({0, options});
    }
    if (path_[at_].of != options) {
      std::fputs("a run is not what it was when it was begun the same way\n", stderr);
      std::abort();
    }
    return path_[at_++].taken;
  }

  // The thread that takes the next step; the running one continues if that costs nothing. Null: none can.
  Fiber* next(bool goes_on) {
    for (;;) {
      Fiber* const self = goes_on ? current_ : nullptr;
      const bool could = self != nullptr && ready(*self);
      options_.clear();
      if (could) {
        options_.push_back(self);
      }
      if (!could || preemptions_ < bounds_.preemptions) {
        for (const auto& fiber : fibers_) {
          if (fiber.get() != self && ready(*fiber)) {
            options_.push_back(fiber.get());
          }
        }
      }
      if (options_.empty()) {
        const auto yielded = std::find_if(fibers_.begin(), fibers_.end(), [](const auto& fiber) {
          return fiber->yielded && !fiber->dead && !fiber->ended;
        });
        if (yielded == fibers_.end()) {
          return nullptr;
        }
        (*yielded)->yielded = false;
        goes_on = false;
        continue;
      }
      const bool may_die = could && !has_died(self->process) &&
                           std::ranges::find(bounds_.mortal, self->process) != bounds_.mortal.end();
      const std::size_t taken = choose(options_.size() + (may_die ? 1 : 0), could);
      if (taken == options_.size()) {
        die(self->process);
        goes_on = false;
        continue;
      }
      preemptions_ += could && taken != 0 ? 1 : 0;
      return options_[taken];
    }
  }
  void die(int process) {
    died_.push_back(process);
    for (const auto& fiber : fibers_) {
      fiber->dead = fiber->dead || fiber->process == process;
    }
    for (auto& [mutex, owner] : owners_) {
      owner.dead = owner.fiber->dead;
    }
    std::erase_if(sleepers_, [](const auto& each) { return each.second->dead; });
  }

  void resume(Fiber* fiber) {
    if (fiber != nullptr) {
      current_ = fiber;
      ::swapcontext(&main_, &fiber->context);
      current_ = nullptr;
    }
  }
  void switch_to(Fiber* fiber) {
    Fiber* const self = current_;
    if (fiber == self) {
      return;
    }
    current_ = fiber;
    ::swapcontext(&self->context, fiber == nullptr ? &main_ : &fiber->context);
  }

  const Search& bounds_;
  Words& words_;
  std::vector<Choice>& path_;
  std::function<std::string()> always_;
  std::mt19937_64 random_;
  const std::size_t expected_;  ///< expected number of such moments in a run
  std::size_t moments_ = 0;     ///< at which it could have been interrupted
  std::size_t at_ = 0;
  ucontext_t main_{};
  Fiber scene_;
  std::vector<std::unique_ptr<Fiber>> fibers_;
  std::vector<Fiber*> options_;
  Fiber* current_ = nullptr;
  bool running_ = false;
  std::vector<int> died_;
  int preemptions_ = 0;
  std::size_t steps_ = 0;
  std::string wrong_;
  std::map<const pthread_mutex_t*, Owner> owners_;
  std::vector<std::pair<const std::uint32_t*, Fiber*>> sleepers_;
  std::vector<std::pair<const std::byte*, std::size_t>> forbidden_;
  std::vector<std::pair<void*, std::size_t>> unmapped_;
};

/// The current run, if any.
extern Run* run;
/// Whether allocations belong to the run.
extern bool in_scene;

}  // namespace locum::tests
