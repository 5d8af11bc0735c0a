// Calls for many objects.
#include <algorithm>
#include <cstddef>
#include <optional>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "core/c/views.hpp"
#include "core/c/writing.hpp"

using namespace locum;
using namespace locum::c;

namespace {

// The statuses of the calls of a batch, of which the first error is that of the batch.
class Statuses {
 public:
  explicit Statuses(locum_status* all) noexcept : all_(all) {}

  template <class Call>
  void set(std::size_t at, Call call) {
    const locum_status status = call();
    if (all_ != nullptr) {
      all_[at] = status;
    }
    if (status != LOCUM_OK && first_ == LOCUM_OK) {
      first_ = status;
      error_ = last_error();
    }
  }
  // Returns the first error, whose text is that of the thread then.
  [[nodiscard]] locum_status first() const noexcept { return error_ ? failed(*error_) : first_; }

 private:
  locum_status* const all_;
  locum_status first_ = LOCUM_OK;
  std::optional<Error> error_;
};

[[nodiscard]] const char* first_null(std::size_t count, const void* names, const void* values,
                                     const char* of_values) noexcept {
  return count == 0 ? nullptr : names == nullptr ? "names" : values == nullptr ? of_values : nullptr;
}

// The status of a batch of which nothing was done.
locum_status all_failed(locum_status status, std::size_t count, locum_status* statuses) noexcept {
  if (statuses != nullptr) {
    std::fill_n(statuses, count, status);
  }
  return status;
}

[[nodiscard]] bool has_null(std::span<const char* const> names) noexcept {
  for (const char* name : names) {
    if (name == nullptr) {
      return true;
    }
  }
  return false;
}

}  // namespace

locum_status locum_put_batch(locum_store store, size_t count, const char* const* names,
                             const locum_array* arrays, const locum_put_options* options, locum_key* keys,
                             locum_status* statuses) {
  bool is_done = false;
  const locum_status status = on_store(store, [&](OpenedStore& opened) {
    if (const char* const null = first_null(count, names, arrays, "arrays")) {
      return is_null(null);
    }
    if (has_null({names, count})) {
      return is_null("a name");
    }
    std::vector<RawStore::NamedValue> objects;
    objects.reserve(count);
    for (std::size_t at = 0; at < count; ++at) {
      auto value = value_of(arrays[at]);
      if (!value) {
        return failed(value.error());
      }
      objects.emplace_back(names[at], *std::move(value));
    }
    const auto stored = opened.raw.put_batch(objects, storing(options));
    is_done = true;
    Statuses all(statuses);
    for (std::size_t at = 0; at < count; ++at) {
      all.set(at, [&] { return give_key(stored[at], keys == nullptr ? nullptr : keys + at); });
    }
    return all.first();
  });
  return is_done ? status : all_failed(status, count, statuses);
}

locum_status locum_get_batch(locum_store store, size_t count, const char* const* names,
                             const locum_get_options* options, locum_view* views, locum_status* statuses) {
  if (const char* const null = first_null(count, names, views, "views")) {
    return is_null(null);
  }
  for (std::size_t at = 0; at < count; ++at) {
    empty(views[at]);
  }
  bool is_done = false;
  const locum_status status = on_store(store, [&](OpenedStore& opened) {
    if (has_null({names, count})) {
      return is_null("a name");
    }
    const std::vector<std::string_view> ids(names, names + count);
    auto found = opened.raw.get_batch(ids, call(options));
    is_done = true;
    Statuses all(statuses);
    for (std::size_t at = 0; at < count; ++at) {
      all.set(at, [&] { return give_view(std::move(found[at]), views[at]); });
    }
    return all.first();
  });
  return is_done ? status : all_failed(status, count, statuses);
}

locum_status locum_evict_batch(locum_store store, size_t count, const char* const* names, double deadline_s,
                               bool* existed, locum_status* statuses) {
  if (existed != nullptr) {
    std::fill_n(existed, count, false);
  }
  bool is_done = false;
  const locum_status status = on_store(store, [&](OpenedStore& opened) {
    if (const char* const null = first_null(count, names, names, "names")) {
      return is_null(null);
    }
    if (has_null({names, count})) {
      return is_null("a name");
    }
    const std::vector<std::string_view> ids(names, names + count);
    const auto evicted = opened.store.evict_batch(ids, within(deadline_s));
    is_done = true;
    Statuses all(statuses);
    for (std::size_t at = 0; at < count; ++at) {
      all.set(at, [&] { return status_of(evicted[at]); });
      if (existed != nullptr) {
        existed[at] = evicted[at] && *evicted[at];
      }
    }
    return all.first();
  });
  return is_done ? status : all_failed(status, count, statuses);
}
