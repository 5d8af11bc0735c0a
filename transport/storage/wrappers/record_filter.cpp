#include "transport/storage/wrappers/record_filter.hpp"

#include <utility>

namespace locum::storage {

Result<LoadedRecord> RecordFilter::load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) {
  auto stored = inner().load(key, loads_whole() ? whole_record : last_bytes, deadline);
  return stored ? from_store(key, std::move(*stored), deadline) : std::move(stored);
}

Result<void> RecordFilter::store(const RecordKey& key, const NewRecord& record, Deadline deadline) {
  const auto changed = to_store(key, record, deadline);
  return changed ? inner().store(key, *changed, deadline) : changed.error();
}

void RecordFilter::load_all(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                            std::span<Result<LoadedRecord>> loaded, Deadline deadline) {
  inner().batches()->load(keys, loads_whole() ? whole_record : last_bytes, loaded, deadline);
  for (std::size_t at = 0; at < keys.size(); ++at) {
    if (loaded[at]) {
      loaded[at] = from_store(keys[at], std::move(*loaded[at]), deadline);
    }
  }
}

void RecordFilter::store_all(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                             std::span<Result<void>> stored, Deadline deadline) {
  std::vector<RecordKey> allowed;
  std::vector<NewRecord> changed;
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at < keys.size(); ++at) {
    auto one = to_store(keys[at], records[at], deadline);
    if (!one) {
      stored[at] = one.error();
      continue;
    }
    allowed.push_back(keys[at]);
    changed.push_back(std::move(*one));
    places.push_back(at);
  }
  std::vector<Result<void>> done(allowed.size());
  inner().batches()->store(allowed, changed, done, deadline);
  for (std::size_t at = 0; at < places.size(); ++at) {
    stored[places[at]] = std::move(done[at]);
  }
}

}  // namespace locum::storage
