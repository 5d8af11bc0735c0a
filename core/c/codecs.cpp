// Values that a program's own codec encodes.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/objects.hpp"
#include "core/c/views.hpp"
#include "core/c/writing.hpp"

using namespace locum;
using namespace locum::c;

namespace {

[[nodiscard]] bool lacks_functions(const locum_codec& codec) noexcept {
  return codec.name == nullptr || codec.size == nullptr || codec.encode == nullptr || codec.decode == nullptr;
}

locum_status no_codec() {
  return failed(
      Error(Errc::invalid_argument, "the codec lacks its name, or one of its functions; set them all"));
}

// The name of the type of the array, as C++ has it.
Result<std::string> type_of_value(const locum_array& array) {
  const auto extents = extents_of(array);
  if (!extents) {
    return extents.error();
  }
  const auto element = element_of(array);
  if (!element) {
    return element.error();
  }
  return array.rank == 0 ? element->name() : element->name() + "[]";
}

Error wrote_another_size(std::string_view codec, std::size_t written, std::size_t capacity) {
  return Error(Errc::invalid_argument, "the codec " + std::string(codec) + " wrote " +
                                           std::to_string(written) + " bytes, and there was to be room for " +
                                           std::to_string(capacity) +
                                           "; let its function size count what encode writes");
}

Result<std::size_t> size_by(const locum_codec& codec, const locum_array& array) {
  std::size_t bytes = 0;
  const locum_status status = codec.size(&array, &bytes, codec.context);
  return status == LOCUM_OK ? Result<std::size_t>(bytes) : of_function(status);
}

// Returns the number of bytes written.
Result<std::size_t> encode_by(const locum_codec& codec, const locum_array& array, void* memory,
                              std::size_t capacity) {
  std::size_t written = 0;
  const locum_status status = codec.encode(&array, memory, capacity, &written, codec.context);
  if (status != LOCUM_OK) {
    return of_function(status);
  }
  if (written > capacity || (written < capacity && !codec.at_most)) {
    return wrote_another_size(codec.name, written, capacity);
  }
  return written;
}

// Encodes into private memory, and gives `store` the value.
template <class Store>
Result<Key> stored_by_a_copy(const locum_codec& codec, const locum_array& array, const std::string& type,
                             std::size_t most_bytes, Store store) {
  if (most_bytes > static_cast<std::size_t>(PTRDIFF_MAX)) {
    return Error(Errc::value_too_large, std::string("the codec ") + codec.name + " may write " +
                                            std::to_string(most_bytes) +
                                            " bytes; let its function size give a lower bound");
  }
  const std::unique_ptr<std::byte[]> memory(new (std::nothrow) std::byte[most_bytes]);
  if (memory == nullptr) {
    return Error(Errc::out_of_memory, "no memory for the " + std::to_string(most_bytes) +
                                          " bytes that the codec " + codec.name +
                                          " may write; let its function size give a lower bound");
  }
  const auto written = encode_by(codec, array, memory.get(), most_bytes);
  if (!written) {
    return written.error();
  }
  return store(RawValue(EncodedValue{
      .type = type, .codec = codec.name, .bytes = std::span<const std::byte>(memory.get(), *written)}));
}

// `publish` takes the writer.
template <class Publish>
Result<Key> stored_in_place(const RawStore& raw, const char* name, const locum_codec& codec,
                            const locum_array& array, const std::string& type, std::size_t bytes,
                            const StoringOptions& how, Publish publish) {
  const EncodedMemory memory{.type = type, .codec = codec.name, .size_bytes = bytes};
  auto made = name == nullptr ? raw.create(memory, how) : raw.create(name, memory, how);
  if (!made) {
    return made.error();
  }
  const auto written = encode_by(codec, array, made->data(), bytes);
  return written ? publish(*made) : Result<Key>(written.error());
}

// Calls `body` with the store, the type of the value and its size.
template <class Body>
locum_status coded(locum_store store, const locum_array* array, const locum_codec* codec, locum_key* key,
                   Body body) noexcept {
  return on_store(store, [&](OpenedStore& opened) {
    if (array == nullptr || codec == nullptr) {
      return is_null(array == nullptr ? "array" : "codec");
    }
    require_known(codec);
    if (lacks_functions(*codec)) {
      return no_codec();
    }
    const auto type = type_of_value(*array);
    if (!type) {
      return failed(type.error());
    }
    const auto bytes = size_by(*codec, *array);
    return bytes ? give_key(body(opened.raw, *type, *bytes), key) : failed(bytes.error());
  });
}

}  // namespace

locum_status locum_put_coded(locum_store store, const char* name, const locum_array* array,
                             const locum_codec* codec, const locum_put_options* options, locum_key* key) {
  return coded(
      store, array, codec, key, [&](const RawStore& raw, const std::string& type, std::size_t bytes) {
        const StoringOptions how = storing(options);
        return codec->at_most
                   ? stored_by_a_copy(*codec, *array, type, bytes,
                                      [&](const RawValue& value) {
                                        return name == nullptr ? raw.put(value, how)
                                                               : raw.put(name, value, how);
                                      })
                   : stored_in_place(raw, name, *codec, *array, type, bytes, how,
                                     [&](Writer<std::byte>& made) { return made.seal(how.deadline); });
      });
}

locum_status locum_replace_coded(locum_store store, const char* name, const locum_array* array,
                                 const locum_codec* codec, const locum_put_options* options, locum_key* key) {
  if (name == nullptr) {
    return is_null("name");
  }
  return coded(
      store, array, codec, key, [&](const RawStore& raw, const std::string& type, std::size_t bytes) {
        const RawReplaceOptions how = replacing(options);
        return codec->at_most
                   ? stored_by_a_copy(*codec, *array, type, bytes,
                                      [&](const RawValue& value) { return raw.replace(name, value, how); })
                   : stored_in_place(raw, name, *codec, *array, type, bytes, storing(options),
                                     [&](Writer<std::byte>& made) {
                                       return made.replace(how.deadline, how.expected_generation);
                                     });
      });
}

locum_status locum_view_decode(const locum_view* view, const locum_codec* codec, const locum_array* array) {
  return guarded([&] {
    if (view == nullptr || codec == nullptr || array == nullptr) {
      return is_null(view == nullptr ? "view" : codec == nullptr ? "codec" : "array");
    }
    if (!holds(*view)) {
      return failed(holds_nothing());
    }
    require_known(codec);
    if (lacks_functions(*codec)) {
      return no_codec();
    }
    const auto type = type_of_value(*array);
    if (!type) {
      return failed(type.error());
    }
    const std::string asked = *type + detail::codec_mark + codec->name;
    const std::string_view there(view->array.type_name.first, view->array.type_name.length);
    if (view->array.type != LOCUM_ENCODED || there != asked) {
      return failed(Error(Errc::type_mismatch, "asked for " + asked + ", the object is of type " +
                                                   std::string(there) + "; read it as what it is"));
    }
    const locum_status status = codec->decode(
        view->array.data, static_cast<std::size_t>(view->array.extents[0]), array, codec->context);
    return status == LOCUM_OK ? LOCUM_OK : failed(of_function(status));
  });
}
