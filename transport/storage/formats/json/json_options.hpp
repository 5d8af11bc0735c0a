#pragma once

#include <cstdint>
#include <span>

#include <locum/format.hpp>

namespace locum::storage {

struct JsonOptions {
  enum class Nan : std::uint8_t { refuse, literal, null };
  enum class BigIntegers : std::uint8_t { refuse, text, real };

  Nan nan = Nan::refuse;
  BigIntegers big_integers = BigIntegers::refuse;
  bool arrays = false;  ///< whether nested lists of numbers are loaded as arrays
  bool base64 = false;  ///< whether bytes are saved as texts of base64
  bool ascii = false;   ///< whether texts are written with escapes for what is beyond ASCII
  std::uint64_t indent = 2;
  /// Whether whoever asked can give these options: errors name those that help, and a number beyond the range
  /// of a real becomes infinite by Nan::literal; else it is refused.
  bool has_options = true;
};

[[nodiscard]] std::span<const FormatOption> json_option_list() noexcept;
[[nodiscard]] Result<JsonOptions> json_options(const Record& options);

}  // namespace locum::storage
