#pragma once

#include <new>

#include <locum/error.hpp>

namespace locum::storage {

/// Returns the result of `call`, a function of a format. A lack of memory, and what a Record throws, become
/// its errors.
template <class Call>
auto format_call(Call call) -> decltype(call()) {
  try {
    return call();
  } catch (const std::bad_alloc&) {
    return no_memory_left();
  } catch (const Error& error) {
    return error;
  }
}

}  // namespace locum::storage
