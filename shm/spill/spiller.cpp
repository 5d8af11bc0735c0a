#include "shm/spill/spiller.hpp"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "core/base/checksum.hpp"
#include "core/value/errors.hpp"
#include "shm/segment/kill_point.hpp"
#include "shm/spill/spill_record.hpp"
#include "shm/table/disk_range.hpp"

namespace locum::shm {

namespace {

using Clock = Deadline::Clock;

/// How often an object on its way back looks for memory again, after others have left for it.
constexpr int most_attempts = 4;
/// Longest wait for processes that were asked to move objects, and do not reply.
constexpr std::chrono::milliseconds longest_wait{2000};

/// What objects leave to the tables of the node, which grow when objects and names are added.
constexpr std::uint64_t spare_share = 32;
constexpr std::uint64_t least_spare_bytes = std::uint64_t{256} << 10U;
constexpr std::uint64_t most_spare_bytes = std::uint64_t{64} << 20U;

Error takes_long(const Pin& pin) {
  return deadline_passed("this object was not read from the disk").about(to_string(pin.key));
}

Error moves_in_vain(std::string why) {
  return Error(Errc::out_of_memory, "nothing was moved, as it would not help: " + std::move(why));
}

Error wrong_bytes(const Pin& pin, std::string text) {
  return Error(Errc::corrupt, std::move(text)).about(to_string(pin.key));
}

/// Unpins an object at the end of a scope.
class Unpin {
 public:
  Unpin(ObjectTable& table, std::uint64_t id) noexcept : table_(table), id_(id) {}
  Unpin(const Unpin&) = delete;
  Unpin& operator=(const Unpin&) = delete;
  ~Unpin() { table_.release(id_); }

