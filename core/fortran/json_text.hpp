#pragma once

#include <cstddef>
#include <cstdint>

#include "core/c/locum.h"
#include "core/fortran/outcome.hpp"

namespace locum::fortran {

/// A text of JSON as a stored Record: Fortran has no values of that kind.
class JsonText {
 public:
  /// \param argument its name, for errors
  JsonText(const char* first, std::size_t length, const char* argument) noexcept {
    locum_array text{};
    text.type = LOCUM_CHAR;
    text.rank = 1;
    text.extents[0] = static_cast<std::int64_t>(length);
    text.data = const_cast<char*>(first);
    locum_file_options as_text{};
    as_text.format = "text";
    locum_file_options as_json{};
    as_json.format = "json";
    locum_files files = nullptr;
    status_ = outcome(locum_files_open("memory:", &files));
    status_ = status_ != LOCUM_OK ? status_ : outcome(locum_files_save(files, argument, &text, &as_text));
    if (status_ == LOCUM_OK) {
      status_ = outcome(locum_files_load(files, argument, &as_json, &view_));
      is_held_ = status_ == LOCUM_OK;
    }
    static_cast<void>(locum_files_close(&files));
  }
  JsonText(const JsonText&) = delete;
  JsonText& operator=(const JsonText&) = delete;
  ~JsonText() {
    if (is_held_) {
      static_cast<void>(locum_view_release(&view_));
    }
  }
  /// Returns LOCUM_OK, or why it is no JSON.
  [[nodiscard]] locum_status check() const noexcept { return status_; }
  [[nodiscard]] const locum_array& record() const noexcept { return view_.array; }

 private:
  locum_view view_{};
  locum_status status_ = LOCUM_OK;
  bool is_held_ = false;
};

}  // namespace locum::fortran
