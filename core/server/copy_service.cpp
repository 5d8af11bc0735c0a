#include "core/server/copy_service.hpp"

#include <memory>
#include <utility>

namespace locum {

void CopyService::copy(const Question& question, Asker asker) {
  const auto asked = read_words<KeyWords>(question.body);
  if (!asked) {
    return parts_.refuse_senseless(question);
  }
  const auto object = parts_.local.hold_object(asked->key);
  if (!object) {
    if (object.error().code() == Errc::not_found) {
      parts_.copies.holders->begin_dissolve(asked->key);
    }
    return parts_.refuse(asker, object.error());
  }
  const Pin& pin = (*object)->pin();
  const auto block = parts_.local.block(pin);
  const int node = parts_.node_of(question);
  const bool shareable = block.size() > parts_.inline_bytes && node != parts_.nodes->own();
  const bool listed =
      shareable && !parts_.copies.fenced->has(node) && parts_.copies.holders->enter(asked->key, node);
  const CopyWords words_of_it{.object = wire_of(pin, pin.generation), .listed = listed ? 1U : 0U};
  if (question.kind == Kind::lease_read && shareable && lease(asker, words_of_it, *object, block)) {
    return;
  }
  parts_.answer(asker, words(words_of_it), {block, *object});
}

bool CopyService::lease(Asker asker, const CopyWords& copy, std::shared_ptr<const PinnedObject> object,
                        std::span<const std::byte> block) const {
  const auto grant = parts_.read_leases->grant(asker.rank, copy.object.key, std::move(object), block);
  if (!grant) {
    return false;
  }
  const ReadLeaseWords leased{.copy = copy,
                              .number = grant->number,
                              .duration_ns = static_cast<std::uint64_t>(grant->duration.count()),
                              .key_bytes = grant->key.bytes().size()};
  ShortBytes body(words(leased));
  (void)body.append(grant->key.bytes());  // it fits: see RemoteKey::max_bytes
  parts_.answer(asker, body);
  return true;
}

void CopyService::release(const Question& question, Asker asker) const {
  const auto over = read_words<EndReadWords>(question.body);
  if (!over) {
    return parts_.refuse_senseless(question);
  }
  parts_.read_leases->release(question.from, over->number);
  if (asker.call != 0) {
    parts_.answer(asker, {});
  }
}

// No read begins under an expired lease: "no" is final.
void CopyService::recall(const Question& question, Asker asker) const {
  const auto over = read_words<EndReadWords>(question.body);
  if (!over) {
    return parts_.refuse_senseless(question);
  }
  parts_.answer(asker, one_byte(parts_.reads->is_reading(question.from, over->number)));
}

void CopyService::invalidate(const Question& question, Asker asker) {
  const auto asked = read_words<KeyWords>(question.body);
  if (!asked || parts_.nodes->of_creator(asked->key.creator) != parts_.node_of(question)) {
    return parts_.refuse_senseless(question);
  }
  const auto gone = parts_.copies.here->invalidate(asked->key);
  gone ? parts_.answer(asker, {}) : parts_.refuse(asker, gone.error());
}

void CopyService::renew(const Question& question, Asker asker) {
  parts_.answer(asker, one_byte(!parts_.copies.fenced->has(parts_.node_of(question))));
}

void CopyService::join(const Question& question, Asker asker) {
  const auto asked = read_words<JoinWords>(question.body);
  if (!asked || parts_.node_of(question) != parts_.nodes->own()) {
    return parts_.refuse_senseless(question);
  }
  parts_.begin(join(*asked, asker));
}

Task<std::monostate> CopyService::join(JoinWords asked, Asker asker) {
  const auto ending = co_await parts_.copies.flights->join(asked.key, asked.generation);
  const auto word = static_cast<std::uint8_t>(ending);
  parts_.answer(asker, words(word));
  co_return std::monostate();
}

}  // namespace locum
