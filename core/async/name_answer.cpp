#include "core/async/name_answer.hpp"

#include <string>
#include <utility>

#include "core/node/promised.hpp"
#include "core/object/received_block.hpp"

namespace locum {

Error promise_not_set() {
  static const Error* const error =
      new Error(Errc::timeout, "this promise was not set before the deadline; wait longer");
  return *error;
}

Result<ObjectView> bearing(std::uint32_t store, std::string_view name, Result<ObjectView> found) {
  if (found && (found->key().store != store || found->facts().name != name)) {
    return Error(Errc::corrupt, "another node replied with an object of another name; get it again")
        .about(name);
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
    return Error(Errc::corrupt, "node " + std::to_string(home) + " sent an invalid reply; try again")
        .about(name);
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
