// Calls about objects and their names.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "core/c/locum.h"
#include "core/fortran/outcome.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"

using namespace locum::fortran;

namespace {

// fortran_info of calls.f90.
struct Info {
  locum_key key;
  std::int64_t size_bytes;
  std::int64_t generation;
  double expires;
  std::int64_t shape[LOCUM_MAX_RANK];
  std::int32_t rank;
  std::int32_t type;
  std::int32_t owner;
  locum_text name;
  locum_text type_name;
  locum_text codec;
  locum_info* library;
};

// fortran_names of calls.f90.
using Names = locum_names;

}  // namespace

extern "C" {

locum_status locum_fortran_exists(locum_store store, const char* name, std::size_t length,
                                  const locum_key* key, const double* within, bool* exists) {
  *exists = false;
  const Text text(name, length);
  if (const auto wrong = text.check("name"); wrong != LOCUM_OK) {
    return wrong;
  }
  return outcome(key != nullptr ? locum_exists_by_key(store, key, deadline(within), exists)
                                : locum_exists(store, text.c_str(), deadline(within), exists));
}

locum_status locum_fortran_evict(locum_store store, const char* name, std::size_t length,
                                 const locum_key* key, const double* within, bool* existed) {
  *existed = false;
  const Text text(name, length);
  if (const auto wrong = text.check("name"); wrong != LOCUM_OK) {
    return wrong;
  }
  return outcome(key != nullptr ? locum_evict_by_key(store, key, deadline(within), existed)
                                : locum_evict(store, text.c_str(), deadline(within), existed));
}

locum_status locum_fortran_info(locum_store store, const char* name, std::size_t length, const locum_key* key,
                                const double* within, Info* info) {
  *info = {};
  const Text text(name, length);
  if (const auto wrong = text.check("name"); wrong != LOCUM_OK) {
    return wrong;
  }
  auto* found = static_cast<locum_info*>(std::malloc(sizeof(locum_info)));
  if (found == nullptr) {
    return refuse(LOCUM_OUT_OF_MEMORY, "no memory for the metadata of an object");
  }
  const locum_status status = key != nullptr ? locum_info_get_by_key(store, key, deadline(within), found)
                                             : locum_info_get(store, text.c_str(), deadline(within), found);
  if (status != LOCUM_OK) {
    std::free(found);
    return outcome(status);
  }
  info->key = found->key;
  info->size_bytes = static_cast<std::int64_t>(found->size_bytes);
  info->generation = static_cast<std::int64_t>(found->generation);
  info->expires = found->expires_s;
  info->rank = found->rank;
  std::reverse_copy(found->extents, found->extents + found->rank, info->shape);
  info->type = found->type;
  info->owner = static_cast<std::int32_t>(found->owner);
  info->name = found->name;
  info->type_name = found->type_name;
  info->codec = found->codec;
  info->library = found;
  return LOCUM_OK;
}

void locum_fortran_info_release(Info* info) {
  static_cast<void>(locum_info_release(info->library));
  std::free(info->library);
  *info = {};
}

locum_status locum_fortran_keys(locum_store store, const char* prefix, std::size_t length,
                                const double* within, Names* names, std::size_t* longest) {
  *names = {};
  *longest = 0;
  const Text text(prefix, length);
  if (const auto wrong = text.check("prefix"); wrong != LOCUM_OK) {
    return wrong;
  }
  const locum_status status = locum_keys(store, text.c_str(), deadline(within), names);
  for (std::size_t at = 0; at < names->count; ++at) {
    *longest = std::max(*longest, names->names[at].length);
  }
  return outcome(status);
}

void locum_fortran_names_take(Names* names, std::size_t longest, char* into) {
  for (std::size_t at = 0; at < names->count; ++at, into += longest) {
    const locum_text& name = names->names[at];
    std::memcpy(into, name.first, name.length);
    std::memset(into + name.length, ' ', longest - name.length);
  }
  static_cast<void>(locum_names_release(names));
}

locum_status locum_fortran_size(locum_store store, const double* within, std::int64_t* count) {
  std::uint64_t counted = 0;
  const locum_status status = locum_size(store, deadline(within), &counted);
  *count = static_cast<std::int64_t>(counted);
  return outcome(status);
}

locum_status locum_fortran_clear(locum_store store, const double* within, std::int64_t* evicted) {
  std::uint64_t counted = 0;
  const locum_status status = locum_clear(store, deadline(within), &counted);
  *evicted = static_cast<std::int64_t>(counted);
  return outcome(status);
}

}  // extern "C"
