#include "core/raw_view.hpp"

#include "core/detail/store_base.hpp"

namespace locum {

Result<ObjectInfo> RawView::info() const {
  return detail::info_of(object_);
}

}  // namespace locum
