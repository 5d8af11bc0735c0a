#pragma once

#include <pybind11/pybind11.h>

#include <locum/locum.h>
#include <optional>

#include "core/python/name.hpp"

namespace locum::python {

/// What identifies an object in a call: a str, which is a name, or a Key.
class ObjectId {
 public:
  /// REQUIRES: `id` outlives this. TypeError if it is neither.
  explicit ObjectId(pybind11::handle id);
  /// Returns null if it is a key.
  [[nodiscard]] const char* name() const noexcept { return name_ ? name_->c_str() : nullptr; }
  [[nodiscard]] const locum_key* key() const noexcept { return &key_; }

 private:
  std::optional<Name> name_;
  locum_key key_{};
};

}  // namespace locum::python
