#include "transport/storage/wrappers/wrapper.hpp"

namespace locum::storage {

Result<LoadedRecord> Wrapper::load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) {
  return inner_->load(key, last_bytes, deadline);
}

Result<void> Wrapper::store(const RecordKey& key, const NewRecord& record, Deadline deadline) {
  return inner_->store(key, record, deadline);
}

Result<bool> Wrapper::remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) {
  return inner_->remove(key, revision, deadline);
}

Result<std::vector<std::string>> Wrapper::list(std::string_view space, std::string_view prefix,
                                               Deadline deadline) {
  return inner_->list(space, prefix, deadline);
}

Result<std::uint64_t> Wrapper::drop(std::string_view space, Deadline deadline) {
  return inner_->drop(space, deadline);
}

void Wrapper::await(const RecordKey& key, Deadline until) {
  inner_->await(key, until);
}

RecordBatches* Wrapper::batches() noexcept {
  return inner_->batches() == nullptr ? nullptr : &together_;
}

void Wrapper::load_all(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                       std::span<Result<LoadedRecord>> loaded, Deadline deadline) {
  inner_->batches()->load(keys, last_bytes, loaded, deadline);
}

void Wrapper::store_all(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                        std::span<Result<void>> stored, Deadline deadline) {
  inner_->batches()->store(keys, records, stored, deadline);
}

void Wrapper::remove_all(std::span<const RecordKey> keys, std::span<Result<bool>> removed,
                         Deadline deadline) {
  inner_->batches()->remove(keys, removed, deadline);
}

}  // namespace locum::storage
