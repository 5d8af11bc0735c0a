// Calls that store.
#include "core/c/writing.hpp"
#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "core/c/views.hpp"

using namespace locum;
using namespace locum::c;

namespace {

Result<Writer<std::byte>> encoded_writer(const RawStore& raw, const char* name, const locum_array& array,
                                         const locum_put_options* options) {
  const auto memory = encoded_memory_of(array);
  if (!memory) {
    return memory.error();
  }
  return name == nullptr ? raw.create(*memory, storing(options))
                         : raw.create(name, *memory, storing(options));
}

Result<Writer<std::byte>> array_writer(const RawStore& raw, const char* name, const locum_array& array,
                                       const locum_put_options* options, std::uint32_t& element_bytes) {
  const auto extents = extents_of(array);
  if (!extents) {
    return extents.error();
  }
  const auto element = element_of(array);
  if (!element) {
    return element.error();
  }
  element_bytes = element->bytes();
  return name == nullptr ? raw.create(*element, *extents, storing(options))
                         : raw.create(name, *element, *extents, storing(options));
}

}  // namespace

namespace locum::c {

StoringOptions storing(const locum_put_options* options) {
  StoringOptions storing;
  require_known(options);
  if (options != nullptr) {
    if (options->waits_for_room) {
      storing.when_full = WhenFull::wait;
    }
    storing.lifetime = milliseconds_of(options->lifetime_s);
    storing.listed = options->listed;
    storing.tag = options->tag == nullptr ? std::string_view() : std::string_view(options->tag);
    storing.deadline = limit_of(options->deadline_s);
  }
  return storing;
}

RawReplaceOptions replacing(const locum_put_options* options) {
  const StoringOptions how = storing(options);
  return {.expected_generation = options == nullptr ? 0 : options->expected_generation,
          .when_full = how.when_full,
          .lifetime = how.lifetime,
          .tag = how.tag,
          .deadline = how.deadline};
}

locum_status give_key(const Result<Key>& stored, locum_key* key) {
  if (!stored) {
    return failed(stored.error());
  }
  if (key != nullptr) {
    *key = key_of(*stored);
  }
  return LOCUM_OK;
}

}  // namespace locum::c

locum_status locum_put(locum_store store, const char* name, const locum_array* array,
                       const locum_put_options* options, locum_key* key) {
  return on_store(store, [&](OpenedStore& opened) {
    if (array == nullptr) {
      return is_null("array");
    }
    const auto value = value_of(*array);
    if (!value) {
      return failed(value.error());
    }
    return give_key(name == nullptr ? opened.raw.put(*value, storing(options))
                                    : opened.raw.put(name, *value, storing(options)),
                    key);
  });
}

locum_status locum_replace(locum_store store, const char* name, const locum_array* array,
                           const locum_put_options* options, locum_key* key) {
  return on_store(store, [&](OpenedStore& opened) {
    if (array == nullptr || name == nullptr) {
      return is_null(array == nullptr ? "array" : "name");
    }
    const auto value = value_of(*array);
    if (!value) {
      return failed(value.error());
    }
    return give_key(opened.raw.replace(name, *value, replacing(options)), key);
  });
}

locum_status locum_create(locum_store store, const char* name, locum_array* array,
                          const locum_put_options* options, locum_writer* writer) {
  clear(writer);
  return on_store(store, [&](OpenedStore& opened) {
    if (array == nullptr || writer == nullptr) {
      return is_null(array == nullptr ? "array" : "writer");
    }
    array->data = nullptr;
    std::uint32_t element_bytes = 1;
    auto made = array->type == LOCUM_ENCODED ? encoded_writer(opened.raw, name, *array, options)
                                             : array_writer(opened.raw, name, *array, options, element_bytes);
    if (!made) {
      return failed(made.error());
    }
    void* const data = made->data();
    const locum_status status = give(writers(), *std::move(made), writer);
    if (status == LOCUM_OK) {
      array->data = data;
      set_strides(*array, element_bytes);
    }
    return status;
  });
}

locum_status locum_writer_seal(locum_writer* writer, double deadline_s, locum_key* key) {
  return on_last(writers(), writer, "writer",
                 [&](Writer<std::byte>& made) { return give_key(made.seal(limit_of(deadline_s)), key); });
}

locum_status locum_writer_replace(locum_writer* writer, uint64_t expected_generation, double deadline_s,
                                  locum_key* key) {
  return on_last(writers(), writer, "writer", [&](Writer<std::byte>& made) {
    return give_key(made.replace(limit_of(deadline_s), expected_generation), key);
  });
}

locum_status locum_writer_seal_async(locum_writer* writer, double deadline_s, locum_future* future) {
  clear(future);
  return on_last(writers(), writer, "writer", [&](Writer<std::byte>& made) {
    return future == nullptr ? is_null("future")
                             : give<AsyncCall>(futures(), made.seal_async(limit_of(deadline_s)), future);
  });
}

locum_status locum_writer_discard(locum_writer* writer) {
  return on_last(writers(), writer, "writer", [](Writer<std::byte>&) { return LOCUM_OK; });
}

locum_status locum_fetch_add(locum_store store, const char* name, int64_t difference, double deadline_s,
                             int64_t* previous) {
  return on_store(store, [&](OpenedStore& opened) {
    if (name == nullptr) {
      return is_null("name");
    }
    const auto added = opened.store.fetch_add(name, difference, {.deadline = limit_of(deadline_s)});
    if (added && previous != nullptr) {
      *previous = *added;
    }
    return status_of(added);
  });
}

locum_status locum_update(locum_store store, const char* name, locum_change change, void* context,
                          double deadline_s, locum_key* key) {
  return on_store(store, [&](OpenedStore& opened) {
    if (name == nullptr || change == nullptr) {
      return is_null(name == nullptr ? "name" : "change");
    }
    const auto changed = opened.raw.update(
        name,
        [&](const RawView& object) -> Result<RawValue> {
          const ObjectFacts facts = object.object().facts();
          if (!facts.whole) {
            return object.info().error();
          }
          const locum_array stored = array_of(object.object(), facts);
          locum_array value = {};
          const locum_status status = change(&stored, &value, context);
          if (status != LOCUM_OK) {
            return of_function(status);
          }
          return value_of(value);
        },
        within(deadline_s));
    return give_key(changed, key);
  });
}
