#pragma once

#include <cstring>
#include <exception>
#include <new>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>
#include <vector>

#include "core/ports/group.hpp"
#include "core/value/errors.hpp"

/// Functions that collective steps of a Group share.
namespace locum::together {

/// Returns the exception of `call` on this rank, if any, as an Error that can be sent to the others.
/// \param failed text of the Error for an exception that is no Error
template <class Call>
std::optional<Error> error_of(Call&& call, const char* failed = "set-up failed") {
  try {
    std::forward<Call>(call)();
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return process_memory_used_up();
  } catch (const std::exception& exception) {
    return Error(Errc::system, failed, exception.what());
  }
  return std::nullopt;
}

/// Throws the error that a group has agreed on, if any.
inline void throw_if(const std::optional<Error>& error) {
  if (error) {
    throw *error;
  }
}

/// Returns the values of all ranks from the bytes that they gathered.
template <class T>
[[nodiscard]] std::vector<T> values_of(std::span<const std::byte> gathered) {
  static_assert(std::is_trivially_copyable_v<T>);
  std::vector<T> values(gathered.size() / sizeof(T));
  std::memcpy(values.data(), gathered.data(), values.size() * sizeof(T));
  return values;
}

/// Gathers a value of each rank, in rank order. Collective.
template <class T>
[[nodiscard]] std::vector<T> gathered(Group& group, const T& mine) {
  return values_of<T>(group.all_gather(std::as_bytes(std::span(&mine, 1))));
}

}  // namespace locum::together
