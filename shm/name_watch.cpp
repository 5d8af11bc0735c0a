#include "shm/name_watch.hpp"

#include <utility>

#include "shm/futex.hpp"

namespace locum::shm {

namespace {

void wake(Share& share) noexcept {
  share.news.fetch_add(1);
  futex_wake_all(share.news);
}

}  // namespace

NameWatch::NameWatch(std::shared_ptr<Segment> segment, std::uint32_t own)
    : segment_(std::move(segment)), share_(segment_->share(own)) {}

NameWatch::~NameWatch() {
  ending_.store(true);
  wake(share_);
}

void NameWatch::watch(Shard& shard, std::shared_ptr<NameWatcher> watcher) {
  {
    const MutexLock lock(mutex_);
    watcher_ = std::move(watcher);
    if (!thread_) {
      thread_.emplace("locum-names", [this, heard = share_.news.load()] { listen(heard); });
    }
  }
  // Exchanges, not stores: they come after the last taker's in one order, and so see what that linked.
  (void)share_.watching.exchange(1);
  (void)shard.waiting.fetch_or(shard_watched);
}

void NameWatch::ring(const Segment& segment) noexcept {
  for (std::uint32_t rank = 0; rank < segment.geometry().ranks; ++rank) {
    Share& share = segment.share(rank);
    if (share.watching.load() != 0 && share.watching.exchange(0) != 0) {
      wake(share);
    }
  }
}

void NameWatch::ring_all(const Segment& segment) noexcept {
  for (std::uint32_t rank = 0; rank < segment.geometry().ranks; ++rank) {
    wake(segment.share(rank));
  }
}

void NameWatch::listen(std::uint32_t heard) {
  for (;;) {
    futex_wait(share_.news, heard, Deadline::Clock::time_point::max());
    const std::uint32_t now = share_.news.load();
    if (ending_.load()) {
      return;
    }
    if (now == heard) {
      continue;
    }
    heard = now;
    std::shared_ptr<NameWatcher> watcher;
    {
      const MutexLock lock(mutex_);
      watcher = watcher_;
    }
    watcher->bound();
  }
}

}  // namespace locum::shm
