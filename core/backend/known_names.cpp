#include "core/backend/known_names.hpp"

#include "core/backend/backend_keys.hpp"

namespace locum {

namespace {

constexpr std::size_t most_name_bytes = std::size_t{16} << 20U;
constexpr std::size_t bytes_of_an_entry = 100;  ///< about, without the name

}  // namespace

void KnownNames::add(const Key& key, std::string_view name) {
  const MutexLock lock(mutex_);
  const auto [known, is_new] = names_.try_emplace(without_generation(key));
  if (is_new) {
    bytes_ += name.size() + bytes_of_an_entry;
    known->second = name;
  }
  if (bytes_ > most_name_bytes) {
    names_.clear();
    bytes_ = 0;
  }
}

std::string KnownNames::find(const Key& key) const {
  const MutexLock lock(mutex_);
  const auto known = names_.find(without_generation(key));
  return known == names_.end() ? std::string() : known->second;
}

}  // namespace locum
