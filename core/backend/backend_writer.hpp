#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "core/backend/backend_keys.hpp"
#include "core/backend/backend_reader.hpp"
#include "core/backend/bound_signal.hpp"
#include "core/backend/call_pool.hpp"
#include "core/backend/record_names.hpp"
#include "core/backend/store_spaces.hpp"
#include "core/base/mutex.hpp"
#include "core/ports/backend.hpp"
#include "core/ports/connector.hpp"
#include "core/result.hpp"

namespace locum {

/// Makes records of objects, and removes them: see BackendConnector. Blocks within the deadline. Any thread.
class BackendWriter {
 public:
  /// \param spaces, reader, bound have to outlive it
  BackendWriter(std::shared_ptr<Backend> backend, const RecordNames& names, StoreSpaces& spaces,
                BackendReader& reader, BoundSignal& bound)
      : backend_(std::move(backend)), names_(names), spaces_(spaces), reader_(reader), bound_(bound) {}

  [[nodiscard]] Result<ObjectDraft> create(std::uint64_t size_bytes, const ObjectMeta& of)
      LOCUM_EXCLUDES(mutex_);
  void discard(std::uint64_t place) noexcept { (void)take_draft(place); }
  [[nodiscard]] Result<Sealed> seal(std::uint64_t place, const SealOptions& options, Deadline deadline);
  /// The same of each, none of which replaces another: in few requests if the backend has them, else on the
  /// threads of the pool.
  void seal_batch(std::span<const ObjectDraft> drafts, std::span<Result<Sealed>> sealed, Deadline deadline,
                  CallPool& pool);
  [[nodiscard]] Result<bool> evict(const Address& address, Deadline deadline);
  /// The same of each: those by name in few requests if the backend has them, else on the threads of the
  /// pool.
  void evict_batch(std::span<const Address> addresses, std::span<Result<bool>> evicted, Deadline deadline,
                   CallPool& pool);
  /// Objects of that store expire, or may: what is under a name is looked at before it is evicted.
  void expect_expiry(std::uint32_t store) LOCUM_EXCLUDES(mutex_);
  /// Bytes of the drafts.
  [[nodiscard]] std::uint64_t draft_bytes() const LOCUM_EXCLUDES(mutex_);

 private:
  /// An object that is being made, until it is sealed.
  struct Draft {
    std::shared_ptr<std::byte> memory;
    std::uint64_t record_bytes = 0;
    /// Its texts refer to the following. Without the lifetime: a record has its moment elsewhere.
    ObjectMeta meta;
    std::uint64_t lifetime_ms = 0;
    std::string type_name;
    std::string name;
    std::string tag;
  };
  /// By place. A draft is where it was made until it is stored.
  using Drafts = std::unordered_map<std::uint64_t, Draft>;
  /// A draft that is about to be stored.
  struct Sealing {
    Drafts::node_type draft;
    std::string_view space;
    std::string record_name;
    std::string alias_name;  ///< empty: it needs none
    Sealed sealed;
    NewRecord record;

    [[nodiscard]] const std::string& name() const { return draft.mapped().name; }
  };

  /// Empty if it was taken before.
  [[nodiscard]] Drafts::node_type take_draft(std::uint64_t place) noexcept LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] Result<Sealing> prepare(std::uint64_t place, const SealOptions& options, Deadline deadline);
  [[nodiscard]] Result<Sealed> finish(const Sealing& sealing, const Result<void>& stored);
  [[nodiscard]] static NewRecord alias_of(const Sealing& sealing, std::chrono::milliseconds lifetime);
  [[nodiscard]] Result<void> store(const Sealing& sealing, Deadline deadline);
  [[nodiscard]] Result<void> once_more(const Sealing& sealing, Result<void> stored, Deadline deadline);
  [[nodiscard]] bool may_be_another(std::uint32_t store, std::string_view record) const;
  void tell_of(std::span<const Result<Sealed>> sealed);
  void keep_alias(const Sealing& sealing, Deadline deadline);

  const std::shared_ptr<Backend> backend_;
  const RecordNames names_;
  StoreSpaces& spaces_;
  BackendReader& reader_;
  BoundSignal& bound_;
  BackendKeys keys_;
  GenerationClock generations_;
  mutable Mutex mutex_;
  std::uint64_t last_place_ LOCUM_GUARDED_BY(mutex_) = 0;
  Drafts drafts_ LOCUM_GUARDED_BY(mutex_);
  std::unordered_set<std::uint32_t> expiring_ LOCUM_GUARDED_BY(mutex_);  ///< stores
};

}  // namespace locum
