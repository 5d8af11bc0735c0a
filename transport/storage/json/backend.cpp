#include <algorithm>

#include "core/value/error.hpp"
#include "transport/storage/json/forms.hpp"
#include "transport/storage/json/traits.hpp"

namespace locum::storage {

Result<LoadedRecord> loaded_copy(std::span<const std::byte> bytes, std::uint64_t revision) {
  const auto memory = record_memory(bytes.size());
  if (!memory) {
    return no_memory_left();
  }
  std::ranges::copy(bytes, memory.get());
  return LoadedRecord{memory, {memory.get(), bytes.size()}, bytes.size(), revision};
}

/// A path that ends with `.json` is that of one file.
Result<std::shared_ptr<Backend>> open_json(const Url& url) {
  if (auto known = url.knows_only({"sync", "create"}); !known) {
    return known.error();
  }
  return url.path.ends_with(".json") ? open_json_file(url) : open_json_tree(url);
}

}  // namespace locum::storage
