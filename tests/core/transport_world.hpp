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

/// One rank's place in a world of transports.
struct TransportSide {
  Transport& transport;
  RemoteMemory* remote = nullptr;  ///< null: this world has none
  int rank = 0;
  int size = 1;
  /// Waits until every rank is here, and meanwhile calls `meanwhile` again and again: a transport may need
  /// its own progress() to bring to others what was sent.
  std::function<void(const std::function<void()>& meanwhile)> barrier;
  /// Ends this rank without a word to the others, as kill -9 does. Where ranks are only played it returns,
  /// and the rank must do nothing more.
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

  /// Runs `body` as each of `ranks` ranks, all at the same time, to the end of all. The transports are fresh,
  /// and live until all bodies have ended. What GoogleTest finds wrong in any rank is found in the caller. A
  /// body shares no memory with the others, so what it leaves in variables of the caller may be lost.
  virtual void run(int ranks, const Body& body) = 0;
  /// How long after a rank's death the others are told, at most; nothing: they may never be.
  [[nodiscard]] virtual std::optional<std::chrono::seconds> loss_told_within() const = 0;
};

/// Makes worlds; a parameter of the contract.
struct TransportWorldMaker {
  std::string name;
  std::function<std::unique_ptr<TransportWorld>()> make;

  friend void PrintTo(const TransportWorldMaker& maker, std::ostream* out) { *out << maker.name; }
};

}  // namespace locum::tests
