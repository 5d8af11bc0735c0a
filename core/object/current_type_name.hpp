#pragma once

#include <array>
#include <string_view>
#include <utility>

namespace locum {

/// Returns the canonical name of a type whose name was read from a file or a backend: complex numbers and
/// arrays of them had the compiler's name in earlier versions. Other names are returned as they are.
[[nodiscard]] constexpr std::string_view current_type_name(std::string_view stored) noexcept {
  constexpr std::array<std::pair<std::string_view, std::string_view>, 4> earlier{
      {{"std::complex<float>{8}", "c64"},
       {"std::complex<float>{8}[]", "c64[]"},
       {"std::complex<double>{16}", "c128"},
       {"std::complex<double>{16}[]", "c128[]"}}};
  for (const auto& [then, now] : earlier) {
    if (stored == then) {
      return now;
    }
  }
  return stored;
}

}  // namespace locum
