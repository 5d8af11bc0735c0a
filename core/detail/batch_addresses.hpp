#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include <locum/detail/object/address.hpp>
#include <locum/detail/open_store.hpp>
#include <locum/detail/range.hpp>
#include <locum/flat.hpp>
#include <locum/key.hpp>

namespace locum::detail {

/// Returns the alignment that a value of type T needs to be read in place.
template <class T>
[[nodiscard]] constexpr std::size_t alignment_in_place() noexcept {
  if constexpr (std::is_unbounded_array_v<T>) {
    return alignof(std::remove_extent_t<T>);
  } else if constexpr (Flat<T>) {
    return alignof(T);
  } else {
    return 1;
  }
}

/// Whether a type may be a range of keys, names or values: a single text is not.
template <class Range>
concept AddressRange = InputRange<Range> && !std::convertible_to<const Range&, std::string_view>;

/// Returns copies of the keys or names of a range.
template <InputRange Range>
[[nodiscard]] auto owned_ids(const Range& objects) {
  using Object = RangeReference<const Range&>;
  std::vector<std::conditional_t<std::convertible_to<Object, const Key&>, Key, std::string>> ids;
  for (auto&& id : objects) {
    ids.emplace_back(id);
  }
  return ids;
}

/// The keys or names of a range, as addresses of one store. Copies names that the range creates on iteration,
/// and those in a collection; refers to others.
class BatchAddresses {
 public:
  template <InputRange Range>
  BatchAddresses(const OpenStore& store, const Range& objects) {
    using Object = RangeReference<const Range&>;
    by_name_ = !std::convertible_to<Object, const Key&>;
    if constexpr (SizedRange<const Range&>) {
      reserve(std::ranges::size(objects));
    }
    if constexpr (std::convertible_to<Object, const Key&>) {
      for (const Key& key : objects) {
        add(key);
      }
    } else {
      if constexpr (std::is_lvalue_reference_v<Object> || std::is_pointer_v<Object> ||
                    std::same_as<std::remove_cv_t<Object>, std::string_view>) {
        if (store.collection.empty()) {
          for (const std::string_view name : objects) {
            add(store, name);
          }
          return;
        }
      }
      for (auto&& name : objects) {
        keep(store, name);
      }
      add_kept(store);
    }
  }
  BatchAddresses(const BatchAddresses&) = delete;
  BatchAddresses& operator=(const BatchAddresses&) = delete;
  ~BatchAddresses() = default;

  [[nodiscard]] const std::vector<Address>& all() const noexcept { return all_; }
  [[nodiscard]] bool by_name() const noexcept { return by_name_; }

 private:
  void reserve(std::size_t count);
  void add(const Key& key);
  void add(const OpenStore& store, std::string_view name);
  void keep(const OpenStore& store, std::string_view name);
  void add_kept(const OpenStore& store);

  bool by_name_ = false;
  std::vector<std::string> kept_;
  std::vector<Address> all_;
};

}  // namespace locum::detail
