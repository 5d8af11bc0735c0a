#include "transport/storage/wrappers/call_observer.hpp"

#include <type_traits>
#include <utility>

namespace locum::storage {

std::string_view outcome_of(const SeenCall& seen) noexcept {
  if (seen.outcome != Errc{}) {
    return to_string(seen.outcome);
  }
  return seen.was_absent ? "absent" : "done";
}

template <class T>
Result<T> CallObserver::report(SeenCall seen, std::chrono::steady_clock::time_point since,
                               Result<T> outcome) {
  seen.time = std::chrono::steady_clock::now() - since;
  if (!outcome) {
    seen.outcome = outcome.error().code();
  } else {
    if constexpr (std::is_same_v<T, LoadedRecord>) {
      seen.bytes = outcome->bytes.size();
    }
    if constexpr (std::is_same_v<T, bool>) {
      seen.was_absent = !*outcome;
    }
  }
  const auto done = see(seen);
  return outcome && !done ? Result<T>(done.error()) : std::move(outcome);
}

Result<LoadedRecord> CallObserver::load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) {
  const auto since = std::chrono::steady_clock::now();
  return report({.call = BackendCall::load, .space = key.space, .name = key.name}, since,
                inner().load(key, last_bytes, deadline));
}

Result<void> CallObserver::store(const RecordKey& key, const NewRecord& record, Deadline deadline) {
  const auto since = std::chrono::steady_clock::now();
  return report(
      {.call = BackendCall::store, .space = key.space, .name = key.name, .bytes = record.bytes.size()}, since,
      inner().store(key, record, deadline));
}

Result<bool> CallObserver::remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) {
  const auto since = std::chrono::steady_clock::now();
  return report({.call = BackendCall::remove, .space = key.space, .name = key.name}, since,
                inner().remove(key, revision, deadline));
}

Result<std::vector<std::string>> CallObserver::list(std::string_view space, std::string_view prefix,
                                                    Deadline deadline) {
  const auto since = std::chrono::steady_clock::now();
  return report({.call = BackendCall::list, .space = space, .name = prefix}, since,
                inner().list(space, prefix, deadline));
}

Result<std::uint64_t> CallObserver::drop(std::string_view space, Deadline deadline) {
  const auto since = std::chrono::steady_clock::now();
  return report({.call = BackendCall::drop, .space = space, .name = {}}, since,
                inner().drop(space, deadline));
}

void CallObserver::load_all(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                            std::span<Result<LoadedRecord>> loaded, Deadline deadline) {
  const auto since = std::chrono::steady_clock::now();
  inner().batches()->load(keys, last_bytes, loaded, deadline);
  for (std::size_t at = 0; at < keys.size(); ++at) {
    loaded[at] = report({.call = BackendCall::load, .space = keys[at].space, .name = keys[at].name}, since,
                        std::move(loaded[at]));
  }
}

void CallObserver::store_all(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                             std::span<Result<void>> stored, Deadline deadline) {
  const auto since = std::chrono::steady_clock::now();
  inner().batches()->store(keys, records, stored, deadline);
  for (std::size_t at = 0; at < keys.size(); ++at) {
    stored[at] = report({.call = BackendCall::store,
                         .space = keys[at].space,
                         .name = keys[at].name,
                         .bytes = records[at].bytes.size()},
                        since, std::move(stored[at]));
  }
}

void CallObserver::remove_all(std::span<const RecordKey> keys, std::span<Result<bool>> removed,
                              Deadline deadline) {
  const auto since = std::chrono::steady_clock::now();
  inner().batches()->remove(keys, removed, deadline);
  for (std::size_t at = 0; at < keys.size(); ++at) {
    removed[at] = report({.call = BackendCall::remove, .space = keys[at].space, .name = keys[at].name}, since,
                         std::move(removed[at]));
  }
}

}  // namespace locum::storage
