#include "tests/shm/interleavings/schedule.hpp"

#include <dlfcn.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <map>
#include <memory>
#include <new>
#include <random>
#include <unordered_map>
#include <utility>
#include <vector>

// This file is compiled without -fsanitize=thread: it is what that calls.

extern "C" {  // NOLINTBEGIN: of the linker, as are those below
void* __real_mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset);
int __real_munmap(void* memory, std::size_t bytes);
}  // NOLINTEND

namespace locum::tests {
namespace {

constexpr std::size_t stack_bytes = 256 * 1024;
constexpr std::size_t interruptions = 4;     // of a run that is drawn by lot, about: deaths among them
constexpr std::size_t most_steps = 100'000;  // of one run, before it counts as endless

/// Memory for what scenes make. A run that begins as another one did finds everything in the same place, so
/// that words are known again by their addresses.
class Room {
 public:
  Room(std::size_t bytes, int protection)
      : begin_(static_cast<std::byte*>(
            __real_mmap(nullptr, bytes, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0))),
        bytes_(bytes) {
    if (begin_ == MAP_FAILED) {
      std::perror("mmap");
      std::abort();
    }
  }
  void* take(std::size_t bytes, std::size_t alignment) {
    const std::size_t at = (used_ + alignment - 1) / alignment * alignment;
    if (at + bytes > bytes_) {
      std::fputs("a scene takes too much memory\n", stderr);
      std::abort();
    }
    used_ = at + bytes;
    return begin_ + at;
  }
  [[nodiscard]] bool has(const void* memory) const { return memory >= begin_ && memory < begin_ + bytes_; }
  void clear() { used_ = 0; }
  void clear_bytes() { ::madvise(begin_, used_, MADV_DONTNEED); }

 private:
  std::byte* begin_;
  std::size_t bytes_;
  std::size_t used_ = 0;
};
Room& heap() {
  static Room room(std::size_t{64} << 20U, PROT_READ | PROT_WRITE);
  return room;
}
Room& mappings() {
  static Room room(std::size_t{4} << 40U, PROT_READ | PROT_WRITE);
  return room;
}

struct Fiber {
  ucontext_t context{};
  std::function<void()> body;
  std::function<bool()> ready;  ///< empty: at any time
  std::size_t number = 0;
  int process = 0;
  bool may_wait = false;  ///< for ever
  bool ended = false;
  bool dead = false;
  bool yielded = false;  ///< nobody else has changed anything since
};

struct Choice {
  std::size_t taken;
  std::size_t of;
};

struct Owner {
  Fiber* fiber = nullptr;
  bool dead = false;
};

// Which words of memory several threads use, and at least one of them changes, in any of the runs so far: a
// thread is interrupted before it touches one of these. Before another one nobody could see the difference.
class Words {
 public:
  [[nodiscard]] bool is_shared(const volatile void* at) const {
    const auto use = uses_.find(at);
    return use != uses_.end() && use->second.shared;
  }
  [[nodiscard]] std::size_t shared() const { return shared_; }
  /// For later: what is in use in a run does not change what follows in it.
  void note(const volatile void* at, std::size_t thread, bool changes) {
    noted_.push_back({at, thread, changes});
  }
  void use_noted() {
    for (const Noted& each : noted_) {
      use(each.word, each.thread, each.changes);
    }
    noted_.clear();
  }
  void reserve(std::size_t notes) { noted_.reserve(notes); }

 private:
  struct Noted {
    const volatile void* word;
    std::size_t thread;
    bool changes;
  };
  std::vector<Noted> noted_;
  struct Use {
    std::uint64_t threads = 0;
    bool changed = false;
    bool shared = false;
  };
  void use(const volatile void* at, std::size_t thread, bool changes) {
    Use& use = uses_[at];
    use.threads |= std::uint64_t{1} << thread;
    use.changed = use.changed || changes;
    if (!use.shared && use.changed && (use.threads & (use.threads - 1)) != 0) {
      use.shared = true;
      ++shared_;
    }
  }

