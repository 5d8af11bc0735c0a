#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>

#include "core/deadline.hpp"
#include "core/object/address.hpp"
#include "core/object/object.hpp"
#include "core/ports/connector.hpp"
#include "core/result.hpp"
#include "core/tier/tier_parts.hpp"
#include "core/tier/tier_reader.hpp"

namespace locum {

/// The error of a put of a name that is there.
[[nodiscard]] Error name_is_taken();

/// Changes names in the backend and in memory: see open_tier(). Blocks until the moment. Any thread.
class TierWriter {
 public:
  using Moment = Deadline::Clock::time_point;

  TierWriter(std::shared_ptr<TierParts> parts, std::shared_ptr<TierReader> reader)
      : parts_(std::move(parts)), reader_(std::move(reader)) {}

  /// Memory for an object; one with a name that memory has no room for is made for the backend alone.
  [[nodiscard]] Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta,
                                           WaitBudget budget);
  /// In the memory of this process, for the backend alone.
  [[nodiscard]] Result<ObjectDraft> create_in_back(std::uint64_t size_bytes, const ObjectMeta& meta,
                                                   Deadline deadline);
  void discard(const ObjectDraft& draft) noexcept;
  /// Whether a draft is not in memory.
  [[nodiscard]] static bool is_for_back_alone(const ObjectDraft& draft) noexcept;
  /// Whether memory, or the backend, has what these options ask for: `key_exists`, `stale`, `not_found`. That
  /// the backend has not the name that is put, it says itself.
  [[nodiscard]] Result<void> may_change(const Address& name, const SealOptions& options, Moment until);
  /// Stores what memory has under a name that was written back, if anything.
  [[nodiscard]] Result<void> write(const UnwrittenName& name, Moment until);
  /// REQUIRES: of a draft whose name is in the backend, too.
  [[nodiscard]] Result<Sealed> seal(const ObjectDraft& draft, const SealOptions& options, Moment until);
  [[nodiscard]] Result<bool> evict(const Address& address, Moment until);
  [[nodiscard]] Result<std::uint64_t> drop(std::uint32_t store);

 private:
  [[nodiscard]] Result<Sealed> store(const ObjectDraft& draft, SealMode mode, Moment until);
  [[nodiscard]] Result<Sealed> store_over(std::span<const std::byte> bytes, const ObjectMeta& meta,
                                          Moment until);
  [[nodiscard]] Result<Sealed> store_copy(std::span<const std::byte> bytes, const ObjectMeta& meta,
                                          const SealOptions& options, Moment until);
  [[nodiscard]] Result<Sealed> publish(const ObjectDraft& draft, const Address& name, SealMode mode,
                                       const Sealed& stored, Moment until);
  [[nodiscard]] Result<bool> evict_name(const Address& name, Moment until);
  [[nodiscard]] Result<bool> evict_key(const Address& address, Moment until);

  const std::shared_ptr<TierParts> parts_;
  const std::shared_ptr<TierReader> reader_;
};

}  // namespace locum
