#include "core/client/part_fetch.hpp"

#include <algorithm>
#include <cstring>

#include "core/client/landing_memory.hpp"
#include "core/object/object_tail.hpp"
#include "core/object/received_range.hpp"
#include "core/ports/directory.hpp"

namespace locum {

namespace {

Error senseless(const Key& key, std::string_view name) {
  return call_error::invalid_reply_of_owner().about(name.empty() ? to_string(key) : name);
}

/// The bytes of a reply, which has no block if they are none.
std::shared_ptr<ReceivedBlock> block_of(const NodeReply& reply) {
  return reply.block ? reply.block : std::make_shared<ReceivedBlock>(std::span<std::byte>());
}

/// Metadata in a reply with some bytes of an object; the texts are in the reply, or in `name`.
Result<ObjectFacts> facts_from(const NodeReply& reply, const Key& key, std::string_view name,
                               std::uint64_t generation) {
  const auto wire = read_words<PartWire>(reply.body);
  if (!wire || !plausible(wire->object) || wire->object.key != key ||
      (reply.block ? reply.block->block().size() : 0) != reply.block_bytes) {
    return senseless(key, name);
  }
  const ObjectRecord& record = wire->object.record;
  const std::span<const std::byte> behind = std::span(reply.body).subspan(sizeof *wire);
  const std::uint64_t extents_bytes = record.rank * sizeof(std::uint64_t);
  if (behind.size() < extents_bytes || wire->type_name_bytes > behind.size() - extents_bytes) {
    return senseless(key, name);
  }
  ObjectFacts facts;
  facts.key = key;
  facts.size_bytes = record.size_bytes;
  facts.generation = wire->object.generation == 0 ? generation : wire->object.generation;
  facts.type_hash = record.type_hash;
  facts.element_bytes = wire->element_bytes;
  facts.layout = record.layout;
  if (facts.layout == Layout::array) {
    if (facts.element_bytes == 0 || facts.size_bytes % facts.element_bytes != 0) {
      return senseless(key, name);
    }
    facts.extents.rank = record.rank;
    std::memcpy(facts.extents.values.data(), behind.data(), extents_bytes);
    const std::uint64_t elements = facts.size_bytes / facts.element_bytes;
    if (record.rank == 0) {
      facts.extents = Extents(elements);
    }
    facts.whole = facts.extents.has(elements);
  }
  facts.type_name = {reinterpret_cast<const char*>(behind.data() + extents_bytes), wire->type_name_bytes};
  facts.name = name;
  if ((!facts.type_name.empty() && text_hash(facts.type_name) != facts.type_hash) ||
      (!name.empty() && record.name_hash != name_hash(key.store, name))) {
    return senseless(key, name);
  }
  return facts;
}

HyperslabWords words_of(const Key& key, const Hyperslab& slab, std::uint64_t element_bytes) {
  HyperslabWords words{.key = key,
                       .rank = static_cast<std::uint32_t>(slab.count.size()),
                       .element_bytes = static_cast<std::uint32_t>(element_bytes)};
  for (std::size_t dimension = 0; dimension < slab.count.size(); ++dimension) {
    words.start[dimension] = slab.start[dimension];
    words.count[dimension] = slab.count[dimension];
    words.stride[dimension] = slab.stride.size() == 0 ? 1 : slab.stride[dimension];
  }
  return words;
}

}  // namespace

Task<Result<ObjectView>> fetch_part(const NodeClient& client, Key key, std::string_view name, ByteRange range,
                                    std::uint64_t generation, Deadline::Clock::time_point until,
                                    std::span<std::byte> memory, Urgency urgency) {
  const PartWords asked{.key = key, .offset = range.offset, .bytes = range.bytes};
  const int node = client.nodes().of_creator(key.creator);
  LandingMemory landing(memory);
  const auto reply = co_await client.request(node, Kind::fetch_part, words(asked), until, landing, urgency);
  if (!reply) {
    if (landing.is_lent()) {
      auto& returned = landing.returned();
      (void)co_await returned;
    }
    co_return reply.error();
  }
  const auto facts = facts_from(*reply, key, name, generation);
  if (!facts) {
    co_return facts.error();
  }
  if (reply->block_bytes != range.bytes || !check_range(range, facts->size_bytes)) {
    co_return senseless(key, name);
  }
  co_return ReceivedRange::view(*facts, block_of(*reply), reply->path);
}

// Bytes of a single reply stay where they were received. The metadata is that of the last reply: an object
// does not change.
Task<Result<ObjectView>> fetch_hyperslab(const NodeClient& client, Key key, std::string_view name,
                                         const Hyperslab& slab, std::uint64_t element_bytes,
                                         std::uint64_t generation, Deadline::Clock::time_point until,
                                         std::span<std::byte> memory, Urgency urgency) {
  const auto bytes = packed_bytes(slab, element_bytes);
  if (!bytes) {
    co_return bytes.error();
  }
  const int node = client.nodes().of_creator(key.creator);
  HyperslabWords asked = words_of(key, slab, element_bytes);
  if (memory.size() < *bytes) {
    memory = {};
  }
  LandingMemory landing(memory);
  std::shared_ptr<ReceivedBlock> packed;
  for (;;) {
    landing.set_position(asked.position);
    const auto reply =
        co_await client.request(node, Kind::fetch_hyperslab, words(asked), until, landing, urgency);
    if (!reply) {
      if (landing.is_lent()) {
        auto& returned = landing.returned();
        (void)co_await returned;
      }
      co_return reply.error();
    }
    auto facts = facts_from(*reply, key, name, generation);
    if (!facts) {
      co_return facts.error();
    }
    if (facts->layout != Layout::array || facts->element_bytes != element_bytes ||
        *bytes > facts->size_bytes || reply->block_bytes > *bytes - asked.position ||
        (reply->block_bytes == 0 && *bytes > 0)) {
      co_return senseless(key, name);
    }
    if (facts->size_bytes == 0) {  // whoever selects these elements of it checks that it has them
      co_return ReceivedRange::view(*facts, block_of(*reply), reply->path);
    }
    facts->extents = slab.count;
    if (reply->block_bytes == *bytes) {
      co_return ReceivedRange::view(*facts, block_of(*reply), reply->path);
    }
    if (!packed && !memory.empty()) {
      packed = std::make_shared<ReceivedBlock>(memory.first(*bytes));
    }
    if (!packed) {
      packed = ReceivedBlock::make(*bytes, facts->size_bytes);
      if (!packed) {
        co_return no_room_for(*bytes).about(to_string(key));
      }
    }
    const auto target = packed->memory().subspan(asked.position, reply->block_bytes);
    if (reply->block->block().data() != target.data()) {
      co_await Operation::ToThread();  // touching that much memory takes time
      std::ranges::copy(reply->block->block(), target.begin());
    }
    asked.position += reply->block_bytes;
    if (asked.position == *bytes) {
      co_return ReceivedRange::view(*facts, packed, reply->path);
    }
  }
}

Task<Result<ObjectView>> fetch_facts(const NodeClient& client, Key key, std::uint64_t generation,
                                     Deadline::Clock::time_point until) {
  const KeyWords asked{key};
  const int node = client.nodes().of_creator(key.creator);
  const auto reply = co_await client.request(node, Kind::describe, words(asked), {}, until);
  if (!reply) {
    co_return reply.error();
  }
  const auto wire = read_words<ObjectWire>(reply->body);
  if (!wire || !plausible(*wire) || wire->key != key || !reply->block ||
      reply->block->block().size() != wire->record.block_bytes() - wire->record.size_bytes) {
    co_return senseless(key, {});
  }
  const std::uint64_t known = wire->generation == 0 ? generation : wire->generation;
  const std::byte* const tail = reply->block->block().data();
  const ObjectFacts facts = facts_of_tail({0, key, &wire->record, known}, tail);
  if (!facts.whole) {
    co_return senseless(key, {});
  }
  ObjectView view = ReceivedRange::view(facts, reply->block, reply->path, expiry_in_tail(tail, wire->record));
  view.narrow(0, 0);
  co_return view;
}

}  // namespace locum
