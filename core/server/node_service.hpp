#pragma once

#include <cstddef>
#include <memory>

#include "core/server/batch_service.hpp"
#include "core/server/copy_service.hpp"
#include "core/server/name_change_notifier.hpp"
#include "core/server/name_service.hpp"
#include "core/server/object_service.hpp"
#include "core/server/part_service.hpp"
#include "core/server/service_parts.hpp"

namespace locum {

/// Serves requests of other ranks to this node: any of its ranks can, because all data is the node's. Runs
/// inside the steps of the channel and never waits; requests that need another node continue when its reply
/// arrives. Invalid requests are refused, and change nothing.
class NodeService final : public Service {
 public:
  /// \param notifier is notified by the directory when awaited names have to be looked up
  NodeService(ServiceParts parts, std::shared_ptr<NameChangeNotifier> notifier);
  NodeService(const NodeService&) = delete;
  NodeService& operator=(const NodeService&) = delete;

  void serve(const Request& request) noexcept override;
  void on_rank_lost(int rank) noexcept override;
  [[nodiscard]] RpcChannel::Clock::time_point next_due() const noexcept override;
  void do_due(RpcChannel::Clock::time_point now) noexcept override;
  /// This process has adopted a dead one of its node: asks the homes of names that were about to be bound,
  /// and invalidates possible copies of evicted objects. Within a step of the channel.
  void settle_dead_binds() noexcept;
  /// Replies to waits for that promise, if it has been set. Within a step of the channel.
  void look_for_awaited(const Key& promised, std::uint64_t name_hash) noexcept {
    names_.look_for_awaited(name_hash);
    parts_.waits->look_here(promised);
  }
  /// Replies to waits for names that were bound since the last look, unless that was just now: then soon.
  /// Within a step of the channel.
  void look_for_bound(RpcChannel::Clock::time_point now) noexcept;
  /// From now on waits for names are answered with `error` only. Within a step of the channel.
  void close(const Error& error) noexcept;
  /// Number of registered waits.
  [[nodiscard]] std::size_t awaited() const noexcept { return names_.awaited(); }

 private:
  void look_for_all_awaited(RpcChannel::Clock::time_point now) noexcept;
  void roll_call(ReplyTo reply_to) const;
  void death_notice(const RankWords& dead, const Request& request, ReplyTo reply_to);

  const ServiceParts parts_;  ///< shared by the services below
  CopyService copies_;
  ObjectService objects_;
  PartService part_service_;
  BatchService batches_;
  NameService names_;
  const std::shared_ptr<NameChangeNotifier> notifier_;
  RpcChannel::Clock::time_point look_due_{};  ///< earliest look-up after a notification
};

}  // namespace locum
