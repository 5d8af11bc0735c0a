#include "core/detail/object_calls.hpp"

#include <utility>

namespace locum::detail {

ObjectCalls::ObjectCalls(const Store& store) : AsyncSteps(store.open_) {}

Result<ObjectView> ObjectCalls::get(const Key& key, const Result<Selection>& selection,
                                    Deadline deadline) const {
  if (!selection || !selection->is_whole()) {
    return fetch_some(key, selection, deadline);
  }
  const auto allowed = may_read(key);
  return allowed ? session().fetch(address_of(key), effective(deadline)) : allowed.error();
}

Result<ObjectCalls::Stored> ObjectCalls::put(const void* value, const WritingSteps& steps,
                                             RoomPolicy when_full, Deadline deadline) const {
  const auto made = store_by({}, false, value, steps, nullptr, {}, when_full, StoredHow(deadline));
  return made ? Result<Stored>(Stored{made->key, made->size_bytes}) : made.error();
}

void ObjectCalls::evict(const Key& key) const {
  (void)evict_at(key, {});
}

}  // namespace locum::detail
