#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "core/key.hpp"
#include "core/rpc/exchange.hpp"
#include "core/rpc/held_object.hpp"

namespace locum {

/// An answer, kept beyond the moment of its arrival.
struct NodeAnswer {
  ShortBytes body;
  std::shared_ptr<HeldObject> block;  ///< the answer's bulk; none if it had none
  std::uint64_t block_bytes = 0;
  Path path = Path::inline_value;
  int rank = 0;  ///< who answered
};

/// Whether what a node answers to a roll call says that this rank, of its own, is dead.
[[nodiscard]] bool names_rank(const NodeAnswer& roll, int rank) noexcept;

/// Says where the bulk of an answer is to land. Only for who drives; must not fail.
class BulkPlace {
 public:
  /// That place; null: memory of this process; none: the bulk is not to come, and the question ends with
  /// `out_of_memory`.
  using Place = std::optional<std::shared_ptr<HeldObject>>;

  BulkPlace() = default;
  BulkPlace(const BulkPlace&) = delete;
  BulkPlace& operator=(const BulkPlace&) = delete;

  /// For the bulk of an answer with this body.
  [[nodiscard]] virtual Place place(std::span<const std::byte> body, std::uint64_t bulk_bytes) = 0;

 protected:
  ~BulkPlace() = default;
};

/// A question to a node, and who wants to know. Asked once; kept by the exchange until told() was called.
class Inquiry : public Call {
 public:
  using Clock = Exchange::Clock;

  /// Copies the body, and a bulk that nobody keeps: the question may be sent, and read by a transport, when
  /// who asked has given up and its memory is gone. REQUIRES: a body of 256 bytes at most.
  /// \param place where the bulk of the answer is to land; lives until told() is called. Null: in memory of
  ///              this process
  Inquiry(Kind kind, std::span<const std::byte> body, Bulk bulk, Clock::time_point deadline,
          BulkPlace* place = nullptr);

 protected:
  /// The answer; or an error of the other side, `timeout`, `out_of_memory` of this process, `closed` if all
  /// ranks of the node have closed, or `peer_lost` if none can be asked otherwise, or the one that was asked
  /// died or closed and nobody can say whether it had done what it was asked for. Once, inside a step of the
  /// exchange, or of ask() itself.
  virtual void told(Result<NodeAnswer> answer) noexcept = 0;
  /// Which rank was asked, the last one of all. REQUIRES: it has been asked.
  [[nodiscard]] int asked() const noexcept;

 private:
  friend class Nodes;

  std::span<std::byte> landing(std::span<const std::byte> body, std::uint64_t bulk_bytes) noexcept final;
  void ended(const Result<Answer>& outcome, const std::shared_ptr<Call>& self) noexcept final;
  void refused(const Error& error, const std::shared_ptr<Call>& self) noexcept final;
  [[nodiscard]] Result<NodeAnswer> keep(const Answer& answer) noexcept;
  void ask_next(const std::shared_ptr<Inquiry>& self) noexcept;
  [[nodiscard]] bool can_be_asked(int rank) const noexcept;
  [[nodiscard]] Error nobody_left() const;

  const Kind kind_;
  const Clock::time_point deadline_;
  FewBytes<256> words_;     ///< the body, and a short bulk that nobody else keeps
  std::size_t body_bytes_;  ///< of these
  Bulk bulk_;               ///< any other one
  BulkPlace* const place_;  ///< of the answer's bulk
  std::shared_ptr<HeldObject> block_;
  Exchange* exchange_ = nullptr;  ///< once asked
  int node_ = 0;
  std::span<const int> ranks_;  ///< of the node
  std::size_t next_ = 0;        ///< the one to be asked next: its place among them
  std::size_t left_ = 0;        ///< how many are to be asked yet
};

/// The nodes of a runtime: which ranks they have, which of them is home to a name, and how to ask one. Any
/// rank of a node can answer for it; the one asked is chosen so that the askers spread, and when it dies the
/// next one is asked. A bind, unbind or evict that was under way then is not asked again: it may have been
/// done. A rank that answers that it has closed has done nothing: then the next one is asked, whatever it
/// was.
///
/// Homes never move: the nodes of a runtime are the same from its start to its end, so that no view of who is
/// alive has to be agreed on. What a name's hash is home to is therefore a plain division of the hashes among
/// the nodes.
class Nodes {
 public:
  using Clock = Exchange::Clock;

  Nodes(const std::vector<int>& node_of_rank, int own_rank, std::shared_ptr<Exchange> exchange);

  [[nodiscard]] int count() const noexcept { return static_cast<int>(ranks_.size()); }
  [[nodiscard]] int own() const noexcept { return own_; }
  /// The node whose memory holds what that rank made; -1 if there is no such rank.
  [[nodiscard]] int of_creator(std::uint32_t creator) const noexcept {
    return creator < node_of_rank_.size() ? node_of_rank_[creator] : -1;
  }
  /// The node that decides about a name.
  [[nodiscard]] int home(std::uint32_t store, std::uint64_t name_hash) const noexcept;
  [[nodiscard]] const std::vector<int>& ranks(int node) const {
    return ranks_[static_cast<std::size_t>(node)];
  }
  /// Whether no rank of the node can be asked any more, each of them being lost or closed: what it alone had
  /// is lost for good. Any thread.
  [[nodiscard]] bool is_lost(int node) const;
  /// Whether all ranks of the node have closed, in good order: they show nobody anything. Any thread.
  [[nodiscard]] bool has_closed(int node) const;

  /// Asks a node; that rank of it first, if it has it. Only by who drives.
  void ask(int node, const std::shared_ptr<Inquiry>& inquiry, int first = -1);
  /// The same of one rank, and no other: `peer_lost` if that one is lost.
  void ask_rank(int rank, const std::shared_ptr<Inquiry>& inquiry);
  /// Has `action` called at that moment, and destroyed; where the exchange closes before, destroyed. Only by
  /// who drives.
  void call_at(Clock::time_point moment, std::function<void()> action) {
    exchange_->call_at(moment, std::move(action));
  }

 private:
  void ask(int node, std::size_t first_place, std::size_t count, const std::shared_ptr<Inquiry>& inquiry);

  const std::vector<int> node_of_rank_;
  const int own_rank_;
  const int own_;
  std::vector<std::vector<int>> ranks_;
  const std::shared_ptr<Exchange> exchange_;
};

}  // namespace locum
