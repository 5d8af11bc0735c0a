// Values in files, in formats.
#include <algorithm>
#include <cstddef>
#include <cstdint>

#include "core/c/locum.h"
#include "core/fortran/closed.hpp"
#include "core/fortran/descriptors.hpp"
#include "core/fortran/file_members.hpp"
#include "core/fortran/file_options.hpp"
#include "core/fortran/loaded.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/text.hpp"
#include "core/fortran/text_lists.hpp"
#include "core/fortran/view.hpp"

using namespace locum::fortran;

namespace {

// Begins what `call(path)` begins.
template <class Call>
locum_status begin(const Text& path, const FileOptions& options, Call call) noexcept {
  locum_status wrong = path.check("path");
  wrong = wrong != LOCUM_OK ? wrong : options.check();
  return wrong != LOCUM_OK ? wrong : outcome(call(path.c_str()));
}

// Calls `call(path, backend)`, of one path.
template <class Call>
locum_status on_path(const Text& path, const Text& backend, Call call) noexcept {
  locum_status wrong = path.check("path");
  wrong = wrong != LOCUM_OK ? wrong : backend.check("backend");
  return wrong != LOCUM_OK ? wrong : outcome(call(path.c_str(), backend.c_str()));
}

}  // namespace

extern "C" {

locum_status locum_fortran_files_open(const char* url, std::size_t length, locum_files* files) {
  const Text text(url, length);
  locum_status wrong = check_closed(*files, "handle of files", "close");
  wrong = wrong != LOCUM_OK ? wrong : text.check("url");
  return wrong != LOCUM_OK ? wrong : outcome(locum_files_open(text.c_str(), files));
}

locum_status locum_fortran_session_files(locum_session session, const char* url, std::size_t length,
                                         locum_files* files) {
  const Text text(url, length);
  locum_status wrong = check_closed(*files, "handle of files", "close");
  wrong = wrong != LOCUM_OK ? wrong : text.check("url");
  return wrong != LOCUM_OK ? wrong : outcome(locum_files_open_in(session, text.c_str(), files));
}

locum_status locum_fortran_files_add(locum_files files, const char* name, std::size_t length, const char* url,
                                     std::size_t url_length) {
  const Text text(name, length);
  const Text url_text(url, url_length);
  locum_status wrong = text.check("name");
  wrong = wrong != LOCUM_OK ? wrong : url_text.check("url");
  return wrong != LOCUM_OK ? wrong : outcome(locum_files_add(files, text.c_str(), url_text.c_str()));
}

locum_status locum_fortran_files_close(locum_files* files) {
  return outcome(locum_files_close(files));
}

locum_status locum_fortran_files_save(locum_files files, const char* path, std::size_t length,
                                      const CFI_cdesc_t* value, const char* format, std::size_t format_length,
                                      const char* options, std::size_t options_length, const char* backend,
                                      std::size_t backend_length) {
  const Text text(path, length);
  const FileOptions given(format, format_length, options, options_length, backend, backend_length, nullptr);
  locum_array array;
  locum_status wrong = array_of(*value, array);
  wrong = wrong != LOCUM_OK ? wrong : text.check("path");
  wrong = wrong != LOCUM_OK ? wrong : given.check();
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  if (!is_array_of_texts(*value)) {
    return outcome(locum_files_save(files, text.c_str(), &array, &given.given()));
  }
  const TextList texts(*value);
  wrong = texts.check();
  return wrong != LOCUM_OK ? wrong
                           : outcome(locum_files_save(files, text.c_str(), &texts.record(), &given.given()));
}

locum_status locum_fortran_files_load(locum_files files, const char* path, std::size_t length,
                                      CFI_cdesc_t* pointer, const char* format, std::size_t format_length,
                                      const char* options, std::size_t options_length, const char* backend,
                                      std::size_t backend_length, const double* within, const char* member,
                                      std::size_t member_length, View* view) {
  nullify(*pointer);
  const FileOptions given(format, format_length, options, options_length, backend, backend_length, within,
                          member, member_length);
  return load_file(files, Text(path, length), given, *view, [=](View& loaded) {
    return loaded.view.array.type == LOCUM_ENCODED ? drop(loaded, no_array(loaded.view.array))
                                                   : associate(*pointer, loaded);
  });
}

locum_status locum_fortran_files_load_text(locum_files files, const char* path, std::size_t length,
                                           const char* format, std::size_t format_length, const char* options,
                                           std::size_t options_length, const char* backend,
                                           std::size_t backend_length, const double* within,
                                           const char* member, std::size_t member_length, const void** text,
                                           std::size_t* text_length, View* view) {
  *text = nullptr;
  *text_length = 0;
  const FileOptions given(format, format_length, options, options_length, backend, backend_length, within,
                          member, member_length);
  return load_file(files, Text(path, length), given, *view, [=](View& loaded) {
    return loaded.view.array.type == LOCUM_ENCODED ? drop(loaded, no_array(loaded.view.array))
                                                   : text_of(loaded, *text, *text_length);
  });
}

locum_status locum_fortran_files_load_async(locum_files files, const char* path, std::size_t length,
                                            const char* format, std::size_t format_length,
                                            const char* options, std::size_t options_length,
                                            const char* backend, std::size_t backend_length,
                                            const double* within, const char* member,
                                            std::size_t member_length, locum_future* future) {
  const FileOptions given(format, format_length, options, options_length, backend, backend_length, within,
                          member, member_length);
  const locum_status wrong = check_closed(*future, "future", "release");
  return wrong != LOCUM_OK ? wrong : begin(Text(path, length), given, [&](const char* from) {
    return locum_files_load_async(files, from, &given.given(), future);
  });
}

locum_status locum_fortran_files_proxy(locum_files files, const char* path, std::size_t length,
                                       const char* format, std::size_t format_length, const char* options,
                                       std::size_t options_length, const char* backend,
                                       std::size_t backend_length, locum_proxy* proxy) {
  const FileOptions given(format, format_length, options, options_length, backend, backend_length, nullptr);
  const locum_status wrong = check_closed(*proxy, "stand-in", "release");
  return wrong != LOCUM_OK ? wrong : begin(Text(path, length), given, [&](const char* from) {
    return locum_files_proxy(files, from, &given.given(), proxy);
  });
}

locum_status locum_fortran_files_read(locum_files files, const char* path, std::size_t length,
                                      const CFI_cdesc_t* into, const CFI_cdesc_t* start,
                                      const CFI_cdesc_t* count, const CFI_cdesc_t* stride, const char* format,
                                      std::size_t format_length, const char* options,
                                      std::size_t options_length, const char* backend,
                                      std::size_t backend_length, const double* within, const char* member,
                                      std::size_t member_length) {
  const FileOptions given(format, format_length, options, options_length, backend, backend_length, within,
                          member, member_length);
  locum_array array;
  locum_box box;
  locum_status wrong = array_of(*into, array);
  wrong = wrong != LOCUM_OK ? wrong : box_of(start, count, stride, *into, array, box);
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  View view{};
  return load_file(files, Text(path, length), given, view, [&](View& loaded) {
    return drop(loaded, copy_loaded(loaded.view.array, box, *into, array, member != nullptr));
  });
}

locum_status locum_fortran_files_kind(locum_files files, const char* path, std::size_t length,
                                      const char* backend, std::size_t backend_length, std::int32_t* kind) {
  *kind = LOCUM_NO_FILE;
  return on_path(Text(path, length), Text(backend, backend_length),
                 [=](const char* of, const char* where) { return locum_files_kind(files, of, where, kind); });
}

locum_status locum_fortran_files_make_dirs(locum_files files, const char* path, std::size_t length,
                                           const char* backend, std::size_t backend_length) {
  return on_path(Text(path, length), Text(backend, backend_length),
                 [=](const char* of, const char* where) { return locum_files_make_dirs(files, of, where); });
}

locum_status locum_fortran_files_remove(locum_files files, const char* path, std::size_t length,
                                        const char* backend, std::size_t backend_length, bool* existed) {
  *existed = false;
  return on_path(Text(path, length), Text(backend, backend_length), [=](const char* of, const char* where) {
    return locum_files_remove(files, of, where, existed);
  });
}

locum_status locum_fortran_files_copy(locum_files files, const char* from, std::size_t from_length,
                                      const char* to, std::size_t to_length, const char* backend,
                                      std::size_t backend_length) {
  const Text to_text(to, to_length);
  if (const auto wrong = to_text.check("to"); wrong != LOCUM_OK) {
    return wrong;
  }
  return on_path(
      Text(from, from_length), Text(backend, backend_length),
      [&](const char* of, const char* where) { return locum_files_copy(files, of, to_text.c_str(), where); });
}

// The list is ended by locum_fortran_names_take().
locum_status locum_fortran_files_list(locum_files files, const char* folder, std::size_t length,
                                      const char* pattern, std::size_t pattern_length, bool recursive,
                                      bool folders, const char* backend, std::size_t backend_length,
                                      locum_names* names, std::size_t* longest) {
  *names = {};
  *longest = 0;
  const Text pattern_text(pattern, pattern_length);
  const Text folder_text(folder, length);
  const Text backend_text(backend, backend_length);
  locum_status wrong = folder_text.check("folder");
  wrong = wrong != LOCUM_OK ? wrong : pattern_text.check("pattern");
  wrong = wrong != LOCUM_OK ? wrong : backend_text.check("backend");
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  locum_file_list_options options{};
  options.pattern = pattern_text.c_str();
  options.backend = backend_text.c_str();
  options.recursive = recursive ? 1 : 0;
  options.folders = folders ? 1 : 0;
  const locum_status status = locum_files_list_with(files, folder_text.c_str(), &options, names);
  for (std::size_t at = 0; at < names->count; ++at) {
    *longest = std::max(*longest, names->names[at].length);
  }
  return outcome(status);
}

}  // extern "C"
