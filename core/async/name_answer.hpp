#pragma once

#include <string_view>

#include "core/async/lookup.hpp"
#include "core/async/node_client.hpp"
#include "core/object/object_wire.hpp"

namespace locum {

/// What a name stands for, as its home says: the object, if it came along; else which one it is.
struct NameAnswer {
  ObjectView found;
  ObjectWire said{};
};

/// `found`, if the object bears that name itself: another node's word on what a name stands for is believed
/// of no other. Else `corrupt`.
[[nodiscard]] Result<ObjectView> bearing(std::uint32_t store, std::string_view name,
                                         Result<ObjectView> found);
/// What node `home` has answered to a look_up, or to an await if `awaited`. Errors are about the name.
[[nodiscard]] Result<NameAnswer> read_name_answer(const Nodes& nodes, std::uint32_t store,
                                                  std::string_view name, int home, bool awaited,
                                                  Result<NodeAnswer>&& answer);
/// Of who waits for a promise: it was not set before the deadline. Made once, and shared.
[[nodiscard]] Error promise_not_set();

}  // namespace locum
