#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <iterator>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "core/c/locum.h"
#include "core/value/error.hpp"
#include "core/value/result.hpp"

namespace locum::c {

/// Keeps the error for locum_error_message() of this thread, and returns its number.
locum_status failed(const Error& error) noexcept;
/// Returns the error that locum_error_message() of this thread is about.
[[nodiscard]] const std::optional<Error>& last_error() noexcept;
/// Makes `error` the one that locum_error_message() of this thread is about; returns the one that was.
std::optional<Error> replace_last_error(std::optional<Error> error) noexcept;
/// Keeps the error of a call that ended with an exception of another library or of the program.
locum_status failed_elsewhere(const char* text) noexcept;
/// Returns the error of a call whose argument is NULL.
[[nodiscard]] Error null_argument(const char* argument);
/// Keeps that error, and returns its number.
locum_status is_null(const char* argument) noexcept;
/// Returns the error of a call with a handle that is not live.
locum_status no_handle(const char* kind) noexcept;

/// Returns an error of the program, `cancelled` if the status is none of an error.
[[nodiscard]] Error of_program(int status, std::string text);
/// Returns the error of a function of the program that has returned this number.
[[nodiscard]] Error of_function(int status);

/// Calls a function of the program, which returns a status. Returns its error: that with which a call of the
/// library, or locum_fail(), has given it this status.
template <class Call>
[[nodiscard]] Result<void> outcome_of_function(Call call) {
  class Kept {
   public:
    Kept() : before_(replace_last_error({})) {}
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
    ~Kept() { (void)replace_last_error(std::move(before_)); }

   private:
    std::optional<Error> before_;
  };
  const Kept kept;
  const int status = call();
  if (status == LOCUM_OK) {
    return {};
  }
  const std::optional<Error>& last = last_error();
  return last && static_cast<int>(last->code()) == status ? *last : of_function(status);
}

/// Throws Error `unsupported` if options, which may be NULL, have one of a later version of the library.
template <class Options>
void require_known(const Options* options) {
  if (options != nullptr && std::any_of(std::begin(options->reserved), std::end(options->reserved),
                                        [](std::uint64_t word) { return word != 0; })) {
    throw Error(
        Errc::unsupported,
        "these options have one of a later version of the library, or were not set to 0 before use; set "
        "all that is not used to 0, or load the version that the program was compiled with");
  }
}

/// Returns LOCUM_OK, or the error.
template <class T>
locum_status status_of(const Result<T>& result) noexcept {
  return result ? LOCUM_OK : failed(result.error());
}

/// Calls the body of a function of the C interface: no exception leaves it.
template <class Body>
locum_status guarded(Body body) noexcept {
  try {
    return body();
  } catch (const Error& error) {
    return failed(error);
  } catch (const std::bad_alloc&) {
    return failed(no_memory_left());
  } catch (const std::exception& failure) {
    return failed_elsewhere(failure.what());
  } catch (...) {
    return failed_elsewhere("an exception that is no std::exception");
  }
}

}  // namespace locum::c
