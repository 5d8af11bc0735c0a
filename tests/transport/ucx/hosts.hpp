#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "shm/segment/segment.hpp"

namespace locum::tests {

/// Hosts of a network of their own, on this machine: network namespaces without a name, each joined by a pair
/// of virtual devices to a bridge in the namespace of the process that makes them. The kernel does away with
/// all of it when the last process in it has ended, however that ends.
///
/// One process with one thread makes them, which has then left its own network; its children enter() one
/// each.
class Hosts {
 public:
  /// What gets through between a host and the others.
  enum class Link : std::uint8_t {
    whole,
    cut,         ///< nothing: what is sent either way is dropped, and nobody is told
    hears_only,  ///< what it sends is dropped
    sends_only,  ///< what it is sent is dropped
    down,        ///< the host's own device is: it is told at once that it reaches nobody
  };

  /// Throws std::runtime_error with the reason where this machine, or its user, cannot have such hosts.
  explicit Hosts(int count);

  /// For a process with one thread: from now on it is on that host, with a /sys that shows this host's
  /// devices.
  void enter(int host) const;
  /// Throws std::runtime_error.
  void set(int host, Link link);

 private:
  void run(int host, const std::string& command) const;
  void run_at_bridge(const std::string& command) const { run(-1, command); }

  shm::Descriptor bridge_;  ///< the namespace of it
  std::vector<shm::Descriptor> hosts_;
};

/// The reason why this machine cannot have such hosts, if it cannot; tried in a child.
[[nodiscard]] std::optional<std::string> why_no_hosts();

}  // namespace locum::tests
