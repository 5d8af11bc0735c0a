#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/mutex.hpp"
#include "core/ports/backend.hpp"
#include "transport/storage/redis/connection.hpp"

namespace locum::storage {

/// What became of the change of a record of a certain revision.
enum class Changed : std::int8_t { done = 1, other_revision = 0, missing = -1, not_ours = -2 };

/// Changes of records that must have a certain revision. The server compares it and makes the change in one
/// step, by a script, which it is given once and then knows by a hash. Any thread may call.
class RedisChanges {
 public:
  /// Stores `value`, if the record under the key has that revision. `how`: its lifetime in milliseconds;
  /// empty: for ever; "remove": the record is removed instead.
  [[nodiscard]] Result<Changed> make(RedisConnection& connection, const std::string& key,
                                     std::uint64_t revision, std::string_view how,
                                     const RedisConnection::Word& value, Deadline deadline)
      LOCUM_EXCLUDES(mutex_);

  /// The same as one request among others. Its result may be `not_ours`, or that of a hash that the server
  /// does not know: then make() is to be called.
  static void add(RedisConnection& connection, const RedisConnection::Word& key,
                  const std::string& script_hash, std::uint64_t revision, std::string_view how,
                  const RedisConnection::Word& value);
  /// The server's hash of the script; empty: it has none.
  [[nodiscard]] std::string script_hash(RedisConnection& connection, Deadline deadline)
      LOCUM_EXCLUDES(mutex_);
  [[nodiscard]] static Result<Changed> result(const RedisReply& reply, const std::string& name);
  [[nodiscard]] static bool is_unknown(const RedisReply& reply);

 private:
  Mutex mutex_;
  std::string script_hash_ LOCUM_GUARDED_BY(mutex_);
};

/// The whole record under a key; `not_found`.
[[nodiscard]] Result<LoadedRecord> load_value(RedisConnection& connection, const std::string& key,
                                              Deadline deadline);

}  // namespace locum::storage
