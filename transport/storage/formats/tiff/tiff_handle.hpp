#pragma once

#include <tiffio.h>

#include <array>
#include <cstdarg>
#include <cstdint>
#include <memory>
#include <string>

#include "core/value/error.hpp"

namespace locum::storage {

/// Keeps what libtiff reports about one file, which it would print otherwise. Its address is given to
/// libtiff: it may not move.
class TiffMessages {
 public:
  TiffMessages() = default;
  TiffMessages(const TiffMessages&) = delete;
  TiffMessages& operator=(const TiffMessages&) = delete;
  ~TiffMessages() = default;

  [[nodiscard]] bool has_error() const noexcept { return first_error_[0] != '\0'; }
  [[nodiscard]] bool has_warning() const noexcept { return first_warning_[0] != '\0'; }
  /// Forgets all that was reported.
  void clear() noexcept { first_error_[0] = first_warning_[0] = '\0'; }
  /// Returns an error with the first error and the first warning that were reported as its detail.
  [[nodiscard]] Error error(Errc code, std::string text) const;

  // For libtiff.
  static int take_error(TIFF* file, void* messages, const char* module, const char* format,
                        std::va_list values) noexcept;
  static int take_warning(TIFF* file, void* messages, const char* module, const char* format,
                          std::va_list values) noexcept;

 private:
  using Text = std::array<char, 400>;
  static void take(Text& text, const char* module, const char* format, std::va_list values) noexcept;

  Text first_error_{};
  Text first_warning_{};
};

struct TiffCleanup {
  void operator()(TIFF* file) const noexcept { ::TIFFClose(file); }
};
using TiffHandle = std::unique_ptr<TIFF, TiffCleanup>;

struct TiffOptionsCleanup {
  void operator()(TIFFOpenOptions* options) const noexcept { ::TIFFOpenOptionsFree(options); }
};
using TiffOpenOptions = std::unique_ptr<TIFFOpenOptions, TiffOptionsCleanup>;

/// Returns options by which a file reports to `messages`. Throws std::bad_alloc.
[[nodiscard]] TiffOpenOptions tiff_open_options(TiffMessages& messages);

}  // namespace locum::storage
