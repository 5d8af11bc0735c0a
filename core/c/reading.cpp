// Calls that read.
#include <string_view>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "core/c/reading.hpp"
#include "core/c/views.hpp"

using namespace locum;
using namespace locum::c;

namespace {

// Calls `find` with the store, and gives what it returns in `*view`, which holds nothing after an error. `id`
// must not be NULL; `what` names it.
template <class Find>
locum_status view_found(locum_store store, const void* id, const char* what, locum_view* view,
                        Find find) noexcept {
  if (view == nullptr || id == nullptr) {
    return is_null(view == nullptr ? "view" : what);
  }
  empty(*view);
  return on_store(store, [&](OpenedStore& opened) { return give_view(find(opened.raw), *view); });
}

// `id` is a name or a key.
template <class Id>
locum_status read(OpenedStore& opened, const Id& id, const locum_array& array,
                  const locum_read_options* options) {
  const auto memory = memory_of(array);
  if (!memory) {
    return failed(memory.error());
  }
  const auto how = reading(options);
  return how ? status_of(opened.raw.read(id, *memory, *how)) : failed(how.error());
}

}  // namespace

namespace locum::c {

Result<RawOptions> reading(const locum_read_options* options) {
  if (options == nullptr) {
    return RawOptions();
  }
  const auto slab = slab_of(options->box);
  return slab ? Result<RawOptions>(RawOptions{.slab = *slab, .deadline = limit_of(options->deadline_s)})
              : slab.error();
}

}  // namespace locum::c

locum_status locum_get(locum_store store, const char* name, const locum_get_options* options,
                       locum_view* view) {
  return view_found(store, name, "name", view,
                    [&](RawStore& raw) { return raw.get(std::string_view(name), call(options)); });
}

locum_status locum_get_by_key(locum_store store, const locum_key* key, const locum_get_options* options,
                              locum_view* view) {
  return view_found(store, key, "key", view,
                    [&](RawStore& raw) { return raw.get(key_of(*key), call(options)); });
}

locum_status locum_wait(locum_store store, const char* name, const locum_get_options* options,
                        locum_view* view) {
  return view_found(store, name, "name", view, [&](RawStore& raw) { return raw.wait(name, call(options)); });
}

locum_status locum_read(locum_store store, const char* name, const locum_array* array,
                        const locum_read_options* options) {
  return on_store(store, [&](OpenedStore& opened) {
    if (name == nullptr || array == nullptr) {
      return is_null(name == nullptr ? "name" : "array");
    }
    return read(opened, std::string_view(name), *array, options);
  });
}

locum_status locum_read_by_key(locum_store store, const locum_key* key, const locum_array* array,
                               const locum_read_options* options) {
  return on_store(store, [&](OpenedStore& opened) {
    if (key == nullptr || array == nullptr) {
      return is_null(key == nullptr ? "key" : "array");
    }
    return read(opened, key_of(*key), *array, options);
  });
}
