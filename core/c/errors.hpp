#pragma once

#include <exception>
#include <new>
#include <optional>
#include <string>

#include "core/c/locum.h"
#include "core/value/error.hpp"
#include "core/value/result.hpp"

namespace locum::c {

/// Keeps the error for locum_error_message() of this thread, and returns its number.
locum_status failed(const Error& error) noexcept;
/// Returns the error that locum_error_message() of this thread is about.
[[nodiscard]] const std::optional<Error>& last_error() noexcept;
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

/// Throws Error `unsupported` if options, which may be NULL, have one of a later version of the library.
template <class Options>
void require_known(const Options* options) {
  if (options != nullptr &&
      (options->reserved[0] | options->reserved[1] | options->reserved[2] | options->reserved[3]) != 0) {
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
