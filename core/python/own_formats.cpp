// Formats of files in Python. Their calls come on any thread, without the interpreter's lock.
#include "core/python/own_formats.hpp"

#include <pybind11/numpy.h>

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <locum/locum.h>

#include "core/python/array.hpp"
#include "core/python/buffer.hpp"
#include "core/python/error.hpp"
#include "core/python/name.hpp"
#include "core/python/pin.hpp"
#include "core/python/python_calls.hpp"
#include "core/python/saved_memory.hpp"
#include "core/python/unlocked.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

/// The name of capsules that keep memory which a file's arrays are made in.
constexpr const char* made_name = "locum.made";

locum_array array_of_shape(int type, const py::tuple& shape) {
  if (shape.size() > LOCUM_MAX_RANK) {
    throw py::value_error("an array of the store has at most 8 dimensions");
  }
  locum_array array{};
  array.type = type;
  array.rank = static_cast<std::int32_t>(shape.size());
  for (std::size_t at = 0; at < shape.size(); ++at) {
    array.extents[at] = shape[at].cast<std::int64_t>();
  }
  return array;
}

/// A file that is being loaded. The library refuses its calls when it is no more.
class BytesOfFile {
 public:
  explicit BytesOfFile(locum_file_bytes file) noexcept : file_(file) {}

  [[nodiscard]] std::uint64_t size() const {
    std::uint64_t bytes = 0;
    check(unlocked([&] { return locum_file_bytes_size(file_, &bytes); }));
    return bytes;
  }
  [[nodiscard]] py::str path() const {
    const char* text = nullptr;
    check(unlocked([&] { return locum_file_bytes_path(file_, &text); }));
    return text_of({text, std::strlen(text)});
  }
  void read(std::uint64_t offset, const py::object& into) const {
    const Buffer memory(into, PyBUF_CONTIG);
    check(unlocked([&] { return locum_file_bytes_read(file_, offset, memory.data(), memory.size_bytes()); }));
  }
  /// Returns all bytes, in place, as an array that keeps them.
  [[nodiscard]] py::object view() const {
    auto pin = std::make_unique<Pin>();
    check(pin->fill([&](locum_view* view) { return locum_file_bytes_view(file_, view); }));
    return bytes_of(std::move(pin));
  }
  /// Returns memory for the elements of an array that is loaded.
  [[nodiscard]] py::object make(const py::tuple& shape, int type) const {
    locum_array array = array_of_shape(type, shape);
    auto pin = std::make_unique<Pin>();
    check(pin->fill([&](locum_view* view) { return locum_file_bytes_make(file_, &array, view); }));
    auto owner = py::reinterpret_steal<py::object>(PyCapsule_New(pin.get(), made_name, [](PyObject* capsule) {
      delete static_cast<Pin*>(PyCapsule_GetPointer(capsule, made_name));
    }));
    if (!owner) {
      throw py::error_already_set();
    }
    (void)pin.release();
    return array_over(array, 0, std::move(owner), true);
  }

 private:
  locum_file_bytes file_;
};

/// A file that is being saved; the same.
class DraftOfFile {
 public:
  explicit DraftOfFile(locum_file_draft file) noexcept : file_(file) {}

  [[nodiscard]] std::uint64_t size() const {
    std::uint64_t bytes = 0;
    check(unlocked([&] { return locum_file_draft_size(file_, &bytes); }));
    return bytes;
  }
  void write(const py::object& bytes) const {
    const Buffer memory(bytes, PyBUF_SIMPLE);
    check(unlocked([&] { return locum_file_draft_write(file_, memory.data(), memory.size_bytes()); }));
  }
  void write_at(std::uint64_t offset, const py::object& bytes) const {
    const Buffer memory(bytes, PyBUF_SIMPLE);
    check(unlocked(
        [&] { return locum_file_draft_write_at(file_, offset, memory.data(), memory.size_bytes()); }));
  }

 private:
  locum_file_draft file_;
};

const PythonCode& code_of(void* context) noexcept {
  return *static_cast<const PythonCode*>(context);
}

/// Returns whether an array shows memory that a file's arrays are made in, and somebody else could still
/// write to it: by the array itself, or by one that it is a view of.
bool is_made_and_shared(const py::object& array) {
  bool is_shared = Py_REFCNT(array.ptr()) > 1;
  py::handle owner = memory_owner(array);
  while (owner && py::isinstance<py::array>(owner)) {
    is_shared = is_shared || Py_REFCNT(owner.ptr()) > 1;
    owner = py::detail::array_proxy(owner.ptr())->base;
  }
  return owner && PyCapsule_IsValid(owner.ptr(), made_name) != 0 && (is_shared || Py_REFCNT(owner.ptr()) > 1);
}

