#pragma once

#include <thread>
#include <utility>

namespace locum {

/// Waits for the end of a thread. The calling thread cannot wait for itself: it is let go of, and has to own
/// what it needs until it ends.
inline void join_or_detach(std::thread thread) {
  if (thread.get_id() == std::this_thread::get_id()) {
    thread.detach();
  } else if (thread.joinable()) {
    thread.join();
  }
}

}  // namespace locum
