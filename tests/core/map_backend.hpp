#pragma once

#include <algorithm>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/backend.hpp"

namespace locum::tests {

/// Keeps records in a map. A test decides what happens just before each call, and changes records behind the
/// back of whoever uses this.
class MapBackend final : public Backend {
 public:
  enum class Call : std::uint8_t { load, store, remove, list };
  /// Called before each call, with the name of its record. An error is returned in place of the call.
  using Hook = std::function<std::optional<Error>(Call, std::string_view name)>;

  struct Kept {
    std::vector<std::byte> bytes;
    std::uint64_t revision = 0;
  };

  explicit MapBackend(bool lists = true)
      : traits_{.scheme = "map", .lists = lists, .is_durable = false, .shared_by = SharedBy::process} {}

  void before(Hook hook) {
    const MutexLock lock(mutex_);
    hook_ = hook ? std::make_shared<Hook>(std::move(hook)) : nullptr;
  }
  /// Calls since the last time.
  [[nodiscard]] int calls() {
    const MutexLock lock(mutex_);
    return std::exchange(calls_, 0);
  }
  /// The names in a space, sorted.
  [[nodiscard]] std::vector<std::string> names(std::string_view space) {
    const MutexLock lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [place, kept] : records_) {
      if (place.first == space) {
        names.push_back(place.second);
      }
    }
    return names;
  }
  /// A record, to be changed while no call is under way. Throws std::out_of_range if there is none.
  [[nodiscard]] Kept& kept(std::string_view space, std::string_view name) {
    const MutexLock lock(mutex_);
    return records_.at(place({space, name}));
  }

  const BackendTraits& traits() const noexcept override { return traits_; }
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline /*deadline*/) override {
    if (auto error = begin(Call::load, key.name)) {
      return *error;
    }
    const MutexLock lock(mutex_);
    const auto found = records_.find(place(key));
    if (found == records_.end()) {
      return no_such_object();
    }
    const auto& bytes = found->second.bytes;
    const std::size_t shown = std::min<std::uint64_t>(last_bytes, bytes.size());
    const auto copy = record_memory(shown);
    std::copy_n(bytes.end() - static_cast<std::ptrdiff_t>(shown), shown, copy.get());
    return LoadedRecord{copy, {copy.get(), shown}, bytes.size(), found->second.revision};
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline /*deadline*/) override {
    if (auto error = begin(Call::store, key.name)) {
      return *error;
    }
    const MutexLock lock(mutex_);
    const auto found = records_.find(place(key));
    if (record.expect == Expect::absent && found != records_.end()) {
      return Error(Errc::key_exists, "there is a record of that name");
    }
    if (record.expect == Expect::revision && found == records_.end()) {
      return no_such_object();
    }
    if (record.expect == Expect::revision && found->second.revision != record.expected_revision) {
      return Error(Errc::stale, "the record has another revision");
    }
    records_.insert_or_assign(place(key), Kept{{record.bytes.begin(), record.bytes.end()}, record.revision});
    return {};
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline /*deadline*/) override {
    if (auto error = begin(Call::remove, key.name)) {
      return *error;
    }
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
    if (auto error = begin(Call::list, prefix)) {
      return *error;
    }
    auto found = names(space);
    std::erase_if(found, [&](const std::string& name) { return !name.starts_with(prefix); });
    return found;
  }

 private:
  using Place = std::pair<std::string, std::string>;
  static Place place(const RecordKey& key) { return {std::string(key.space), std::string(key.name)}; }

  // The hook may call this backend.
  std::optional<Error> begin(Call call, std::string_view name) {
    std::shared_ptr<Hook> hook;
    {
      const MutexLock lock(mutex_);
      ++calls_;
      hook = hook_;
    }
    return hook ? (*hook)(call, name) : std::nullopt;
  }

  const BackendTraits traits_;
  Mutex mutex_;
  std::shared_ptr<Hook> hook_ LOCUM_GUARDED_BY(mutex_);
  int calls_ LOCUM_GUARDED_BY(mutex_) = 0;
  std::map<Place, Kept> records_ LOCUM_GUARDED_BY(mutex_);
};

}  // namespace locum::tests
