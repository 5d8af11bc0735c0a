#include "core/python/one_library.hpp"

#include <dlfcn.h>

#include <pybind11/pybind11.h>

#include <string>

namespace py = pybind11;

namespace locum::python {

namespace {

std::string file_of(void* symbol) {
  Dl_info info{};
  return dladdr(symbol, &info) != 0 && info.dli_fname != nullptr ? info.dli_fname : "a file without a name";
}

}  // namespace

void require_one_library() {
  // Asked of the file itself: the module's own references are those of the first library that has them.
  void* const own = dlopen(LOCUM_C_SONAME, RTLD_NOW | RTLD_NOLOAD);
  void* const ours = own == nullptr ? nullptr : dlsym(own, "locum_version");
  void* const others = dlsym(RTLD_DEFAULT, "locum_version");
  if (own != nullptr) {
    (void)dlclose(own);  // stays: the module is linked with it
  }
  if (ours == nullptr || (others != nullptr && others != ours)) {
    throw py::import_error("locum: this process has two copies of the library, which share nothing: " +
                           (others == nullptr ? std::string("none") : file_of(others)) +
                           ", which the program has loaded, and " +
                           (ours == nullptr ? std::string(LOCUM_C_SONAME) : file_of(ours)) +
                           ", which belongs to the Python package; let the program load that one");
  }
}

}  // namespace locum::python
