#include "mpi/checkpoint/background.hpp"

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/async/completion_counter.hpp"
#include "core/base/back_off.hpp"
#include "core/base/background_thread.hpp"
#include "core/base/mutex.hpp"
#include "core/detail/session_state.hpp"
#include "core/promise.hpp"
#include "core/proxy.hpp"
#include "core/store.hpp"
#include "mpi/checkpoint/outcome.hpp"
#include "mpi/checkpoint/read_before_checkpoint.hpp"
#include "mpi/checkpoint/writing.hpp"
#include "mpi/error.hpp"

namespace locum {

namespace {

using namespace std::chrono_literals;
using mpi::error_of;
using mpi::throw_if;
using Moment = Deadline::Clock::time_point;
using Words = CheckpointOutcome::Words;
using End = CheckpointOutcome::End;

constexpr std::string_view store_of_outcomes = "locum.checkpoints";
// So often a thread that waits for another rank looks whether it is to stop.
constexpr std::chrono::milliseconds look_interval{100};
// How long ranks that stop writing wait to be told so by rank 0, which stops at about the same time.
constexpr std::chrono::seconds told_patience{1};
// How long closing waits for a thread that is to stop: one call of the system may be on its way.
constexpr std::chrono::seconds stop_patience{10};

Moment later(Moment moment, std::chrono::milliseconds by) {
  return moment > Moment::max() - by ? Moment::max() : moment + by;
}

Error took_too_long() {
  return Error(
      Errc::timeout,
      "the checkpoint was not complete before its deadline, or before the runtime was closed; the older "
      "one, if any, is there: give it more time");
}

/// In place of the error of a promise whose runtime was closed before it was set.
Error was_not_told() {
  return Error(Errc::timeout,
               "the runtime was closed while this checkpoint was being written, and rank 0 did not report "
               "how it has ended: the older one or the new one is there, whole; give closing more time");
}

/// What a rank says before the threads start.
struct Begun {
  Handle promise{};  ///< of rank 0: of the outcome; of the others that write: of their part's end
  std::uint64_t first_open = 0;
};

std::vector<Begun> gather(mpi::CommunicatorGroup& group, const Begun& mine) {
  const auto bytes = group.all_gather(std::as_bytes(std::span(&mine, 1)));
  std::vector<Begun> all(static_cast<std::size_t>(group.size()));
  std::memcpy(all.data(), bytes.data(), bytes.size());
  return all;
}

/// One checkpoint on one rank.
class Writing {
 public:
  Writing(std::uint64_t number, std::string path, Moment until, std::chrono::milliseconds patience)
      : number_(number), state_(std::make_shared<State>()) {
    state_->path = std::move(path);
    state_->until = until;
    state_->told_until = later(until, patience);
  }
  Writing(const Writing&) = delete;
  Writing& operator=(const Writing&) = delete;
  // A thread that hangs in a call of the system cannot be ended, and has all that it uses.
  ~Writing() {
    stop();
    if (thread_.is_started() && !state_->wait(Deadline::Clock::now() + stop_patience)) {
      std::fprintf(
          stderr,
          "locum: the file system does not return from writing the checkpoint '%s': its thread is left "
          "behind\n",
          state_->path.c_str());
      thread_.detach();
    }
  }

  [[nodiscard]] std::uint64_t number() const noexcept { return number_; }
  [[nodiscard]] const std::string& path() const noexcept { return state_->path; }
  /// Makes this rank's promise; of rank 0 it is that of the outcome.
  [[nodiscard]] Handle promise(Session& session) {
    state_->store = session.open(store_of_outcomes, {.keep_decoded = false}).value();
    state_->promise = state_->store->promise<Words>().value();
    return state_->promise.proxy().handle();
  }
  /// Watches the outcome, which rank 0 has promised.
  [[nodiscard]] AsyncResult<CheckpointReport> watch(Session& session, const Handle& outcome,
                                                    const CheckpointReport& report) {
    outcome_ = session.proxy<Words>(outcome);
    ended_ = outcome_.get_async(state_->told_until);
    return ended_.then([report, weak = std::weak_ptr(state_)](const Result<View<Words>>& view) {
      const CheckpointOutcome told = CheckpointOutcome::heard(view);
      if (!told.error) {
        return Result<CheckpointReport>(report);
      }
      const auto state = weak.lock();
      const bool was_stopped = !state || state->stopped.load(std::memory_order_relaxed);
      const bool was_closed =
          !view && (view.error().code() == Errc::closed || view.error().code() == Errc::broken_promise);
      return Result<CheckpointReport>(was_stopped && was_closed ? was_not_told() : *told.error);
    });
  }
  /// Begins to write. `parts`: on rank 0, what the others will say of theirs.
  void start(std::unique_ptr<CheckpointWriting> files, bool is_first, std::vector<Proxy<Words>> parts) {
    writes_ = true;
    state_->files = std::move(files);
    state_->parts = std::move(parts);
    if (!is_first) {
      state_->outcome = ended_;
    }
    state_->gone = std::make_shared<detail::SettledState<bool>>(
        ended_.state() ? ended_.state()->completions() : CompletionCounter::of_process());
    gone_ = AsyncResult<bool>(state_->gone);
    const auto run = [state = state_] { state->run(); };
    if (!thread_.start("locum.save", run)) {
      run();  // here and now
    }
  }
  /// Whether this rank has nothing to do any more, and knows how it ended. Waits for that, as results are
  /// waited for: the thread may need messages, which nobody else may drive.
  [[nodiscard]] bool is_done(Moment until) const noexcept {
    return ended_.wait_for(until) && gone_.wait_for(until);
  }
  [[nodiscard]] bool is_open() const noexcept { return !is_done(Moment::min()); }
  /// Whether this rank still writes. Once others may know how it has ended, this waits for the rest.
  [[nodiscard]] bool still_writes() const noexcept {
    const bool is_told = state_->is_told.load(std::memory_order_acquire);
    return writes_ && !state_->wait(is_told ? Deadline::Clock::now() + stop_patience : Moment::min());
  }
  /// See BackgroundCheckpoints::settle(). A thread that hangs has ended nothing.
  void settle() const noexcept {
    if (ended_.wait_for(Moment::min())) {
      (void)gone_.wait_for(Deadline::Clock::now() + stop_patience);
    }
  }
  void stop() noexcept { state_->stopped.store(true, std::memory_order_relaxed); }

