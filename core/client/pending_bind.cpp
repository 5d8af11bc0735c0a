#include "core/client/pending_bind.hpp"

#include <string>

namespace locum::binding {

Error found_no_room(int home) {
  return Error(Errc::out_of_memory,
               "node " + std::to_string(home) +
                   ", at which this name is at home, has no room for what stands for it: what others could "
                   "give back did not come in time, or did not suffice. Evict what nobody needs, let go of "
                   "views of what was evicted, or give the runtime more memory_bytes");
}

bool says_nothing(const Nodes& nodes, int home, const Error& error) {
  return error.code() == Errc::timeout || error.code() == Errc::peer_lost ||
         (error.code() == Errc::closed && !nodes.has_closed(home));
}

}  // namespace locum::binding