// An array that somebody else could still write to is given as a copy.
void give(locum_file_bytes file, py::object memory, int type, const std::string& type_name) {
  if (is_made_and_shared(memory)) {
    memory = memory.attr("copy")();
  }
  const auto array = py::reinterpret_borrow<py::array>(memory);
  const locum_array value = described(array, type, type_name.c_str());
  check(unlocked([&] { return locum_file_bytes_give(file, &value); }));
}

locum_status give_by(const char* function, locum_file_bytes file, const locum_array* options, void* context) {
  return code_of(context).call(function, [&](py::handle methods) {
    py::object memory;
    int type = 0;
    std::string type_name;
    {
      const py::tuple stored =
          called(methods, function, py::make_tuple(BytesOfFile(file), saved_value(*options)));
      memory = stored[0];
      type = stored[1].cast<int>();
      type_name = stored[2].cast<std::string>();
    }
    give(file, std::move(memory), type, type_name);
  });
}

locum_status load_in_python(locum_file_bytes file, const locum_array* options, void* context) {
  return give_by("load", file, options, context);
}

locum_status info_in_python(locum_file_bytes file, const locum_array* options, void* context) {
  return give_by("info", file, options, context);
}

locum_status save_in_python(const locum_array* value, locum_file_draft file, const locum_array* options,
                            void* context) {
  return code_of(context).call("save", [&](py::handle methods) {
    const bool is_record = value->type == LOCUM_ENCODED;
    called(methods, "save",
           py::make_tuple(saved_value(*value), is_record, DraftOfFile(file), saved_value(*options)));
  });
}

// An exception is printed: there is no call whose error it could be.
bool recognised_in_python(const void* first, size_t count, void* context) {
  bool is_recognised = false;
  (void)code_of(context).call("recognises", [&](py::handle methods) {
    try {
      const py::bytes bytes(static_cast<const char*>(first), count);
      is_recognised = called(methods, "recognises", py::make_tuple(bytes)).cast<bool>();
    } catch (py::error_already_set& error) {
      error.discard_as_unraisable("recognises of a format");
    }
  });
  return is_recognised;
}

void register_format(const py::str& name, const py::list& endings, const py::str& holds,
                     const py::list& options, bool loads, bool saves, bool tells, bool recognises,
                     py::object methods) {
  const Name own(name);
  const Name meaning(holds);
  std::vector<Name> texts;
  texts.reserve(endings.size() + 2 * options.size());
  std::vector<const char*> all_endings;
  for (const py::handle ending : endings) {
    all_endings.push_back(texts.emplace_back(ending).c_str());
  }
  all_endings.push_back(nullptr);
  std::vector<locum_format_option> all_options;
  for (const py::handle option : options) {
    const auto pair = py::reinterpret_borrow<py::tuple>(option);
    const char* const option_name = texts.emplace_back(pair[0]).c_str();
    all_options.push_back({option_name, texts.emplace_back(pair[1]).c_str()});
  }
  all_options.push_back({nullptr, nullptr});
  auto code = std::make_unique<PythonCode>(std::move(methods));
  locum_format format{};
  format.name = own.c_str();
  format.endings = all_endings.data();
  format.holds = meaning.c_str();
  format.options = all_options.data();
  format.load = loads ? &load_in_python : nullptr;
  format.save = saves ? &save_in_python : nullptr;
  format.info = tells ? &info_in_python : nullptr;
  format.recognises = recognises ? &recognised_in_python : nullptr;
  format.context = code.get();
  check(unlocked([&] { return locum_register_format(&format); }));
  (void)code.release();  // the library calls it as long as the process lives
}

}  // namespace

void define_own_formats(py::module_& module) {
  py::class_<BytesOfFile>(module, "FileBytes")
      .def_property_readonly("size", &BytesOfFile::size)
      .def_property_readonly("path", &BytesOfFile::path)
      .def("read", &BytesOfFile::read)
      .def("view", &BytesOfFile::view)
      .def("make", &BytesOfFile::make);
  py::class_<DraftOfFile>(module, "FileDraft")
      .def_property_readonly("size", &DraftOfFile::size)
      .def("write", &DraftOfFile::write)
      .def("write_at", &DraftOfFile::write_at);
  module.def("register_format", &register_format);
}

}  // namespace locum::python
