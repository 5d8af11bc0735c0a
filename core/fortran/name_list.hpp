#pragma once

#include <ISO_Fortran_binding.h>

#include <cstddef>
#include <cstring>

#include "core/c/locum.h"
#include "core/fortran/memory.hpp"
#include "core/fortran/outcome.hpp"

namespace locum::fortran {

/// Returns the number of elements of an array of rank 1; 0 if it is not allocated.
inline std::size_t count_of(const CFI_cdesc_t& list) noexcept {
  return list.base_addr == nullptr ? 0 : static_cast<std::size_t>(list.dim[0].extent);
}

/// Returns element `at` of an array of rank 1, from 0.
template <class Value>
Value* element(const CFI_cdesc_t& list, std::size_t at) noexcept {
  return reinterpret_cast<Value*>(static_cast<char*>(list.base_addr) +
                                  static_cast<CFI_index_t>(at) * list.dim[0].sm);
}

/// An array of names as those of C: each without trailing blanks, and with a 0 at its end.
class NameList {
 public:
  /// \param argument its name, for errors \param backwards whether the last one comes first, as dimensions do
  explicit NameList(const CFI_cdesc_t& names, const char* argument = "names", bool backwards = false) noexcept
      : argument_(argument),
        count_(count_of(names)),
        texts_(count_),
        characters_(count_ * (names.elem_len + 1)),
        is_allocated_(names.base_addr != nullptr || names.dim[0].extent == 0) {
    if (texts_.is_lost() || characters_.is_lost()) {
      return;
    }
    char* place = characters_.data();
    for (std::size_t at = 0; at < count_; ++at) {
      const char* const first = element<const char>(names, backwards ? count_ - 1 - at : at);
      std::size_t length = names.elem_len;
      while (length > 0 && first[length - 1] == ' ') {
        --length;
      }
      std::memcpy(place, first, length);
      texts_[at] = place;
      has_end_ = has_end_ || std::memchr(first, 0, length) != nullptr;
      place += names.elem_len + 1;
    }
  }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] const char* const* data() const noexcept { return texts_.data(); }
  /// Returns LOCUM_OK, or why C cannot be given these names.
  [[nodiscard]] locum_status check() const noexcept {
    if (texts_.is_lost() || characters_.is_lost()) {
      return refuse(LOCUM_OUT_OF_MEMORY, "no memory for a copy of '%s'", argument_);
    }
    if (!is_allocated_) {
      return refuse(LOCUM_INVALID_ARGUMENT, "'%s' is not allocated", argument_);
    }
    return has_end_ ? refuse(LOCUM_INVALID_ARGUMENT,
                             "one of '%s' contains char(0), which C takes for its end", argument_)
                    : LOCUM_OK;
  }

 private:
  const char* argument_;
  std::size_t count_;
  Memory<const char*> texts_;
  Memory<char> characters_;
  bool is_allocated_;
  bool has_end_ = false;
};

}  // namespace locum::fortran
