#include "core/python/box.hpp"

#include <cstddef>
#include <cstdint>

namespace py = pybind11;

namespace locum::python {

locum_box box_of(const py::object& box) {
  locum_box made{};
  if (!box.is_none()) {
    const auto parts = box.cast<py::tuple>();
    const auto start = parts[0].cast<py::tuple>();
    const auto count = parts[1].cast<py::tuple>();
    const auto stride = parts[2].cast<py::tuple>();
    if (start.size() > LOCUM_MAX_RANK || count.size() != start.size() || stride.size() != start.size()) {
      throw py::value_error("a box has a start, a count and a stride in each of at most 8 dimensions");
    }
    made.rank = static_cast<std::int32_t>(start.size());
    for (std::size_t at = 0; at < start.size(); ++at) {
      made.start[at] = start[at].cast<std::int64_t>();
      made.count[at] = count[at].cast<std::int64_t>();
      made.stride[at] = stride[at].cast<std::int64_t>();
    }
  }
  return made;
}

}  // namespace locum::python
