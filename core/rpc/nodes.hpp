#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/object/received_block.hpp"
#include "core/rpc/rpc_channel.hpp"

namespace locum {

/// A reply, kept after its arrival.
struct NodeReply {
  ShortBytes body;
  std::shared_ptr<ReceivedBlock> block;  ///< the reply's bulk; null if it had none
  std::uint64_t block_bytes = 0;
  Path path = Path::inline_value;
  int rank = 0;  ///< that replied
};

/// Whether a node's reply to a roll call reports this rank of it as dead.
[[nodiscard]] bool names_rank(const NodeReply& roll, int rank) noexcept;

/// Chooses the memory for the bulk of a reply. Called only by the thread that makes progress; must not fail.
class BulkPlace {
 public:
  /// That memory; null: memory of this process; none: the bulk is not wanted, and the request ends with
  /// `out_of_memory`.
  using Place = std::optional<std::shared_ptr<ReceivedBlock>>;

  BulkPlace() = default;
  BulkPlace(const BulkPlace&) = delete;
  BulkPlace& operator=(const BulkPlace&) = delete;

  /// For the bulk of a reply with this body.
  [[nodiscard]] virtual Place place(std::span<const std::byte> body, std::uint64_t bulk_bytes) = 0;

 protected:
  ~BulkPlace() = default;
};

/// A request to a node, and the callback for its reply. Sent once; the channel keeps it until told() was
/// called.
class NodeRequest : public Call {
 public:
  using Clock = RpcChannel::Clock;

  /// Copies the body, and a bulk without an owner: the request may be sent, and read by a transport, after
  /// the caller has given up and freed its memory. REQUIRES: a body of at most 256 bytes.
  /// \param place chooses the memory for the bulk of the reply; must exist until told() is called. Null:
  ///   memory of this process
  NodeRequest(Kind kind, std::span<const std::byte> body, Bulk bulk, Clock::time_point deadline,
              BulkPlace* place = nullptr, Urgency urgency = Urgency::now);

 protected:
  /// The reply; or an error of the other side, `timeout`, `out_of_memory` of this process, `closed` if all
  /// ranks of the node have closed, or `peer_lost` if all others are lost, or the rank that was asked died or
  /// closed and may have carried out a request that must not be repeated. Called once, within a step of the
  /// channel, or within ask().
  virtual void told(Result<NodeReply> reply) noexcept = 0;
  /// The last rank that was asked. REQUIRES: one was asked.
  [[nodiscard]] int asked() const noexcept;

 private:
  friend class Nodes;

  std::span<std::byte> landing(std::span<const std::byte> body, std::uint64_t bulk_bytes) noexcept final;
  void ended(const Result<Reply>& outcome, const std::shared_ptr<Call>& self) noexcept final;
  void refused(const Error& error, const std::shared_ptr<Call>& self) noexcept final;
  [[nodiscard]] Result<NodeReply> keep(const Reply& reply) noexcept;
  void ask_next(const std::shared_ptr<NodeRequest>& self) noexcept;
  [[nodiscard]] bool can_be_asked(int rank) const noexcept;
  [[nodiscard]] Error nobody_left() const;

  const Kind kind_;
  const Urgency urgency_;
  const Clock::time_point deadline_;
  FewBytes<256> words_;     ///< the body, and a short bulk without another owner
  std::size_t body_bytes_;  ///< of these
  Bulk bulk_;               ///< any other one
  BulkPlace* const place_;  ///< of the reply's bulk
  std::shared_ptr<ReceivedBlock> block_;
  RpcChannel* channel_ = nullptr;  ///< once sent
  int node_ = 0;
  std::span<const int> ranks_;  ///< of the node
  std::size_t next_ = 0;        ///< position of the next rank to ask
  std::size_t left_ = 0;        ///< number of ranks still to ask
};

/// The nodes of a runtime: their ranks, the homes of names, and how to send requests to a node. Any rank of a
/// node can serve a request; the choice spreads the senders, and if that rank dies the next one is asked. An
/// open bind, unbind or evict is then not repeated: it may have been carried out. A rank that replies that it
/// has closed has done nothing: the next one is asked, whatever the request.
///
/// Homes never move: the nodes of a runtime are the same from start to end, so that no membership has to be
/// agreed on. The home of a name is therefore a plain division of the hashes among the nodes.
class Nodes {
 public:
  using Clock = RpcChannel::Clock;

  Nodes(const std::vector<int>& node_of_rank, int own_rank, std::shared_ptr<RpcChannel> channel);

  [[nodiscard]] int count() const noexcept { return static_cast<int>(ranks_.size()); }
  [[nodiscard]] int own() const noexcept { return own_; }
  /// The node whose memory holds that rank's objects; -1 for a nonexistent rank.
  [[nodiscard]] int of_creator(std::uint32_t creator) const noexcept {
    return creator < node_of_rank_.size() ? node_of_rank_[creator] : -1;
  }
  /// The node that decides about a name.
  [[nodiscard]] int home(std::uint32_t store, std::uint64_t name_hash) const noexcept;
  [[nodiscard]] const std::vector<int>& ranks(int node) const {
    return ranks_[static_cast<std::size_t>(node)];
  }
  /// Whether no rank of the node can be asked any more, each being lost or closed: data that only it had is
  /// lost for good. Any thread.
  [[nodiscard]] bool is_lost(int node) const;
  /// Whether all ranks of the node have closed regularly: they show nobody anything. Any thread.
  [[nodiscard]] bool has_closed(int node) const;

  /// Sends a request to a node; first to that rank, if it is one of its ranks. Only for the thread that makes
  /// progress.
  void ask(int node, const std::shared_ptr<NodeRequest>& inquiry, int first = -1);
  /// Sends it to one rank only: `peer_lost` if that one is lost.
  void ask_rank(int rank, const std::shared_ptr<NodeRequest>& inquiry);
  /// Calls `action` at that moment, and destroys it; if the channel closes before, only destroys it. Only
  /// for the thread that makes progress.
  void call_at(Clock::time_point moment, std::function<void()> action) {
    channel_->call_at(moment, std::move(action));
  }

 private:
  void ask(int node, std::size_t first_place, std::size_t count, const std::shared_ptr<NodeRequest>& inquiry);

  const std::vector<int> node_of_rank_;
  const int own_rank_;
  const int own_;
  std::vector<std::vector<int>> ranks_;
  const std::shared_ptr<RpcChannel> channel_;
};

}  // namespace locum