 private:
  /// What the thread uses; shared with it.
  struct State {
    std::string path;
    Moment until;       ///< for writing
    Moment told_until;  ///< for being told how it ended
    std::atomic<bool> stopped{false};
    std::atomic<bool> is_told{false};  ///< others may know how it has ended
    std::unique_ptr<CheckpointWriting> files;
    std::optional<Store> store;
    Promise<Words> promise;
    std::vector<Proxy<Words>> parts;       ///< on rank 0
    std::optional<Future<Words>> outcome;  ///< on the others
    std::shared_ptr<detail::SettledState<bool>> gone;

    Mutex mutex;
    std::condition_variable changed;
    bool done LOCUM_GUARDED_BY(mutex) = false;

    void run() noexcept;
    [[nodiscard]] CheckpointOutcome write() const;
    [[nodiscard]] CheckpointOutcome complete();
    [[nodiscard]] Result<View<Words>> wait_for_part(const Proxy<Words>& part) const;
    [[nodiscard]] Result<View<Words>> wait_for_outcome() const;
    void tell(const CheckpointOutcome& told);
    [[nodiscard]] bool wait(Moment moment) noexcept LOCUM_EXCLUDES(mutex);
  };

  const std::uint64_t number_;
  const std::shared_ptr<State> state_;
  Proxy<Words> outcome_;
  Future<Words> ended_;
  AsyncResult<bool> gone_{
      Error(Errc::not_found, "no thread was started")};  ///< ended once the thread has done all
  bool writes_ = false;
  BackgroundThread thread_;
};

void Writing::State::run() noexcept {
  // What fails beside the writing is the lack of private memory: the promise is broken then, which tells all.
  (void)error_of([&] {
    CheckpointOutcome told = write();
    if (told.error) {
      files->give_up();  // unpins the objects, too
    }
    if (outcome) {
      tell(told);
      told = CheckpointOutcome::heard(wait_for_outcome());
      (void)store->evict(promise.proxy().key());  // rank 0 has read it
    } else {
      told = told.error ? told : complete();
    }
    if (told.end == End::failed) {
      files->give_up();
    } else if (told.end == End::complete) {
      files->remember();
    }
    files.reset();  // and the lock: who is told finds nothing left
    if (!outcome) {
      is_told.store(true, std::memory_order_release);
      tell(told);
    }
  });
  promise = {};
  files.reset();
  outcome.reset();
  parts.clear();
  store.reset();
  {
    const MutexLock lock(mutex);
    done = true;
    changed.notify_all();
  }
  gone->settle(true);
}

CheckpointOutcome Writing::State::write() const {
  const auto error = error_of([this] {
    files->write([this] {
      if (stopped.load(std::memory_order_relaxed) || Deadline::Clock::now() >= until) {
        throw took_too_long();
      }
    });
  });
  return {error ? End::failed : End::complete, error};
}

// On rank 0: as soon as one part has failed, all have.
CheckpointOutcome Writing::State::complete() {
  for (const Proxy<Words>& part : parts) {
    if (const CheckpointOutcome told = CheckpointOutcome::heard(wait_for_part(part)); told.error) {
      return {End::failed, told.error};
    }
  }
  const auto error = error_of([this] { files->publish(); });
  return {error ? End::unknown : End::complete, error};
}

Result<View<std::uint8_t[]>> Writing::State::wait_for_part(const Proxy<Words>& part) const {
  for (;;) {
    const Moment now = Deadline::Clock::now();
    if (stopped.load(std::memory_order_relaxed) || now >= until) {
      return took_too_long();
    }
    auto view = part.get(std::min(until, later(now, look_interval)));
    if (view || view.error().code() != Errc::timeout) {
      return view;
    }
  }
}

Result<View<std::uint8_t[]>> Writing::State::wait_for_outcome() const {
  for (;;) {
    const Moment now = Deadline::Clock::now();
    if (outcome->wait_for(std::min(told_until, later(now, look_interval)))) {
      return outcome->get();
    }
    if (stopped.load(std::memory_order_relaxed) || now >= told_until) {
      return took_too_long();
    }
  }
}

// A full node may have no room for the few bytes until the program evicts something.
void Writing::State::tell(const CheckpointOutcome& told) {
  for (BackOff pause(1ms, 100ms);;) {
    const auto set = promise.set(told.packed(), {.deadline = told_until});
    if (set || set.error().code() != Errc::out_of_memory || stopped.load(std::memory_order_relaxed) ||
        Deadline::Clock::now() >= told_until) {
      return;
    }
    std::this_thread::sleep_for(pause.next());
  }
}

bool Writing::State::wait(Moment moment) noexcept {
  MutexLock lock(mutex);
  while (!done && lock.wait_until(changed, moment)) {
  }
  return done;
}

/// What rank 0 has told of a checkpoint, until all ranks have read it.
struct Outcome {
  std::uint64_t number = 0;
  Key key;
};

class WritingThreads final : public BackgroundCheckpoints {
 public:
  explicit WritingThreads(std::chrono::milliseconds patience) noexcept : patience_(patience) {}

