#include "core/copies/flight.hpp"

#include <utility>

namespace locum {

namespace {

std::optional<CopyWords> sensible(const Key& key, const NodeAnswer& answer) {
  const auto words = read_words<CopyWords>(answer.body);
  return words && words->object.key == key && plausible(words->object) && answer.block ? words : std::nullopt;
}

}  // namespace

Error senseless_answer(const Key& key) {
  return Error(Errc::corrupt, "the node of this object answered what makes no sense").about(to_string(key));
}

bool is_overtaken(const Error& error) noexcept {
  return error.code() == Errc::key_exists || error.code() == Errc::stale || error.code() == Errc::not_found;
}

std::shared_ptr<HeldObject> Flight::make_room(const Key& key, std::span<const std::byte> body,
                                              std::uint64_t block_bytes, NodeCopies& copies) {
  const auto answer = read_words<CopyWords>(body);
  if (!answer || answer->listed == 0 || answer->object.key != key || !plausible(answer->object) ||
      answer->object.record.block_bytes() != block_bytes) {
    return nullptr;
  }
  const ObjectRecord& record = answer->object.record;
  if (!sought) {
    room = copies.room(key, record);
    if (!room) {
      lacking = record;
    }
  } else if (record.size_bytes != lacking->size_bytes || record.block_bytes() != lacking->block_bytes()) {
    room.reset();  // what was sought is not what comes
  }
  return room ? std::shared_ptr<HeldObject>(room, &room->block()) : nullptr;
}

void Flight::begin_again() noexcept {
  room.reset();
  lacking.reset();
  sought = false;
  kind = Kind::copy;
}

Flight::Outcome Flight::settle(const Key& key, const Result<NodeAnswer>& answer, NodeCopies& copies,
                               CopyLeases& leases, int owner) {
  Outcome outcome{.ending = Ending::alone};
  auto words = answer ? sensible(key, *answer) : std::nullopt;
  if (!words) {
    copies.unmark(key, mark);
    outcome.found = answer ? senseless_answer(key) : answer.error();
    if (!answer && answer.error().code() == Errc::timeout) {
      outcome.ending = Ending::look;  // a joiner that has time left begins anew
    }
    return outcome;
  }
  if (words->object.generation == 0) {
    words->object.generation = generation;
  }
  const bool landed = room && answer->block.get() == &room->block();
  if (!landed) {
    copies.unmark(key, mark);
    outcome.found = HeldObject::view(answer->block, words->object, answer->path);
    return outcome;
  }
  if (const auto right = HeldObject::check(answer->block->memory(), words->object); !right) {
    copies.unmark(key, mark);
    outcome.found = right.error();
    return outcome;
  }
  leases.grant(owner, asked);
  const auto published = copies.publish(*room, words->object, mark, asked + leases.length());
  if (published || is_overtaken(published.error())) {
    outcome.ending = Ending::look;
    outcome.path = published ? answer->path : Path::shm_view;
  } else {
    copies.unmark(key, mark);
  }
  return outcome;
}

void Flight::end(Outcome outcome) {
  const Ending ending = outcome.ending;
  if (wish) {
    wish->grant(std::move(outcome));
  }
  for (const auto& each : joined) {
    each(ending);
  }
}

}  // namespace locum
