#pragma once

#include <cstddef>

#include "core/c/locum.h"
#include "core/fortran/outcome.hpp"
#include "core/fortran/seconds.hpp"
#include "core/fortran/text.hpp"

namespace locum::fortran {

/// The optional arguments of a call with a file, as those of C; absent ones are null.
class FileOptions {
 public:
  FileOptions(const char* format, std::size_t format_length, const char* options, std::size_t options_length,
              const char* backend, std::size_t backend_length, const double* within,
              const char* member = nullptr, std::size_t member_length = 0) noexcept
      : format_(format, format_length),
        options_(options, options_length),
        backend_(backend, backend_length),
        member_(member, member_length),
        given_{.format = format_.c_str(),
               .options = options_.c_str(),
               .backend = backend_.c_str(),
               .deadline_s = deadline(within),
               .record = nullptr,
               .map = 0,
               .member = member_.c_str(),
               .reserved = {}} {}
  FileOptions(const FileOptions&) = delete;
  FileOptions& operator=(const FileOptions&) = delete;
  ~FileOptions() = default;
  /// Returns LOCUM_OK, or why C cannot be given these.
  [[nodiscard]] locum_status check() const noexcept {
    locum_status wrong = format_.check("format");
    wrong = wrong != LOCUM_OK ? wrong : options_.check("options");
    wrong = wrong != LOCUM_OK ? wrong : backend_.check("backend");
    return wrong != LOCUM_OK ? wrong : member_.check("member");
  }
  [[nodiscard]] const locum_file_options& given() const noexcept { return given_; }

 private:
  Text format_;
  Text options_;
  Text backend_;
  Text member_;
  locum_file_options given_;
};

}  // namespace locum::fortran
