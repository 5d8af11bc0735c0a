#include "transport/storage/shards/epoch_loads.hpp"

#include <algorithm>
#include <chrono>
#include <utility>

#include "core/base/unless_out_of_memory.hpp"
#include "core/value/errors.hpp"

namespace locum::storage {

namespace {

/// Of one sample, where the caller gives no deadline.
constexpr std::chrono::minutes longest_load{10};
/// Of the end of a reader for reads that are under way. A file system may hang for ever.
constexpr std::chrono::seconds longest_end{2};

}  // namespace

class EpochLoads::Opened {
 public:
  /// Returns the shard, which the first call opens. `stale` if it is not the one of which the index tells.
  [[nodiscard]] Result<std::shared_ptr<const OpenShard>> get(ShardSource& source, const ShardFacts& facts) {
    const MutexLock lock(mutex_);
    if (shard_ == nullptr) {
      auto opened = source.open(facts.key, {});
      if (!opened) {
        return opened;
      }
      if ((*opened)->count() != facts.samples) {
        return Error(Errc::stale, "the shard has " + std::to_string((*opened)->count()) +
                                      " samples, and the index says " + std::to_string(facts.samples) +
                                      "; remove the file shards.index, and begin the epoch again");
      }
      shard_ = std::move(*opened);
    }
    return shard_;
  }

 private:
  Mutex mutex_;
  std::shared_ptr<const OpenShard> shard_ LOCUM_GUARDED_BY(mutex_);
};

EpochLoads::EpochLoads(std::shared_ptr<ShardSource> source, std::vector<ShardFacts> shards, double turn)
    : shared_(std::make_shared<Shared>()) {
  shared_->source = std::move(source);
  shared_->shards = std::move(shards);
  shared_->turn = turn;
}

EpochLoads::~EpochLoads() {
  shared_->is_cancelled = true;
  if (!calls_.wait(longest_end)) {
    calls_.leave();  // they have what they use
  }
}

// What the threads of the parent hold, locks and shards, is left to itself.
void EpochLoads::begin_again() {
  auto shared = std::make_shared<Shared>();
  shared->source = shared_->source;
  shared->shards = shared_->shards;
  shared->turn = shared_->turn;
  new std::shared_ptr<Shared>(std::exchange(shared_, std::move(shared)));
  maker_ = ForkMark();
  const auto before = std::exchange(loads_, {});
  for (const auto& [block, loads] : before) {
    std::vector<ShardRange> ranges;
    for (const auto& [shard, load] : loads) {
      ranges.push_back(load->range);
    }
    begin(block, ranges);
  }
  new auto(before);
}

void EpochLoads::begin(std::uint64_t block, const std::vector<ShardRange>& ranges) {
  if (maker_.in_child()) {
    begin_again();
  }
  const auto [loads, is_new] = loads_.try_emplace(block);
  if (!is_new) {
    return;
  }
  const auto first = static_cast<std::size_t>(shared_->turn * static_cast<double>(ranges.size()));
  for (std::size_t at = 0; at < ranges.size(); ++at) {
    const ShardRange& range = ranges[(first + at) % ranges.size()];
    const auto load = std::make_shared<Load>();
    load->range = range;
    for (const auto& [other, of_other] : loads_) {
      if (const auto found = of_other.find(range.shard); found != of_other.end()) {
        load->opened = found->second->opened;
      }
    }
    if (load->opened == nullptr) {
      load->opened = std::make_shared<Opened>();
    }
    loads->second.emplace(range.shard, load);
    start(load);
  }
}

void EpochLoads::start(const std::shared_ptr<Load>& load) {
  calls_.add([shared = shared_, kept = std::weak_ptr<Load>(load)] {
    const auto wanted = kept.lock();
    if (wanted != nullptr && !shared->is_cancelled) {
      make(*shared, *wanted);
    }
  });
}

void EpochLoads::make(Shared& shared, Load& load) {
  const auto done = guarded([&]() -> Result<void> {
    const auto opened = load.opened->get(*shared.source, shared.shards[load.range.shard]);
    return opened ? (*opened)->keep(load.range.first, load.range.count, shared.turn)
                  : Result<void>(opened.error());
  });
  const MutexLock lock(shared.mutex);
  // Of a damaged shard those samples fail that the damage takes along, when their turn comes.
  load.is_done = done || done.error().code() == Errc::corrupt;
  if (!load.is_done) {
    load.failed = done.error();
  }
  shared.changed.notify_all();
}

void EpochLoads::drop_before(std::uint64_t block) {
  loads_.erase(loads_.begin(), loads_.lower_bound(block));
}

Result<std::shared_ptr<const OpenShard>> EpochLoads::shard(std::uint64_t block, std::size_t shard,
                                                           Deadline deadline) {
  if (maker_.in_child()) {
    begin_again();
  }
  const std::shared_ptr<Load> load = loads_.at(block).at(shard);
  std::optional<Error> failed;
  {
    const auto end = deadline.moment(longest_load);
    MutexLock lock(shared_->mutex);
    while (!load->is_done && !load->failed) {
      if (Deadline::Clock::now() >= end) {
        return deadline_passed("the shard '" + shared_->shards[shard].key + "' was not read",
                               "call again, as it goes on being read");
      }
      (void)lock.wait_until(shared_->changed, end);
    }
    failed.swap(load->failed);
  }
  if (failed) {
    start(load);  // for who asks again
    return *failed;
  }
  return load->opened->get(*shared_->source, shared_->shards[shard]);
}

}  // namespace locum::storage
