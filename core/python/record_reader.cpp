#include "core/python/record_reader.hpp"

#include <pybind11/numpy.h>

#include <algorithm>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include <locum/locum.h>

#include "core/python/array.hpp"
#include "core/python/element_types.hpp"
#include "core/python/error.hpp"

namespace py = pybind11;

namespace locum::python {

namespace {

static_assert(std::endian::native == std::endian::little, "stored Records are little-endian");

/// Those of core/record_archive.hpp, which describes the bytes.
enum class Tag : std::uint8_t {
  null,
  no,
  yes,
  integer,
  large_integer,
  real,
  complex,
  text,
  bytes,
  array,
  list,
  members,
  stand_in
};

constexpr unsigned char record_version = 1;
constexpr std::size_t alignment = 16;  ///< of elements, counted from the version
constexpr int deepest = 256;
constexpr std::size_t handle_bytes = 64;

py::object stolen_value(PyObject* made) {
  if (made == nullptr) {
    throw py::error_already_set();
  }
  return py::reinterpret_steal<py::object>(made);
}

/// Reads a value from bytes, which are not trusted.
class RecordReader {
 public:
  RecordReader(py::array memory, bool copies)
      : memory_(std::move(memory)),
        data_(static_cast<const char*>(memory_.data())),
        end_(static_cast<std::size_t>(memory_.nbytes())),
        copies_(copies) {}

  [[nodiscard]] py::object whole() {
    if (end_ == 0 || static_cast<unsigned char>(data_[0]) != record_version) {
      damaged(0, "the version is unknown to this version of locum");
    }
    at_ = 1;
    py::object made = value(0);
    if (at_ != end_) {
      damaged(at_, "more bytes follow than there should be");
    }
    return made;
  }

 private:
  [[noreturn]] static void damaged(std::size_t at, const std::string& finding) {
    raise(LOCUM_CORRUPT,
          ("corrupt: at byte " + std::to_string(at) + " of a stored Record, " + finding + "; store it again")
              .c_str());
  }
  /// Returns the bytes that follow.
  [[nodiscard]] const char* taken(std::size_t bytes) {
    if (bytes > end_ - at_) {
      damaged(at_, "the bytes end within a value");
    }
    const char* const begin = data_ + at_;
    at_ += bytes;
    return begin;
  }
  template <class T>
  [[nodiscard]] T number() {
    T made;
    std::memcpy(&made, taken(sizeof made), sizeof made);
    return made;
  }
  /// Returns a length of what has at least that many bytes each.
  [[nodiscard]] std::size_t length(std::size_t least_bytes) {
    const auto made = number<std::uint64_t>();
    if (made > (end_ - at_) / least_bytes) {
      damaged(at_ - sizeof made, "a length is greater than what follows");
    }
    return static_cast<std::size_t>(made);
  }
  /// Returns the bytes that follow their length.
  [[nodiscard]] std::string_view counted() {
    const std::size_t bytes = length(1);
    return {taken(bytes), bytes};
  }
  [[nodiscard]] static py::object text_of_bytes(std::string_view text) {
    return stolen_value(
        PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "surrogateescape"));
  }

