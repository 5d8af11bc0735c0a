#include "core/raw_array.hpp"

#include <string>

namespace locum {

Error invalid(const ConstRawArray& array) {
  return array.element() ? Error(Errc::invalid_argument,
                                 "an array has at most " + std::to_string(max_rank) +
                                     " dimensions, and as many strides and bytes as its extents ask for")
                         : no_element_type();
}

}  // namespace locum
