#pragma once

#include <ISO_Fortran_binding.h>

#include <cstddef>

#include "core/c/locum.h"

namespace locum::fortran {

// In files an array of characters is a list of texts, and one of more dimensions lists of such lists, the
// last dimension outermost: so formats save texts of any length. All characters are kept, also blanks at the
// end.

/// Returns whether an argument is an array of characters, and no single text.
bool is_array_of_texts(const CFI_cdesc_t& descriptor) noexcept;

/// An array of characters as a stored Record.
class TextList {
 public:
  /// REQUIRES: is_array_of_texts(), and that array_of() took it.
  explicit TextList(const CFI_cdesc_t& texts) noexcept;
  TextList(const TextList&) = delete;
  TextList& operator=(const TextList&) = delete;
  ~TextList();
  /// Returns LOCUM_OK, or why there is no Record.
  [[nodiscard]] locum_status check() const noexcept;
  [[nodiscard]] const locum_array& record() const noexcept { return record_; }

 private:
  locum_array record_{};
  std::size_t size_ = 0;
};

/// Copies a text to one of Fortran, filled with blanks, as an assignment does. LOCUM_INVALID_ARGUMENT if it
/// is longer: an assignment would cut it.
locum_status copy_text(const locum_text& text, char* into, std::size_t length) noexcept;

/// Copies the texts of a stored Record, or a box of them, to an array of characters, each as copy_text()
/// does. LOCUM_TYPE_MISMATCH if it holds something else, or lists of another depth; LOCUM_INVALID_ARGUMENT if
/// there are more or fewer. `box` is that of box_of().
locum_status copy_texts(const locum_array& record, const locum_box& box, const CFI_cdesc_t& into) noexcept;

}  // namespace locum::fortran
