#include "core/copies/alone.hpp"

#include <utility>

#include "core/copies/flight.hpp"
#include "core/object/object_wire.hpp"

namespace locum {

ReplyAwaiter ask_alone(const NodeClient& client, const Key& key, std::uint64_t most_bytes,
                       Deadline::Clock::time_point until, Urgency urgency) {
  const int node = client.nodes().of_creator(key.creator);
  const FetchWords asked{.key = key, .most_bytes = most_bytes};
  return client.request(node, Kind::fetch, words(asked), {}, until, urgency);
}

Result<ObjectView> had_alone(const Key& key, std::uint64_t generation, std::uint64_t most_bytes,
                             Result<NodeReply> reply) {
  if (!reply) {
    return reply.error();
  }
  auto wire = read_words<ObjectWire>(reply->body);
  const bool left_out = wire && !reply->block && wire->record.block_bytes() > most_bytes;
  if (!wire || wire->key != key || !plausible(*wire) || (!reply->block && !left_out)) {
    return call_error::invalid_reply_of_owner().about(to_string(key));
  }
  if (left_out) {
    return ObjectView();
  }
  if (wire->generation == 0) {
    wire->generation = generation;
  }
  return ReceivedBlock::view(std::move(reply->block), *wire, reply->path);
}

}  // namespace locum
