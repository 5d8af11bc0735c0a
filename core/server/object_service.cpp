#include "core/server/object_service.hpp"

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "core/node/reclaim.hpp"

namespace locum {

void ObjectService::fetch(const Question& question, Asker asker) {
  const auto asked = read_words<FetchWords>(question.body);
  asked ? show(asked->key, Shown::block, asked->most_bytes, asker) : parts_.refuse_senseless(question);
}

void ObjectService::describe(const Question& question, Asker asker) {
  const auto asked = read_words<KeyWords>(question.body);
  asked ? show(asked->key, Shown::tail, any_bytes, asker) : parts_.refuse_senseless(question);
}

void ObjectService::show(const Key& key, Shown shown, std::uint64_t most_bytes, Asker asker) {
  auto object = parts_.local.hold_object(key);
  if (!object) {
    return parts_.refuse(asker, object.error());
  }
  const Pin& pin = (*object)->pin();
  const ObjectWire wire = wire_of(pin, pin.generation);
  const auto block = parts_.local.block(pin);
  if (block.size() > most_bytes) {
    return parts_.answer(asker, words(wire));
  }
  const auto bytes = block.subspan(shown == Shown::tail ? pin.record->size_bytes : 0);
  parts_.answer(asker, words(wire), {bytes, std::move(*object)});
}

void ObjectService::exists(const Question& question, Asker asker) {
  const auto asked = read_words<KeyWords>(question.body);
  if (!asked) {
    return parts_.refuse_senseless(question);
  }
  const auto pin = parts_.local.pin_object(asked->key);
  if (!pin) {
    return parts_.refuse(asker, pin.error());
  }
  parts_.local.table->release(pin->id);
  parts_.answer(asker, {});
}

// First the name, where it has one, then the object: whoever is told by the home that the name is gone finds
// the object gone soon after.
void ObjectService::evict(const Question& question, Asker asker) {
  const auto asked = read_words<KeyWords>(question.body);
  if (!asked) {
    return parts_.refuse_senseless(question);
  }
  const Key key = asked->key;
  const auto pin = parts_.local.pin_object(key);
  if (!pin) {
    return pin.error().code() == Errc::corrupt ? parts_.refuse(asker, pin.error())
                                               : copies_.dissolve_then(key, asker, one_byte(false));
  }
  const auto object = parts_.local.keep(*pin);
  const ObjectRecord& record = *pin->record;
  const int home =
      record.name_bytes == 0 ? parts_.nodes->own() : parts_.nodes->home(record.store, record.name_hash);
  if (home == parts_.nodes->own() || !parts_.local.holds(record)) {
    const auto gone = parts_.objects->evict(Address(key), {});
    return gone ? copies_.dissolve_then(key, asker, one_byte(*gone)) : parts_.refuse(asker, gone.error());
  }
  const UnbindWords unbinding{.only = key, .store = record.store};
  const auto body = words(unbinding);
  parts_.nodes->ask(home, Kind::unbind, body, {std::as_bytes(std::span(parts_.local.name(*pin))), object},
                    parts_.soon(), [this, asker, key, home, object](const Result<NodeAnswer>& unbound) {
                      end_eviction(key, home, asker, unbound);
                    });
}

// When the home has said what became of the name.
void ObjectService::end_eviction(const Key& key, int home, Asker asker, const Result<NodeAnswer>& unbound) {
  if (unbound) {
    // Replaced before, if the home says no: then it is here only because nobody could say so.
    (void)parts_.local.table->tombstone(key);
    return copies_.dissolve_then(key, asker, unbound->body);
  }
  bool gone = false;
  if (parts_.nodes->is_lost(home)) {
    gone = parts_.local.table->tombstone(key);  // its name is lost for good, and nobody else frees it
  }
  if (unbound.error().code() == Errc::closed && parts_.nodes->has_closed(home)) {
    return copies_.dissolve_then(key, asker, one_byte(gone));  // nobody finds it by its name either
  }
  parts_.copies.holders->dissolve(
      key, parts_.soon(),
      [this, asker, error = unbound.error()](const Result<void>&) { parts_.refuse(asker, error); });
}

// Only the home of its name knows that an object lost it. Its memory is free after the answer, so that no put
// has to wait until that of many is.
void ObjectService::retire(const Question& question, Asker asker) {
  const auto asked = read_words<KeyWords>(question.body);
  if (!asked) {
    return parts_.refuse_senseless(question);
  }
  const auto dissolve_then_tell = [&](bool was_there) {
    parts_.copies.holders->dissolve(
        asked->key, parts_.soon(), [this, asker, was_there](const Result<void>& alone) {
          if (!alone && alone.error().code() == Errc::closed) {
            // This rank closes on the way: the next one of its node is asked, and does it again.
            parts_.exchange->refuse(asker.rank, asker.call, alone.error());
          } else {
            alone ? parts_.answer(asker, one_byte(was_there)) : parts_.refuse(asker, alone.error());
          }
        });
  };
  const auto pin = parts_.local.pin_object(asked->key);
  if (!pin) {
    return dissolve_then_tell(false);
  }
  bool was_there = false;
  {
    const PinnedObject object(parts_.local.table, *pin);
    if (parts_.nodes->home(pin->record->store, pin->record->name_hash) != parts_.node_of(question)) {
      return parts_.refuse_senseless(question);
    }
    was_there = parts_.local.table->tombstone(asked->key);
  }
  dissolve_then_tell(was_there);
  (void)reclaim(*parts_.local.table, *parts_.local.arena, Effort::amortised);
}

}  // namespace locum
