// What files hold.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "core/c/locum.h"
#include "core/fortran/file_options.hpp"
#include "core/fortran/outcome.hpp"
#include "core/fortran/text.hpp"

using namespace locum::fortran;

namespace {

// fortran_file_info of files.f90. The texts are in memory of malloc().
struct FileInfo {
  std::int64_t size_bytes;
  std::int64_t shape[LOCUM_MAX_RANK];
  std::int32_t rank;
  std::int32_t type;
  locum_text format;
  locum_text type_name;
};

struct NamedElement {
  const char* name;
  locum_type type;
};

constexpr std::array<NamedElement, 15> named_elements{{{"i8", LOCUM_I8},
                                                       {"i16", LOCUM_I16},
                                                       {"i32", LOCUM_I32},
                                                       {"i64", LOCUM_I64},
                                                       {"u8", LOCUM_U8},
                                                       {"u16", LOCUM_U16},
                                                       {"u32", LOCUM_U32},
                                                       {"u64", LOCUM_U64},
                                                       {"f32", LOCUM_F32},
                                                       {"f64", LOCUM_F64},
                                                       {"c64", LOCUM_C64},
                                                       {"c128", LOCUM_C128},
                                                       {"bool", LOCUM_BOOL},
                                                       {"char", LOCUM_CHAR},
                                                       {"byte", LOCUM_BYTE}}};

bool is_named(const locum_text& text, const char* expected) noexcept {
  return text.length == std::strlen(expected) && std::memcmp(text.first, expected, text.length) == 0;
}

// Returns the type of elements by its name; LOCUM_NO_TYPE for another name.
locum_type type_named(const locum_text& name) noexcept {
  for (const NamedElement& each : named_elements) {
    if (is_named(name, each.name)) {
      return each.type;
    }
  }
  return LOCUM_NO_TYPE;
}

// Reads what Files::info() returns: members, of which others are passed over.
class InfoReader {
 public:
  explicit InfoReader(FileInfo& info) noexcept : info_(info) {}

  static locum_status visit(const locum_record_item* item, void* reader) {
    auto& self = *static_cast<InfoReader*>(reader);
    self.status_ = self.take(*item);
    return self.status_ == LOCUM_OK ? LOCUM_OK : LOCUM_CANCELLED;  // ends the visits
  }
  // Why the visits ended before the last one.
  [[nodiscard]] locum_status status() const noexcept { return status_; }
  [[nodiscard]] bool has_extents() const noexcept { return has_extents_; }

 private:
  locum_status take(const locum_record_item& item) noexcept {
    switch (item.depth) {
      case 0:
        return item.kind == LOCUM_RECORD_MEMBERS ? LOCUM_OK : no_description();
      case 1:
        in_extents_ = false;
        return take_member(item);
      default:
        return in_extents_ ? take_extent(item) : LOCUM_OK;
    }
  }

  locum_status take_member(const locum_record_item& item) noexcept {
    const bool is_text = item.value.type == LOCUM_CHAR && item.value.rank == 1;
    if (is_named(item.name, "format") && is_text) {
      return take_text(item.value, info_.format);
    }
    if (is_named(item.name, "type") && is_text) {
      return take_text(item.value, info_.type_name);
    }
    if (is_named(item.name, "bytes") && is_integer(item.value)) {
      std::memcpy(&info_.size_bytes, item.value.data, sizeof info_.size_bytes);
    }
    if (is_named(item.name, "extents") && item.kind == LOCUM_RECORD_LIST) {
      if (item.count > LOCUM_MAX_RANK) {
        return refuse(LOCUM_UNSUPPORTED,
                      "the array in this file has %llu dimensions; an array has %d at most",
                      static_cast<unsigned long long>(item.count), LOCUM_MAX_RANK);
      }
      in_extents_ = true;
      has_extents_ = true;
      info_.rank = static_cast<std::int32_t>(item.count);
      left_ = info_.rank;
    }
    return LOCUM_OK;
  }

  // Extents are listed slowest dimension first; the shape is in the order of Fortran.
  locum_status take_extent(const locum_record_item& item) noexcept {
    if (item.depth != 2 || !is_integer(item.value) || left_ == 0) {
      return no_description();
    }
    std::memcpy(&info_.shape[--left_], item.value.data, sizeof(std::int64_t));
    return LOCUM_OK;
  }

  static locum_status take_text(const locum_array& from, locum_text& into) noexcept {
    const auto length = static_cast<std::size_t>(from.extents[0]);
    auto* const copy = static_cast<char*>(std::malloc(length + 1));
    if (copy == nullptr) {
      return refuse(LOCUM_OUT_OF_MEMORY, "no memory for the description of a file");
    }
    std::memcpy(copy, from.data, length);
    std::free(const_cast<char*>(into.first));
    into = {copy, length};
    return LOCUM_OK;
  }

  static bool is_integer(const locum_array& value) noexcept {
    return value.type == LOCUM_I64 && value.rank == 0;
  }

  static locum_status no_description() noexcept {
    return refuse(LOCUM_UNSUPPORTED,
                  "the format describes this file by values that Fortran does not read; C++ and Python do");
  }

  FileInfo& info_;
  bool in_extents_ = false;
  bool has_extents_ = false;
  std::int32_t left_ = 0;  // extents that are still to come
  locum_status status_ = LOCUM_OK;
};

}  // namespace

extern "C" {

void locum_fortran_file_info_release(FileInfo* info) {
  std::free(const_cast<char*>(info->format.first));
  std::free(const_cast<char*>(info->type_name.first));
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
  locum_view view{};
  locum_status status = locum_files_info(files, text.c_str(), &given.given(), &view);
  if (status != LOCUM_OK) {
    return outcome(status);
  }
  InfoReader reader(*info);
  status = outcome(locum_record_each(&view.array, UINT32_MAX, InfoReader::visit, &reader));
  status = reader.status() != LOCUM_OK ? reader.status() : status;
  info->type = reader.has_extents() ? type_named(info->type_name) : LOCUM_NO_TYPE;
  static_cast<void>(locum_view_release(&view));
  if (status != LOCUM_OK) {
    locum_fortran_file_info_release(info);
  }
  return status;
}

}  // extern "C"
