#include <algorithm>
#include <string>
#include <utility>

#include "core/backend/record_names.hpp"
#include "transport/storage/wrappers/wrapper.hpp"
#include "transport/storage/wrappers/wrappers.hpp"

namespace locum::storage {

namespace {

constexpr std::uint32_t least_name_bytes = 64;

class Prefix final : public Wrapper {
 public:
  Prefix(std::shared_ptr<Backend> inner, const BackendTraits& traits, std::string spaces, std::string names)
      : Wrapper(std::move(inner), traits), spaces_(std::move(spaces)), names_(std::move(names)) {}

  Result<LoadedRecord> load(const RecordKey& key, std::uint64_t last_bytes, Deadline deadline) override {
    const Place place(*this, key);
    return inner().load(place.key(), last_bytes, deadline);
  }
  Result<void> store(const RecordKey& key, const NewRecord& record, Deadline deadline) override {
    const Place place(*this, key);
    return inner().store(place.key(), record, deadline);
  }
  Result<bool> remove(const RecordKey& key, std::uint64_t revision, Deadline deadline) override {
    const Place place(*this, key);
    return inner().remove(place.key(), revision, deadline);
  }
  Result<std::vector<std::string>> list(std::string_view space, std::string_view prefix,
                                        Deadline deadline) override {
    auto names = inner().list(space_of(space), names_ + std::string(prefix), deadline);
    if (names) {
      for (std::string& name : *names) {
        name.erase(0, names_.size());
      }
    }
    return names;
  }
  Result<std::uint64_t> drop(std::string_view space, Deadline deadline) override {
    // Names without the prefix are others' and stay.
    return names_.empty() ? inner().drop(space_of(space), deadline) : drop_what_is_listed(space, deadline);
  }
  void await(const RecordKey& key, Deadline until) override {
    const Place place(*this, key);
    inner().await(place.key(), until);
  }

 private:
  struct Place {
    Place(const Prefix& with, const RecordKey& key)
        : space(with.space_of(key.space)), name(with.names_ + std::string(key.name)) {}
    [[nodiscard]] RecordKey key() const noexcept { return {space, name}; }

    std::string space;
    std::string name;
  };
  class Places {
   public:
    Places(const Prefix& with, std::span<const RecordKey> keys) {
      places_.reserve(keys.size());  // the keys point into them
      for (const RecordKey& key : keys) {
        keys_.push_back(places_.emplace_back(with, key).key());
      }
    }
    [[nodiscard]] std::span<const RecordKey> keys() const noexcept { return keys_; }

   private:
    std::vector<Place> places_;
    std::vector<RecordKey> keys_;
  };

  // A leading @ says that a space is no store of the user's, and stays in front for those who look at it.
  [[nodiscard]] std::string space_of(std::string_view space) const {
    return space.starts_with('@') ? '@' + spaces_ + std::string(space.substr(1))
                                  : spaces_ + std::string(space);
  }
  void load_all(std::span<const RecordKey> keys, std::uint64_t last_bytes,
                std::span<Result<LoadedRecord>> loaded, Deadline deadline) override {
    const Places places(*this, keys);
    inner().batches()->load(places.keys(), last_bytes, loaded, deadline);
  }
  void store_all(std::span<const RecordKey> keys, std::span<const NewRecord> records,
                 std::span<Result<void>> stored, Deadline deadline) override {
    const Places places(*this, keys);
    inner().batches()->store(places.keys(), records, stored, deadline);
  }
  void remove_all(std::span<const RecordKey> keys, std::span<Result<bool>> removed,
                  Deadline deadline) override {
    const Places places(*this, keys);
    inner().batches()->remove(places.keys(), removed, deadline);
  }

  const std::string spaces_;
  const std::string names_;
};

}  // namespace

Result<std::shared_ptr<Backend>> prefixed(std::shared_ptr<Backend> inner, const PrefixOptions& options) {
  BackendTraits traits = inner->traits();
  if (options.spaces.empty() && options.names.empty()) {
    return Error(Errc::invalid_argument,
                 "prefix: has nothing to put in front; give prefix.space=, prefix.name=, or both");
  }
  const RecordNames escapes(traits);  // a prefix has other bytes than the backend's names, maybe
  std::string spaces = escapes.of_prefix(options.spaces);
  std::string names = escapes.of_prefix(options.names);
  const std::size_t longest = std::max(spaces.size(), names.size());
  if (spaces.empty() != options.spaces.empty() || names.empty() != options.names.empty() ||
      longest + least_name_bytes > traits.longest_name) {
    return Error(Errc::invalid_argument, "prefix: is too long: " + std::string(traits.scheme) +
                                             ": holds names of " + std::to_string(traits.longest_name) +
                                             " bytes, and 64 have to be left; shorten it");
  }
  traits.longest_name -= static_cast<std::uint32_t>(longest);
  return std::make_shared<Prefix>(std::move(inner), traits, std::move(spaces), std::move(names));
}

}  // namespace locum::storage
