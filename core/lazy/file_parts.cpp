#include "core/lazy/file_parts.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <deque>
#include <exception>
#include <utility>

#include "core/async/completion_counter.hpp"
#include "core/async_result.hpp"
#include "core/base/background_thread.hpp"
#include "core/base/fork_mark.hpp"
#include "core/base/hash.hpp"
#include "core/base/mutex.hpp"
#include "core/detail/restored_handles.hpp"
#include "core/detail/session_state.hpp"
#include "core/lazy/file_fetch.hpp"
#include "core/lazy/file_load.hpp"
#include "core/lazy/file_records.hpp"
#include "core/lazy/given_fetch.hpp"
#include "core/lazy/lazy_connector.hpp"
#include "core/node/promised.hpp"
#include "core/ports/connector.hpp"
#include "core/ports/directory.hpp"
#include "core/value/errors.hpp"

namespace locum::detail {

namespace {

// How long it looks whether another reader has ended, if there are other parts to read.
constexpr std::chrono::milliseconds a_look{2};

void append(std::string& text, std::string_view part) {
  text.append(part).push_back('\0');
}
void append(std::string& text, const std::vector<std::uint64_t>& numbers) {
  for (const std::uint64_t number : numbers) {
    append(text, std::to_string(number));
  }
  text.push_back('\0');
}

// The same on all ranks that have found the same part of the same file for the same use.
std::uint64_t identity_of(const FilePart& part, std::string_view use) {
  std::string text;
  append(text, use);
  append(text, part.path);
  append(text, part.dataset);
  append(text, part.type);
  append(text, part.bytes_in);
  append(text, {part.file_bytes, static_cast<std::uint64_t>(part.changed_ns), part.offset});
  append(text, part.extents);
  append(text, part.start);
  append(text, part.count);
  append(text, part.stride);
  return hash64(text) & (restored_bit - 1);
}

}  // namespace

struct FileParts::State {
  std::shared_ptr<FileReader> reader;
  std::shared_ptr<StepFiles> steps;
  std::uint32_t ranks = 1;
  const ForkMark maker;
  Mutex mutex;
  std::condition_variable changed;
  std::deque<std::shared_ptr<Reading>> queue LOCUM_GUARDED_BY(mutex);
  std::optional<Error> closed LOCUM_GUARDED_BY(mutex);
  BackgroundThread thread LOCUM_GUARDED_BY(mutex);
  bool has_ended LOCUM_GUARDED_BY(mutex) = false;  ///< the thread
  bool in_file LOCUM_GUARDED_BY(mutex) = false;    ///< the thread reads
  bool is_left LOCUM_GUARDED_BY(mutex) = false;    ///< it has not returned from that in time

  [[nodiscard]] std::optional<Error> stopped() LOCUM_EXCLUDES(mutex) {
    const MutexLock lock(mutex);
    return closed;
  }
};

/// By it the thread reads. Where it does not return before the runtime has ended, it never does: nothing that
/// it would use then needs to be there.
class FileParts::ThreadReader final : public FileReader {
 public:
  explicit ThreadReader(State& state) : state_(state) {}

  [[nodiscard]] Result<void> read(const FilePart& part, std::span<std::byte> into,
                                  const Stopped& stopped) override {
    {
      const MutexLock lock(state_.mutex);
      if (state_.closed) {
        return *state_.closed;
      }
      state_.in_file = true;
    }
    auto done = state_.reader->read(part, into, stopped);
    MutexLock lock(state_.mutex);
    state_.in_file = false;
    while (state_.is_left) {
      (void)lock.wait_until(state_.changed, Deadline::Clock::time_point::max());
    }
    return done;
  }
  [[nodiscard]] bool may_read_in_background(const FilePart& part) const override {
    return state_.reader->may_read_in_background(part);
  }

 private:
  State& state_;
};

/// One part that is being read in the background, or will be.
class FileParts::Reading final : public GivenFetch, public std::enable_shared_from_this<Reading> {
 public:
  Reading(std::shared_ptr<State> state, SessionState& session, const Address& name)
      : GivenFetch(session.completions()),
        state_(std::move(state)),
        session_(session.weak_from_this()),
        store_(name.key.store),
        name_(name.name) {}

