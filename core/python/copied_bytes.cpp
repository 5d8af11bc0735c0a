#include "core/python/copied_bytes.hpp"

#include <sys/mman.h>

#include <cstdint>
#include <cstring>

#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

/// From here on an allocation has pages of its own, whose first use costs more than the copy.
constexpr std::size_t large_bytes = std::size_t{4} << 20;

/// Asks for huge pages in the whole pages of the memory. Without them it stays as it is.
void ask_for_huge_pages(char* memory, std::size_t size) noexcept {
  constexpr std::uintptr_t page_bytes = 4096;
  const auto address = reinterpret_cast<std::uintptr_t>(memory);
  const std::uintptr_t begin = (address + page_bytes - 1) / page_bytes * page_bytes;
  const std::uintptr_t end = (address + size) / page_bytes * page_bytes;
  (void)madvise(memory + (begin - address), end - begin, MADV_HUGEPAGE);
}

}  // namespace

py::bytes copied_bytes(const void* data, std::size_t size) {
  if (size < large_bytes) {
    return {static_cast<const char*>(data), size};
  }
  auto made =
      py::reinterpret_steal<py::bytes>(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
  if (!made) {
    throw py::error_already_set();
  }
  char* const memory = PyBytes_AS_STRING(made.ptr());
  PyThreadState* const thread = PyEval_SaveThread();
  ask_for_huge_pages(memory, size);
  std::memcpy(memory, data, size);
  lock_again(thread);
  return made;
}

void define_copied_bytes(py::module_& module) {
  module.def("copied_bytes", [](const py::array_t<std::uint8_t>& array) {
    return copied_bytes(array.data(), static_cast<std::size_t>(array.nbytes()));
  });
}

}  // namespace locum::python
