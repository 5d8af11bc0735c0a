#include "core/fortran/outcome.hpp"

#include <algorithm>
#include <array>
#include <cstdarg>
#include <cstdio>
#include <cstring>

#include "core/fortran/own_order.hpp"

namespace locum::fortran {

namespace {

thread_local std::array<char, 512> own_text{};  // empty: the last error is one of the C interface

// Copies what fits of the text of the last error. Returns its length.
std::size_t copy_last_text(char* into, std::size_t capacity) noexcept {
  if (own_text[0] == '\0') {
    return in_own_order(locum_error_message(), into, capacity);
  }
  const std::size_t length = std::strlen(own_text.data());
  if (capacity > 0) {
    std::memcpy(into, own_text.data(), std::min(length, capacity));
  }
  return length;
}

}  // namespace

locum_status refuse(locum_status status, const char* format, ...) noexcept {
  const int begin = std::snprintf(own_text.data(), own_text.size(), "%s: ", locum_status_name(status));
  const auto length = static_cast<std::size_t>(begin);
  std::va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(own_text.data() + length, own_text.size() - length, format, arguments);
  va_end(arguments);
  return status;
}

const char* refusal() noexcept {
  const char* const name_end = std::strstr(own_text.data(), ": ");
  return name_end == nullptr ? own_text.data() : name_end + 2;
}

locum_status outcome(locum_status status) noexcept {
  if (status != LOCUM_OK) {
    own_text[0] = '\0';
  }
  return status;
}

}  // namespace locum::fortran

using namespace locum::fortran;

extern "C" {

void locum_fortran_copy(const char* first, std::size_t first_length, char* text, std::size_t length) {
  const std::size_t copied = std::min(first_length, length);
  std::memcpy(text, first, copied);
  std::memset(text + copied, ' ', length - copied);
}

// Programs call the functions of lengths themselves, before those that return the texts.
LOCUM_API int locum_fortran_error_length() {
  return static_cast<int>(copy_last_text(nullptr, 0));
}

void locum_fortran_error(char* text, std::size_t length) {
  const std::size_t copied = std::min(copy_last_text(text, length), length);
  std::memset(text + copied, ' ', length - copied);
}

LOCUM_API int locum_fortran_status_name_length(int status) {
  return static_cast<int>(std::strlen(locum_status_name(status)));
}

void locum_fortran_status_name(int status, char* text, std::size_t length) {
  locum_fortran_copy(locum_status_name(status), std::strlen(locum_status_name(status)), text, length);
}

LOCUM_API int locum_fortran_version_length() {
  return static_cast<int>(std::strlen(locum_version()));
}

void locum_fortran_version(char* text, std::size_t length) {
  locum_fortran_copy(locum_version(), std::strlen(locum_version()), text, length);
}

}  // extern "C"