 private:
  ObjectTable& table_;
  const std::uint64_t id_;
};

}  // namespace

Spiller::Spiller(std::shared_ptr<Segment> segment, std::shared_ptr<ObjectTable> table,
                 std::shared_ptr<SpillFile> file, std::chrono::milliseconds timeout)
    : segment_(std::move(segment)),
      table_(std::move(table)),
      file_(std::move(file)),
      timeout_(timeout),
      requests_(segment_, table_->own()) {
  const std::uint64_t memory_bytes = segment_->geometry().memory_bytes;
  const std::uint64_t spare_bytes =
      std::clamp(memory_bytes / spare_share, least_spare_bytes, most_spare_bytes);
  segment_->keep_spare(spare_bytes);
  most_bytes_ = memory_bytes - std::min(memory_bytes, spare_bytes + segment_->geometry().head_bytes());
  table_->use_disk([this](const ObjectRecord& record, bool left) { free_from_disk(record, left); });
}

// A record behind the payload tells which object the file has there: the page of the tail stays in memory. It
// is read after the payload, so that the system sees one file read from front to back, and reads ahead.
Result<void> Spiller::read_payload(const Pin& pin, std::span<std::byte> into) {
  const DiskRange range = disk_range(*pin.record);
  SpillRecord record;
  if (auto done = file_->read(range.offset, into); !done) {
    return done;
  }
  if (auto done = file_->read(range.end(), std::as_writable_bytes(std::span(&record, 1))); !done) {
    return done;
  }
  if (!record.is_of(segment_->header().incarnation, pin.key, range)) {
    return wrong_bytes(pin,
                       "the spill file has another object, or damaged bytes, in the place of this one; "
                       "look at the disk of the spill folder");
  }
  if (const std::uint32_t found = checksum(into); found != record.sum) {
    return wrong_bytes(pin,
                       "the bytes of this object have another checksum than when they were moved to "
                       "disk; look at the disk of the spill folder");
  }
  return {};
}

// The block is read in pieces: what has left from the file, the rest from memory.
Result<void> Spiller::read(const Pin& pin, std::span<std::byte> block) {
  const ObjectRecord& record = *pin.record;
  const DiskRange range = disk_range(record);
  const std::uint64_t head = range.offset - record.offset;
  const std::uint64_t behind = head + range.size_bytes;
  std::memcpy(block.data(), segment_->base() + record.offset, head);
  std::memcpy(block.data() + behind, segment_->base() + range.end(), block.size() - behind);
  return read_payload(pin, block.subspan(head, range.size_bytes));
}

Result<void> Spiller::restore(const Pin& pin) {
  const DiskRange range = disk_range(*pin.record);
  if (auto done = segment_->commit_for_objects(range.offset, range.size_bytes); !done) {
    return done;
  }
  segment_->map_pages(range.offset, range.size_bytes);
  LOCUM_KILL_POINT("bring back: committed");
  auto done = read_payload(pin, {segment_->base() + range.offset, range.size_bytes});
  LOCUM_KILL_POINT("bring back: read");
  if (!done) {
    segment_->give_back(range.offset, range.size_bytes);
  }
  return done;
}

Result<void> Spiller::bring_back(const Pin& pin, WaitBudget budget) {
  const auto now = Clock::now();
  auto until = budget.deadline().moment(timeout_);
  if (budget.is_limited()) {
    until = std::min(until, now + budget.longest_wait());
  }
  for (int attempt = 1;;) {
    const auto state = budget.allows_work() ? table_->begin_return(pin) : table_->whereabouts(pin);
    switch (state) {
      case ObjectTable::Returning::is_back:
        return {};
      case ObjectTable::Returning::gone:
        return no_such_object();
      case ObjectTable::Returning::moves:
        if (!budget.allows_work() || Clock::now() >= until) {
          return takes_long(pin);
        }
        table_->wait_while_moving(pin, until);
        continue;
      case ObjectTable::Returning::begun:
        break;
    }
    auto done = restore(pin);
    table_->end_return(pin, done.has_value());
    if (done || done.error().code() != Errc::out_of_memory || attempt++ == most_attempts ||
        Clock::now() >= until) {
      return done;
    }
    const std::uint64_t bytes = disk_range(*pin.record).size_bytes;
    if (!arena_.load()->free_up(bytes, budget)) {
      const auto room = free_memory(bytes, budget);
      if (!room || *room == 0) {
        return done;  // also if the disk is full: the object can be read
      }
    }
  }
}

Result<void> Spiller::store(const Pin& pin) {
  const DiskRange range = disk_range(*pin.record);
  SpillRecord record;
  const auto bytes_of_record = std::as_writable_bytes(std::span(&record, 1));
  if (file_->read(range.end(), bytes_of_record) &&
      record.is_of(segment_->header().incarnation, pin.key, range)) {
    return {};  // it has been on disk before
  }
  table_->note_stored(pin);
  const std::span<const std::byte> bytes(segment_->base() + range.offset, range.size_bytes);
  record = {.incarnation = segment_->header().incarnation,
            .offset = range.offset,
            .size_bytes = range.size_bytes,
            .key = pin.key,
            .sum = checksum(bytes)};
  record.seal();
  auto done = file_->write(range.offset, bytes);
  LOCUM_KILL_POINT("spill: payload written");
  if (done) {
    done = file_->write(range.end(), bytes_of_record);
    LOCUM_KILL_POINT("spill: record written");
  }
  if (!done) {
    file_->discard(range.offset, range.size_bytes + page_bytes);
  }
  return done;
}

// How much memory it has freed: none if somebody looks at the object.
Result<std::uint64_t> Spiller::move(const Pin& pin) {
  if (auto done = store(pin); !done) {
    return done.error();
  }
  const auto leaves = table_->begin_leaving(pin);
  if (leaves == ObjectTable::Leaving::stays) {
    return std::uint64_t{0};
  }
  const DiskRange range = disk_range(*pin.record);
  segment_->give_back(range.offset, range.size_bytes);
  LOCUM_KILL_POINT("spill: memory given back");
  if (leaves == ObjectTable::Leaving::first && pin.id >> 32U == table_->own()) {
    arena_.load()->left(range.size_bytes);
  }
  table_->end_leaving(pin);
  return range.size_bytes;
}

// Objects that others look at when their turn comes have another round: who reads an object keeps it in
// memory, without writing anything for that. However late it is, one object has its turn.
Result<std::uint64_t> Spiller::move_own(std::uint64_t size_bytes, Clock::time_point until) {
  std::uint64_t freed = 0;
  std::optional<std::uint64_t> left_to_look;
  for (bool first = true; freed < size_bytes && (first || Clock::now() < until); first = false) {
    std::optional<Pin> pin;
    {
      const MutexLock lock(choosing_);
      if (!left_to_look) {
        left_to_look = table_->begin_round(hand_);
      }
      pin = table_->next_to_leave(hand_, *left_to_look, least_bytes);
    }
    if (!pin) {
      break;
    }
    const Unpin unpin(*table_, pin->id);
    const auto moved = move(*pin);
    if (!moved) {
      return freed > 0 ? Result<std::uint64_t>(freed) : moved.error();
    }
    freed += *moved;
  }
  return freed;
}

Result<std::uint64_t> Spiller::make_room(std::uint64_t size_bytes, WaitBudget budget) {
  if (size_bytes > most_bytes_) {
    return moves_in_vain("this is more than the node's memory has for objects; raise memory_bytes");
  }
  if (!arena_.load()->has_addresses(size_bytes)) {
    return moves_in_vain(
        "objects on disk keep their addresses, and this rank has used up its own; evict objects, or raise "
        "reserve_bytes");
  }
  return free_memory(size_bytes, budget);
}

Result<std::uint64_t> Spiller::free_memory(std::uint64_t size_bytes, const WaitBudget& budget) {
  if (!budget.allows_work()) {
    (void)requests_.ask(size_bytes, true);
    return std::uint64_t{0};
  }
  const auto latest = budget.deadline().moment(timeout_);
  auto freed = move_own(size_bytes, latest);
  const std::uint64_t own = freed.value_or(0);
  if (own >= size_bytes) {
    return freed;
  }
  if (budget.is_limited()) {
    (void)requests_.ask(size_bytes - own, false);
    return freed;
  }
  const auto until = std::min(latest, Clock::now() + longest_wait);
  std::uint64_t others = requests_.ask_and_wait(size_bytes - own, until);
  if (own + others == 0) {  // it may have counted replies to an earlier request
    others = requests_.ask_and_wait(size_bytes, until);
  }
  return others == 0 ? std::move(freed) : Result<std::uint64_t>(own + others);
}

// One object: the others that were asked move some at the same time, and what each has freed counts before
// the next one.
bool Spiller::serve() noexcept {
  serves_ = requests_.called() || serves_;
  if (!serves_ || arena_.load() == nullptr) {
    return false;
  }
  const std::uint64_t freed = requests_.wanted() != 0 ? move_own(1, Clock::time_point::max()).value_or(0) : 0;
  if (freed != 0) {
    requests_.freed(freed);
    return true;
  }
  serves_ = false;
  requests_.reply();
  return false;
}

Spiller::~Spiller() {
  if (serves_) {
    requests_.reply();
  }
}

// Nothing of the block is used again before this has returned.
void Spiller::free_from_disk(const ObjectRecord& record, bool left) {
  const DiskRange range = disk_range(record);
  if (record.size_bytes < least_bytes || !arena_.load()->contains(record.offset, record.block_bytes())) {
    return;
  }
  file_->discard(range.offset, range.size_bytes + page_bytes);
  if (left) {
    arena_.load()->free_left({record.offset, record.block_bytes()}, range.size_bytes);
  }
}

}  // namespace locum::shm
