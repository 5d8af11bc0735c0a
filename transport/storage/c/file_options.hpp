#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "core/c/locum.h"
#include "core/record.hpp"
#include "core/value/result.hpp"
#include "transport/storage/files/files.hpp"

namespace locum::c {

[[nodiscard]] inline std::string_view text_or_none(const char* text) noexcept {
  return text == nullptr ? std::string_view() : std::string_view(text);
}

[[nodiscard]] inline bool asks_for_member(const locum_file_options* options) noexcept {
  return options != nullptr && options->member != nullptr;
}

/// Returns the options of a call with a file, which may be NULL; they name texts of the caller.
/// `gives_members`: whether the call takes the option `member`. `invalid_argument`. Throws Error
/// `unsupported` for an option of a later version.
[[nodiscard]] Result<LoadOptions> loading(const locum_file_options* options, bool gives_members = false);

/// What a call asks for of a loaded value: a member of it, or all of it.
class Asked {
 public:
  /// Copies what it needs. `options` may be NULL.
  explicit Asked(const locum_file_options* options);

  /// Returns whether it is given as a value, which need not be an object of the store.
  [[nodiscard]] bool is_value() const noexcept { return member_ || is_mapped_; }
  /// Returns it, or the error of the load. `path`: of the file, for errors.
  [[nodiscard]] Result<Record> of(Result<Record> loaded, std::string_view path) const;

 private:
  std::optional<std::string> member_;
  bool is_mapped_;
};

}  // namespace locum::c
