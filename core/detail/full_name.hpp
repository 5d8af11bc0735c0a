#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <locum/detail/object/address.hpp>
#include <locum/detail/open_store.hpp>

namespace locum::detail {

/// Returns the name in the store of a name in a collection: `COLLECTION/NAME`. An empty name, and one that is
/// too long, stay unchanged: the latter is refused.
[[nodiscard]] inline std::string in_collection(std::string_view collection, std::string_view name) {
  std::string whole;
  if (!collection.empty() && !name.empty() && name.size() <= max_name_bytes) {
    whole.reserve(collection.size() + 1 + name.size());
    whole.append(collection).push_back('/');
  }
  return whole.append(name);
}

/// The name passed to a call in the form that the connector knows. Refers to the given name, or in a
/// collection owns another: it lives as long as the call. All names go through here once; the steps of a
/// store below its calls have full names only.
class FullName {
 public:
  FullName(const OpenStore& store, std::string_view name) : store_(store.number), whole_(name) {
    if (!store.collection.empty()) [[unlikely]] {
      joined_ = in_collection(store.collection, name);
      whole_ = joined_;
    }
  }
  FullName(const FullName&) = delete;
  FullName& operator=(const FullName&) = delete;
  ~FullName() = default;

  operator std::string_view() const noexcept { return whole_; }
  operator Address() const noexcept { return {store_, whole_}; }

 private:
  const std::uint32_t store_;
  std::string joined_;
  std::string_view whole_;
};

}  // namespace locum::detail
