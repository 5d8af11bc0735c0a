#pragma once

#include <cstddef>
#include <memory>

#include "core/server/batch_service.hpp"
#include "core/server/copy_service.hpp"
#include "core/server/name_alarm.hpp"
#include "core/server/name_service.hpp"
#include "core/server/object_service.hpp"
#include "core/server/part_service.hpp"
#include "core/server/service_parts.hpp"

namespace locum {

/// Answers what other ranks ask of this node: any of its ranks can, because what they are asked about is the
/// node's. Runs inside the steps of the exchange and waits for nothing; what takes another node's word goes
/// on when that word comes. Questions that make no sense are refused, and change nothing.
class NodeService final : public Service {
 public:
  /// \param alarm is told by the directory when names that are awaited are to be looked for
  NodeService(ServiceParts parts, std::shared_ptr<NameAlarm> alarm);
  NodeService(const NodeService&) = delete;
  NodeService& operator=(const NodeService&) = delete;

  void asked(const Question& question) noexcept override;
  void bereaved(int rank) noexcept override;
  [[nodiscard]] Exchange::Clock::time_point next_due() const noexcept override;
  void do_due(Exchange::Clock::time_point now) noexcept override;
  /// This process has adopted what a dead one of its node had: asks the homes of names that were about to be
  /// bound, and tells who may have copies of what is gone. Within a step of the exchange.
  void settle_estate() noexcept;
  /// Answers those who wait for that promise, if it is set meanwhile. Within a step of the exchange.
  void look_for_awaited(const Key& promised, std::uint64_t name_hash) noexcept {
    names_.look_for_awaited(name_hash);
    parts_.promise_waits->look_here(promised);
  }
  /// Nobody who waits for a name is answered any more but by `error`. Within a step of the exchange.
  void close(const Error& error) noexcept;
  /// Waits that are registered here.
  [[nodiscard]] std::size_t awaited() const noexcept { return names_.awaited(); }

 private:
  void look_for_all_awaited(Exchange::Clock::time_point now) noexcept;
  void dispatch(const Question& question);
  void roll_call(Asker asker) const;
  void obituary(const Question& question, Asker asker) const;

  const ServiceParts parts_;  ///< of those below
  CopyService copies_;
  ObjectService objects_;
  PartService part_service_;
  BatchService batches_;
  NameService names_;
  const std::shared_ptr<NameAlarm> alarm_;
  Exchange::Clock::time_point look_due_{};  ///< not before, when the alarm rings
};

}  // namespace locum
