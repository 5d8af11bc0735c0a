#pragma once

#include <array>
#include <optional>
#include <string>
#include <vector>

#include "shm/segment/segment.hpp"

namespace locum::tests {

/// Hosts with a private network, on this machine: unnamed network namespaces, each connected by a pair of
/// virtual devices to a bridge in the namespace of the process that makes them. The kernel removes all of it
/// when the last process in it has ended, however that ends.
///
/// One process with one thread makes them, which thereby leaves its own network; its children enter() one
/// each.
class Hosts {
 public:
  /// What passes between a host and the others.
  enum class Link : std::uint8_t {
    whole,
    cut,            ///< nothing: packets in either direction are dropped, without notification
    receives_only,  ///< packets that it sends are dropped
    sends_only,     ///< packets sent to it are dropped
    down,           ///< the host's own device is down: it is notified at once that it reaches no other host
  };

  /// Returns once each host reaches the next one. Throws std::runtime_error with the reason if this machine,
  /// or its user, cannot have such hosts.
  explicit Hosts(int count);

  /// For a process with one thread: moves it to that host, with a /sys that shows this host's devices.
  void enter(int host) const;
  /// Throws std::runtime_error.
  void set(int host, Link link);
  /// Whether packets pass from that host to the other one and back: if none does, returns after some seconds,
  /// when the system has asked in vain for the other one's link address. Throws std::runtime_error.
  [[nodiscard]] bool reaches(int host, int other) const;

 private:
  void run(int host, const std::string& command) const;
  void run_at_bridge(const std::string& command) const { run(-1, command); }

  Descriptor bridge_;  ///< the bridge's namespace
  std::vector<Descriptor> hosts_;
};

/// The reason why this machine cannot have such hosts, if any; tried in a child.
[[nodiscard]] std::optional<std::string> why_no_hosts();

}  // namespace locum::tests
