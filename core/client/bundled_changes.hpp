#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "core/async/company.hpp"
#include "core/async/node_client.hpp"
#include "core/client/batch_chunks.hpp"
#include "core/rpc/bundle_wire.hpp"

namespace locum {

/// Changes that other nodes make, many at a time: each node is asked in few messages (Bundles), all nodes
/// side by side, and what no bundle is for is done one by one, at most 128 side by side. A part of one
/// operation, whose tasks belong to it alone. Who derives from it says what is asked, and takes the answers.
class BundledChanges {
 public:
  using Moment = Deadline::Clock::time_point;

  BundledChanges(const BundledChanges&) = delete;
  BundledChanges& operator=(const BundledChanges&) = delete;

 protected:
  /// A bundle on its way: the bytes, and what else stays until they have been read.
  struct Sending {
    std::vector<std::byte> bytes;
    std::vector<std::shared_ptr<const void>> kept;
  };

  /// Whose word it is that is said of a change.
  enum class Word : std::uint8_t {
    of_service,  ///< who makes the change says so
    of_bundle,   ///< an error in place of what that one says: nobody knows whether it was made
  };
  /// When a node's word on a change is taken.
  enum class Turn : std::uint8_t {
    any,
    last,  ///< there is no time to ask again
  };

  BundledChanges(const NodeClient& client, Moment until) : client_(client), until_(until) {}
  virtual ~BundledChanges() = default;

  // Before they are made, with their numbers; throw std::bad_alloc: a batch is as large as a user makes it.
  void bundle_one(int node, Kind kind, std::uint32_t change, std::size_t bytes) {
    chunks_.add(node, kind, change, bytes);
  }
  void leave_alone(std::uint32_t change) { alone_.push_back(change); }
  /// Makes them all.
  [[nodiscard]] Task<std::monostate> make();

  /// Appends the question.
  virtual void pack(std::uint32_t change, Sending& sending) = 0;
  /// What its node says of it: the value, or why not. True: it is to be asked again a little later.
  virtual bool settle(int node, std::uint32_t change, const Result<std::uint64_t>& said, Word word,
                      Turn turn) noexcept = 0;
  /// Makes one that is in no bundle.
  [[nodiscard]] virtual Task<std::monostate> make_alone(std::uint32_t change) = 0;

  [[nodiscard]] const NodeClient& client() const noexcept { return client_; }
  [[nodiscard]] Moment until() const noexcept { return until_; }

 private:
  void begin() noexcept;
  [[nodiscard]] Task<std::monostate> ask_for(std::size_t chunk);
  [[nodiscard]] Task<std::monostate> ask_once(BatchChunk& chunk, Turn turn);
  [[nodiscard]] Asked ask(const BatchChunk& chunk);
  void settle(BatchChunk& chunk, const Result<NodeAnswer>& answer, Turn turn) noexcept;
  void settle_all(BatchChunk& chunk, const Error& error) noexcept;
  [[nodiscard]] Task<std::monostate> work();

  const NodeClient& client_;
  const Moment until_;
  BatchChunks chunks_{most_bundle_bytes};
  std::vector<std::uint32_t> alone_;
  std::atomic<std::size_t> taken_{0};  ///< of these
  Company company_;
};

}  // namespace locum
