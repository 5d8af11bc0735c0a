#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <exception>
#include <memory>
#include <span>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "core/async/node_client.hpp"
#include "core/copies/copies.hpp"
#include "core/copies/one_sided_reads.hpp"
#include "core/copies/read_leases.hpp"
#include "core/node/node_memory.hpp"
#include "core/node/promised.hpp"
#include "core/ports/connector.hpp"
#include "core/rpc/asker.hpp"
#include "core/rpc/bundles.hpp"
#include "core/rpc/exchange.hpp"
#include "core/rpc/nodes.hpp"
#include "core/server/promise_waits.hpp"

namespace locum {

class BindRecovery;
class NameChanges;

/// What those are made of that answer what other ranks ask of this node, and how they answer: within steps of
/// the exchange, waiting for nothing.
struct ServiceParts {
  NodeMemory local;                    ///< with the directory of the names at home here
  std::shared_ptr<Connector> objects;  ///< makes objects of the node's own: a connector over `local`
  Copies copies;
  std::shared_ptr<Exchange> exchange;
  std::shared_ptr<Nodes> nodes;
  std::shared_ptr<Bundles> bundles;          ///< questions that came together
  std::shared_ptr<ReadLeases> read_leases;   ///< what others read of this node
  std::shared_ptr<OneSidedReads> reads;      ///< what this rank reads of others
  std::shared_ptr<const NodeClient> client;  ///< whose operations answer what takes longer than a step
  std::shared_ptr<const NameChanges> changes;
  std::shared_ptr<BindRecovery> bind_recovery;
  std::shared_ptr<PromiseWaits> promise_waits;  ///< of this rank's own operations
  std::uint64_t inline_bytes = 0;  ///< blocks up to this size are answered together with a look-up by name
  std::chrono::milliseconds timeout{};
  LostMates lost_mates{};

  void answer(Asker asker, std::span<const std::byte> body, Bulk bulk = {}) const noexcept;
  /// `closed` is no answer of a rank that is asked: it would say that nothing was done. Where this rank
  /// closes on the way, or a node that it asks has, the asker is told `peer_lost`, and asks nobody else.
  void refuse(Asker asker, const Error& error) const noexcept;
  /// The question makes no sense; nothing was changed.
  void refuse_senseless(const Question& question) const;
  /// Begins a task that answers a question in the end.
  void begin(Task<std::monostate> task) const { client->operation(std::move(task))->begin_by_driver(); }
  /// Whether that is a name of which this node decides.
  [[nodiscard]] bool is_at_home(std::uint32_t store, std::string_view name) const;
  /// Whose question it is.
  [[nodiscard]] int node_of(const Question& question) const noexcept;
  /// When this node gives up what it asks of another one for a third, who gives up by itself if it takes
  /// longer.
  [[nodiscard]] Exchange::Clock::time_point soon() const;
};

/// What is said of an exception that nobody has foreseen.
[[nodiscard]] Error could_not_answer(const std::exception& exception) noexcept;

/// The answer yes or no.
[[nodiscard]] inline std::array<std::byte, 1> one_byte(bool value) noexcept {
  return {std::byte{value ? std::uint8_t{1} : std::uint8_t{0}}};
}

}  // namespace locum
