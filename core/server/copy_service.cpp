#include "core/server/copy_service.hpp"

#include <utility>

namespace locum {

void CopyService::copy(const KeyWords& asked, const Request& request, ReplyTo reply_to) {
  const auto object = parts_.local.hold_facts(asked.key);
  if (!object) {
    if (object.error().code() == Errc::not_found) {
      parts_.copies.holders->begin_dissolve(asked.key);
    }
    return parts_.refuse(reply_to, object.error());
  }
  (*object)->pin().on_disk ? parts_.begin(copy_from_disk(request, asked.key, reply_to))
                           : send(request, *object, reply_to);
}

// The body of the request does not outlive the step.
Task<std::monostate> CopyService::copy_from_disk(Request request, Key key, ReplyTo reply_to) {
  const auto object = co_await parts_.hold_from_disk(key);
  if (object) {
    send(request, *object, reply_to);
  } else {
    if (object.error().code() == Errc::not_found) {
      parts_.copies.holders->begin_dissolve(key);
    }
    parts_.refuse(reply_to, object.error());
  }
  co_return std::monostate();
}

void CopyService::send(const Request& request, const std::shared_ptr<const PinnedObject>& object,
                       ReplyTo reply_to) {
  const Pin& pin = object->pin();
  const auto block = parts_.local.block(*object);
  const int node = parts_.node_of(request);
  const bool shareable = block.size() > parts_.inline_bytes && node != parts_.nodes->own();
  const bool listed =
      shareable && !parts_.copies.fenced->has(node) && parts_.copies.holders->enter(pin.key, node);
  const CopyWords words_of_it{.object = wire_of(pin, pin.generation), .listed = listed ? 1U : 0U};
  if (request.kind == Kind::lease_read && shareable && !object->copy() &&
      lease(reply_to, words_of_it, object, block)) {
    return;
  }
  parts_.reply(reply_to, words(words_of_it), {block, object});
}

bool CopyService::lease(ReplyTo reply_to, const CopyWords& copy, std::shared_ptr<const PinnedObject> object,
                        std::span<const std::byte> block) const {
  const auto grant = parts_.read_leases->grant(reply_to.rank, copy.object.key, std::move(object), block);
  if (!grant) {
    return false;
  }
  const ReadLeaseWords leased{.copy = copy,
                              .number = grant->number,
                              .duration_ns = static_cast<std::uint64_t>(grant->duration.count()),
                              .key_bytes = grant->key.bytes().size()};
  ShortBytes body(words(leased));
  (void)body.append(grant->key.bytes());  // it fits: see RemoteKey::max_bytes
  parts_.reply(reply_to, body);
  return true;
}

void CopyService::release(const EndReadWords& over, const Request& request, ReplyTo reply_to) {
  parts_.read_leases->release(request.from, over.number);
  if (reply_to.call != 0) {
    parts_.reply(reply_to, {});
  }
}

// No read begins under an expired lease: "no" is final.
void CopyService::recall(const EndReadWords& over, const Request& request, ReplyTo reply_to) {
  parts_.reply(reply_to, one_byte(parts_.reads->is_reading(request.from, over.number)));
}

void CopyService::invalidate(const KeyWords& asked, const Request& request, ReplyTo reply_to) {
  if (parts_.nodes->of_creator(asked.key.creator) != parts_.node_of(request)) {
    return parts_.refuse_senseless(request);
  }
  const auto gone = parts_.copies.here->invalidate(asked.key);
  gone ? parts_.reply(reply_to, {}) : parts_.refuse(reply_to, gone.error());
}

void CopyService::renew(const Request& request, ReplyTo reply_to) {
  parts_.reply(reply_to, one_byte(!parts_.copies.fenced->has(parts_.node_of(request))));
}

void CopyService::join(const JoinWords& asked, const Request& request, ReplyTo reply_to) {
  if (parts_.node_of(request) != parts_.nodes->own()) {
    return parts_.refuse_senseless(request);
  }
  parts_.begin(join(asked, reply_to));
}

Task<std::monostate> CopyService::join(JoinWords asked, ReplyTo reply_to) {
  const auto ending = co_await parts_.copies.flights->join(asked.key, asked.generation);
  const auto word = static_cast<std::uint8_t>(ending);
  parts_.reply(reply_to, words(word));
  co_return std::monostate();
}

}  // namespace locum
