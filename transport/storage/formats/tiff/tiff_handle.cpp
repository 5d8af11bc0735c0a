#include "transport/storage/formats/tiff/tiff_handle.hpp"

#include <algorithm>
#include <cstdio>
#include <new>
#include <utility>

namespace locum::storage {

Error TiffMessages::error(Errc code, std::string text) const {
  std::string detail(first_error_.data());
  if (has_warning()) {
    detail.append(detail.empty() ? "" : "; ").append(first_warning_.data());
  }
  return Error(code, std::move(text), std::move(detail));
}

int TiffMessages::take_error(TIFF*, void* messages, const char* module, const char* format,
                             std::va_list values) noexcept {
  take(static_cast<TiffMessages*>(messages)->first_error_, module, format, values);
  return 1;  // not for the handlers of the process
}

int TiffMessages::take_warning(TIFF*, void* messages, const char* module, const char* format,
                               std::va_list values) noexcept {
  take(static_cast<TiffMessages*>(messages)->first_warning_, module, format, values);
  return 1;
}

void TiffMessages::take(Text& text, const char* module, const char* format, std::va_list values) noexcept {
  if (text[0] != '\0') {
    return;
  }
  std::size_t used = 0;
  if (module != nullptr && *module != '\0') {
    const int printed = std::snprintf(text.data(), 64, "%s: ", module);
    used = printed < 0 ? 0 : std::min<std::size_t>(static_cast<std::size_t>(printed), 63);
  }
  if (std::vsnprintf(text.data() + used, text.size() - used, format, values) <= 0 && used == 0) {
    std::snprintf(text.data(), text.size(), "no text");
  }
}

TiffOpenOptions tiff_open_options(TiffMessages& messages) {
  TiffOpenOptions options(::TIFFOpenOptionsAlloc());
  if (!options) {
    throw std::bad_alloc();
  }
  ::TIFFOpenOptionsSetErrorHandlerExtR(options.get(), &TiffMessages::take_error, &messages);
  ::TIFFOpenOptionsSetWarningHandlerExtR(options.get(), &TiffMessages::take_warning, &messages);
  return options;
}

}  // namespace locum::storage
