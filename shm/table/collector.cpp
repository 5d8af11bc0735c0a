#include "shm/table/collector.hpp"

#include <algorithm>
#include <utility>

#include "core/node/reclaim.hpp"

namespace locum::shm {
namespace {
// Amortised calls in one piece: a publishing call waits for at most one of them.
constexpr std::size_t calls_per_piece = 64;
}  // namespace

Collector::Collector(const std::shared_ptr<Segment>& segment, std::uint32_t own,
                     std::shared_ptr<ObjectTable> table)
    : table_(std::move(table)),
      listens_(segment->share(own).listens),
      calls_(segment->header().collect_calls),
      heard_(calls_.load()) {
  listens_.store(1);
}

Collector::Moment Collector::work(Arena& arena, Moment now, bool called) {
  const std::uint32_t calls = calls_.load();
  called = std::exchange(heard_, calls) != calls || called;
  if (listens_.load() == 0) {  // the bell has rung
    due_ = std::min(due_, now + window);
    wait_ = window;
  }
  if (!called && now < due_) {
    return due_;
  }
  if (to_look_at_ == 0) {
    listens_.store(0);
    known_ = table_->dead();
    to_look_at_ = known_ + 1;
  }
  if (!look(arena, called)) {
    return Moment::min();
  }
  listen(now);
  return due_;
}

// Whether all dead entries have been checked.
bool Collector::look(Arena& arena, bool called) {
  if (called) {
    (void)reclaim(*table_, arena, Effort::thorough);
    to_look_at_ = 0;
  }
  for (std::size_t call = 0; call < calls_per_piece && to_look_at_ > 0; ++call) {
    (void)reclaim(*table_, arena, Effort::amortised);
    to_look_at_ -= std::min(to_look_at_, DeadEntries::looks_per_call);
  }
  return to_look_at_ == 0;
}

void Collector::listen(Moment now) {
  listens_.store(1);
  const std::size_t left = table_->dead();
  if (left < known_) {
    wait_ = window;
  }
  due_ = left > 0 ? now + wait_ : Moment::max();
  wait_ = std::min(2 * wait_, longest_window);
  if (table_->handed_back()) {
    due_ = std::min(due_, now + window);
  }
}

}  // namespace locum::shm
