#include <algorithm>
#include <utility>

#include "transport/storage/wrappers/wrapper.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

namespace {

// await() keeps its time: to sleep long is what it is for.
class ShortCalls final : public Wrapper {
 public:
  ShortCalls(std::shared_ptr<Backend> inner, std::chrono::milliseconds longest)
      : Wrapper(std::move(inner)), longest_(longest) {}

  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    return inner().load(key, last_bytes, sooner(deadline));
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    return inner().store(key, record, sooner(deadline));
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    return inner().remove(key, revision, sooner(deadline));
  }
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override {
    return inner().list(space, prefix, sooner(deadline));
  }
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override {
    return inner().drop(space, sooner(deadline));
  }

 private:
  [[nodiscard]] Deadline sooner(Deadline deadline) const {
    return std::min(deadline.moment(longest_), Deadline(longest_).moment(longest_));
  }
  void load_all(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                std::span<Result<LoadedRecord>> loaded, Deadline deadline) override {
    inner().batches()->load(keys, last_bytes, loaded, sooner(deadline));
  }
  void store_all(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                 std::span<Result<void>> stored, Deadline deadline) override {
    inner().batches()->store(keys, records, stored, sooner(deadline));
  }
  void remove_all(std::span<const RecordKey> keys, std::span<Result<bool>> removed,
                  Deadline deadline) override {
    inner().batches()->remove(keys, removed, sooner(deadline));
  }

  const std::chrono::milliseconds longest_;
};

}  // namespace

Result<std::shared_ptr<Backend>> time_limited(std::shared_ptr<Backend> inner,
                                              std::chrono::milliseconds longest) {
  if (longest <= longest.zero()) {
    return Error(Errc::invalid_argument, "timeout: needs timeout.ms, the longest time of a call, from 1");
  }
  return std::make_shared<ShortCalls>(std::move(inner), longest);
}

}  // namespace locum::storage
