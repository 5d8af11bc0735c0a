#include "core/copies/alone.hpp"

#include <utility>

#include "core/copies/flight.hpp"
#include "core/object/object_wire.hpp"

namespace locum {

Asked ask_alone(const NodeClient& client, const Key& key, std::uint64_t most_bytes,
                Deadline::Clock::time_point until) {
  const int node = client.nodes().of_creator(key.creator);
  const FetchWords asked{.key = key, .most_bytes = most_bytes};
  return client.asked(node, Kind::fetch, words(asked), {}, until);
}

Result<ObjectView> had_alone(const Key& key, std::uint64_t generation, std::uint64_t most_bytes,
                             Result<NodeAnswer> answer) {
  if (!answer) {
    return answer.error();
  }
  auto wire = read_words<ObjectWire>(answer->body);
  const bool left_out = wire && !answer->block && wire->record.block_bytes() > most_bytes;
  if (!wire || wire->key != key || !plausible(*wire) || (!answer->block && !left_out)) {
    return senseless_answer(key);
  }
  if (left_out) {
    return ObjectView();
  }
  if (wire->generation == 0) {
    wire->generation = generation;
  }
  return HeldObject::view(std::move(answer->block), *wire, answer->path);
}

}  // namespace locum
