#include <algorithm>
#include <random>
#include <thread>
#include <utility>

#include "core/base/back_off.hpp"
#include "transport/storage/wrappers/wrapper.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

namespace {

using Clock = Deadline::Clock;

bool is_worth_a_retry(const Error& error) noexcept {
  return error.code() == Errc::timeout || error.code() == Errc::peer_lost;
}

/// The attempts of one call: when to make the next one.
class Attempts {
 public:
  Attempts(const RetryOptions& options, Deadline deadline, std::uint32_t made)
      : pauses_(std::min<std::chrono::milliseconds>(options.first_pause, std::chrono::hours(1)),
                options.longest_pause),
        left_(options.times > made ? options.times - made : 0),
        end_(deadline.moment(std::chrono::seconds(0))) {}

  /// Waits until it is time for another attempt. False: there is none, or no time for it.
  [[nodiscard]] bool another() {
    if (left_ == 0) {
      return false;
    }
    --left_;
    // Between half of the pause and all of it, so that those who failed at once do not come back at once.
    thread_local std::minstd_rand random{std::random_device{}()};
    const auto pause = pauses_.next();
    const auto shorter = pause / 2 + pause / 2 * static_cast<Clock::rep>(random() % 1024) / 1024;
    if (Clock::now() + shorter >= end_) {
      return false;
    }
    std::this_thread::sleep_for(shorter);
    return true;
  }

 private:
  BackOff pauses_;
  std::uint32_t left_;
  const Clock::time_point end_;
};

class Retry final : public Wrapper {
 public:
  Retry(std::shared_ptr<Backend> inner, const RetryOptions& options)
      : Wrapper(std::move(inner)), options_(options) {}

  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    return again(inner().load(key, last_bytes, deadline), deadline,
                 [&] { return inner().load(key, last_bytes, deadline); });
  }
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override {
    return again(inner().list(space, prefix, deadline), deadline,
                 [&] { return inner().list(space, prefix, deadline); });
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    return store_again(inner().store(key, record, deadline), key, record, deadline);
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    return remove_again(inner().remove(key, revision, deadline), key, revision, deadline);
  }

 private:
  template <class T, class Call>
  Result<T> again(Result<T> outcome, Deadline deadline, const Call& call) {
    Attempts attempts(options_, deadline, 1);
    while (!outcome && is_worth_a_retry(outcome.error()) && attempts.another()) {
      outcome = call();
    }
    return outcome;
  }

  // An attempt that failed may have stored the record. Then the next one finds another record there than the
  // one that it expects: its own, by its revision, and it is done. If it finds a third one, nobody knows
  // whether the first attempt was made, and that is what the caller learns.
  Result<void> store_again(Result<void> outcome, const RecordKey& key, const NewRecord& record,
                           Deadline deadline) {
    Attempts attempts(options_, deadline, 1);
    while (!outcome && is_worth_a_retry(outcome.error()) && attempts.another()) {
      const Error unknown = outcome.error();
      const auto found = inner().load(key, 0, deadline);
      if (found && found->revision == record.revision && found->size_bytes == record.bytes.size()) {
        return {};
      }
      if (!found && found.error().code() != Errc::not_found) {
        outcome = unknown;  // it cannot be found out now
        continue;
      }
      outcome = inner().store(key, record, deadline);
      if (outcome || is_worth_a_retry(outcome.error())) {
        continue;
      }
      const Errc code = outcome.error().code();
      if (code == Errc::key_exists || code == Errc::stale || code == Errc::not_found) {
        const auto now = inner().load(key, 0, deadline);
        return now && now->revision == record.revision && now->size_bytes == record.bytes.size()
                   ? Result<void>()
                   : unknown;
      }
    }
    return outcome;
  }

  // Who finds nothing to remove after an attempt that failed does not know who removed it.
  Result<bool> remove_again(Result<bool> outcome, const RecordKey& key, std::uint64_t revision,
                            Deadline deadline) {
    Attempts attempts(options_, deadline, 1);
    while (!outcome && is_worth_a_retry(outcome.error()) && attempts.another()) {
      const Error unknown = outcome.error();
      outcome = inner().remove(key, revision, deadline);
      if (outcome && !*outcome) {
        return unknown;
      }
    }
    return outcome;
  }

  void load_all(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                std::span<Result<LoadedRecord>> loaded, Deadline deadline) override {
    inner().batches()->load(keys, last_bytes, loaded, deadline);
    for (std::size_t at = 0; at < keys.size(); ++at) {
      loaded[at] = again(std::move(loaded[at]), deadline,
                         [&] { return inner().load(keys[at], last_bytes, deadline); });
    }
  }
  void store_all(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                 std::span<Result<void>> stored, Deadline deadline) override {
    inner().batches()->store(keys, records, stored, deadline);
    for (std::size_t at = 0; at < keys.size(); ++at) {
      stored[at] = store_again(std::move(stored[at]), keys[at], records[at], deadline);
    }
  }
  void remove_all(std::span<const RecordKey> keys, std::span<Result<bool>> removed,
                  Deadline deadline) override {
    inner().batches()->remove(keys, removed, deadline);
    for (std::size_t at = 0; at < keys.size(); ++at) {
      removed[at] = remove_again(std::move(removed[at]), keys[at], 0, deadline);
    }
  }

  const RetryOptions options_;
};

}  // namespace

Result<std::shared_ptr<Backend>> retried(std::shared_ptr<Backend> inner, const RetryOptions& options) {
  if (options.times == 0 || options.first_pause <= options.first_pause.zero() ||
      options.longest_pause < options.first_pause) {
    return Error(Errc::invalid_argument,
                 "retry: retry.times and retry.ms are at least 1, and retry.longest_ms is not less than "
                 "retry.ms");
  }
  return std::make_shared<Retry>(std::move(inner), options);
}

}  // namespace locum::storage
