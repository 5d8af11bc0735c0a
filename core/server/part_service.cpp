#include "core/server/part_service.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include "core/object/strided_runs.hpp"
#include "core/part.hpp"

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
Result<std::shared_ptr<const PinnedObject>> PartService::find(const Key& key) const {
  auto object = parts_.local.hold_object(key);
  if (object && (*object)->pin().record->has_checksum != 0) {
    return Error(Errc::unsupported, "this object has a checksum over all its bytes; read the whole object");
  }
  return object;
}

void PartService::fetch_part(const Request& request, ReplyTo reply_to) {
  const auto asked = read_words<PartWords>(request.body);
  if (!asked) {
    return parts_.refuse_senseless(request);
  }
  const auto object = find(asked->key);
  if (!object) {
    return parts_.refuse(reply_to, object.error());
  }
  const Pin& pin = (*object)->pin();
  if (auto inside = check_range({asked->offset, asked->bytes}, pin.record->size_bytes); !inside) {
    return parts_.refuse(reply_to, inside.error());
  }
  reply(reply_to, pin, {parts_.local.payload(pin).subspan(asked->offset, asked->bytes), *object});
}

void PartService::fetch_hyperslab(const Request& request, ReplyTo reply_to) {
  const auto asked = read_words<HyperslabWords>(request.body);
  if (!asked || asked->rank > max_rank) {
    return parts_.refuse_senseless(request);
  }
  const auto object = find(asked->key);
  if (!object) {
    return parts_.refuse(reply_to, object.error());
  }
  const Pin& pin = (*object)->pin();
  const auto runs = StridedRuns::of(hyperslab_of(*asked), asked->element_bytes,
                                    facts_of(pin, parts_.local.block(pin).data()));
  if (!runs) {
    return parts_.refuse(reply_to, runs.error());
  }
  if (asked->position >= runs->bytes()) {
    return parts_.refuse_senseless(request);
  }
  const std::uint64_t left = runs->bytes() - asked->position;
  const auto payload = parts_.local.payload(pin);
  const ByteRange run = runs->run_at(asked->position);
  if (run.bytes == left || run.bytes >= long_run) {
    return reply(reply_to, pin, {payload.subspan(run.offset, run.bytes), *object});
  }
  const auto packed = space_.lend(reply_to.rank, left);
  if (!packed) {
    return parts_.refuse(reply_to, no_memory_left());
  }
  runs->gather(payload.data(), asked->position, packed->memory());
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