  void begin() override;
  void forget() noexcept override { wanted_.store(false, std::memory_order_relaxed); }

  /// False: another rank is reading it, and there may be others to read meanwhile.
  [[nodiscard]] bool run(bool waits) noexcept;

 private:
  const std::shared_ptr<State> state_;
  const std::weak_ptr<SessionState> session_;
  const std::uint32_t store_;
  const std::string name_;
  std::atomic<bool> wanted_{true};
  std::optional<Deadline::Clock::time_point> until_;  ///< from its first turn on
};

void FileParts::Reading::begin() {
  auto self = shared_from_this();
  std::optional<Error> refused;
  {
    const MutexLock lock(state_->mutex);
    refused = state_->closed;
    if (!refused && !state_->thread.is_started()) {
      const auto started = state_->thread.start("locum files", [state = state_] {
        work(*state);
        const MutexLock ended(state->mutex);
        state->has_ended = true;
        state->changed.notify_all();
      });
      refused = started ? std::nullopt : std::optional(started.error());
    }
    if (!refused) {
      state_->queue.push_back(std::move(self));
      state_->changed.notify_all();
    }
  }
  if (refused) {
    end(std::move(*refused));
  }
}

bool FileParts::Reading::run(bool waits) noexcept {
  try {
    const auto session = session_.lock();
    if (!session || session->closed() || !wanted_.load(std::memory_order_relaxed)) {
      end(closed_before_end());
      return true;
    }
    if (!state_->reader) {
      const auto promised = promise_named(store_, name_);
      end(session->explain(promised ? Address(*promised) : Address(store_, name_),
                           no_hdf5("read parts of files")));
      return true;
    }
    const auto now = session->completions()->now();
    if (!until_) {
      until_ = session->completions()->moment({});
    }
    const LoadHow how{.until = *until_,
                      .patience = std::min(*until_, now + (waits ? look_interval : a_look)),
                      .stopped = [this] { return state_->stopped(); },
                      .in_background = true};
    ThreadReader reader(*state_);
    auto object = load_file_part(*session, reader, Address(store_, name_), how);
    if (!object) {
      return false;
    }
    end(std::move(*object));
  } catch (const std::exception& error) {
    end(Error(Errc::out_of_memory, "reading a part of a file failed", error.what()));
  }
  return true;
}

FileParts::FileParts() : state_(std::make_shared<State>()) {}

// In a forked process the thread's part in the state never ends.
FileParts::~FileParts() {
  if (!state_->maker.in_child()) {
    close(closed_before_end());
  }
}

void FileParts::use(std::shared_ptr<FileReader> reader, std::shared_ptr<StepFiles> steps,
                    std::uint32_t ranks) {
  state_->reader = std::move(reader);
  state_->steps = std::move(steps);
  state_->ranks = ranks;
}

StepFiles* FileParts::steps() const noexcept {
  return state_->steps.get();
}

Result<Handle> FileParts::add(SessionState& session, std::uint32_t store, const FilePart& part,
                              Deadline deadline, std::string_view use) const {
  Handle handle;
  handle.incarnation = session.options().incarnation;
  handle.key = restored_key(store, identity_of(part, use), state_->ranks);
  if (const auto put = put_file_part(session, handle.key, part, deadline); !put) {
    return session.explain(handle.key, put.error());
  }
  handle.name_hash = name_hash(store, session.connector().name_of(handle.key));
  handle.size_bytes = part.element_bytes;
  for (const std::uint64_t count : part.count) {
    handle.size_bytes *= count;
  }
  handle.type_hash = text_hash(part.type);
  handle.owner_node = static_cast<std::uint16_t>(session.options().node);
  handle.flags = Handle::promised | Handle::from_file;
  handle.stamp();
  return handle;
}

Result<ObjectView> FileParts::load(SessionState& session, const Address& name, Deadline deadline) {
  const auto until = session.completions()->moment(deadline);
  for (bool is_left = false; !is_left;) {  // what is in the background waits for the runtime's `timeout` only
    const auto reading = this->reading(session, name);
    reading->begin();
    auto object = reading->get(until);
    is_left = !object && is_left_to_caller(object.error());
    const bool is_over =
        object || object.error().code() != Errc::timeout || session.completions()->now() >= until;
    if (!is_left && is_over) {
      return object;
    }
  }
  const auto stopped = [this, &session, until]() -> std::optional<Error> {
    if (session.completions()->now() >= until) {
      return deadline_passed("the file of this object was not read");
    }
    return state_->stopped();
  };
  // Another reader is waited for until the deadline.
  auto own =
      load_file_part(session, *state_->reader, name, {.until = until, .patience = until, .stopped = stopped});
  return own ? std::move(*own)
             : session.explain(name, deadline_passed("the file of this object was not read"));
}

std::shared_ptr<Fetch> FileParts::reading(SessionState& session, const Address& name) const {
  return std::make_shared<Reading>(state_, session, name);
}

std::shared_ptr<Fetch> FileParts::load_later(SessionState& session, const Address& name,
                                             const Selection& selection) {
  return std::make_shared<FileFetch>(session, name, selection, reading(session, name));
}

NowOrTask<ObjectView> FileParts::after(SessionState& session, const Address& name, const Selection& selection,
                                       NowOrTask<ObjectView> made) {
  if (made.coming) {
    return {ObjectView(), std::make_shared<FileFetch>(session, name, selection, std::move(made.coming))};
  }
  return may_be_in_file(made.found)
             ? NowOrTask<ObjectView>{ObjectView(), load_later(session, name, selection)}
             : std::move(made);
}

void FileParts::restored_lazily(SessionState& session, std::uint32_t store, std::string folder) {
  const MutexLock lock(mutex_);
  if (lazy_stores_.empty()) {
    session.read_by(std::make_shared<LazyConnector>(session));
  }
  lazy_stores_.push_back({store, std::move(folder)});
  has_lazy_.store(true, std::memory_order_relaxed);
}

std::vector<LazyStore> FileParts::lazy_stores() const {
  const MutexLock lock(mutex_);
  return lazy_stores_;
}

void FileParts::close(const Error& error, std::chrono::milliseconds patience) noexcept {
  std::deque<std::shared_ptr<Reading>> queue;
  BackgroundThread thread;  // owns what it needs to end
  {
    const MutexLock lock(state_->mutex);
    state_->closed = error;
    queue.swap(state_->queue);
    thread = std::move(state_->thread);
    state_->changed.notify_all();
  }
  if (thread.is_started() && !thread.is_current() && !await_end(Deadline::Clock::now() + patience)) {
    std::fprintf(stderr,
                 "locum: the file system does not return from reading a part of a file: its thread is left "
                 "behind\n");
    thread.detach();
  }
  thread.join();
  for (const auto& reading : queue) {
    reading->end(error);
  }
}

// All its other waits have deadlines.
bool FileParts::await_end(Deadline::Clock::time_point until) noexcept {
  MutexLock lock(state_->mutex);
  while (!state_->has_ended) {
    const bool is_late = Deadline::Clock::now() >= until;
    if (is_late && state_->in_file) {
      state_->is_left = true;
      return false;
    }
    (void)lock.wait_until(state_->changed, is_late ? Deadline::Clock::time_point::max() : until);
  }
  return true;
}

// One after the other; those that another rank is reading wait until there is nothing else to read.
void FileParts::work(State& state) noexcept {
  for (std::size_t postponed = 0;;) {
    std::shared_ptr<Reading> next;
    bool waits = false;
    {
      MutexLock lock(state.mutex);
      while (!state.closed && state.queue.empty()) {
        (void)lock.wait_until(state.changed, Deadline::Clock::time_point::max());
      }
      if (state.closed) {
        return;
      }
      waits = postponed >= state.queue.size();
      next = std::move(state.queue.front());
      state.queue.pop_front();
    }
    if (next->run(waits)) {
      postponed = 0;
      continue;
    }
    ++postponed;
    const MutexLock lock(state.mutex);
    if (!state.closed) {
      state.queue.push_back(std::move(next));
    } else {
      next->end(*state.closed);
      return;
    }
  }
}

}  // namespace locum::detail
