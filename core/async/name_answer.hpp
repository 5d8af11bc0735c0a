#pragma once

#include <string_view>

#include "core/async/lookup.hpp"
#include "core/async/node_client.hpp"
#include "core/object/object_wire.hpp"

namespace locum {

/// What a name's home replied: the object bound to it, if included; else which object it is.
struct NameAnswer {
  ObjectView found;
  ObjectWire said{};
};

/// `found`, if the object itself carries that name: another node's claim is not trusted. Else `corrupt`.
[[nodiscard]] Result<ObjectView> bearing(std::uint32_t store, std::string_view name,
                                         Result<ObjectView> found);
/// The reply of node `home` to a look_up, or to an await if `awaited`. Errors are about the name.
[[nodiscard]] Result<NameAnswer> read_name_answer(const Nodes& nodes, std::uint32_t store,
                                                  std::string_view name, int home, bool awaited,
                                                  Result<NodeReply>&& reply);

}  // namespace locum
