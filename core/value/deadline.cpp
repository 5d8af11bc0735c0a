#include "core/value/deadline.hpp"

namespace locum {

Deadline TimeLimit::from_now() const {
  return Deadline(duration_);
}

}  // namespace locum
