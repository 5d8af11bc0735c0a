// Values and bytes beside experiments, for the C interface.
#include "transport/storage/experiments/record_io.hpp"

#include <cstddef>
#include <string>

#include "core/c/errors.hpp"
#include "core/c/names.hpp"
#include "core/c/views.hpp"
#include "transport/storage/c/experiment_calls.hpp"
#include "transport/storage/c/values.hpp"

using namespace locum;
using namespace locum::c;

namespace {

/// Calls `call` with the RecordIO of that prefix.
template <class Call>
locum_status on_record_io(locum_files handle, const char* backend, const char* prefix, Call call) noexcept {
  return with_files(handle, [&](const Files& open) {
    return prefix == nullptr
               ? is_null("prefix")
               : call(RecordIO(open, {.prefix = prefix, .url = {}, .backend = text_or_empty(backend)}));
  });
}

}  // namespace

locum_status locum_record_io_write(locum_files handle, const char* backend, const char* prefix,
                                   const locum_array* value, locum_names* url) {
  clear(url);
  return on_record_io(handle, backend, prefix, [&](const RecordIO& io) {
    if (value == nullptr || url == nullptr) {
      return is_null(value == nullptr ? "value" : "url");
    }
    const auto record = record_in(*value);
    return give_text(record ? io.write(*record) : Result<std::string>(record.error()), *url);
  });
}

locum_status locum_record_io_write_bytes(locum_files handle, const char* backend, const char* prefix,
                                         const void* bytes, size_t size, locum_names* url) {
  clear(url);
  return on_record_io(handle, backend, prefix, [&](const RecordIO& io) {
    if ((bytes == nullptr && size > 0) || url == nullptr) {
      return is_null(url == nullptr ? "url" : "bytes");
    }
    return give_text(io.write_bytes({static_cast<const std::byte*>(bytes), size}), *url);
  });
}

locum_status locum_record_io_read(locum_files handle, const char* backend, const char* prefix,
                                  const char* url, locum_view* view) {
  if (view != nullptr) {
    empty(*view);
  }
  return on_record_io(handle, backend, prefix, [&](const RecordIO& io) {
    return url == nullptr || view == nullptr ? is_null(url == nullptr ? "url" : "view")
                                             : give_value(io.read(url), *view);
  });
}

locum_status locum_record_io_remove(locum_files handle, const char* backend, const char* prefix,
                                    const char* url, bool* existed) {
  return on_record_io(handle, backend, prefix, [&](const RecordIO& io) {
    if (url == nullptr) {
      return is_null("url");
    }
    const auto removed = io.remove(url);
    if (existed != nullptr) {
      *existed = removed && *removed;
    }
    return status_of(removed);
  });
}
