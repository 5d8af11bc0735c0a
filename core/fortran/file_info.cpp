// What files hold.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "core/c/locum.h"
#include "core/fortran/file_options.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/stored_record.hpp"
#include "core/fortran/text.hpp"

using namespace locum::fortran;

namespace {

// fortran_file_info of files.f90.
struct FileInfo {
  std::int64_t size_bytes;
  std::int64_t shape[LOCUM_MAX_RANK];
  std::int32_t rank;
  std::int32_t type;
  locum_text format;
  locum_text type_name;
  locum_view* library;
};

locum_status no_description() noexcept {
  return refuse(LOCUM_UNSUPPORTED,
                "the format describes this file by values that Fortran does not read; C++ and Python do");
}

// Reads a list of extents, slowest dimension first, into the order of Fortran.
locum_status read_extents(StoredRecord& record, FileInfo& info) noexcept {
  std::uint64_t count = 0;
  if (!record.begin_list(count)) {
    return no_description();
  }
  if (count > LOCUM_MAX_RANK) {
    return refuse(LOCUM_UNSUPPORTED, "the array in this file has %llu dimensions; an array has %d at most",
                  static_cast<unsigned long long>(count), LOCUM_MAX_RANK);
  }
  for (std::uint64_t at = count; at-- > 0;) {
    if (!record.is_integer() || !record.take_integer(info.shape[at])) {
      return no_description();
    }
  }
  info.rank = static_cast<std::int32_t>(count);
  return LOCUM_OK;
}

// Reads what Files::info() returns: members, of which others are passed over.
locum_status read_info(const locum_array& array, FileInfo& info) noexcept {
  StoredRecord record(array.data, static_cast<std::size_t>(array.extents[0]));
  std::uint64_t left = 0;
  if (!record.is_members() || !record.begin_members(left)) {
    return no_description();
  }
  bool has_extents = false;
  for (; left > 0; --left) {
    locum_text name{};
    if (!record.take_name(name)) {
      return no_description();
    }
    bool is_right = true;
    if (text_is(name, "format") && record.is_text()) {
      is_right = record.take_text(info.format);
    } else if (text_is(name, "type") && record.is_text()) {
      is_right = record.take_text(info.type_name);
    } else if (text_is(name, "bytes") && record.is_integer()) {
      is_right = record.take_integer(info.size_bytes);
    } else if (text_is(name, "extents") && record.is_list()) {
      if (const auto wrong = read_extents(record, info); wrong != LOCUM_OK) {
        return wrong;
      }
      has_extents = true;
    } else {
      is_right = record.skip();
    }
    if (!is_right) {
      return no_description();
    }
  }
  info.type = has_extents ? type_named(info.type_name).type : LOCUM_NO_TYPE;
  return LOCUM_OK;
}

}  // namespace

extern "C" {

void locum_fortran_file_info_release(FileInfo* info) {
  static_cast<void>(locum_view_release(info->library));
  std::free(info->library);
  *info = {};
}

locum_status locum_fortran_files_info(locum_files files, const char* path, std::size_t length,
                                      const char* format, std::size_t format_length, const char* options,
                                      std::size_t options_length, const char* backend,
                                      std::size_t backend_length, FileInfo* info) {
  *info = {};
  const Text text(path, length);
  const FileOptions given(format, format_length, options, options_length, backend, backend_length, nullptr);
  locum_status wrong = text.check("path");
  wrong = wrong != LOCUM_OK ? wrong : given.check();
  if (wrong != LOCUM_OK) {
    return wrong;
  }
  info->library = static_cast<locum_view*>(std::malloc(sizeof(locum_view)));
  if (info->library == nullptr) {
    return refuse(LOCUM_OUT_OF_MEMORY, "no memory for the description of a file");
  }
  locum_status status = outcome(locum_files_info(files, text.c_str(), &given.given(), info->library));
  if (status != LOCUM_OK) {
    std::free(info->library);
    *info = {};
    return status;
  }
  status = read_info(info->library->array, *info);
  if (status != LOCUM_OK) {
    locum_fortran_file_info_release(info);
  }
  return status;
}

}  // extern "C"
