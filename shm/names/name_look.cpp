#include "shm/names/name_look.hpp"

#include <utility>

#include "core/object/object_tail.hpp"

namespace locum::shm {

using std::memory_order_acquire;

NameLook::NameLook(const Segment& segment, std::shared_ptr<ObjectTable> objects)
    : base_(segment.base()), bytes_(segment.geometry().total_bytes()), objects_(std::move(objects)) {}

std::optional<std::string_view> NameLook::name_in(const ObjectRecord& record) const noexcept {
  const std::uint64_t bytes = record.block_bytes();
  if (record.size_bytes > bytes_ || bytes > bytes_ || record.offset > bytes_ - bytes) {
    return std::nullopt;
  }
  return read_name(base_ + record.offset, record);
}

// The entry that a record points to, if it is a live object of this store that is bound to a name.
std::optional<Pin> NameLook::pin_bound(const Record& record, std::uint32_t store) const {
  const std::uint32_t creator = record.creator.load(memory_order_acquire);
  const std::uint64_t object = record.object.load(memory_order_acquire);
  auto pin = objects_->try_pin(Key{store, creator, object});
  if (pin && pin->generation == 0) {
    objects_->release(pin->id);
    return std::nullopt;
  }
  return pin;
}

// What is wrong with a record, while nothing changes: none if it names a live object, bound or about to be.
const char* NameLook::wrong_with(const DirectoryShard& shard, const Record& record) const {
  const Key key{0, record.creator.load(memory_order_acquire), record.object.load(memory_order_acquire)};
  return !shard.belongs(record.hash.load(memory_order_acquire)) ? "its hash belongs to another shard"
         : objects_->damage(key)                                ? "its object's table entry is damaged"
         : !objects_->live(key)                                 ? "it names no live object"
                                                                : nullptr;
}

[[gnu::hot]] NameLook::Seen NameLook::walk(const DirectoryShard& shard, std::uint64_t hash,
                                           std::uint32_t store, std::string_view name, Found& found) const {
  found.wrong = nullptr;
  const auto doubt = [&](std::uint32_t index, const char* wrong) {
    found.record = index;
    found.wrong = wrong;
  };
  const auto walked = shard.visit_chain(hash, [&](std::uint32_t index) {
    const Record& record = shard.record(index);
    const auto pin = pin_bound(record, store);
    if (!pin) {
      if (const char* wrong = wrong_with(shard, record)) {
        doubt(index, wrong);
      }
      return false;
    }
    const auto carried = name_in(*pin->record);
    const bool same = pin->record->name_hash == hash && carried == name;
    if (same && pin->generation == record.generation.load(memory_order_acquire)) [[likely]] {
      found.record = index;
      found.pin = *pin;
      return true;
    }
    if (same) {
      doubt(index, "its generation is not its object's");
    } else if (pin->record->name_hash != hash) {
      doubt(index, "its object has another name's hash");
    } else if (!carried || name_hash(store, *carried) != hash) {
      doubt(index, "its object's name was overwritten");
    }
    objects_->release(pin->id);
    return false;
  });
  if (walked == DirectoryShard::Walk::found) {
    return Seen::content;
  }
  return walked == DirectoryShard::Walk::ended && found.wrong == nullptr ? Seen::nothing : Seen::doubtful;
}

NameLook::Seen NameLook::read(const DirectoryShard& shard, std::uint32_t index, std::uint32_t store,
                              std::string_view prefix, std::string& name, Found& found) const {
  name.clear();
  found = {.record = index, .pin = {}, .wrong = nullptr};
  const Record& record = shard.record(index);
  const std::uint64_t hash = record.hash.load(memory_order_acquire);
  if (hash == 0) {
    return Seen::content;  // the record of a bound name always has a hash
  }
  if (const auto pin = pin_bound(record, store)) {
    const auto carried = name_in(*pin->record);
    if (!carried || pin->record->name_hash != hash || name_hash(store, *carried) != hash) {
      found.wrong = "its object has another name";
    } else if (carried->starts_with(prefix)) {
      name = *carried;
    }
    objects_->release(pin->id);
  } else {
    found.wrong = wrong_with(shard, record);
  }
  return found.wrong != nullptr ? Seen::doubtful : Seen::nothing;
}

Error NameLook::damaged(const DirectoryShard& shard, const Found& found) const {
  if (found.wrong == nullptr) {
    return shard.damaged(shard.damage().value_or("a chain has an invalid link"));
  }
  const Record& record = shard.record(found.record);
  const auto cause = objects_->damage(
      {0, record.creator.load(memory_order_acquire), record.object.load(memory_order_acquire)});
  return cause ? *cause : shard.damaged("record " + std::to_string(found.record) + ": " + found.wrong);
}

}  // namespace locum::shm
