#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace locum::tests {

/// What goes wrong between a client and a server.
struct Faults {
  std::chrono::milliseconds delay{0};  ///< of whatever the server sends
  std::chrono::milliseconds drip{0};   ///< between two bytes of what the server sends
  std::int64_t cut_after = -1;         ///< so many bytes of replies the connection breaks; negative: never
  int cuts = 1'000'000;                ///< so often at most
  std::int64_t silent_after = -1;      ///< so many bytes of replies nothing follows
  std::uint64_t garbage_seed = 0;      ///< replies are other bytes; 0: they are not
  std::string reply{};                 ///< in place of whatever the server sends; empty: that
};

/// Stands before a server, passes on what it and its clients send, and does harm on the way. Its thread lives
/// as long as this. Faults may be set by any thread.
class FaultProxy {
 public:
  /// Listens on a socket at `path`, which it removes in the end. \param server path of the server's socket,
  /// or its port of the loopback device
  FaultProxy(std::string path, std::string server);
  FaultProxy(const FaultProxy&) = delete;
  FaultProxy& operator=(const FaultProxy&) = delete;
  ~FaultProxy();

  /// From now on, with counts from 0.
  void set(const Faults& faults);
  [[nodiscard]] const std::string& path() const noexcept;
  /// Connections that were cut because of Faults.
  [[nodiscard]] int cuts() const noexcept;
  /// Connections that were accepted.
  [[nodiscard]] int connections() const noexcept;
  /// How often a client asked for something after its connection had replied, or for the first time: requests
  /// that are sent together are one turn.
  [[nodiscard]] int turns() const noexcept;

 private:
  struct State;
  static void work(State& state);
  const std::unique_ptr<State> state_;
};

}  // namespace locum::tests
