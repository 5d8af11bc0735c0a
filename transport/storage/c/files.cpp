// Files in formats, for the C interface.
#include "transport/storage/files/files.hpp"

#include <memory>
#include <span>
#include <string_view>
#include <type_traits>
#include <utility>

#include "core/c/conversions.hpp"
#include "core/c/errors.hpp"
#include "core/c/names.hpp"
#include "core/c/objects.hpp"
#include "core/c/unreleased.hpp"
#include "core/c/views.hpp"
#include "core/record_archive.hpp"
#include "transport/storage/c/format_options.hpp"

using namespace locum;
using namespace locum::c;

namespace {

std::string_view text_or_none(const char* text) noexcept {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

/// Returns the shared owner of memory that the caller keeps for the call.
std::shared_ptr<const void> owner_for_call(const void* memory) {
  return {memory, [](const void*) {}};
}

/// Reads a stored Record in the caller's memory; its arrays are shown there.
Result<Record> stored_record(const locum_array& array) {
  const auto encoded = encoded_memory_of(array);
  if (!encoded) {
    return encoded.error();
  }
  if (encoded->type != Record::locum_type_name || !encoded->codec.empty()) {
    return Error(
        Errc::invalid_argument,
        "an encoded value of a file is a stored Record, of the type locum.record; give that, or an array");
  }
  if (array.data == nullptr) {
    return null_argument("the data of this array");
  }
  const auto size = static_cast<std::size_t>(encoded->size_bytes);
  return decode_record(owner_for_call(array.data), {static_cast<const std::byte*>(array.data), size}, {});
}

/// Returns one element as the number that a Record has for it, if the Record holds it with its type.
Record one_value(const Array& one) {
  const auto is = [&]<class T>(std::type_identity<T> /*type*/, Record& into) {
    const auto value = one.value<T>();
    into = value ? Record(*value) : std::move(into);
    return static_cast<bool>(value);
  };
  Record number;
  return is(std::type_identity<double>(), number) || is(std::type_identity<std::int64_t>(), number) ||
                 is(std::type_identity<std::uint64_t>(), number) || is(std::type_identity<bool>(), number) ||
                 is(std::type_identity<std::complex<double>>(), number)
             ? number
             : Record(one);
}

/// Returns a value in the caller's memory, to which it refers.
Result<Record> record_in(const locum_array& array) {
  if (array.type == LOCUM_ENCODED) {
    return stored_record(array);
  }
  const auto elements = elements_of(array);
  if (!elements) {
    return elements.error();
  }
  if (!elements->is_valid()) {
    return invalid(*elements);
  }
  const Array shown(owner_for_call(array.data), *elements);
  if (array.rank == 0) {
    return one_value(shown);
  }
  if (array.rank != 1 || (array.type != LOCUM_CHAR && array.type != LOCUM_BYTE)) {
    return Record(shown);
  }
  const auto packed = shown.packed();
  if (!packed) {
    return packed.error();
  }
  const std::span<const std::byte> bytes = packed->bytes();
  return array.type == LOCUM_CHAR
             ? Record(std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()))
             : Record(Record::Bytes(bytes.begin(), bytes.end()));
}

/// Returns the options of the format.
Result<Record> format_options_of(const locum_file_options& options) {
  if (options.record == nullptr) {
    return format_options_in(text_or_none(options.options));
  }
  if (options.options != nullptr) {
    return Error(Errc::invalid_argument,
                 "the options of a format are given as a text and as a Record; give one of these");
  }
  return stored_record(*options.record);
}

Result<LoadOptions> loading(const locum_file_options* options) {
  require_known(options);
  if (options == nullptr) {
    return LoadOptions();
  }
  auto of_format = format_options_of(*options);
  if (!of_format) {
    return of_format.error();
  }
  return LoadOptions{.format = text_or_none(options->format),
                     .options = *std::move(of_format),
                     .backend = text_or_none(options->backend),
                     .deadline = limit_of(options->deadline_s)};
}

locum_status give_files(Files opened, locum_files* handle) {
  name_unreleased_at_exit();
  return give(files(), std::make_shared<const Files>(std::move(opened)), handle);
}

/// Calls `body` with the files of the handle.
template <class Body>
locum_status on_files(locum_files handle, Body body) noexcept {
  return on(files(), handle, "handle of files",
            [&](const std::shared_ptr<const Files>& open) { return body(*open); });
}

/// Calls `call`, a function of Files that gives an object, for the view.
template <class Call>
locum_status give_loaded(locum_files handle, const char* path, const locum_file_options* options,
                         locum_view* view, Call call) noexcept {
  if (view != nullptr) {
    empty(*view);
  }
  return on_files(handle, [&](const Files& open) {
    if (path == nullptr || view == nullptr) {
      return is_null(path == nullptr ? "path" : "view");
    }
    const auto how = loading(options);
    return how ? give_view((open.*call)(path, *how), *view) : failed(how.error());
  });
}

}  // namespace

