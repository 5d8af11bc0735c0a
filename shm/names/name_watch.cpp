#include "shm/names/name_watch.hpp"

#include <chrono>
#include <utility>

#include "shm/segment/futex.hpp"

namespace locum::shm {

namespace {

constexpr std::chrono::seconds longest_nap{1};

void wake(Share& share) noexcept {
  share.news.fetch_add(1);
  futex_wake_all(share.news);
}

}  // namespace

NameWatch::NameWatch(std::shared_ptr<Segment> segment, std::uint32_t own)
    : segment_(std::move(segment)), own_(own), share_(segment_->share(own)) {}

NameWatch::~NameWatch() {
  ending_.store(true);
  wake(share_);
}

bool NameWatch::watch(Shard& shard, std::shared_ptr<NameWatcher> watcher) {
  bool is_told = true;
  {
    const MutexLock lock(mutex_);
    watcher_ = std::move(watcher);
    watches_ = true;
    is_told = thread_.is_started() ||
              thread_.start("locum-names", [this, heard = share_.news.load()] { listen(heard); });
  }
  // Read-modify-writes, not stores: they are ordered after the last taker's, and so see what that linked.
  (void)share_.watching.exchange(1);
  (void)shard.waiting.fetch_or(shard_watched);
  return is_told;
}

// Its own watcher last: if this process dies before that, it needs no notification.
void NameWatch::ring(bool caller_tells) noexcept {
  for (std::uint32_t rank = 0; rank < segment_->geometry().ranks; ++rank) {
    Share& share = segment_->share(rank);
    if (rank != own_ && share.watching.load() != 0 && share.watching.exchange(0) != 0) {
      wake(share);
    }
  }
  if (share_.watching.load() != 0 && share_.watching.exchange(0) != 0) {
    tell(caller_tells);
  }
}

// A flag set by a stray store belongs to no process.
void NameWatch::tell(bool caller_tells) noexcept {
  std::shared_ptr<NameWatcher> watcher;
  {
    const MutexLock lock(mutex_);
    watches_ = false;
    watcher = watcher_;
  }
  if (watcher != nullptr) {
    caller_tells ? watcher->bound_by_who_tells() : watcher->bound();
  }
}

void NameWatch::ring_all(const Segment& segment) noexcept {
  for (std::uint32_t rank = 0; rank < segment.geometry().ranks; ++rank) {
    wake(segment.share(rank));
  }
}

// A stray store onto one of the flags may mislead the ringing process: so a watcher is notified from time to
// time in any case, looks up, and sets the flags again.
void NameWatch::listen(std::uint32_t heard) {
  for (;;) {
    const auto latest = Deadline::Clock::now() + longest_nap;
    futex_wait(share_.news, heard, latest);
    const std::uint32_t now = share_.news.load();
    if (ending_.load()) {
      return;
    }
    {
      const MutexLock lock(mutex_);
      if (now == heard && (!watches_ || Deadline::Clock::now() < latest)) {
        continue;
      }
    }
    heard = now;
    tell(false);
  }
}

}  // namespace locum::shm
