#include "core/client/pending_bind.hpp"

#include <string>

namespace locum::binding {

Error found_no_room(int home) {
  return Error(Errc::out_of_memory, "node " + std::to_string(home) +
                                        ", the home of this name, has no room for its entry: its ranks did "
                                        "not return enough memory in time. Evict unneeded objects, release "
                                        "views of evicted ones, or give the runtime more memory_bytes");
}

bool says_nothing(const Nodes& nodes, int home, const Error& error) {
  return error.code() == Errc::timeout || error.code() == Errc::peer_lost ||
         (error.code() == Errc::closed && !nodes.has_closed(home));
}

}  // namespace locum::binding
