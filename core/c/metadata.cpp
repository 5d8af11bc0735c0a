// Calls about objects and their names.
#include <chrono>
#include <memory>
#include <string_view>
#include <utility>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/names.hpp"
#include "core/c/objects.hpp"
#include "core/c/views.hpp"
#include "core/object_info.hpp"

using namespace locum;
using namespace locum::c;

namespace {

template <class Id>
locum_status get_info(OpenedStore& opened, const Id& id, double deadline_s, locum_info& info) {
  auto found = opened.store.info(id, within(deadline_s));
  if (!found) {
    return failed(found.error());
  }
  auto kept = std::make_unique<ObjectInfo>(*std::move(found));
  info.key = key_of(kept->key);
  info.size_bytes = kept->size_bytes;
  info.type = kept->element                   ? type_of(kept->element.name())
              : kept->layout == Layout::bytes ? LOCUM_BYTE
                                              : LOCUM_ENCODED;
  info.type_name = text_of(kept->type);
  info.rank = static_cast<std::int32_t>(kept->extents.size());
  for (std::size_t at = 0; at < kept->extents.size(); ++at) {
    info.extents[at] = static_cast<std::int64_t>(kept->extents[at]);
  }
  info.owner = kept->owner;
  info.generation = kept->generation;
  info.name = text_of(kept->name);
  info.codec = text_of(kept->codec);
  if (kept->expires_at) {
    info.expires_s = std::chrono::duration<double>(kept->expires_at->time_since_epoch()).count();
  }
  info.library = kept.release();
  return LOCUM_OK;
}

template <class Id>
locum_status exists(OpenedStore& opened, const Id& id, double deadline_s, bool& exists) {
  const auto found = opened.store.exists(id, within(deadline_s));
  exists = found && *found;
  return status_of(found);
}

template <class Id>
locum_status evict(OpenedStore& opened, const Id& id, double deadline_s, bool* existed) {
  const auto evicted = opened.store.evict(id, within(deadline_s));
  if (existed != nullptr) {
    *existed = evicted && *evicted;
  }
  return status_of(evicted);
}

}  // namespace

locum_status locum_info_get(locum_store store, const char* name, double deadline_s, locum_info* info) {
  clear(info);
  return on_store(store, [&](OpenedStore& opened) {
    if (name == nullptr || info == nullptr) {
      return is_null(name == nullptr ? "name" : "info");
    }
    return get_info(opened, std::string_view(name), deadline_s, *info);
  });
}

locum_status locum_info_get_by_key(locum_store store, const locum_key* key, double deadline_s,
                                   locum_info* info) {
  clear(info);
  return on_store(store, [&](OpenedStore& opened) {
    if (key == nullptr || info == nullptr) {
      return is_null(key == nullptr ? "key" : "info");
    }
    return get_info(opened, key_of(*key), deadline_s, *info);
  });
}

locum_status locum_info_release(locum_info* info) {
  return guarded([&] {
    if (info == nullptr) {
      return is_null("info");
    }
    delete static_cast<ObjectInfo*>(info->library);
    *info = {};
    return LOCUM_OK;
  });
}

locum_status locum_exists(locum_store store, const char* name, double deadline_s, bool* exists) {
  clear(exists);
  return on_store(store, [&](OpenedStore& opened) {
    if (name == nullptr || exists == nullptr) {
      return is_null(name == nullptr ? "name" : "exists");
    }
    return ::exists(opened, std::string_view(name), deadline_s, *exists);
  });
}

locum_status locum_exists_by_key(locum_store store, const locum_key* key, double deadline_s, bool* exists) {
  clear(exists);
  return on_store(store, [&](OpenedStore& opened) {
    if (key == nullptr || exists == nullptr) {
      return is_null(key == nullptr ? "key" : "exists");
    }
    return ::exists(opened, key_of(*key), deadline_s, *exists);
  });
}

locum_status locum_evict(locum_store store, const char* name, double deadline_s, bool* existed) {
  return on_store(store, [&](OpenedStore& opened) {
    return name == nullptr ? is_null("name") : evict(opened, std::string_view(name), deadline_s, existed);
  });
}

locum_status locum_evict_by_key(locum_store store, const locum_key* key, double deadline_s, bool* existed) {
  return on_store(store, [&](OpenedStore& opened) {
    return key == nullptr ? is_null("key") : evict(opened, key_of(*key), deadline_s, existed);
  });
}

locum_status locum_keys(locum_store store, const char* prefix, double deadline_s, locum_names* names) {
  clear(names);
  return on_store(store, [&](OpenedStore& opened) {
    if (names == nullptr) {
      return is_null("names");
    }
    return give_names(opened.store.keys(prefix == nullptr ? "" : prefix, within(deadline_s)), *names);
  });
}

locum_status locum_size(locum_store store, double deadline_s, uint64_t* size) {
  clear(size);
  return on_store(store, [&](OpenedStore& opened) {
    if (size == nullptr) {
      return is_null("size");
    }
    const auto counted = opened.store.size(within(deadline_s));
    *size = counted ? *counted : 0;
    return status_of(counted);
  });
}

locum_status locum_clear(locum_store store, double deadline_s, uint64_t* evicted) {
  return on_store(store, [&](OpenedStore& opened) {
    const auto cleared = opened.store.clear(within(deadline_s));
    if (evicted != nullptr) {
      *evicted = cleared ? *cleared : 0;
    }
    return status_of(cleared);
  });
}
