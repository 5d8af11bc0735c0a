#include "tests/loopback/transport.hpp"

#include <string>

namespace locum::loopback {

void LoopbackTransport::sleep(Clock::time_point moment) {
  if (network_.ranks_[Network::index(rank_)].moving) {
    misuse("the receiver of rank " + std::to_string(rank_) + " sleeps; it may send, and nothing else");
  }
  network_.sleep(rank_, moment);
}

}  // namespace locum::loopback
