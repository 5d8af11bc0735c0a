#pragma once

#include <pybind11/pybind11.h>

#include <optional>
#include <string>

#include <locum/locum.h>

namespace locum::python {

/// Returns the name of the object's type, as in Python.
[[nodiscard]] std::string type_name(pybind11::handle object);

/// A Python str as the C interface takes names and URLs. Names are bytes; a str that was made from bytes that
/// are no UTF-8 (text_of) gives these again.
class Name {
 public:
  /// REQUIRES: `text` outlives this. TypeError if it is no str, ValueError if it contains a 0.
  explicit Name(pybind11::handle text);
  [[nodiscard]] const char* c_str() const noexcept { return first_; }

 private:
  pybind11::object encoded_;  ///< of a str that is not valid UTF-8
  const char* first_ = nullptr;
};

/// A name, or none.
class MaybeName {
 public:
  explicit MaybeName(const pybind11::object& name) {
    if (!name.is_none()) {
      name_.emplace(name);
    }
  }
  [[nodiscard]] const char* c_str() const noexcept { return name_ ? name_->c_str() : nullptr; }

 private:
  std::optional<Name> name_;
};

/// Returns the str of a text of the library.
[[nodiscard]] pybind11::str text_of(locum_text text);

}  // namespace locum::python
