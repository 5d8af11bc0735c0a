#pragma once

#include <cstddef>
#include <span>
#include <string_view>

#include <locum/format.hpp>

namespace locum::storage {

/// A value of NumPy as the package msgpack-numpy describes it, by a map with keys of bytes: `nd`, `type`,
/// `kind`, `shape` and `data` for an array; `nd` (false), `type` and `data` for one number; `complex` and
/// `data` for a complex number of Python. None of it is trusted.
class NumpyValue {
 public:
  std::span<const std::byte> data;  ///< under `data`

  /// Takes what is under another key. Returns false if there is no such key.
  [[nodiscard]] bool take(std::string_view key, Record part);
  /// Returns an array or a number. `corrupt` if the parts contradict each other; `unsupported`.
  [[nodiscard]] Result<Record> value(const MakeArray& make) const;

 private:
  [[nodiscard]] Result<Record> array(const MakeArray& make) const;
  [[nodiscard]] Result<Record> number() const;
  [[nodiscard]] Result<Record> complex_of_python() const;

  Record nd_;
  Record type_;
  Record kind_;
  Record shape_;
  Record complex_;
};

}  // namespace locum::storage
