#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <ostream>
#include <span>
#include <string>

#include "core/ports/remote_memory.hpp"
#include "core/ports/transport.hpp"

namespace locum::tests {

/// One rank of a world of transports.
struct TransportSide {
  Transport& transport;
  RemoteMemory* remote = nullptr;  ///< null: this world has none
  int rank = 0;
  int size = 1;
  /// Waits until every rank is here, and calls `meanwhile` repeatedly: a transport may need its own
  /// progress() to deliver what was sent.
  std::function<void(const std::function<void()>& meanwhile)> barrier;
  /// Ends this rank without notice to the others, like kill -9. For simulated ranks it returns, and the rank
  /// must do nothing more.
  std::function<void()> die;
  /// Memory that can be exposed, until the body has ended; zero-filled.
  std::function<std::span<std::byte>(std::size_t bytes)> exposable;
};

/// Ranks that reach each other over one implementation of Transport: in this process or in others.
class TransportWorld {
 public:
  using Body = std::function<void(const TransportSide&)>;

  TransportWorld() = default;
  TransportWorld(const TransportWorld&) = delete;
  TransportWorld& operator=(const TransportWorld&) = delete;
  virtual ~TransportWorld() = default;

  /// Runs `body` as each of `ranks` ranks concurrently, and waits for all. The transports are new, and live
  /// until all bodies have ended. GoogleTest failures of any rank are reported in the caller. A body shares
  /// no memory with the others, so changes to the caller's variables may be lost.
  virtual void run(int ranks, const Body& body) = 0;
  /// Longest time between a rank's death and its report to the others; nothing: it may never be reported.
  [[nodiscard]] virtual std::optional<std::chrono::seconds> loss_told_within() const = 0;
};

/// Makes worlds; a parameter of the contract.
struct TransportWorldMaker {
  std::string name;
  std::function<std::unique_ptr<TransportWorld>()> make;

  friend void PrintTo(const TransportWorldMaker& maker, std::ostream* out) { *out << maker.name; }
};

}  // namespace locum::tests