  [[nodiscard]] AsyncResult<CheckpointReport> begin(const CheckpointJob& job,
                                                    const CheckpointOptions& options) override;
  [[nodiscard]] bool writes(std::string_view path) const noexcept override;
  void settle() const noexcept override;
  void finish(Moment until) noexcept override;

 private:
  [[nodiscard]] std::uint64_t first_open() const noexcept;
  void forget_outcomes(Session& session, std::uint64_t below) noexcept;

  const std::chrono::milliseconds patience_;
  std::uint64_t begun_ = 0;  ///< the same on all ranks
  std::vector<std::unique_ptr<Writing>> writings_;
  std::vector<Outcome> outcomes_;  ///< on rank 0
};

AsyncResult<CheckpointReport> WritingThreads::begin(const CheckpointJob& job,
                                                    const CheckpointOptions& options) {
  std::erase_if(writings_, [](const auto& writing) { return !writing->is_open(); });
  read_before_checkpoint(job, options);
  auto files = std::make_unique<CheckpointWriting>(job, options);
  mpi::CommunicatorGroup& group = job.group;
  const bool is_first = group.rank() == 0;
  auto writing = std::make_unique<Writing>(++begun_, job.file, job.until.moment(patience_), patience_);
  Begun mine{.promise = {}, .first_open = first_open()};
  throw_if(group.agree(error_of([&] {
                         if (files->writes()) {
                           mine.promise = writing->promise(job.session);
                         }
                       }),
                       files->step(), job.until));
  const std::vector<Begun> all = gather(group, mine);
  forget_outcomes(job.session, std::ranges::min_element(all, {}, &Begun::first_open)->first_open);
  auto result = writing->watch(job.session, all[0].promise, files->report());
  if (is_first) {
    outcomes_.push_back({begun_, all[0].promise.key});
  }
  if (files->writes()) {
    std::vector<Proxy<Words>> parts;
    for (std::size_t rank = 1; rank < all.size(); ++rank) {
      if (is_first && all[rank].promise.awaits_promise()) {
        parts.push_back(job.session.proxy<Words>(all[rank].promise));
      }
    }
    writing->start(std::move(files), is_first, std::move(parts));
  }
  writings_.push_back(std::move(writing));
  return result;
}

bool WritingThreads::writes(std::string_view path) const noexcept {
  return std::ranges::any_of(
      writings_, [path](const auto& writing) { return writing->path() == path && writing->still_writes(); });
}

void WritingThreads::settle() const noexcept {
  for (const auto& writing : writings_) {
    writing->settle();
  }
}

void WritingThreads::finish(Moment until) noexcept {
  for (const auto& writing : writings_) {
    if (!writing->is_done(until)) {
      writing->stop();
    }
  }
  const Moment told = later(Deadline::Clock::now(), told_patience);
  for (const auto& writing : writings_) {
    (void)writing->is_done(told);
  }
}

// That this rank still waits for.
std::uint64_t WritingThreads::first_open() const noexcept {
  const auto open = std::ranges::find_if(writings_, [](const auto& writing) { return writing->is_open(); });
  return open != writings_.end() ? (*open)->number() : begun_;
}

void WritingThreads::forget_outcomes(Session& session, std::uint64_t below) noexcept {
  (void)error_of([&] {
    std::erase_if(outcomes_, [&](const Outcome& outcome) {
      if (outcome.number >= below) {
        return false;
      }
      (void)session.open(store_of_outcomes).value().evict(outcome.key);
      return true;
    });
  });
}

}  // namespace

std::unique_ptr<BackgroundCheckpoints> BackgroundCheckpoints::make(std::chrono::milliseconds patience) {
  return std::make_unique<WritingThreads>(patience);
}

}  // namespace locum