locum_status locum_files_open(const char* url, locum_files* files) {
  clear(files);
  return guarded([&] {
    if (url == nullptr || files == nullptr) {
      return is_null(url == nullptr ? "url" : "files");
    }
    return give_files(Files(url), files);
  });
}

locum_status locum_files_open_in(locum_session session, const char* url, locum_files* files) {
  clear(files);
  return on(sessions(), session, "session", [&](const Session& open) {
    if (url == nullptr || files == nullptr) {
      return is_null(url == nullptr ? "url" : "files");
    }
    return give_files(Files(open, url), files);
  });
}

locum_status locum_files_add(locum_files files, const char* name, const char* url) {
  return on_files(files, [&](const Files& open) {
    return name == nullptr || url == nullptr ? is_null(name == nullptr ? "name" : "url")
                                             : status_of(open.add(name, url));
  });
}

locum_status locum_files_close(locum_files* files) {
  return release(locum::c::files(), files, "handle of files");
}

locum_status locum_files_save(locum_files files, const char* path, const locum_array* value,
                              const locum_file_options* options) {
  return on_files(files, [&](const Files& open) {
    if (path == nullptr || value == nullptr) {
      return is_null(path == nullptr ? "path" : "value");
    }
    auto how = loading(options);
    if (!how) {
      return failed(how.error());
    }
    const auto record = record_in(*value);
    return record ? status_of(open.save(path, *record, {how->format, std::move(how->options), how->backend}))
                  : failed(record.error());
  });
}

locum_status locum_files_load(locum_files files, const char* path, const locum_file_options* options,
                              locum_view* view) {
  return give_loaded(files, path, options, view, &Files::load_raw);
}

locum_status locum_files_info(locum_files files, const char* path, const locum_file_options* options,
                              locum_view* view) {
  return give_loaded(files, path, options, view, &Files::info_raw);
}

locum_status locum_files_list(locum_files files, const char* folder, const char* pattern, bool recursive,
                              const char* backend, locum_names* names) {
  clear(names);
  return on_files(files, [&](const Files& open) {
    if (names == nullptr) {
      return is_null("names");
    }
    return give_names(open.list(text_or_none(folder), {.pattern = pattern == nullptr ? "*" : pattern,
                                                       .recursive = recursive,
                                                       .backend = text_or_none(backend)}),
                      *names);
  });
}

locum_status locum_files_kind(locum_files files, const char* path, const char* backend, int32_t* kind) {
  clear(kind);
  return on_files(files, [&](const Files& open) {
    if (path == nullptr || kind == nullptr) {
      return is_null(path == nullptr ? "path" : "kind");
    }
    const PathOptions where{text_or_none(backend)};
    const auto is_file = open.is_file(path, where);
    const auto is_there = is_file && !*is_file ? open.exists(path, where) : is_file;
    if (!is_there) {
      return failed(is_there.error());
    }
    *kind = *is_file ? LOCUM_FILE : *is_there ? LOCUM_FOLDER : LOCUM_NO_FILE;
    return LOCUM_OK;
  });
}

locum_status locum_files_make_dirs(locum_files files, const char* path, const char* backend) {
  return on_files(files, [&](const Files& open) {
    return path == nullptr ? is_null("path") : status_of(open.make_dirs(path, {text_or_none(backend)}));
  });
}

locum_status locum_files_remove(locum_files files, const char* path, const char* backend, bool* existed) {
  return on_files(files, [&](const Files& open) {
    if (path == nullptr) {
      return is_null("path");
    }
    const auto removed = open.remove(path, {text_or_none(backend)});
    if (existed != nullptr) {
      *existed = removed && *removed;
    }
    return status_of(removed);
  });
}

locum_status locum_files_copy(locum_files files, const char* from, const char* to, const char* backend) {
  return on_files(files, [&](const Files& open) {
    return from == nullptr || to == nullptr ? is_null(from == nullptr ? "from" : "to")
                                            : status_of(open.copy(from, to, {text_or_none(backend)}));
  });
}
