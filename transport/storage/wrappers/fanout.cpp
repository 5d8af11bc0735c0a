#include <algorithm>
#include <string>
#include <utility>

#include "transport/storage/wrappers/two_backends.hpp"
#include "transport/storage/wrappers/wrapper.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

namespace {

BackendTraits traits_with_copy(const Backend& first, const Backend& second) {
  BackendTraits traits = names_of_both(first.traits(), second.traits());
  traits.largest_record = std::min(traits.largest_record, second.traits().largest_record);
  traits.expires = traits.expires && second.traits().expires;
  return traits;
}

class Fanout final : public Wrapper {
 public:
  Fanout(std::shared_ptr<Backend> first, std::shared_ptr<Backend> second, const BackendTraits& traits)
      : Wrapper(std::move(first), traits), second_(std::move(second)) {}

  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    return and_second(inner().store(key, record, deadline), key, record, deadline);
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    return and_second(inner().remove(key, revision, deadline), key, revision, deadline);
  }
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override {
    if (!second_->traits().lists) {
      return drop_what_is_listed(space, deadline);  // the second does not know what it has
    }
    auto dropped = inner().drop(space, deadline);
    if (dropped) {
      if (const auto copy = second_->drop(space, deadline); !copy) {
        return differs("dropped", space, copy.error());
      }
    }
    return dropped;
  }

 private:
  // Not the second's own code: `timeout` and `peer_lost` say that nobody knows whether the change was made.
  static Error differs(const std::string& what, std::string_view key, const Error& why) {
    return Error(Errc::system,
                 "fanout: it was " + what +
                     " in the first backend, and not in the second one; store it again when that can be "
                     "reached",
                 why.text() + (why.detail().empty() ? "" : ": " + why.detail()))
        .about(key);
  }
  // The first backend has decided whether what was expected was there.
  Result<void> and_second(Result<void> first, const RecordKey& key, const NewRecord& record,
                          Deadline deadline) {
    if (!first) {
      return first;
    }
    NewRecord copy = record;
    copy.expect = Expect::anything;
    const auto stored = second_->store(key, copy, deadline);
    return stored ? std::move(first) : differs("stored", key.name, stored.error());
  }
  Result<bool> and_second(Result<bool> first, const RecordKey& key, std::uint64_t revision,
                          Deadline deadline) {
    if (!first || (!*first && revision != 0)) {
      return first;
    }
    const auto removed = second_->remove(key, revision, deadline);
    return removed ? std::move(first) : differs("removed", key.name, removed.error());
  }
  void store_all(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                 std::span<Result<void>> stored, Deadline deadline) override {
    inner().batches()->store(keys, records, stored, deadline);
    for (std::size_t at = 0; at < keys.size(); ++at) {
      stored[at] = and_second(std::move(stored[at]), keys[at], records[at], deadline);
    }
  }
  void remove_all(std::span<const RecordKey> keys, std::span<Result<bool>> removed,
                  Deadline deadline) override {
    inner().batches()->remove(keys, removed, deadline);
    for (std::size_t at = 0; at < keys.size(); ++at) {
      removed[at] = and_second(std::move(removed[at]), keys[at], 0, deadline);
    }
  }

  const std::shared_ptr<Backend> second_;
};

}  // namespace

std::shared_ptr<Backend> fanned_out(std::shared_ptr<Backend> first, std::shared_ptr<Backend> second) {
  const BackendTraits traits = traits_with_copy(*first, *second);
  return std::make_shared<Fanout>(std::move(first), std::move(second), traits);
}

}  // namespace locum::storage