  std::unordered_map<const volatile void*, Use> uses_;
  std::size_t shared_ = 0;
};

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
        wrong_ = "nobody can go on: thread " + std::to_string(fiber->number) + " waits for ever";
      }
    }
  }
  /// After the run: a helping thread that was told to end.
  void end(Fiber& fiber) {
    resume(&fiber);
    if (!fiber.ended) {
      std::fputs("a thread of the library does not end\n", stderr);
      std::abort();
    }
  }

  /// Before this word is used, or anything else.
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
    // Asked before it is noted: all runs that begin the same way go on the same way.
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
  // At what must not be at any time.
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
    running_ = false;  // what the condition looks at is no step
    const bool is_so = fiber.ready();
    running_ = true;
    return is_so;
  }
  // The first option is the one that costs nothing, where there is one.
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

  // Who takes the next step; the one that asks goes on if that costs nothing. Null: nobody can.
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
  const std::size_t expected_;  ///< moments of a run, about
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

Run* run = nullptr;
bool in_scene = false;  // what is allocated goes with the run

Run::~Run() {
  for (const auto& [memory, bytes] : unmapped_) {
    if (!mappings().has(memory)) {
      __real_munmap(memory, bytes);
    }
  }
}

void Run::enter() {
  Run& self = *run;
  self.current_->body();
  self.current_->ended = true;
  self.switch_to(self.running_ ? self.next(false) : nullptr);
}

// The last choice that has another option takes that; none: all were taken.
bool advance(std::vector<Choice>& path) {
  while (!path.empty() && path.back().taken + 1 == path.back().of) {
    path.pop_back();
  }
  if (path.empty()) {
    return false;
  }
  ++path.back().taken;
  return true;
}

}  // namespace

Searched search(const Search& bounds, const std::function<std::unique_ptr<Scene>()>& make) {
  Searched searched;
  Words words;
  std::vector<Choice> path;
  std::size_t expected = 0;
  const std::size_t most = bounds.sample != 0 ? bounds.sample : bounds.most;
  while (searched.runs < most && searched.wrong.empty() && !searched.all) {
    const std::size_t shared = words.shared();
    Run each(bounds, words, path, searched.runs, expected);
    const struct Current {
      explicit Current(Run* of) {
        run = of;
        in_scene = true;
      }
      ~Current() {
        run = nullptr;
        in_scene = false;
      }
    } current(&each);
    {
      const auto scene = make();
      each.go();
      ++searched.runs;
      if (each.wrong().empty()) {
        each.report(scene->wrong());
      }
      const std::string wrong = each.wrong();
      in_scene = false;
      words.use_noted();
      searched.wrong = wrong.empty() ? "" : wrong.c_str() + (" (run " + std::to_string(searched.runs) + ")");
    }
    in_scene = false;
    expected = std::max(expected, each.moments());  // of those that nobody's death cut short
    if (bounds.sample != 0) {
      searched.all = searched.runs == most;
    } else if (words.shared() != shared) {
      path.clear();  // what was left out so far may have mattered
    } else {
      searched.all = !advance(path);
    }
  }
  return searched;
}

void thread(int process, std::function<void()> body) {
  run->add(process, std::move(body), false);
}
void thread_that_may_wait(int process, std::function<void()> body) {
  run->add(process, std::move(body), true);
}
void after_death(int of, int process, std::function<void()> body) {
  run->add(process, std::move(body), true).ready = [of] { return run->has_died(of); };
}
void always(std::function<std::string()> look) {
  run->always(std::move(look));
}
void wait_until(std::function<bool()> condition) {
  run->wait(std::move(condition));
}
void pause() {
  run->step(nullptr, false);
}
void report(std::string wrong) {
  run->report(std::move(wrong));
}
bool has_died(int process) {
  return run->has_died(process);
}
void forbid(const void* memory, std::size_t bytes) {
  run->forbid(memory, bytes);
}

}  // namespace locum::tests

// NOLINTBEGIN: the names are those of the language, the compiler and the linker

