#include "transport/storage/memory/simple.hpp"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "core/base/mutex.hpp"
#include "transport/storage/expectation.hpp"
#include "transport/storage/memory/traits.hpp"

namespace locum::storage {

namespace {

class Simple final : public Backend {
 public:
  const BackendTraits& traits() const noexcept override { return backends::simple; }

  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline /*deadline*/) override {
    const MutexLock lock(mutex_);
    const auto found = records_.find(place(key));
    if (found == records_.end()) {
      return no_such_object();
    }
    // The bytes stay where they are, whatever happens to the record: the result owns them, too.
    const Kept& kept = found->second;
    const auto shown = static_cast<std::size_t>(std::min(last_bytes, kept.size_bytes));
    return LoadedRecord{
        kept.bytes, {kept.bytes.get() + kept.size_bytes - shown, shown}, kept.size_bytes, kept.revision};
  }

  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline /*deadline*/) override {
    Kept kept{record_memory(record.bytes.size()), record.bytes.size(), record.revision};
    if (!kept.bytes) {
      return no_memory_left();
    }
    std::ranges::copy(record.bytes, kept.bytes.get());
    const MutexLock lock(mutex_);
    const auto found = records_.find(place(key));
    const std::uint64_t* const revision = found == records_.end() ? nullptr : &found->second.revision;
    if (auto may = may_store(record, revision); !may) {
      return may;
    }
    records_.insert_or_assign(place(key), std::move(kept));
    return {};
  }

  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline /*deadline*/) override {
    const MutexLock lock(mutex_);
    const auto found = records_.find(place(key));
    if (found == records_.end() || (revision != 0 && found->second.revision != revision)) {
      return false;
    }
    records_.erase(found);
    return true;
  }

  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline /*deadline*/) override {
    const MutexLock lock(mutex_);
    std::vector<std::string> names;
    for (auto at = records_.lower_bound({std::string(space), std::string(prefix)});
         at != records_.end() && at->first.first == space && at->first.second.starts_with(prefix); ++at) {
      names.push_back(at->first.second);
    }
    return names;
  }

 private:
  using Place = std::pair<std::string, std::string>;
  struct Kept {
    std::shared_ptr<std::byte> bytes;
    std::uint64_t size_bytes = 0;
    std::uint64_t revision = 0;
  };
  static Place place(const RecordKey& key) { return {std::string(key.space), std::string(key.name)}; }

  Mutex mutex_;
  std::map<Place, Kept> records_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace

Result<std::shared_ptr<Backend>> open_simple(const Url& url) {
  const auto known = url.knows_only({});
  return known ? Result<std::shared_ptr<Backend>>(std::make_shared<Simple>()) : known.error();
}

}  // namespace locum::storage
