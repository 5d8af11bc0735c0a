#include "core/backend/store_spaces.hpp"

#include "core/backend/record_format.hpp"
#include "core/base/hash.hpp"
#include "core/object/internal_stores.hpp"

namespace locum {

namespace {

constexpr std::uint32_t first_registered = 64 * 1024;

}  // namespace

std::uint64_t StoreSpaces::number_of(std::string_view store, std::uint64_t generation) const {
  const auto number = static_cast<std::uint32_t>(first_registered +
                                                 hash64(store, generation) % (last_store - first_registered));
  std::string space = names_.of_name(store);
  const MutexLock lock(mutex_);
  const auto [known, is_new] = spaces_.try_emplace(number, space);
  return known->second == space ? number : std::uint64_t{last_store} + 1;
}

// Empty: it is not known.
std::string_view StoreSpaces::known(std::uint32_t store) const {
  const MutexLock lock(mutex_);
  auto found = spaces_.find(store);
  if (found == spaces_.end() && store < first_registered) {
    found = spaces_.emplace(store, "@s" + std::to_string(store)).first;
  }
  return found == spaces_.end() ? std::string_view() : found->second;
}

Result<std::string_view> StoreSpaces::space_of(std::uint32_t store, Deadline deadline) {
  if (store == registry) {
    return registry_space;
  }
  std::string_view space = known(store);
  if (space.empty()) {
    if (auto looked = look_through_registry(deadline); !looked) {
      return looked.error();
    }
    space = known(store);
  }
  return space.empty() ? Result<std::string_view>(no_such_object()) : space;
}

Result<void> StoreSpaces::look_through_registry(Deadline deadline) {
  if (!backend_->traits().lists) {
    return {};
  }
  const auto records = backend_->list(registry_space, {}, deadline);
  if (!records) {
    return records.error();
  }
  for (const std::string& record : *records) {
    const auto store = RecordNames::name_in(record);
    const auto found = backend_->load({registry_space, record}, 0, deadline);
    if (store && found) {
      (void)number_of(*store, found->revision);
    } else if (!found && !is_of_no_use(found.error())) {
      return found.error();  // it may be the one that is looked for
    }
  }
  return {};
}

}  // namespace locum