  [[nodiscard]] py::object value(int depth) {
    if (at_ >= end_) {
      damaged(at_, "the bytes end before a value");
    }
    const std::size_t begin = at_;
    switch (static_cast<Tag>(data_[at_++])) {
      case Tag::null:
        return py::none();
      case Tag::no:
        return py::bool_(false);
      case Tag::yes:
        return py::bool_(true);
      case Tag::integer:
        return stolen_value(PyLong_FromLongLong(number<std::int64_t>()));
      case Tag::large_integer: {
        const auto large = number<std::uint64_t>();
        if (large <= static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
          damaged(at_, "a large integer is small");
        }
        return stolen_value(PyLong_FromUnsignedLongLong(large));
      }
      case Tag::real:
        return stolen_value(PyFloat_FromDouble(number<double>()));
      case Tag::complex: {
        const auto real = number<double>();
        return stolen_value(PyComplex_FromDoubles(real, number<double>()));
      }
      case Tag::text:
        return text_of_bytes(counted());
      case Tag::bytes: {
        const std::string_view bytes = counted();
        return py::bytes(bytes.data(), bytes.size());
      }
      case Tag::array:
        return array();
      case Tag::list:
        return list(depth);
      case Tag::members:
        return members(depth);
      case Tag::stand_in:
        return py::module_::import("locum._proxy")
            .attr("proxy_of_handle")(py::bytes(taken(handle_bytes), handle_bytes));
    }
    damaged(begin, "there is an unknown tag");
  }
  void check_depth(int depth) const {
    if (depth == deepest) {
      damaged(at_, "values nest deeper than " + std::to_string(deepest) + " levels");
    }
  }
  [[nodiscard]] py::object list(int depth) {
    check_depth(depth);
    py::list made;  // not made long at once: of what follows each byte might be a list that says so
    for (std::size_t left = length(1); left > 0; --left) {
      made.append(value(depth + 1));
    }
    return made;
  }
  [[nodiscard]] py::object members(int depth) {
    check_depth(depth);
    py::dict made;
    for (std::size_t left = length(sizeof(std::uint64_t) + 1); left > 0; --left) {
      PyObject* unique = text_of_bytes(counted()).release().ptr();
      PyUnicode_InternInPlace(&unique);  // many Records have the same names
      const auto name = py::reinterpret_steal<py::object>(unique);
      if (made.contains(name)) {
        damaged(at_, "two members have the same name");
      }
      made[name] = value(depth + 1);
    }
    return made;
  }
  [[nodiscard]] py::object array() {
    const std::string_view name = counted();
    std::int64_t element_bytes = 0;
    const std::int32_t type = type_of_elements(name, element_bytes);
    if (type < 0) {
      damaged(at_, "an array has elements of no type");
    }
    locum_array made{};
    made.type = type;
    made.rank = static_cast<unsigned char>(*taken(1));
    if (made.rank > LOCUM_MAX_RANK) {
      damaged(at_, "an array has more than " + std::to_string(LOCUM_MAX_RANK) + " extents");
    }
    const std::span<std::int64_t> extents(made.extents, static_cast<std::size_t>(made.rank));
    for (std::int64_t& extent : extents) {
      extent = number<std::int64_t>();
      if (extent < 0) {
        damaged(at_, "an extent of an array is too large");
      }
    }
    const std::size_t padding = (alignment - at_ % alignment) % alignment;
    const char* const zeros = taken(padding);
    if (std::ranges::any_of(zeros, zeros + padding, [](char byte) { return byte != 0; })) {
      damaged(at_, "there is something in front of the elements of an array");
    }
    auto bytes = static_cast<std::uint64_t>(element_bytes);
    const bool is_empty = std::ranges::find(extents, 0) != extents.end();
    for (const std::int64_t extent : extents) {
      if (!is_empty && static_cast<std::uint64_t>(extent) > (end_ - at_) / bytes) {
        damaged(at_, "an array has larger extents than there are elements");
      }
      bytes = is_empty ? 0 : bytes * static_cast<std::uint64_t>(extent);
    }
    made.data = const_cast<char*>(taken(static_cast<std::size_t>(bytes)));  // shown as read-only
    py::object shown;
    try {
      shown = array_over(made, element_bytes, memory_, false);
    } catch (py::error_already_set& error) {
      if (!error.matches(PyExc_ValueError)) {
        throw;
      }
      damaged(at_, "an extent of an array is too large");  // beside one of 0
    }
    return copies_ ? shown.attr("copy")() : shown;
  }

  const py::array memory_;
  const char* const data_;
  const std::size_t end_;
  const bool copies_;
  std::size_t at_ = 0;
};

}  // namespace

void define_record_reader(py::module_& module) {
  module.def(
      "decode_record",
      [](const py::array_t<std::uint8_t, py::array::c_style>& memory, bool copies) {
        return RecordReader(memory, copies).whole();
      },
      py::arg("memory").noconvert(), py::arg("copy"));
}

}  // namespace locum::python
