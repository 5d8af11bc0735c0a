#include "transport/storage/zarr/leftover_chunks.hpp"

#include <algorithm>
#include <exception>
#include <string>
#include <string_view>

namespace locum::storage {

namespace {

/// Folders of keys lie within each other, one for each dimension.
constexpr std::size_t most_folders_of_keys = max_rank + 1;

// `c`, `c.0.1`, `0.1` or `0`.
bool is_name_of_chunks(std::string_view name) noexcept {
  if (name == "c") {
    return true;
  }
  name.remove_prefix(name.starts_with("c.") ? 2 : 0);
  return !name.empty() &&
         std::ranges::all_of(name, [](char sign) { return sign == '.' || (sign >= '0' && sign <= '9'); });
}

}  // namespace

Result<bool> has_chunks(const ZarrPlace& place) {
  const auto entries = place.area->list(place.path);
  if (!entries) {
    return entries.error().code() == Errc::not_found ? Result<bool>(false) : entries.error();
  }
  return std::ranges::any_of(*entries, [](const AreaEntry& entry) { return is_name_of_chunks(entry.name); });
}

Result<void> remove_chunks_at(FileArea& area, const std::string& path, std::size_t depth) {
  const auto facts = area.facts(path);
  if (!facts) {
    return facts.error().code() == Errc::not_found ? Result<void>() : facts.error();
  }
  if (facts->is_folder && depth < most_folders_of_keys) {
    const auto entries = area.list(path);
    if (!entries) {
      return entries.error();
    }
    for (const AreaEntry& entry : *entries) {
      if (!is_name_of_chunks(entry.name)) {
        continue;
      }
      if (auto removed = remove_chunks_at(area, path + '/' + entry.name, depth + 1); !removed) {
        return removed;
      }
    }
  }
  const auto removed = area.remove(path);
  return removed ? Result<void>() : removed.error();
}

void remove_chunks(const ZarrPlace& place) noexcept {
  try {
    const auto entries = place.area->list(place.path);
    for (std::size_t at = 0; entries && at < entries->size(); ++at) {
      const AreaEntry& entry = (*entries)[at];
      if (is_name_of_chunks(entry.name)) {
        (void)remove_chunks_at(*place.area, place.below(entry.name));
      }
    }
  } catch (const std::exception&) {  // no private memory
  }
}

}  // namespace locum::storage
