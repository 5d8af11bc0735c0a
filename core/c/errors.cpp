#include "core/c/errors.hpp"

#include <optional>
#include <string_view>
#include <utility>

#include "core/version.hpp"

namespace locum::c {

namespace {

// The error itself: its text is made only when it is asked for.
std::optional<Error>& last() noexcept {
  thread_local std::optional<Error> last;
  return last;
}

}  // namespace

const std::optional<Error>& last_error() noexcept {
  return last();
}

std::optional<Error> replace_last_error(std::optional<Error> error) noexcept {
  return std::exchange(last(), std::move(error));
}

locum_status failed(const Error& error) noexcept {
  last() = error;
  return static_cast<locum_status>(error.code());
}

locum_status failed_elsewhere(const char* text) noexcept {
  try {
    return failed(Error(Errc::system, "a function that the library called has thrown; see its text", text));
  } catch (const std::exception&) {
    return failed(no_memory_left());
  }
}

Error of_program(int status, std::string text) {
  const bool is_known = status >= LOCUM_INVALID_ARGUMENT && status <= LOCUM_VALUE_TOO_LARGE;
  return Error(is_known ? static_cast<Errc>(status) : Errc::cancelled, std::move(text));
}

Error of_function(int status) {
  return of_program(status,
                    "the function that the program gave has returned the status " + std::to_string(status));
}

Error null_argument(const char* argument) {
  return Error(Errc::invalid_argument, std::string(argument) + " is NULL, which this call does not take");
}

locum_status is_null(const char* argument) noexcept {
  return guarded([&] { return failed(null_argument(argument)); });
}

locum_status no_handle(const char* kind) noexcept {
  return guarded([&] {
    return failed(Error(Errc::invalid_argument,
                        std::string("this is no ") + kind +
                            ": it was released, was never opened, or another thread uses it in a call that "
                            "only one thread may make; open it anew"));
  });
}

}  // namespace locum::c

const char* locum_error_message() {
  const auto& last = locum::c::last_error();
  return last ? last->what() : "";
}

locum_status locum_fail(locum_status status, const char* text) {
  using namespace locum::c;
  return guarded([&] { return failed(text == nullptr ? of_function(status) : of_program(status, text)); });
}

const char* locum_status_name(int status) {
  if (status == LOCUM_OK) {
    return "ok";
  }
  if (status < LOCUM_INVALID_ARGUMENT || status > LOCUM_VALUE_TOO_LARGE) {
    return "unknown";
  }
  return locum::to_string(static_cast<locum::Errc>(status)).data();
}

const char* locum_version() {
  return locum::version().data();
}
