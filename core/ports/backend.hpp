#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <locum/deadline.hpp>
#include <locum/options.hpp>
#include <locum/result.hpp>

namespace locum {

/// Bytes that the name of a record may have.
enum class NameBytes : std::uint8_t {
  any,        ///< all 256
  printable,  ///< those that ASCII prints, without the space
  file_name,  ///< letters, digits and `_ - . , + = @ ~ %`; not `.` first
};

/// Abilities and limits of a backend. An ability that it lacks is refused when a store that needs it is
/// opened (see BackendNeeds), else when it is used: `unsupported`.
struct BackendTraits {
  std::string_view scheme;  ///< of its URLs
  /// Most bytes of a record: those of the object and about a hundred more.
  std::uint64_t largest_record = std::numeric_limits<std::uint64_t>::max();
  std::uint32_t longest_name = 64 * 1024;  ///< most bytes of a record's name, at least 64
  NameBytes name_bytes = NameBytes::any;
  bool lists = true;        ///< list() and drop() are supported
  bool is_atomic = true;    ///< of two concurrent stores under a name with an expectation, one wins
  bool expires = false;     ///< the backend itself removes records at the end of their lifetime
  bool pushes = false;      ///< await() sleeps until a record is stored, instead of polling
  bool loads_ends = false;  ///< load() of the end of a record brings only that end to memory
  bool in_place = false;    ///< load() shows the stored bytes themselves, without a copy
  bool is_durable = true;   ///< records outlive the process
  SharedBy shared_by = SharedBy::hosts;
  /// Name, in the form that users give, of the object of each store that a get shows in place of a missing
  /// one; empty: none. The text stays as long as the backend.
  std::string_view default_name{};
};

/// Identifies a record. Both texts obey the backend's traits: callers have escaped them.
struct RecordKey {
  std::string_view space;  ///< one for each store
  std::string_view name;
};

/// A record that was loaded, or its end.
struct LoadedRecord {
  std::shared_ptr<const void> owner;  ///< keeps the bytes in place
  std::span<const std::byte> bytes;   ///< all of them, or the last ones
  std::uint64_t size_bytes = 0;       ///< of all of them
  std::uint64_t revision = 0;  ///< which it was stored with, or a later one if another program changed it
};

/// Precondition of storing a record.
enum class Expect : std::uint8_t {
  anything,
  absent,    ///< no record exists: else `key_exists`
  revision,  ///< a record of that revision exists: else `stale`, or `not_found` if there is none
};

/// A record to be stored.
struct NewRecord {
  std::shared_ptr<const void> owner;  ///< keeps the bytes; a backend may keep it, instead of a copy
  std::span<const std::byte> bytes;
  std::uint64_t revision = 0;  ///< load() returns it from now on: nanoseconds since 1970, about
  Expect expect = Expect::anything;
  std::uint64_t expected_revision = 0;
  std::chrono::milliseconds lifetime{0};  ///< if the backend removes records itself; 0: for ever
  /// Tag of the object when it was put (StoringOptions::tag), for rules on where a record goes; the text
  /// stays until store() returns. Empty: none.
  std::string_view tag{};
};

/// `last_bytes` with which load() returns the whole record.
inline constexpr std::uint64_t whole_record = std::numeric_limits<std::uint64_t>::max();

/// Loads, stores and removes many records at once. A failed one does not fail the others.
class RecordBatches {
 public:
  virtual ~RecordBatches() = default;

  /// Loads each record like Backend::load(). REQUIRES: as many `loaded` as keys.
  virtual void load(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                    std::span<Result<LoadedRecord>> loaded, Deadline deadline) = 0;
  /// Stores each record like Backend::store(). REQUIRES: as many records and `stored` as keys.
  virtual void store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                     std::span<Result<void>> stored, Deadline deadline) = 0;
  /// Removes each record like Backend::remove(), whatever its revision. REQUIRES: as many `removed` as keys.
  virtual void remove(std::span<const RecordKey> keys, std::span<Result<bool>> removed,
                      Deadline deadline) = 0;
};

/// Storage of records: a folder, a file, a server. It maps names to bytes, and knows nothing of objects: a
/// BackendConnector makes a store of it. Its calls may block, within their deadline (which is never the
/// default one). Several threads call concurrently. A server that does not answer is `timeout`, one that
/// cannot be reached `peer_lost`; after either a change may or may not have been made.
class Backend {
 public:
  Backend() = default;
  Backend(const Backend&) = delete;
  Backend& operator=(const Backend&) = delete;
  virtual ~Backend() = default;

  /// Returns the traits, which never change.
  [[nodiscard]] virtual const BackendTraits& traits() const noexcept = 0;
  /// Returns the record under that name; `not_found`. `last_bytes`: at least that many bytes of its end, or
  /// all if it has fewer. The bytes do not change while the result has an owner.
  [[nodiscard]] virtual Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes,
                                                  Deadline deadline) = 0;
  /// Stores a record: no process ever sees part of it. When this returns it is as durable as this backend
  /// makes it.
  [[nodiscard]] virtual Result<void> store(const RecordKey& key, const NewRecord& record,
                                           Deadline deadline) = 0;
  /// Removes the record, if it has that revision; 0: whichever it has. Returns false if there is no such
  /// record.
  [[nodiscard]] virtual Result<bool> remove(const RecordKey& key, std::uint64_t revision,
                                            Deadline deadline) = 0;
  /// Returns the names in a space that begin with `prefix`, unordered; names that exist throughout the call
  /// exactly once.
  [[nodiscard]] virtual Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                                              Deadline deadline);
  /// Removes all records of a space; returns how many there were. This default lists and removes them.
  [[nodiscard]] virtual Result<std::uint64_t> drop(std::string_view space, Deadline deadline);
  /// Sleeps until a record may have been stored under that name, or the deadline; may return early. This
  /// default returns at once: the caller polls, less and less often.
  virtual void await(const RecordKey& /*key*/, Deadline /*until*/) {}
  /// Returns the calls for many records; null: the calls are made concurrently, one by one.
  [[nodiscard]] virtual RecordBatches* batches() noexcept { return nullptr; }
};

/// Alignment of a record's bytes in memory, which the elements of objects may need.
inline constexpr std::uint32_t record_alignment = 64;
/// Allocates memory for the bytes of a record, aligned to record_alignment. Null if there is none.
[[nodiscard]] std::shared_ptr<std::byte> record_memory(std::uint64_t size_bytes);
/// As many last bytes of a record as hold its end, for most objects.
inline constexpr std::uint64_t usual_end_bytes = 512;
/// Returns `unsupported`, which names the ability, unless a backend has all abilities in `needs`.
[[nodiscard]] Result<void> meets(const BackendTraits& traits, const BackendNeeds& needs);
/// Returns `timeout` if the deadline has passed.
[[nodiscard]] Result<void> still_time(Deadline deadline);

}  // namespace locum
