#include "core/steps/step_queue.hpp"

#include <algorithm>
#include <string>
#include <utility>

namespace locum::detail {

bool StepQueue::has_room(std::size_t ahead) const noexcept {
  const std::size_t steps = steps_.size() + ahead;
  const bool fits =
      options_.queue_bytes == 0 || steps == 0 || bytes_ + (ahead + 1) * last_bytes_ <= options_.queue_bytes;
  return steps < options_.queue_steps && fits;
}

Result<bool> StepQueue::find_room(std::size_t ahead) {
  if (const auto looked = look(); !looked) {
    return looked.error();
  }
  free_released();
  return has_room(ahead);
}

Result<void> StepQueue::await_readers(Moment until) const {
  if (options_.rendezvous_readers == 0) {
    return {};
  }
  const auto joined = stream_.wait<std::uint8_t>(stream_.joined(options_.rendezvous_readers), until,
                                                 [] { return Result<void>(); });
  return joined ? Result<void>() : Result<void>(joined.error());
}

Result<void> StepQueue::look() {
  const auto there = stream_.store().get<ReaderRecord[]>(stream_.readers());
  if (!there && there.error().code() != Errc::not_found) {
    return there.error();
  }
  readers_.clear();
  if (there) {
    readers_.assign(there->begin(), there->end());
  }
  return {};
}

bool StepQueue::is_here(const ReaderRecord& reader) {
  const auto known = watches_.find(reader.reader.key);
  PresenceWatch& watch =
      known != watches_.end()
          ? known->second
          : watches_.emplace(reader.reader.key, PresenceWatch(stream_.session(), reader.reader))
                .first->second;
  return watch.is_here();
}

const ReaderRecord* StepQueue::holder_of(const Kept& step) {
  for (const ReaderRecord& reader : readers_) {
    const bool may_want = reader.from == ReaderRecord::undecided || reader.from <= step.number;
    if (may_want && !stream_.has(stream_.released(step.number, reader.reader)) && is_here(reader)) {
      return &reader;
    }
  }
  return nullptr;
}

// Without readers, the steps are kept for those that come.
void StepQueue::free_released() {
  if (readers_.empty()) {
    return;
  }
  for (auto step = steps_.begin(); step != steps_.end();) {
    if (holder_of(*step) != nullptr) {
      ++step;
      continue;
    }
    (void)stream_.store().evict(stream_.step(step->number));
    step = look() && holder_of(*step) == nullptr ? free(step) : std::next(step);
  }
}

StepQueue::Steps::iterator StepQueue::free(Steps::iterator step) {
  std::vector<std::string> records;
  for (const ReaderRecord& reader : readers_) {
    records.push_back(stream_.released(step->number, reader.reader));
    if (drops()) {
      records.push_back(stream_.begun(step->number, reader.side));
    }
  }
  (void)stream_.store().evict_batch(step->blocks);
  (void)stream_.store().evict_batch(records);
  bytes_ -= step->bytes;
  return steps_.erase(step);
}

Result<bool> StepQueue::drop(Steps::iterator step, Moment until) {
  const auto is_held = [&] {
    return std::ranges::any_of(readers_, [&](const ReaderRecord& reader) {
      if (drops() && reader.from != ReaderRecord::undecided &&
          !stream_.has(stream_.begun(step->number, reader.side))) {
        return false;
      }
      return (reader.from == ReaderRecord::undecided || reader.from <= step->number) &&
             !stream_.has(stream_.released(step->number, reader.reader)) && is_here(reader);
    });
  };
  if (is_held()) {
    return false;
  }
  if (const auto hidden = stream_.store().evict(stream_.step(step->number), {.deadline = until}); !hidden) {
    return hidden.error();
  }
  if (const auto looked = look(); !looked) {
    return looked.error();
  }
  if (is_held()) {
    return false;
  }
  free(step);
  return true;
}

Result<bool> StepQueue::drop_oldest(Moment until) {
  for (auto step = steps_.begin(); step != steps_.end(); ++step) {
    auto dropped = drop(step, until);
    if (!dropped || *dropped) {
      return dropped;
    }
  }
  return false;
}

Result<void> StepQueue::make_room(Moment until) {
  for (;;) {
    const auto room = find_room(0);
    if (!room || *room || drops()) {
      return room ? Result<void>() : Result<void>(room.error());
    }
    if (readers_.empty()) {
      const auto dropped = drop_oldest(until);
      if (!dropped) {
        return dropped.error();
      }
      continue;
    }
    if (const auto released = await_release(until); !released) {
      return released;
    }
  }
}

// Returns early if others may have joined, left or died.
Result<void> StepQueue::await_release(Moment until) {
  const auto held = std::ranges::find_if(steps_, [this](const Kept& step) { return holder_of(step); });
  if (held == steps_.end()) {
    return {};
  }
  const ReaderRecord* const holder = holder_of(*held);
  if (holder == nullptr) {
    return {};
  }
  const auto now = stream_.now();
  const auto released = stream_.store().wait<std::uint8_t>(stream_.released(held->number, holder->reader),
                                                           std::min(until, now + Stream::look_interval));
  if (released || released.error().code() != Errc::timeout) {
    return released ? Result<void>() : Result<void>(released.error());
  }
  if (stream_.now() < until) {
    return {};
  }
  return Error(Errc::timeout, "the stream is full, with " + std::to_string(steps_.size()) + " steps: rank " +
                                  std::to_string(holder->reader.key.creator) + " has not released step " +
                                  std::to_string(held->number) +
                                  "; let readers release steps, or give the stream more queue_steps");
}

Result<void> StepQueue::publish(const StepRecord& step, Moment until) {
  Kept kept{next_, step.bytes(), {}};
  for (const BlockRecord& block : step.blocks) {
    kept.blocks.push_back(block.key);
  }
  last_bytes_ = kept.bytes;
  if (drops()) {
    if (const auto looked = look(); !looked) {
      return looked;
    }
    free_released();
    while (!has_room(0)) {
      const bool oldest = options_.when_full == WhenFull::drop_oldest || readers_.empty();
      const auto dropped = oldest ? drop_oldest(until) : Result<bool>(false);
      if (!dropped) {
        return dropped.error();
      }
      if (!*dropped) {
        (void)stream_.store().evict_batch(kept.blocks);
        return {};
      }
    }
  }
  if (const auto made = stream_.put(stream_.step(next_), step, until); !made) {
    return made;
  }
  bytes_ += kept.bytes;
  steps_.push_back(std::move(kept));
  ++next_;
  const auto counted = stream_.store().replace(stream_.published(), next_, {.codec = {}, .deadline = until});
  return counted ? Result<void>() : Result<void>(counted.error());
}

Result<void> StepQueue::end(const StepRecord& last, Moment until) {
  if (const auto made = stream_.put(stream_.step(next_), last, until); !made) {
    return made;
  }
  for (;;) {
    if (const auto looked = look(); !looked) {
      return looked;
    }
    if (readers_.empty()) {
      while (!steps_.empty()) {
        const auto dropped = drop_oldest(until);
        if (!dropped) {
          return dropped.error();
        }
        if (!*dropped) {
          break;
        }
      }
    }
    free_released();
    if (steps_.empty()) {
      break;
    }
    if (const auto released = await_release(until); !released) {
      return released;
    }
  }
  // A reader that comes from now on waits for the next stream of this name.
  (void)stream_.store().evict(Stream::name);
  return {};
}

}  // namespace locum::detail
