#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>

#include "core/object/address.hpp"
#include "core/object/object.hpp"
#include "core/ports/connector.hpp"
#include "core/tier/tier_parts.hpp"
#include "core/tier/tier_reader.hpp"
#include "core/value/deadline.hpp"
#include "core/value/result.hpp"

namespace locum {

/// Changes names in the backend and in memory: see open_tier(). Blocks until the moment. Any thread.
class TierWriter {
 public:
  using Moment = Deadline::Clock::time_point;

  TierWriter(std::shared_ptr<TierParts> parts, std::shared_ptr<TierReader> reader)
      : parts_(std::move(parts)), reader_(std::move(reader)) {}

  /// Memory for an object; one with a name that memory has no room for, or with a tag as well, is made for
  /// the backend alone.
  [[nodiscard]] Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& meta,
                                           WaitBudget budget);
  /// In the memory of this process, for the backend alone.
  [[nodiscard]] Result<ObjectDraft> create_in_back(std::uint64_t size_bytes, const ObjectMeta& meta,
                                                   Deadline deadline);
  void discard(const ObjectDraft& draft) noexcept;
  /// Whether a draft is not in memory.
  [[nodiscard]] static bool is_for_back_alone(const ObjectDraft& draft) noexcept;
  /// The draft in the backend of one that is to be put: itself if it is for that alone, else a copy.
  [[nodiscard]] Result<ObjectDraft> draft_in_back(const ObjectDraft& draft, Moment until);
  [[nodiscard]] Result<ObjectDraft> copy_in_back(std::span<const std::byte> bytes, const ObjectMeta& meta,
                                                 Moment until);
  /// Whether memory, or the backend, has what these options ask for: `key_exists`, `stale`, `not_found`;
  /// then, whether it is memory that has it (true if nothing in particular is asked for). That the backend
  /// has not the name that is put, it says itself.
  [[nodiscard]] Result<bool> may_change(const Address& name, const SealOptions& options, Moment until);
  /// The same for a put, given what memory has.
  [[nodiscard]] static Result<void> may_put(const Result<ObjectView>& live);
  /// Stores what memory has under a name that was written back, if anything.
  [[nodiscard]] Result<void> write(const UnwrittenName& name, Moment until);
  /// How the object that memory has under that name is written; none: there is none that has not expired.
  [[nodiscard]] static Result<std::optional<ObjectMeta>> meta_to_write(const UnwrittenName& name,
                                                                       const Result<ObjectView>& live);
  /// REQUIRES: a claim to the name.
  [[nodiscard]] Result<Sealed> store_over(std::span<const std::byte> bytes, const ObjectMeta& meta,
                                          Moment until);
  /// What a put returns that the backend has: what memory says, unless it has no place for it.
  [[nodiscard]] static Result<Sealed> in_either(Result<Sealed> in_memory, const Sealed& in_back);
  /// REQUIRES: of a draft whose name is in the backend, too.
  [[nodiscard]] Result<Sealed> seal(const ObjectDraft& draft, const SealOptions& options, Moment until);
  [[nodiscard]] Result<bool> evict(const Address& address, Moment until);
  [[nodiscard]] Result<std::uint64_t> drop(std::uint32_t store);

 private:
  [[nodiscard]] Result<ObjectDraft> made_in_back(std::uint64_t size_bytes, const ObjectMeta& meta,
                                                 Deadline deadline);
  [[nodiscard]] Result<Sealed> store(const ObjectDraft& draft, SealMode mode, Moment until);
  [[nodiscard]] Result<Sealed> store_copy(std::span<const std::byte> bytes, const ObjectMeta& meta,
                                          const SealOptions& options, Moment until);
  [[nodiscard]] Result<Sealed> publish(const ObjectDraft& draft, const Address& name,
                                       const SealOptions& options, const Sealed& stored, Moment until);
  [[nodiscard]] Result<bool> evict_name(const Address& name, Moment until);
  [[nodiscard]] Result<bool> evict_key(const Address& address, Moment until);

  const std::shared_ptr<TierParts> parts_;
  const std::shared_ptr<TierReader> reader_;
};

}  // namespace locum
