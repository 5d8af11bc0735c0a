#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/mutex.hpp"
#include "core/ports/backend.hpp"
#include "core/url.hpp"
#include "transport/storage/memory/simple.hpp"
#include "transport/storage/wrappers/known_wrappers.hpp"

namespace locum::tests {

/// A backend that wrappers are tested over: it tells what it was asked for, fails when told to, and has the
/// traits that a test gives it. It has batches.
class ProbeBackend final : public Backend, public RecordBatches {
 public:
  /// A call that fails: with this code, before or after it did what it was asked for. `Errc{}`: one that does
  /// not fail.
  struct Failure {
    Errc code;
    bool is_done = false;
  };

  explicit ProbeBackend(BackendTraits traits = {.scheme = "probe",
                                                .is_durable = false,
                                                .shared_by = SharedBy::process})
      : traits_(traits) {}

  const BackendTraits& traits() const noexcept override { return traits_; }
  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last, Deadline deadline) override {
    const auto failure = begin("load", key, deadline);
    return failure ? Result<LoadedRecord>(error(*failure)) : in_->load(key, last, deadline);
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    const auto failure = begin("store", key, deadline);
    {
      const MutexLock lock(mutex_);
      last_lifetime_ = record.lifetime;
      last_tag_ = record.tag;
    }
    if (failure && !failure->is_done) {
      return error(*failure);
    }
    auto stored = in_->store(key, record, deadline);
    return failure ? Result<void>(error(*failure)) : stored;
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    const auto failure = begin("remove", key, deadline);
    if (failure && !failure->is_done) {
      return error(*failure);
    }
    auto removed = in_->remove(key, revision, deadline);
    return failure ? Result<bool>(error(*failure)) : removed;
  }
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override {
    const auto failure = begin("list", {space, prefix}, deadline);
    return failure ? Result<std::vector<std::string>>(error(*failure)) : in_->list(space, prefix, deadline);
  }
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override {
    const auto failure = begin("drop", {space, {}}, deadline);
    return failure ? Result<std::uint64_t>(error(*failure)) : in_->drop(space, deadline);
  }
  void await(const RecordKey& key, Deadline until) override { (void)begin("await", key, until); }
  RecordBatches* batches() noexcept override { return this; }

  void load(std::span<const RecordKey> keys, std::uint64_t last, std::span<Result<LoadedRecord>> loaded,
            Deadline deadline) override {
    note_batch("load", keys.size());
    for (std::size_t at = 0; at < keys.size(); ++at) {
      loaded[at] = load(keys[at], last, deadline);
    }
  }
  void store(std::span<const RecordKey> keys, std::span<const NewRecord> records,
             std::span<Result<void>> stored, Deadline deadline) override {
    note_batch("store", keys.size());
    for (std::size_t at = 0; at < keys.size(); ++at) {
      stored[at] = store(keys[at], records[at], deadline);
    }
  }
  void remove(std::span<const RecordKey> keys, std::span<Result<bool>> removed, Deadline deadline) override {
    note_batch("remove", keys.size());
    for (std::size_t at = 0; at < keys.size(); ++at) {
      removed[at] = remove(keys[at], 0, deadline);
    }
  }

  /// What it was asked for since the last time: "load s/a", one after the other.
  [[nodiscard]] std::vector<std::string> calls() {
    const MutexLock lock(mutex_);
    return std::exchange(calls_, {});
  }
  /// The batches since the last time: "load 3".
  [[nodiscard]] std::vector<std::string> batch_calls() {
    const MutexLock lock(mutex_);
    return std::exchange(batch_calls_, {});
  }
  [[nodiscard]] Deadline last_deadline() {
    const MutexLock lock(mutex_);
    return last_deadline_;
  }
  [[nodiscard]] std::chrono::milliseconds last_lifetime() {
    const MutexLock lock(mutex_);
    return last_lifetime_;
  }
  [[nodiscard]] std::string last_tag() {
    const MutexLock lock(mutex_);
    return last_tag_;
  }
  /// The next calls fail so.
  void fail(std::deque<Failure> next) {
    const MutexLock lock(mutex_);
    failures_ = std::move(next);
  }
  /// The backend below, past all that is counted.
  [[nodiscard]] Backend& kept() const noexcept { return *in_; }

 private:
  static Error error(const Failure& failure) {
    return Error(failure.code, "the probe was told to fail", "detail of the probe");
  }
  void note_batch(const char* what, std::size_t size) {
    const MutexLock lock(mutex_);
    batch_calls_.push_back(std::string(what) + ' ' + std::to_string(size));
  }
  std::optional<Failure> begin(const char* what, const RecordKey& key, Deadline deadline) {
    const MutexLock lock(mutex_);
    calls_.push_back(std::string(what) + ' ' + std::string(key.space) + '/' + std::string(key.name));
    last_deadline_ = deadline;
    if (failures_.empty()) {
      return std::nullopt;
    }
    const Failure next = failures_.front();
    failures_.pop_front();
    return next.code == Errc{} ? std::nullopt : std::optional(next);
  }

  const BackendTraits traits_;
  const std::shared_ptr<Backend> in_ = storage::open_simple(parse_url("simple:").value()).value();
  Mutex mutex_;
  std::vector<std::string> calls_ LOCUM_GUARDED_BY(mutex_);
  std::vector<std::string> batch_calls_ LOCUM_GUARDED_BY(mutex_);
  std::deque<Failure> failures_ LOCUM_GUARDED_BY(mutex_);
  Deadline last_deadline_ LOCUM_GUARDED_BY(mutex_);
  std::chrono::milliseconds last_lifetime_ LOCUM_GUARDED_BY(mutex_){-1};
  std::string last_tag_ LOCUM_GUARDED_BY(mutex_);
};

/// The wrappers of a URL over this backend, whatever scheme the URL has.
inline Result<std::shared_ptr<Backend>> wrapped(std::string_view url, std::shared_ptr<Backend> backend) {
  return storage::open_wrapped(parse_url(url).value(),
                               [&](const Url& bare) -> Result<std::shared_ptr<Backend>> {
                                 const auto known = bare.knows_only({});
                                 return known ? Result<std::shared_ptr<Backend>>(backend) : known.error();
                               });
}

}  // namespace locum::tests
