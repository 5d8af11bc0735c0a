#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "core/async/node_client.hpp"

namespace locum::tests {

/// Asks a node, and waits for the reply.
[[nodiscard]] inline Result<NodeReply> ask(const NodeClient& client, int node, Kind kind,
                                           std::span<const std::byte> body, Bulk bulk, Deadline deadline) {
  const auto until = client.moment(deadline);
  const auto request = [](const NodeClient& asks, int asked, Kind of_kind, std::vector<std::byte> words,
                          Bulk text, Deadline::Clock::time_point latest) -> Task<Result<NodeReply>> {
    co_return co_await asks.request(asked, of_kind, words, std::move(text), latest);
  };
  const auto operation = client.operation(
      request(client, node, kind, std::vector(body.begin(), body.end()), std::move(bulk), until));
  return client.run(*operation, until) ? operation->take() : client.nobody_answered();
}

}  // namespace locum::tests
