#include "core/tier/write_back_queue.hpp"

#include <algorithm>
#include <condition_variable>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "core/base/background_thread.hpp"
#include "core/base/fork_mark.hpp"
#include "core/base/mutex.hpp"
#include "core/value/errors.hpp"

namespace locum {

namespace {

using Clock = Deadline::Clock;

constexpr std::chrono::seconds until_next_try{1};
constexpr std::chrono::milliseconds between_looks_for_the_dead{250};
/// So many names are written at once, whatever their size; and more while they have no more bytes than that.
constexpr std::size_t least_at_once = 16;
constexpr std::size_t most_at_once = 256;
constexpr std::uint64_t bytes_at_once = std::uint64_t{16} << 20U;

}  // namespace

struct WriteBackQueue::State {
  using Place = std::pair<std::uint32_t, std::string>;

  /// A value of a name that is to be written.
  struct Value {
    std::uint64_t sequence = 0;
    std::uint64_t size_bytes = 0;
    UnwrittenName name;
  };
  struct Item {
    Value value;
    bool is_being_written = false;
    std::optional<Value> next{};  ///< put while the other one is being written
  };

  State(UnwrittenNames of, Write by, std::function<std::vector<int>()> lost, std::uint64_t most,
        std::chrono::milliseconds longest)
      : names(std::move(of)),
        write(std::move(by)),
        lost_node_peers(std::move(lost)),
        most_bytes(most),
        timeout(longest) {}

  [[nodiscard]] Error failed() const LOCUM_REQUIRES(mutex) {
    return Error(
        last_error->code(),
        "what was put before could not be written to the backend, and is tried again: " + last_error->text(),
        last_error->detail());
  }
  /// Whether one of the values up to that is not written.
  [[nodiscard]] bool is_left(std::uint64_t sequence) const LOCUM_REQUIRES(mutex) {
    return !left.empty() && *left.begin() <= sequence;
  }
  /// Those to be written next. Waits for some, or until it is time to look for the dead.
  [[nodiscard]] std::vector<Value> take() LOCUM_EXCLUDES(mutex);
  void finish(const Value& value, const Result<void>& written) LOCUM_EXCLUDES(mutex);
  /// Writes what dead ranks of this node have left.
  [[nodiscard]] Result<void> write_for_the_dead(Moment until) LOCUM_EXCLUDES(mutex);

