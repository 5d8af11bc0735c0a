#pragma once

#include <exception>
#include <new>
#include <optional>
#include <string>
#include <utility>

#include "core/value/errors.hpp"

namespace locum::mpi {

/// MPI's own text for a return code.
[[nodiscard]] std::string error_text(int code);

/// Throws Error `system` with MPI's own text if `code`, returned by the MPI function `call`, is not success.
void check(int code, const char* call);

/// Throws the error that a group has agreed on, if any.
void throw_if(const std::optional<Error>& error);

/// The exception of this call on this rank, if any, as an Error that can be sent to the others.
template <class Call>
std::optional<Error> error_of(Call&& call) {
  try {
    std::forward<Call>(call)();
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return process_memory_used_up();
  } catch (const std::exception& exception) {
    return Error(Errc::system, "set-up failed", exception.what());
  }
  return std::nullopt;
}

/// For destructors: reports a failure on stderr and goes on.
void warn(int code, const char* call) noexcept;

/// Why this thread may not call MPI now, as text for a person: not initialised yet, already finalised, or the
/// thread level leaves MPI to the main thread. nullptr if it may. Any thread, at any time.
[[nodiscard]] const char* why_unusable() noexcept;

}  // namespace locum::mpi
