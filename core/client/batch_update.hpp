#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "core/async/node_client.hpp"
#include "core/async/task_group.hpp"
#include "core/client/batch_chunks.hpp"
#include "core/rpc/update_batch_wire.hpp"

namespace locum {

/// Changes by other nodes, many at a time: each node gets few messages (BatchDispatcher), all nodes
/// concurrently; changes that cannot be batched are made one by one, at most 128 at a time. A part of one
/// operation, which alone uses it. A derived class writes the requests, and takes the replies.
class BatchUpdate {
 public:
  using Moment = Deadline::Clock::time_point;

  BatchUpdate(const BatchUpdate&) = delete;
  BatchUpdate& operator=(const BatchUpdate&) = delete;

 protected:
  /// A batch being sent: its bytes, and other data that has to stay until they have been read.
  struct Sending {
    std::vector<std::byte> bytes;
    std::vector<std::shared_ptr<const void>> kept;
  };

  /// The source of a change's result.
  enum class Word : std::uint8_t {
    of_service,  ///< the node that makes the change
    of_batch,    ///< an error of the batch itself: the outcome of the change is unknown
  };
  /// Whether a node's reply on a change is final.
  enum class Turn : std::uint8_t {
    any,
    last,  ///< there is no time to request it again
  };

  BatchUpdate(const NodeClient& client, Moment until) : client_(client), until_(until) {}
  virtual ~BatchUpdate() = default;

  // Called before the changes are made, with their number; throw std::bad_alloc: the user decides the size.
  void add_to_chunk(int node, Kind kind, std::uint32_t change, std::size_t bytes) {
    chunks_.add(node, kind, change, bytes);
  }
  void leave_alone(std::uint32_t change) { alone_.push_back(change); }
  /// Makes them all.
  [[nodiscard]] Task<std::monostate> make();

  /// Appends the request.
  virtual void pack(std::uint32_t change, Sending& sending) = 0;
  /// The result of a change: the value, or an error. True: request it again a little later.
  virtual bool settle(int node, std::uint32_t change, const Result<std::uint64_t>& said, Word word,
                      Turn turn) noexcept = 0;
  /// Makes a change that cannot be batched.
  [[nodiscard]] virtual Task<std::monostate> make_alone(std::uint32_t change) = 0;

  [[nodiscard]] const NodeClient& client() const noexcept { return client_; }
  [[nodiscard]] Moment until() const noexcept { return until_; }

 private:
  void begin() noexcept;
  [[nodiscard]] Task<std::monostate> ask_for(std::size_t chunk);
  [[nodiscard]] ReplyAwaiter ask(const BatchChunk& chunk);
  void settle(BatchChunk& chunk, const Result<NodeReply>& reply, Turn turn) noexcept;
  void settle_all(BatchChunk& chunk, const Error& error) noexcept;
  [[nodiscard]] Task<std::monostate> work();

  const NodeClient& client_;
  const Moment until_;
  BatchChunks chunks_{most_update_batch_bytes};
  std::vector<std::uint32_t> alone_;
  std::atomic<std::size_t> taken_{0};  ///< of these
  TaskGroup group_;
};

}  // namespace locum
