// Backends of stores in Python. Their calls come on any thread, without the interpreter's lock.
#include "core/python/own_backends.hpp"

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>

#include <locum/locum.h>

#include "core/python/buffer.hpp"
#include "core/python/error.hpp"
#include "core/python/name.hpp"
#include "core/python/python_calls.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

const PythonCode& methods_of(void* opened) noexcept {
  return *static_cast<const PythonCode*>(opened);
}

py::str key_of(const char* key) {
  return text_of({key, std::strlen(key)});
}

locum_status open_in_python(const char* url, void* context, void** opened) {
  return methods_of(context).call("open", [&](py::handle methods) {
    py::object backend = called(methods, "open", py::make_tuple(key_of(url)));
    *opened = new PythonCode(std::move(backend));
  });
}

void close_in_python(void* opened) {
  const std::unique_ptr<PythonCode> backend(static_cast<PythonCode*>(opened));
  backend->end("close");
}

locum_status get_in_python(void* opened, const char* key, locum_answer answer, double /*left_s*/) {
  locum_status outcome = LOCUM_OK;
  const locum_status status = methods_of(opened).call("get", [&](py::handle methods) {
    const py::object found = called(methods, "get", py::make_tuple(key_of(key)));
    if (found.is_none()) {
      outcome = LOCUM_NOT_FOUND;
      return;
    }
    const Buffer record(found, PyBUF_SIMPLE);
    check(unlocked([&] {
      void* memory = nullptr;
      const locum_status made = locum_answer_memory(answer, record.size_bytes(), &memory);
      if (made == LOCUM_OK && record.size_bytes() > 0) {
        std::memcpy(memory, record.data(), record.size_bytes());
      }
      return made;
    }));
  });
  return status == LOCUM_OK ? outcome : status;
}

/// Returns the parts of a record as one `bytes`.
py::bytes joined(const locum_text* parts, std::size_t count) {
  std::size_t size = 0;
  for (std::size_t at = 0; at < count; ++at) {
    size += parts[at].length;
  }
  auto all =
      py::reinterpret_steal<py::bytes>(PyBytes_FromStringAndSize(nullptr, static_cast<Py_ssize_t>(size)));
  if (!all) {
    throw py::error_already_set();
  }
  char* next = PyBytes_AS_STRING(all.ptr());
  (void)unlocked([&] {
    for (std::size_t at = 0; at < count; ++at) {
      if (parts[at].length > 0) {
        std::memcpy(next, parts[at].first, parts[at].length);
        next += parts[at].length;
      }
    }
    return LOCUM_OK;
  });
  return all;
}

locum_status put_in_python(void* opened, const char* key, const locum_text* parts, size_t count,
                           double /*left_s*/) {
  return methods_of(opened).call("put", [&](py::handle methods) {
    called(methods, "put", py::make_tuple(key_of(key), joined(parts, count)));
  });
}

locum_status remove_in_python(void* opened, const char* key, bool* existed, double /*left_s*/) {
  return methods_of(opened).call("remove", [&](py::handle methods) {
    *existed = called(methods, "remove", py::make_tuple(key_of(key))).cast<bool>();
  });
}

locum_status keys_in_python(void* opened, const char* prefix, locum_answer answer, double /*left_s*/) {
  return methods_of(opened).call("names", [&](py::handle methods) {
    for (const py::handle key : called(methods, "names", py::make_tuple(key_of(prefix)))) {
      const Name text(key);
      check(locum_answer_key(answer, text.c_str()));
    }
  });
}

void register_backend(const py::str& scheme, std::uint64_t largest_record, std::uint32_t longest_name,
                      bool is_durable, int shared_by, bool lists, py::object methods) {
  const Name own(scheme);
  auto code = std::make_unique<PythonCode>(std::move(methods));
  locum_backend backend{};
  backend.scheme = own.c_str();
  backend.largest_record = largest_record;
  backend.longest_name = longest_name;
  backend.is_durable = is_durable;
  backend.shared_by = shared_by;
  backend.open = &open_in_python;
  backend.close = &close_in_python;
  backend.get = &get_in_python;
  backend.put = &put_in_python;
  backend.remove = &remove_in_python;
  backend.keys = lists ? &keys_in_python : nullptr;
  backend.context = code.get();
  check(unlocked([&] { return locum_register_backend(&backend); }));
  (void)code.release();  // the library calls it as long as the process lives
}

}  // namespace

void define_own_backends(py::module_& module) {
  module.def("register_backend", &register_backend);
}

}  // namespace locum::python
