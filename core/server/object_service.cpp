#include "core/server/object_service.hpp"

#include <memory>
#include <utility>

#include "core/node/reclaim.hpp"
#include "core/server/name_changes.hpp"

namespace locum {

void ObjectService::fetch(const FetchWords& asked, const Request& /*request*/, ReplyTo reply_to) {
  auto object = parts_.local.hold_facts(asked.key);
  if (!object) {
    return parts_.refuse(reply_to, object.error());
  }
  const Pin& pin = (*object)->pin();
  pin.on_disk&& pin.record->block_bytes() <= asked.most_bytes
      ? parts_.begin(show_from_disk(reply_to, asked.key))
      : show(std::move(*object), asked.most_bytes, reply_to);
}

Task<std::monostate> ObjectService::show_from_disk(ReplyTo reply_to, Key key) const {
  auto object = co_await parts_.hold_from_disk(key);
  object ? show(std::move(*object), any_bytes, reply_to) : parts_.refuse(reply_to, object.error());
  co_return std::monostate();
}

void ObjectService::describe(const KeyWords& asked, const Request& /*request*/, ReplyTo reply_to) {
  auto object = parts_.local.hold_facts(asked.key);
  if (!object) {
    return parts_.refuse(reply_to, object.error());
  }
  const Pin& pin = (*object)->pin();
  const auto tail = parts_.local.block(pin).subspan(pin.record->size_bytes);
  parts_.reply(reply_to, words(wire_of(pin, pin.generation)), {tail, std::move(*object)});
}

void ObjectService::show(std::shared_ptr<const PinnedObject> object, std::uint64_t most_bytes,
                         ReplyTo reply_to) const {
  const Pin& pin = object->pin();
  const ObjectWire wire = wire_of(pin, pin.generation);
  if (pin.record->block_bytes() > most_bytes) {
    return parts_.reply(reply_to, words(wire));
  }
  const auto block = parts_.local.block(*object);
  parts_.reply(reply_to, words(wire), {block, std::move(object)});
}

void ObjectService::exists(const KeyWords& asked, const Request& /*request*/, ReplyTo reply_to) {
  const auto pin = parts_.local.pin_object(asked.key);
  if (!pin) {
    return parts_.refuse(reply_to, pin.error());
  }
  parts_.local.table->release(pin->id);
  parts_.reply(reply_to, {});
}

// First the name, if it has one, then the object: a rank that the home tells that the name is gone finds the
// object gone soon after.
void ObjectService::evict(const KeyWords& asked, const Request& /*request*/, ReplyTo reply_to) {
  const auto pin = parts_.local.pin_object(asked.key);
  if (!pin && pin.error().code() == Errc::corrupt) {
    return parts_.refuse(reply_to, pin.error());
  }
  if (pin) {
    parts_.local.table->release(pin->id);
  }
  parts_.begin(evict_for(reply_to, asked.key, pin.has_value()));
}

// Copies are invalidated even if the object is gone: the rank that evicted it may have died.
Task<std::monostate> ObjectService::evict_for(ReplyTo reply_to, Key key, bool is_there) const {
  if (is_there) {
    const auto gone = co_await parts_.changes->evict(key, parts_.soon());
    gone ? parts_.reply(reply_to, one_byte(*gone)) : parts_.refuse(reply_to, gone.error());
  } else {
    const auto alone = co_await parts_.copies.holders->dissolve(key, parts_.soon());
    alone ? parts_.reply(reply_to, one_byte(false)) : parts_.refuse(reply_to, alone.error());
  }
  co_return std::monostate();
}

// Only the home of its name knows that an object lost it. Its memory is freed after the reply, so that no put
// waits until the memory of many is free.
void ObjectService::retire(const KeyWords& asked, const Request& request, ReplyTo reply_to) {
  const auto pin = parts_.local.pin_object(asked.key);
  bool was_there = false;
  if (pin) {
    const PinnedObject object(parts_.local.table, *pin);
    if (parts_.nodes->home(pin->record->store, pin->record->name_hash) != parts_.node_of(request)) {
      return parts_.refuse_senseless(request);
    }
    was_there = parts_.local.table->tombstone(asked.key);
  }
  parts_.begin(retire_for(reply_to, asked.key, was_there));
  (void)reclaim(*parts_.local.table, *parts_.local.arena, Effort::amortised);
}

// If this rank closes meanwhile, the next one of its node gets the request, and repeats it.
Task<std::monostate> ObjectService::retire_for(ReplyTo reply_to, Key key, bool was_there) const {
  const auto alone = co_await parts_.copies.holders->dissolve(key, parts_.soon());
  if (!alone && alone.error().code() == Errc::closed) {
    parts_.channel->refuse(reply_to.rank, reply_to.call, alone.error());
  } else {
    alone ? parts_.reply(reply_to, one_byte(was_there)) : parts_.refuse(reply_to, alone.error());
  }
  co_return std::monostate();
}

}  // namespace locum
