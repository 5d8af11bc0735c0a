#include "shm/names/name_change.hpp"

#include "shm/segment/kill_point.hpp"

namespace locum::shm {

namespace {

using std::memory_order_acquire;
using std::memory_order_relaxed;
using std::memory_order_release;

// All fields of a record but its hash, by which readers find it.
void write(Record& record, const Key& key, std::uint64_t generation) noexcept {
  record.creator.store(key.creator, memory_order_release);
  LOCUM_KILL_POINT("record: creator written");
  record.object.store(key.serial, memory_order_release);
  LOCUM_KILL_POINT("record: object written");
  record.generation.store(generation, memory_order_release);
  LOCUM_KILL_POINT("record: generation written");
}

}  // namespace

void NameChange::intend(Intent::Step step, const Binding& to, const Key& old) noexcept {
  Intent& intent = shard_.state().intent;
  intent.record = to.record;
  intent.hash = to.hash;
  intent.generation = to.generation;
  intent.new_creator.store(to.object.creator, memory_order_release);
  LOCUM_KILL_POINT("bind: intent half written");
  intent.new_object.store(to.object.serial, memory_order_release);
  intent.old_object = old.serial;
  intent.old_creator = old.creator;
  LOCUM_KILL_POINT("bind: intent written");
  intent.step.store(static_cast<std::uint32_t>(step), memory_order_release);
  LOCUM_KILL_POINT("bind: intended");
}

void NameChange::bind_object(const Binding& to) noexcept {
  to.bound.store(to.generation, memory_order_release);
  LOCUM_KILL_POINT("bind: object bound");
}

void NameChange::clear_intent() noexcept {
  shard_.state().intent.step.store(0, memory_order_release);
}

[[gnu::hot]] void NameChange::insert(const Binding& to) noexcept {
  intend(Intent::Step::insert, to, Key{});
  Record& record = shard_.record(to.record);
  write(record, to.object, to.generation);
  record.hash.store(to.hash, memory_order_release);
  LOCUM_KILL_POINT("bind: hash written");
  shard_.link(to.record);
  bind_object(to);  // last: the moment from which on find() and names() believe the record, both of them
  clear_intent();
  LOCUM_KILL_POINT("bind: intent cleared");
}

void NameChange::replace(const Binding& to, const Key& old) noexcept {
  intend(Intent::Step::replace, to, old);
  bind_object(to);
  {
    const DirectoryShard::Change change(shard_);
    write(shard_.record(to.record), to.object, to.generation);
    (void)objects_.tombstone(old);
  }
  clear_intent();
  LOCUM_KILL_POINT("bind: replaced");
}

void NameChange::remove(std::uint32_t record, std::uint64_t hash, const Key& old) noexcept {
  Intent& intent = shard_.state().intent;
  intent.record = record;
  intent.hash = hash;
  intent.old_object = old.serial;
  intent.old_creator = old.creator;
  LOCUM_KILL_POINT("unbind: intent written");
  intent.step.store(static_cast<std::uint32_t>(Intent::Step::remove), memory_order_release);
  LOCUM_KILL_POINT("unbind: intended");
  {
    const DirectoryShard::Change change(shard_);
    (void)objects_.tombstone(old);
    shard_.unlink(record);
  }
  clear_intent();
  LOCUM_KILL_POINT("unbind: intent cleared");
}

void NameChange::finish() noexcept {
  Shard& state = shard_.state();
  Intent& intent = state.intent;
  const auto step = static_cast<Intent::Step>(intent.step.load(memory_order_acquire));
  if (step == Intent::Step::none || step > Intent::Step::remove || !shard_.belongs(intent.hash) ||
      intent.record >= state.records.load(memory_order_relaxed)) {
    clear_intent();  // overwritten: the next intent must not be finished with this step
    return;
  }
  Record& record = shard_.record(intent.record);
  if (step == Intent::Step::remove) {
    if (record.object.load(memory_order_relaxed) == intent.old_object &&
        record.creator.load(memory_order_relaxed) == intent.old_creator) {
      record.hash.store(0, memory_order_release);
      LOCUM_KILL_POINT("finish: hash cleared");
    }
  } else {
    const Key key{0, intent.new_creator.load(memory_order_relaxed),
                  intent.new_object.load(memory_order_relaxed)};
    if (Word64* word = objects_.generation(key)) {
      word->store(intent.generation, memory_order_release);
      LOCUM_KILL_POINT("finish: object bound");
    }
    write(record, key, intent.generation);
    record.hash.store(intent.hash, memory_order_release);
    LOCUM_KILL_POINT("finish: hash written");
    if (state.records_used.load(memory_order_relaxed) <= intent.record) {
      state.records_used.store(intent.record + 1, memory_order_release);
    }
  }
  if (step != Intent::Step::insert) {
    (void)objects_.tombstone(Key{0, intent.old_creator, intent.old_object});
  }
  clear_intent();
  LOCUM_KILL_POINT("finish: intent cleared");
}

}  // namespace locum::shm