void* operator new(std::size_t bytes) {
  void* const memory = locum::tests::in_scene ? locum::tests::heap().take(bytes, 16) : std::malloc(bytes);
  return memory != nullptr ? memory : throw std::bad_alloc();
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  const auto to = static_cast<std::size_t>(alignment);
  void* const memory = locum::tests::in_scene ? locum::tests::heap().take(bytes, to)
                                              : std::aligned_alloc(to, (bytes + to - 1) / to * to);
  return memory != nullptr ? memory : throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  if (!locum::tests::heap().has(memory)) {
    std::free(memory);
  }
}
void operator delete(void* memory, std::size_t) noexcept {
  operator delete(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  operator delete(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  operator delete(memory);
}

// ---- what the compiler calls before each access to memory

using locum::tests::run;

namespace {
void before_access(const volatile void* at) {
  if (run != nullptr) {
    run->look_at(at);
  }
}
void before_atomic(const volatile void* at, bool changes = true) {
  if (run != nullptr) {
    run->step(at, changes);
    run->look_at(at);
  }
}
}  // namespace

#define LOCUM_ATOMICS(bits)                                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_load(const volatile std::uint##bits##_t* at, int) {              \
    before_atomic(at, false);                                                                                \
    return __atomic_load_n(at, __ATOMIC_SEQ_CST);                                                            \
  }                                                                                                          \
  void __tsan_atomic##bits##_store(volatile std::uint##bits##_t* at, std::uint##bits##_t value, int) {       \
    before_atomic(at);                                                                                       \
    __atomic_store_n(at, value, __ATOMIC_SEQ_CST);                                                           \
  }                                                                                                          \
  std::uint##bits##_t __tsan_atomic##bits##_exchange(volatile std::uint##bits##_t* at,                       \
                                                     std::uint##bits##_t value, int) {                       \
    before_atomic(at);                                                                                       \
    return __atomic_exchange_n(at, value, __ATOMIC_SEQ_CST);                                                 \
  }                                                                                                          \
  int __tsan_atomic##bits##_compare_exchange_strong(volatile std::uint##bits##_t* at,                        \
                                                    std::uint##bits##_t* expected,                           \
                                                    std::uint##bits##_t value, int, int) {                   \
    before_atomic(at);                                                                                       \
    return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);      \
  }                                                                                                          \
  int __tsan_atomic##bits##_compare_exchange_weak(volatile std::uint##bits##_t* at,                          \
                                                  std::uint##bits##_t* expected, std::uint##bits##_t value,  \
                                                  int, int) {                                                \
    before_atomic(at);                                                                                       \
    return __atomic_compare_exchange_n(at, expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);      \
  }                                                                                                          \
  std::uint##bits##_t __tsan_atomic##bits##_compare_exchange_val(                                            \
      volatile std::uint##bits##_t* at, std::uint##bits##_t expected, std::uint##bits##_t value, int, int) { \
    before_atomic(at);                                                                                       \
    __atomic_compare_exchange_n(at, &expected, value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);            \
    return expected;                                                                                         \
  }                                                                                                          \
  LOCUM_FETCH(bits, add)                                                                                     \
  LOCUM_FETCH(bits, sub)                                                                                     \
  LOCUM_FETCH(bits, and)                                                                                     \
  LOCUM_FETCH(bits, or)                                                                                      \
  LOCUM_FETCH(bits, xor)                                                                                     \
  LOCUM_FETCH(bits, nand)
#define LOCUM_FETCH(bits, how)                                                                  \
  std::uint##bits##_t __tsan_atomic##bits##_fetch_##how(volatile std::uint##bits##_t* at,       \
                                                        std::uint##bits##_t value, int) {       \
    before_atomic(at);                                                                          \
    return static_cast<std::uint##bits##_t>(__atomic_fetch_##how(at, value, __ATOMIC_SEQ_CST)); \
  }
#define LOCUM_PLAIN(bytes)                       \
  void __tsan_read##bytes(void* at) {            \
    before_access(at);                           \
  }                                              \
  void __tsan_write##bytes(void* at) {           \
    before_access(at);                           \
  }                                              \
  void __tsan_unaligned_read##bytes(void* at) {  \
    before_access(at);                           \
  }                                              \
  void __tsan_unaligned_write##bytes(void* at) { \
    before_access(at);                           \
  }                                              \
  void __tsan_volatile_read##bytes(void* at) {   \
    before_access(at);                           \
  }                                              \
  void __tsan_volatile_write##bytes(void* at) {  \
    before_access(at);                           \
  }