  const UnwrittenNames names;
  const Write write;
  const std::function<std::vector<int>()> lost_node_peers;
  const std::uint64_t most_bytes;
  const std::chrono::milliseconds timeout;
  const ForkMark maker;
  Mutex mutex;
  std::condition_variable changed;
  std::map<Place, Item> items LOCUM_GUARDED_BY(mutex);
  std::map<std::uint64_t, Place> waiting LOCUM_GUARDED_BY(mutex);  ///< those that are not being written
  std::set<std::uint64_t> left LOCUM_GUARDED_BY(mutex);            ///< sequences of all values
  std::uint64_t bytes LOCUM_GUARDED_BY(mutex) = 0;                 ///< of these, and admitted
  std::uint64_t last_sequence LOCUM_GUARDED_BY(mutex) = 0;
  std::uint64_t failures LOCUM_GUARDED_BY(mutex) = 0;
  std::optional<Error> last_error LOCUM_GUARDED_BY(mutex);  ///< none: the last try succeeded
  Moment next_try LOCUM_GUARDED_BY(mutex){};
  bool closed LOCUM_GUARDED_BY(mutex) = false;
  Result<void> started LOCUM_GUARDED_BY(mutex);  ///< the thread
  BackgroundThread thread LOCUM_GUARDED_BY(mutex);
};

WriteBackQueue::WriteBackQueue(UnwrittenNames names, Write write,
                               std::function<std::vector<int>()> lost_node_peers, std::uint64_t most_bytes,
                               std::chrono::milliseconds timeout)
    : state_(std::make_shared<State>(std::move(names), std::move(write), std::move(lost_node_peers),
                                     most_bytes, timeout)) {
  const MutexLock lock(state_->mutex);
  state_->started = state_->thread.start("locum writer", [state = state_] { work(*state); });
}

WriteBackQueue::~WriteBackQueue() {
  close();
}

std::uint64_t WriteBackQueue::most_bytes() const noexcept {
  return state_->most_bytes;
}

std::vector<WriteBackQueue::State::Value> WriteBackQueue::State::take() {
  std::vector<Value> values;
  MutexLock lock(mutex);
  const auto look = Clock::now() + between_looks_for_the_dead;
  while (!closed) {
    const auto now = Clock::now();
    const bool is_time = now >= next_try;
    if ((is_time && !waiting.empty()) || now >= look) {
      break;
    }
    (void)lock.wait_until(changed, is_time ? look : std::min(look, next_try));
  }
  std::uint64_t taken_bytes = 0;
  while (!closed && Clock::now() >= next_try && values.size() < most_at_once && !waiting.empty()) {
    const auto first = waiting.begin();
    Item& item = items.at(first->second);
    taken_bytes += item.value.size_bytes;
    if (values.size() >= least_at_once && taken_bytes > bytes_at_once) {
      break;
    }
    item.is_being_written = true;
    values.push_back(item.value);
    waiting.erase(first);
  }
  return values;
}

void WriteBackQueue::State::finish(const Value& value, const Result<void>& written) {
  if (written) {
    names.remove(value.name.record);
  }
  const MutexLock lock(mutex);
  const auto at = items.find({value.name.store, value.name.name});
  Item& item = at->second;
  item.is_being_written = false;
  if (written) {
    last_error.reset();
    bytes -= item.value.size_bytes;
    left.erase(item.value.sequence);
  } else {
    ++failures;
    last_error = written.error();
    next_try = Clock::now() + until_next_try;
  }
  if (written && item.next) {
    item.value = std::move(*item.next);
    item.next.reset();
  } else if (item.next) {  // which is what memory has
    bytes -= std::exchange(item.value.size_bytes, item.next->size_bytes);
    left.erase(item.next->sequence);
    names.remove(item.next->name.record);
    item.next.reset();
  }
  if (left.contains(item.value.sequence)) {
    waiting.emplace(item.value.sequence, at->first);
  } else {
    items.erase(at);
  }
  changed.notify_all();
}

Result<void> WriteBackQueue::State::write_for_the_dead(Moment until) {
  const std::vector<int> lost = lost_node_peers ? lost_node_peers() : std::vector<int>();
  if (lost.empty()) {
    return {};
  }
  std::vector<UnwrittenName> of_dead = names.of_node();
  std::erase_if(of_dead, [&](const UnwrittenName& name) {
    return std::ranges::find(lost, static_cast<int>(name.record.creator)) == lost.end();
  });
  Result<void> all;
  for (std::size_t from = 0; from < of_dead.size(); from += least_at_once) {
    const auto some =
        std::span<const UnwrittenName>(of_dead).subspan(from, std::min(least_at_once, of_dead.size() - from));
    std::vector<Result<void>> written(some.size());
    write(
        some, [&](std::size_t at, const Result<void>& outcome) { written[at] = outcome; }, until);
    for (std::size_t at = 0; at < some.size(); ++at) {
      if (written[at]) {
        names.remove(some[at].record);
      } else if (all) {
        all = written[at];
      }
    }
  }
  return all;
}

void WriteBackQueue::work(State& state) noexcept {
  for (;;) {
    const auto values = state.take();
    {
      const MutexLock lock(state.mutex);
      if (state.closed && values.empty()) {
        return;
      }
    }
    const Moment until = Clock::now() + state.timeout;
    if (values.empty()) {
      (void)state.write_for_the_dead(until);
      continue;
    }
    std::vector<UnwrittenName> names;
    names.reserve(values.size());
    for (const State::Value& value : values) {
      names.push_back(value.name);
    }
    state.write(
        names, [&](std::size_t at, const Result<void>& outcome) { state.finish(values[at], outcome); },
        until);
  }
}

Result<void> WriteBackQueue::admit(std::uint64_t size_bytes, Moment until) {
  MutexLock lock(state_->mutex);
  if (!state_->started) {
    return state_->started;
  }
  // Refused once it is closed, even if there is room: nothing would write the value, and nobody would know.
  while (!state_->closed && state_->bytes + size_bytes > state_->most_bytes) {
    if (!lock.wait_until(state_->changed, until) && state_->bytes + size_bytes > state_->most_bytes) {
      return state_->last_error
                 ? state_->failed()
                 : deadline_passed("the backend did not write " + std::to_string(state_->bytes) + " bytes",
                                   "raise nodes.unwritten");
    }
  }
  if (state_->closed) {
    return closed_before_end();
  }
  state_->bytes += size_bytes;
  return {};
}

void WriteBackQueue::release(std::uint64_t size_bytes) noexcept {
  const MutexLock lock(state_->mutex);
  state_->bytes -= size_bytes;
  state_->changed.notify_all();
}

// A value that waits to be written is that of the name, whatever that is then: it needs no second record.
void WriteBackQueue::add(const UnwrittenName& name, std::uint64_t size_bytes) {
  const MutexLock lock(state_->mutex);
  const State::Value value{++state_->last_sequence, size_bytes, name};
  const auto [at, is_new] = state_->items.try_emplace({name.store, name.name}, State::Item{value});
  State::Item& item = at->second;
  if (is_new) {
    state_->waiting.emplace(value.sequence, at->first);
  } else if (item.is_being_written && !item.next) {
    item.next = value;
  } else {
    State::Value& waits = item.is_being_written ? *item.next : item.value;
    state_->bytes -= std::exchange(waits.size_bytes, size_bytes);
    state_->names.remove(name.record);
    state_->changed.notify_all();
    return;
  }
  state_->left.insert(value.sequence);
  state_->changed.notify_all();
}

Result<void> WriteBackQueue::flush(Moment until) {
  {
    MutexLock lock(state_->mutex);
    const std::uint64_t target = state_->last_sequence;
    const std::uint64_t failures = state_->failures;
    state_->next_try = {};
    state_->changed.notify_all();
    while (state_->is_left(target)) {
      if (state_->failures != failures && state_->last_error) {
        return state_->failed();
      }
      if (state_->closed) {
        return closed_before_end();
      }
      if (!lock.wait_until(state_->changed, until) && state_->is_left(target)) {
        return deadline_passed("the backend did not write " + std::to_string(state_->bytes) + " bytes",
                               "raise nodes.unwritten");
      }
    }
  }
  return state_->write_for_the_dead(until);
}

std::string WriteBackQueue::describe() const {
  const MutexLock lock(state_->mutex);
  return state_->bytes == 0
             ? std::string()
             : std::to_string(state_->items.size()) + " names, " + std::to_string(state_->bytes) +
                   " bytes are not written to the backend yet" +
                   (state_->last_error ? ": " + std::string(state_->last_error->what()) : "");
}

// Those that are being written are forgotten when that has ended.
void WriteBackQueue::forget(std::uint32_t store) {
  std::vector<Key> records;
  {
    MutexLock lock(state_->mutex);
    const Moment until = Clock::now() + state_->timeout;
    for (bool some_left = true, in_time = true; some_left && in_time;) {
      some_left = false;
      for (auto at = state_->items.begin(); at != state_->items.end();) {
        const State::Item& item = at->second;
        const bool is_of_store = at->first.first == store;
        if (!is_of_store || item.is_being_written) {
          some_left = some_left || is_of_store;
          ++at;
          continue;
        }
        state_->bytes -= item.value.size_bytes;
        state_->left.erase(item.value.sequence);
        state_->waiting.erase(item.value.sequence);
        records.push_back(item.value.name.record);
        at = state_->items.erase(at);
      }
      state_->changed.notify_all();
      in_time = !some_left || lock.wait_until(state_->changed, until);
    }
  }
  for (const Key& record : records) {
    state_->names.remove(record);
  }
}

void WriteBackQueue::close() noexcept {
  if (state_->maker.in_child()) {
    return;
  }
  BackgroundThread ending;  // waits for it once the lock is released
  const MutexLock lock(state_->mutex);
  state_->closed = true;
  ending = std::move(state_->thread);
  state_->changed.notify_all();
}

}  // namespace locum
