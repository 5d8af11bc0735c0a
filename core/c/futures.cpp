// Calls that are carried out while the program computes.
#include <cstddef>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "core/c/reading.hpp"
#include "core/c/views.hpp"
#include "core/c/writing.hpp"

using namespace locum;
using namespace locum::c;

namespace {

// Makes a handle of the future that `start` begins. `id`, a `noun`, and `given` must not be NULL; `what`
// names that.
template <class Start>
locum_status begin(locum_store store, const void* id, const char* noun, const void* given, const char* what,
                   locum_future* future, Start start) noexcept {
  clear(future);
  return on_store(store, [&](OpenedStore& opened) {
    if (id == nullptr || given == nullptr || future == nullptr) {
      return is_null(id == nullptr ? noun : given == nullptr ? what : "future");
    }
    return start(opened);
  });
}

// `id` is a name or a key.
template <class Id>
locum_status begin_read(OpenedStore& opened, const Id& id, const locum_array& array,
                        const locum_read_options* options, locum_future* future) {
  const auto memory = memory_of(array);
  if (!memory) {
    return failed(memory.error());
  }
  const auto how = reading(options);
  return how ? give<AsyncCall>(futures(), opened.raw.read_async(id, *memory, *how), future)
             : failed(how.error());
}

// Of which call the future is, and what it gives.
const char* origin(const AsyncResult<RawView>& /*call*/) noexcept {
  return "a get or a wait; take its object";
}
const char* origin(const LoadedValue& /*call*/) noexcept {
  return "a load of a file; take the view that it gives";
}
const char* origin(const AsyncResult<Key>& /*call*/) noexcept {
  return "a put; take its key";
}
const char* origin(const AsyncResult<std::size_t>& /*call*/) noexcept {
  return "a read; wait for it";
}
const char* origin(const AsyncResult<CheckpointReport>& /*call*/) noexcept {
  return "a checkpoint; take its report";
}

// Calls `give` with the result of a call that gives a `Value`, which is `noun`.
template <class Value, class Give>
locum_status result(AsyncCall& of_any, double deadline_s, const char* noun, Give give) {
  auto* const call = std::get_if<AsyncResult<Value>>(&of_any);
  if (call == nullptr) {
    const char* const other = std::visit([](const auto& each) { return origin(each); }, of_any);
    return failed(Error(Errc::invalid_argument,
                        std::string("this future gives no ") + noun + ": it is that of " + other));
  }
  return give(call->get(limit_of(deadline_s)));
}

}  // namespace

locum_status locum_get_async(locum_store store, const char* name, const locum_get_options* options,
                             locum_future* future) {
  return begin(store, name, "name", name, "name", future, [&](OpenedStore& opened) {
    return give<AsyncCall>(futures(), opened.raw.get_async(std::string_view(name), call(options)), future);
  });
}

locum_status locum_get_async_by_key(locum_store store, const locum_key* key, const locum_get_options* options,
                                    locum_future* future) {
  return begin(store, key, "key", key, "key", future, [&](OpenedStore& opened) {
    return give<AsyncCall>(futures(), opened.raw.get_async(key_of(*key), call(options)), future);
  });
}

locum_status locum_wait_async(locum_store store, const char* name, const locum_get_options* options,
                              locum_future* future) {
  return begin(store, name, "name", name, "name", future, [&](OpenedStore& opened) {
    return give<AsyncCall>(futures(), opened.raw.wait_async(name, call(options)), future);
  });
}

locum_status locum_put_async(locum_store store, const char* name, const locum_array* array,
                             const locum_put_options* options, locum_future* future) {
  return begin(store, name, "name", array, "array", future, [&](OpenedStore& opened) {
    const auto value = value_of(*array);
    return value ? give<AsyncCall>(futures(), opened.raw.put_async(name, *value, storing(options)), future)
                 : failed(value.error());
  });
}

locum_status locum_read_async(locum_store store, const char* name, const locum_array* array,
                              const locum_read_options* options, locum_future* future) {
  return begin(store, name, "name", array, "array", future, [&](OpenedStore& opened) {
    return begin_read(opened, std::string_view(name), *array, options, future);
  });
}

locum_status locum_read_async_by_key(locum_store store, const locum_key* key, const locum_array* array,
                                     const locum_read_options* options, locum_future* future) {
  return begin(store, key, "key", array, "array", future, [&](OpenedStore& opened) {
    return begin_read(opened, key_of(*key), *array, options, future);
  });
}

locum_status locum_future_ready(locum_future future, bool* ready) {
  clear(ready);
  return on(futures(), future, "future", [&](AsyncCall& of_any) {
    if (ready == nullptr) {
      return is_null("ready");
    }
    *ready = std::visit([](const auto& call) { return call.ready(); }, of_any);
    return LOCUM_OK;
  });
}

locum_status locum_future_wait(locum_future future, double deadline_s) {
  return on(futures(), future, "future", [&](AsyncCall& of_any) {
    return std::visit([&](const auto& call) { return status_of(call.get(limit_of(deadline_s))); }, of_any);
  });
}

locum_status locum_future_view(locum_future future, double deadline_s, locum_view* view) {
  if (view == nullptr) {
    return is_null("view");
  }
  empty(*view);
  return on(futures(), future, "future", [&](AsyncCall& of_any) {
    const auto* const loaded = std::get_if<LoadedValue>(&of_any);
    return loaded != nullptr ? loaded->give(limit_of(deadline_s), *view)
                             : result<RawView>(of_any, deadline_s, "object", [&](Result<RawView> found) {
                                 return give_view(std::move(found), *view);
                               });
  });
}

locum_status locum_future_key(locum_future future, double deadline_s, locum_key* key) {
  if (key == nullptr) {
    return is_null("key");
  }
  return on(futures(), future, "future", [&](AsyncCall& of_any) {
    return result<Key>(of_any, deadline_s, "key",
                       [&](const Result<Key>& stored) { return give_key(stored, key); });
  });
}

locum_status locum_future_then(locum_future future, void (*notify)(void* context), void* context) {
  return on(futures(), future, "future", [&](AsyncCall& of_any) {
    if (notify == nullptr) {
      return is_null("notify");
    }
    std::visit(
        [&](const auto& call) {
          (void)call.then([notify, context](const auto& /*result*/) { notify(context); });
        },
        of_any);
    return LOCUM_OK;
  });
}

locum_status locum_future_cancel(locum_future future) {
  return on(futures(), future, "future", [](AsyncCall& of_any) {
    std::visit([](const auto& call) { call.cancel(); }, of_any);
    return LOCUM_OK;
  });
}

locum_status locum_future_release(locum_future* future) {
  const locum_status cancelled = future == nullptr ? LOCUM_OK : locum_future_cancel(*future);
  const locum_status released = release(futures(), future, "future");
  return cancelled != LOCUM_OK ? cancelled : released;
}
