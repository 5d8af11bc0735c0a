#include "core/server/part_service.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/object/strided_runs.hpp"
#include "core/value/hyperslab.hpp"

namespace locum {

namespace {

/// The shortest run that is sent in place, rather than copied.
constexpr std::uint64_t long_run = std::uint64_t{1} << 20U;

Hyperslab hyperslab_of(const HyperslabWords& words) {
  Hyperslab slab{.start = Extents(), .count = {}};
  Extents start;
  start.rank = slab.count.rank = slab.stride.rank = static_cast<std::uint8_t>(words.rank);
  std::ranges::copy(words.start, start.values.begin());
  std::ranges::copy(words.count, slab.count.values.begin());
  std::ranges::copy(words.stride, slab.stride.values.begin());
  slab.start = start;
  return slab;
}

}  // namespace

// The checksum of a part cannot be verified: the requesting rank has to fetch the whole object.
template <class Send>
void PartService::with_object(const Key& key, ReplyTo reply_to, Send send) {
  const auto object = parts_.local.hold_facts(key);
  if (!object) {
    return parts_.refuse(reply_to, object.error());
  }
  const Pin& pin = (*object)->pin();
  if (pin.record->has_checksum()) {
    return parts_.refuse(
        reply_to,
        Error(Errc::unsupported, "this object has a checksum over all its bytes; read the whole object"));
  }
  pin.on_disk ? parts_.begin(with_object_from_disk(key, reply_to, send)) : send(*object);
}

template <class Send>
Task<std::monostate> PartService::with_object_from_disk(Key key, ReplyTo reply_to, Send send) {
  const auto object = co_await parts_.hold_from_disk(key);
  object ? send(*object) : parts_.refuse(reply_to, object.error());
  co_return std::monostate();
}

void PartService::fetch_part(const PartWords& asked, const Request& /*request*/, ReplyTo reply_to) {
  with_object(asked.key, reply_to,
              [this, asked, reply_to](const Object& object) { send_part(asked, object, reply_to); });
}

void PartService::send_part(const PartWords& asked, const Object& object, ReplyTo reply_to) const {
  const Pin& pin = object->pin();
  if (auto inside = check_range({asked.offset, asked.bytes}, pin.record->size_bytes); !inside) {
    return parts_.refuse(reply_to, inside.error());
  }
  if (asked.bytes == 0) {
    return reply(reply_to, pin, {{}, object});
  }
  reply(reply_to, pin, {parts_.local.block(*object).subspan(asked.offset, asked.bytes), object});
}

void PartService::fetch_hyperslab(const HyperslabWords& asked, const Request& request, ReplyTo reply_to) {
  if (asked.rank > max_rank) {
    return parts_.refuse_senseless(request);
  }
  with_object(asked.key, reply_to,
              [this, asked, reply_to](const Object& object) { send_hyperslab(asked, object, reply_to); });
}

void PartService::send_hyperslab(const HyperslabWords& asked, const Object& object, ReplyTo reply_to) {
  const Pin& pin = object->pin();
  const auto runs = StridedRuns::of(hyperslab_of(asked), asked.element_bytes,
                                    facts_of(pin, parts_.local.block(pin).data()));
  if (!runs) {
    return parts_.refuse(reply_to, runs.error());
  }
  if (runs->bytes() == 0 && asked.position == 0) {
    return reply(reply_to, pin, {{}, object});
  }
  if (asked.position >= runs->bytes()) {
    return parts_.refuse(reply_to, Error(Errc::invalid_argument, "the position lies behind the hyperslab"));
  }
  const std::uint64_t left = runs->bytes() - asked.position;
  const auto payload = parts_.local.block(*object).first(pin.record->size_bytes);
  const ByteRange run = runs->run_at(asked.position);
  if (run.bytes == left || run.bytes >= long_run) {
    return reply(reply_to, pin, {payload.subspan(run.offset, run.bytes), object});
  }
  const auto packed = space_.lend(reply_to.rank, left);
  if (!packed) {
    return parts_.refuse(reply_to, no_memory_left());
  }
  runs->gather(payload.data(), asked.position, packed->memory());
  reply(reply_to, pin, {packed->memory(), packed});
}

void PartService::reply(ReplyTo reply_to, const Pin& pin, Bulk bulk) const {
  constexpr std::size_t longest_type_name = 256;
  const ObjectTail tail = read_tail(parts_.local.block(pin).data(), *pin.record);
  const auto type_name =
      std::as_bytes(std::span(tail.type_name.size() <= longest_type_name ? tail.type_name : ""));
  const PartWire wire{wire_of(pin, pin.generation), tail.element_bytes,
                      static_cast<std::uint32_t>(type_name.size())};
  const auto front = words(wire);
  const auto extents =
      std::as_bytes(tail.extents.span().first(std::min<std::size_t>(pin.record->rank, tail.extents.size())));
  std::vector<std::byte> body(front.begin(), front.end());
  body.insert(body.end(), extents.begin(), extents.end());
  body.insert(body.end(), type_name.begin(), type_name.end());
  parts_.reply(reply_to, body, std::move(bulk));
}

}  // namespace locum
