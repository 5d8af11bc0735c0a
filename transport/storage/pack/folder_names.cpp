#include "transport/storage/pack/folder_names.hpp"

#include "core/backend/record_names.hpp"
#include "transport/storage/file/traits.hpp"

namespace locum::storage {

namespace {

/// What is in no collection. No collection has that name: an `@` at its beginning is escaped.
constexpr std::string_view outside = "@outside";

const RecordNames& file_names() {
  static const RecordNames names(backends::file);
  return names;
}

}  // namespace

// Names of the library begin with an `@` in records, and with a zero among the names of objects.
std::string_view collection_of(std::string_view name) noexcept {
  const auto end = name.starts_with('@') || name.starts_with('\0') ? std::string_view::npos : name.find('/');
  return end == std::string_view::npos ? std::string_view() : name.substr(0, end);
}

// Those of the library itself stay as they are: `@stores`.
std::string pack_folder_name(std::string_view space) {
  return space.starts_with('@') ? '@' + file_names().of_name(space.substr(1)) : file_names().of_name(space);
}

std::string pack_path_of(const RecordKey& key) {
  const std::string_view collection = collection_of(key.name);
  std::string path = pack_folder_name(key.space);
  path += '/';
  return path.append(collection.empty() ? std::string(outside) : file_names().of_name(collection))
      .append(pack_suffix);
}

bool may_have_names(std::string_view file_name, std::string_view prefix) {
  if (!file_name.ends_with(pack_suffix)) {
    return false;
  }
  const std::string_view stem = file_name.substr(0, file_name.size() - pack_suffix.size());
  return stem == outside || (!prefix.starts_with('@') && (RecordNames::is_hashed(stem) ||
                                                          stem.starts_with(file_names().of_prefix(prefix))));
}

}  // namespace locum::storage
