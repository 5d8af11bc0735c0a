#pragma once

#include <cstdint>

#include "core/c/locum.h"
#include "core/fortran/outcome.hpp"

namespace locum::fortran {

/// What holds an object for a program, or is a copy of that: compilers copy components, where no assignment
/// of ours is called, and a copy must not release the object once more.
class Place {
 public:
  [[nodiscard]] bool is_held() const noexcept { return place_ == reinterpret_cast<std::uintptr_t>(this); }
  [[nodiscard]] bool is_copy() const noexcept { return place_ != 0 && !is_held(); }
  void hold(bool is) noexcept { place_ = is ? reinterpret_cast<std::uintptr_t>(this) : 0; }

 private:
  std::uintptr_t place_;  // its own address while it holds an object
};

/// Returns LOCUM_OK if it can be given an object. `kind` is its noun, `end` what ends it.
inline locum_status check_free(const Place& place, const char* kind, const char* end) noexcept {
  if (place.is_copy()) {
    return refuse(LOCUM_INVALID_ARGUMENT,
                  "this %s is a copy, which holds nothing: use the one that it was copied from", kind);
  }
  return !place.is_held()
             ? LOCUM_OK
             : refuse(LOCUM_INVALID_ARGUMENT, "this %s holds an object: %s it first, or take another %s",
                      kind, end, kind);
}

/// Returns LOCUM_OK if it holds an object.
inline locum_status check_held(const Place& place, const char* kind) noexcept {
  if (place.is_copy()) {
    return check_free(place, kind, "");
  }
  return place.is_held() ? LOCUM_OK
                         : refuse(LOCUM_INVALID_ARGUMENT,
                                  "this %s holds no object: it was given none, or was ended already", kind);
}

}  // namespace locum::fortran
