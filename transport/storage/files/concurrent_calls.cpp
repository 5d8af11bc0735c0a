#include "transport/storage/files/concurrent_calls.hpp"

#include <algorithm>
#include <atomic>
#include <utility>
#include <vector>

#include "core/base/background_thread.hpp"
#include "core/base/mutex.hpp"

namespace locum::storage {

namespace {

constexpr std::size_t most_threads_of_a_call = 16;

/// The threads of one call_concurrently(). A thread that the system does not allow is done without: the
/// others take what it would have done.
class ThreadsOfACall {
 public:
  ThreadsOfACall(std::size_t count, const std::function<void(std::size_t)>& call)
      : count_(count), call_(call) {}

  /// Starts threads where the calling one may run, which is one of them.
  void start_own() {
    const auto own = processors_of_this_thread();
    used_ = own.value_or(Processors{});
    const auto processors = own ? static_cast<std::size_t>(std::max(CPU_COUNT(&*own), 1)) : 1;
    for (std::size_t thread = 1; thread < processors && start(std::nullopt); ++thread) {
    }
  }
  /// Starts threads on processors that none of them uses yet.
  void start_on(const Processors& lent) {
    for (std::size_t processor = 0; processor < CPU_SETSIZE; ++processor) {
      if (CPU_ISSET(processor, &lent) && !CPU_ISSET(processor, &used_)) {
        Processors one;
        CPU_ZERO(&one);
        CPU_SET(processor, &one);
        CPU_SET(processor, &used_);
        (void)start(one);
      }
    }
  }
  /// Makes the next call. False: there is none left.
  bool call_next() {
    const std::size_t index = next_++;
    if (index < count_) {
      call_(index);
    }
    return index < count_;
  }

 private:
  bool start(const std::optional<Processors>& on) {
    if (others_.size() + 1 >= std::min(most_threads_of_a_call, count_)) {
      return false;
    }
    BackgroundThread thread;
    const auto started = thread.start("locum files", [this, on] {
      if (on) {
        (void)::sched_setaffinity(0, sizeof *on,
                                  &*on);  // where that is not allowed, it shares those of this process
      }
      while (call_next()) {
      }
    });
    if (started) {
      others_.push_back(std::move(thread));
    }
    return static_cast<bool>(started);
  }

  const std::size_t count_;
  const std::function<void(std::size_t)>& call_;
  std::atomic<std::size_t> next_{0};
  Processors used_{};
  std::vector<BackgroundThread> others_;  // end first
};

}  // namespace

std::optional<Processors> processors_of_this_thread() noexcept {
  Processors allowed;
  CPU_ZERO(&allowed);
  return ::sched_getaffinity(0, sizeof allowed, &allowed) == 0 ? std::optional(allowed) : std::nullopt;
}

void call_concurrently(std::size_t count, const std::function<void(std::size_t index)>& call,
                       const LentProcessors& lent) {
  if (count == 0) {
    return;
  }
  ThreadsOfACall threads(count, call);
  threads.start_own();
  std::size_t lenders = 0;
  do {
    while (const auto processors = lent ? lent(lenders) : std::nullopt) {
      threads.start_on(*processors);
      ++lenders;
    }
  } while (threads.call_next());
}

Result<void> read_in_pieces(std::span<std::byte> into, const ReadPiece& read, const LentProcessors& lent) {
  if (into.size() < 2 * read_piece_bytes) {
    return read(0, into);
  }
  Mutex mutex;
  std::size_t first_failed = into.size();
  Result<void> outcome;
  const std::size_t pieces = (into.size() + read_piece_bytes - 1) / read_piece_bytes;
  call_concurrently(
      pieces,
      [&](std::size_t piece) {
        const std::size_t at = piece * read_piece_bytes;
        auto done = read(at, into.subspan(at, std::min(read_piece_bytes, into.size() - at)));
        const MutexLock lock(mutex);
        if (!done && at < first_failed) {
          first_failed = at;
          outcome = std::move(done);
        }
      },
      lent);
  return outcome;
}

}  // namespace locum::storage
