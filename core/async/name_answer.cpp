#include "core/async/name_answer.hpp"

#include <utility>

#include "core/node/promised.hpp"
#include "core/object/received_block.hpp"
#include "core/value/errors.hpp"

namespace locum {

Result<ObjectView> bearing(std::uint32_t store, std::string_view name, Result<ObjectView> found) {
  if (found && (found->key().store != store || found->facts().name != name)) {
    return call_error::other_name().about(name);
  }
  return found;
}

Result<NameAnswer> read_name_answer(const Nodes& nodes, std::uint32_t store, std::string_view name, int home,
                                    bool awaited, Result<NodeReply>&& reply) {
  if (!reply && awaited && reply.error().code() == Errc::timeout) {
    return (promise_named(store, name) ? promise_not_set() : name_not_put()).about(name);
  }
  if (!reply) {
    return reply.error().about(name);
  }
  const auto wire = read_words<ObjectWire>(reply->body);
  if (!wire || !plausible(*wire)) {
    return call_error::invalid_reply(home).about(name);
  }
  if (!reply->block || nodes.of_creator(wire->key.creator) == nodes.own()) {
    return NameAnswer{.found = {}, .said = *wire};
  }
  auto found = bearing(store, name, ReceivedBlock::view(std::move(reply->block), *wire, reply->path));
  if (!found) {
    return found.error();
  }
  return NameAnswer{.found = std::move(*found), .said = *wire};
}

}  // namespace locum
