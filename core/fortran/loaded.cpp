#include "core/fortran/loaded.hpp"

#include <cstddef>

#include "core/fortran/box_copy.hpp"
#include "core/fortran/descriptors.hpp"
#include "core/fortran/file_members.hpp"
#include "core/fortran/numbers.hpp"
#include "core/fortran/text_lists.hpp"

namespace locum::fortran {

locum_status copy_loaded(const locum_array& loaded, const locum_box& box, const CFI_cdesc_t& into,
                         const locum_array& array, bool is_member) noexcept {
  if (loaded.type == LOCUM_ENCODED) {
    return is_array_of_texts(into) ? copy_texts(loaded, box, into) : no_array(loaded);
  }
  const bool is_text = array.type == LOCUM_CHAR;
  if (is_text && into.rank == 0 && loaded.type == LOCUM_CHAR && loaded.rank == 1) {
    return copy_text({static_cast<const char*>(loaded.data), static_cast<std::size_t>(loaded.extents[0])},
                     static_cast<char*>(into.base_addr), into.elem_len);
  }
  if (is_member && array.rank == 0 && convert_number(loaded, array)) {
    return LOCUM_OK;
  }
  locum_status wrong = check_type(into, array, loaded);
  const std::size_t element_bytes = is_text ? 1 : into.elem_len;
  wrong = wrong != LOCUM_OK ? wrong : check_gaps(loaded, element_bytes);
  return wrong != LOCUM_OK ? wrong : copy_box(loaded, box, array, element_bytes);
}

}  // namespace locum::fortran