extern "C" {
void __tsan_init() {}
void __tsan_func_entry(void*) {}
void __tsan_func_exit(void*) {}
void __tsan_vptr_update(void**, void*) {}
void __tsan_vptr_read(void**) {}
void __tsan_read_range(void*, unsigned long) {}
void __tsan_write_range(void*, unsigned long) {}
void __tsan_atomic_thread_fence(int) {}
void __tsan_atomic_signal_fence(int) {}
void* __tsan_memcpy(void* to, const void* from, std::size_t bytes) {
  return std::memcpy(to, from, bytes);
}
void* __tsan_memmove(void* to, const void* from, std::size_t bytes) {
  return std::memmove(to, from, bytes);
}
void* __tsan_memset(void* to, int byte, std::size_t bytes) {
  return std::memset(to, byte, bytes);
}
LOCUM_PLAIN(1)
LOCUM_PLAIN(2)
LOCUM_PLAIN(4)
LOCUM_PLAIN(8)
LOCUM_PLAIN(16)
LOCUM_ATOMICS(8)
LOCUM_ATOMICS(16)
LOCUM_ATOMICS(32)
LOCUM_ATOMICS(64)

// ---- what the linker puts in place of the C library's functions (--wrap), for the library and the tests

int __real_pthread_mutex_lock(pthread_mutex_t*);
int __real_pthread_mutex_trylock(pthread_mutex_t*);
int __real_pthread_mutex_timedlock(pthread_mutex_t*, const timespec*);
int __real_pthread_mutex_unlock(pthread_mutex_t*);
int __real_pthread_mutex_consistent(pthread_mutex_t*);
int __real_sched_yield();

int __wrap_pthread_mutex_lock(pthread_mutex_t* mutex) {
  return run == nullptr ? __real_pthread_mutex_lock(mutex) : run->lock(mutex, true, false);
}
int __wrap_pthread_mutex_trylock(pthread_mutex_t* mutex) {
  return run == nullptr ? __real_pthread_mutex_trylock(mutex) : run->lock(mutex, false, true);
}
// A moment that has not passed yet never comes: who waits that long waits in vain.
int __wrap_pthread_mutex_timedlock(pthread_mutex_t* mutex, const timespec* moment) {
  if (run == nullptr) {
    return __real_pthread_mutex_timedlock(mutex, moment);
  }
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  const bool passed = std::pair(moment->tv_sec, moment->tv_nsec) <= std::pair(now.tv_sec, now.tv_nsec);
  const int result = run->lock(mutex, !passed, true);
  return result == EBUSY ? ETIMEDOUT : result;
}
int __wrap_pthread_mutex_unlock(pthread_mutex_t* mutex) {
  return run == nullptr ? __real_pthread_mutex_unlock(mutex) : run->unlock(mutex);
}
int __wrap_pthread_mutex_consistent(pthread_mutex_t* mutex) {
  return run == nullptr ? __real_pthread_mutex_consistent(mutex) : 0;
}
int __wrap_sched_yield() {
  if (run == nullptr) {
    return __real_sched_yield();
  }
  run->yield();
  return 0;
}

// What is unmapped must not be touched any more: which is seen if it stays until the run is over.
void* __wrap_mmap(void* at, std::size_t bytes, int protection, int flags, int file, off_t offset) {
  if (run != nullptr && file == -1 && at == nullptr) {
    return locum::tests::mappings().take(bytes, 4096);
  }
  return __real_mmap(at, bytes, protection, flags, file, offset);
}
int __wrap_munmap(void* memory, std::size_t bytes) {
  if (run == nullptr) {
    return __real_munmap(memory, bytes);
  }
  run->unmap(memory, bytes);
  return 0;
}

long __real_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
  va_list list;
  va_start(list, number);
  std::array<long, 6> arguments{};
  for (long& each : arguments) {
    each = va_arg(list, long);
  }
  va_end(list);
  if (run == nullptr || number != SYS_futex) {
    return __real_syscall(number, arguments[0], arguments[1], arguments[2], arguments[3], arguments[4],
                          arguments[5]);
  }
  const auto* const word = reinterpret_cast<const std::uint32_t*>(arguments[0]);
  if (arguments[1] == FUTEX_WAIT) {
    run->sleep(word, static_cast<std::uint32_t>(arguments[2]));
  } else {
    run->wake(word);
  }
  return 0;
}

// ---- threads of the library's own: called by the C++ library, which finds these first

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*body)(void*),
                   void* argument) {
  using Create = int (*)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
  static const auto real = reinterpret_cast<Create>(::dlsym(RTLD_NEXT, "pthread_create"));
  if (run == nullptr) {
    return real(thread, attributes, body, argument);
  }
  *thread = run->fibers() + 1;
  run->add(
      run->current() == nullptr ? 0 : run->current()->process, [=] { body(argument); }, true);
  return 0;
}
int pthread_join(pthread_t thread, void** result) {
  using Join = int (*)(pthread_t, void**);
  static const auto real = reinterpret_cast<Join>(::dlsym(RTLD_NEXT, "pthread_join"));
  if (run == nullptr) {
    return real(thread, result);
  }
  run->end(run->fiber(thread - 1));
  return 0;
}
}
// NOLINTEND
