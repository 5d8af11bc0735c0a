#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "core/backend/backend_keys.hpp"
#include "core/backend/backend_reader.hpp"
#include "core/backend/bound_signal.hpp"
#include "core/backend/call_pool.hpp"
#include "core/backend/record_format.hpp"
#include "core/backend/record_names.hpp"
#include "core/backend/store_spaces.hpp"
#include "core/base/mutex.hpp"
#include "core/base/number_table.hpp"
#include "core/ports/backend.hpp"
#include "core/ports/connector.hpp"
#include "core/value/result.hpp"

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
  /// An object that is being made, until it is sealed: a record without its last words.
  struct Draft {
    std::shared_ptr<std::byte> memory;  ///< the record, and behind it the tag
    ObjectRecord object;
    std::uint64_t lifetime_ms = 0;
    std::size_t tag_bytes = 0;

    [[nodiscard]] std::uint64_t record_bytes() const noexcept {
      return object.size_bytes + record_end_bytes(object);
    }
  };
  /// What a record that is about to be stored is called. It stays where it is: names refer to it.
  struct Sealing {
    Sealing() = default;
    Sealing(const Sealing&) = delete;
    Sealing& operator=(const Sealing&) = delete;

    std::string_view name;  ///< of the object, in the record; empty: it has none
    std::string_view space;
    std::string room;       ///< of a record name that is not the object's
    NumberedName numbered;  ///< of the record if the object has no name; else of the alias, if it needs one
    std::string_view record_name;
    Sealed sealed;

    [[nodiscard]] bool has_alias() const noexcept { return !name.empty() && !numbered.empty(); }
  };

  /// None if it was taken before.
  [[nodiscard]] std::optional<Draft> take_draft(std::uint64_t place) noexcept LOCUM_EXCLUDES(mutex_);
  /// \param generation of the object, if it has a name
  [[nodiscard]] Result<void> prepare(std::uint64_t place, const SealOptions& options, BatchSpaces& spaces,
                                     std::uint64_t generation, Sealing& sealing, NewRecord& record);
  [[nodiscard]] Result<Sealed> finish(const Sealing& sealing, const NewRecord& record,
                                      const Result<void>& stored);
  [[nodiscard]] static NewRecord alias_of(const Sealing& sealing, const NewRecord& record);
  [[nodiscard]] Result<void> store(const Sealing& sealing, const NewRecord& record, Deadline deadline);
  [[nodiscard]] Result<void> once_more(const Sealing& sealing, const NewRecord& record, Result<void> stored,
                                       Deadline deadline);
  [[nodiscard]] bool may_be_another(std::uint32_t store, std::string_view record) const;
  void tell_of(std::span<const Result<Sealed>> sealed);
  void keep_alias(const Sealing& sealing, const NewRecord& record, Deadline deadline);

  const std::shared_ptr<Backend> backend_;
  const RecordNames names_;
  StoreSpaces& spaces_;
  BackendReader& reader_;
  BoundSignal& bound_;
  BackendKeys keys_;
  GenerationClock generations_;
  mutable Mutex mutex_;
  NumberTable<Draft> drafts_ LOCUM_GUARDED_BY(mutex_);  ///< by their places
  std::uint64_t draft_bytes_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::unordered_set<std::uint32_t> expiring_ LOCUM_GUARDED_BY(mutex_);  ///< stores
};

}  // namespace locum
